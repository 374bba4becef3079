//! Calls through small blocks of memory: expressions, converted factors, more than two of them, converted targets.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::index_lists::IndexLists;
use super::nest::Tile;
use crate::bind::TEMPORARY_BYTES;
use crate::bound_program::{BoundProgram, CallArg, CallKernel, KernelCall, TilePlan};
use crate::kernels::{self, ContiguousFn, Dst, Src};

/// Memory of all slots, in the innermost cache, aligned as scratch memory is.
#[repr(align(64))]
struct TemporaryMemory(MaybeUninit<[u8; TEMPORARY_BYTES]>);

/// Rows so long are handed to functions one by one.
const MIN_CALL_COLUMNS: usize = 32;

/// Runs a staged action on the rows `turns` of a tile, part by part.
///
/// # Safety
/// All points of the tile are elements of the operands, displaced by what `lists` has for them; there is a list for each row, where
/// the stage gathers or scatters. Nothing else touches its targets.
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
    // SAFETY: the caller's promise, for parts of the tile. Slots have room for a part, aligned for every element that kernels are
    // bound for; what is read from one was written to it before, by a call for this part or, as dense elements that are all
    // the same, once for the largest.
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

/// The part of a tile that fits into slots.
struct Part<'s> {
    tile_plan: &'s TilePlan,
    tile: &'s Tile<'s>,
    /// What ids add to the operands in each turn of the outer loop.
    lists: Option<&'s IndexLists>,
    start: [usize; 2],
    n: [usize; 2],
    temporaries: *mut u8,
}

impl Part<'_> {
    /// # Safety
    /// As [`run`]; what the arguments hold has been written.
    unsafe fn call(&self, call: &KernelCall) {
        let from = |k: usize| self.at(call.from[k]);
        let src = |k: usize| {
            let Dst { ptr, strides } = from(k);
            Src { ptr, strides }
        };
        let to = self.at(call.to);
        // SAFETY: the caller's promise.
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

    /// A function of neighbours: of all points at once if rows go on in each other, else row by row.
    ///
    /// # Safety
    /// As [`Part::call`]; the elements of a row are neighbours.
    unsafe fn rows(&self, function: ContiguousFn, to: Dst, from: [Dst; 3]) {
        let [rows, columns] = self.n;
        let continues = |x: &Dst| x.strides[0] == x.strides[1].wrapping_mul(columns as isize);
        // SAFETY: the caller's promise.
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

    /// What ids add to an operand in each row of this part.
    fn offsets(&self, arg: CallArg) -> *const isize {
        match (arg, self.lists) {
            (CallArg::Operand(x), Some(lists)) => lists.offsets(x)[self.start[0]..].as_ptr(),
            // `bind` gathers and scatters operands only, in batches.
            _ => std::ptr::null(),
        }
    }

    /// Where a place is for this part.
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

    /// An operand of which whole rows are neighbours, and which are long enough to be worth a call each.
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
