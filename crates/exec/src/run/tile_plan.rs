//! Runs kernel calls that pass values through temporaries: expressions, converted factors, products of more than two,
//! converted targets.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::index_lists::IndexLists;
use super::tile::Tile;
use crate::bound_program::{BoundProgram, CallArg, CallKernel, KernelCall, TEMPORARY_BYTES, TilePlan};
use crate::kernels::{self, ContiguousFn, Dst, Src};

/// Memory of all temporaries, in the innermost cache, aligned as scratch memory is.
#[repr(align(64))]
struct TemporaryMemory(MaybeUninit<[u8; TEMPORARY_BYTES]>);

/// The fewest columns for which a function is called once per row.
const MIN_CALL_COLUMNS: usize = 32;

/// Runs a tile plan on the rows `tile_rows` of a tile, part by part.
///
/// # Safety
/// All points of the tile are elements of the operands, displaced by the offsets in `lists`, which has an offset for each
/// row if the plan gathers or scatters. Nothing else touches the targets during the call.
#[inline(never)]
pub(super) unsafe fn run(
    program: &BoundProgram,
    tile_plan: &TilePlan,
    tile: &Tile<'_>,
    lists: Option<&IndexLists>,
    tile_rows: Range<usize>,
) {
    let mut memory = TemporaryMemory(MaybeUninit::uninit());
    let temporaries = memory.0.as_mut_ptr().cast();
    let columns = tile.n[1].min(tile_plan.points);
    let rows = tile_rows.len().min(tile_plan.points / columns);
    let part = |start, n| Part { tile_plan, tile, lists, start, n, temporaries };
    // SAFETY: the caller promises the points of the tile, of which each part has some. A temporary has memory for a part,
    // aligned for every element that `bind` accepts. A value that is read from a temporary was written to it before: by a
    // call for this part or, for equal dense elements, once for the largest part.
    unsafe {
        let all = part([0, 0], [rows, columns]);
        program.calls[tile_plan.once.range()].iter().for_each(|call| all.call(call));
        for row in tile_rows.clone().step_by(rows) {
            for column in (0..tile.n[1]).step_by(columns) {
                let part = part([row, column], [rows.min(tile_rows.end - row), columns.min(tile.n[1] - column)]);
                program.calls[tile_plan.calls.range()].iter().for_each(|call| part.call(call));
            }
        }
    }
}

/// A part of a tile whose points fit the temporaries.
struct Part<'s> {
    tile_plan: &'s TilePlan,
    tile: &'s Tile<'s>,
    /// The offsets of the operands at each position of the outer loop, from gather and scatter indices.
    lists: Option<&'s IndexLists>,
    start: [usize; 2],
    n: [usize; 2],
    temporaries: *mut u8,
}

impl Part<'_> {
    /// # Safety
    /// As [`run`]; the arguments have been written.
    unsafe fn call(&self, call: &KernelCall) {
        let from = |k: usize| self.at(call.from[k]);
        let src = |k: usize| {
            let Dst { ptr, strides } = from(k);
            Src { ptr, strides }
        };
        let to = self.at(call.to);
        // SAFETY: the caller promises the points of the tile and written arguments; `bind` chose the kernels for their dtypes.
        unsafe {
            match call.kernel {
                CallKernel::Fill(fill) => fill(self.n, to),
                CallKernel::Copy(_) if to.ptr == from(0).ptr => {}
                CallKernel::Copy(size) => kernels::copy(size, self.n, to, src(0)),
                CallKernel::Unary(kernel) => kernel(self.n, to, src(0)),
                CallKernel::Binary(kernel) => kernel(self.n, to, src(0), src(1)),
                CallKernel::Gather(size) => {
                    kernels::gather(size, self.n, to, self.offsets(call.from[0]), src(0));
                }
                CallKernel::Scatter(scatter) => scatter(self.n, to, self.offsets(call.to), src(0)),
                CallKernel::Contiguous(function) => self.rows(function, to, [0, 1, 2].map(from)),
            }
        }
    }

    /// Calls a function of contiguous elements: once for all points if the rows are contiguous too, else once for each
    /// row.
    ///
    /// # Safety
    /// As [`Part::call`]; the elements of a row are contiguous.
    unsafe fn rows(&self, function: ContiguousFn, to: Dst, from: [Dst; 3]) {
        let [rows, columns] = self.n;
        let continues = |x: &Dst| x.strides[0] == x.strides[1].wrapping_mul(columns as isize);
        // SAFETY: the caller promises rows of contiguous elements with written arguments.
        unsafe {
            if from.iter().chain([&to]).all(continues) {
                return function(rows * columns, to.ptr, from.map(|x| x.ptr.cast_const()));
            }
            for row in 0..rows as isize {
                let at = |x: Dst| x.ptr.wrapping_offset(x.strides[0].wrapping_mul(row));
                function(columns, at(to), from.map(|x| at(x).cast_const()));
            }
        }
    }

    /// The offsets of an operand at each row of this part, from gather or scatter indices.
    fn offsets(&self, arg: CallArg) -> *const isize {
        match (arg, self.lists) {
            (CallArg::Operand(x), Some(lists)) => lists.offsets(x)[self.start[0]..].as_ptr(),
            // `bind` gathers and scatters operands only, and only in batches.
            _ => std::ptr::null(),
        }
    }

    /// The address and strides of an argument for this part.
    fn at(&self, arg: CallArg) -> Dst {
        match arg {
            CallArg::Operand(x) => self.operand(x),
            CallArg::Temporary { temporary, size } => self.temporary(temporary, size),
            CallArg::Contiguous { operand, temporary, size } => {
                self.contiguous(operand, size).unwrap_or_else(|| self.temporary(temporary, size))
            }
        }
    }

    fn temporary(&self, temporary: usize, size: usize) -> Dst {
        let strides = [(self.n[1] * size) as isize, size as isize];
        Dst { ptr: self.temporaries.wrapping_add(temporary * self.tile_plan.temporary_bytes), strides }
    }

    /// An operand whose rows are contiguous, and long enough to be worth a call each.
    fn contiguous(&self, operand: usize, size: usize) -> Option<Dst> {
        let Dst { ptr, strides: [outer, inner] } = self.operand(operand);
        let [rows, columns] = self.n;
        let neighbours = columns == 1 || inner == size as isize;
        let few = rows == 1 || columns >= MIN_CALL_COLUMNS || outer == (columns * size) as isize;
        (neighbours && few).then_some(Dst { ptr, strides: [outer, size as isize] })
    }

    fn operand(&self, x: usize) -> Dst {
        let strides = self.tile.strides(x);
        let along = |l: usize| strides[l].wrapping_mul(self.start[l] as isize);
        Dst { ptr: self.tile.ptrs[x].wrapping_offset(along(0).wrapping_add(along(1))), strides }
    }
}
