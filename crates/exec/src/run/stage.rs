//! Calls through small blocks of memory: expressions, converted factors, more than two of them, converted targets.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::lists::Lists;
use super::tile::Tile;
use crate::kernels::{self, Dst, Flat, Src};
use crate::program::{ARENA, Call, Code, Place, Program, Stage};

/// Memory of all slots, in the innermost cache, aligned as scratch memory is.
#[repr(align(64))]
struct Arena(MaybeUninit<[u8; ARENA]>);

/// Rows so long are handed to functions one by one.
const LONG: usize = 32;

/// Runs a staged action on the rows `turns` of a tile, part by part.
///
/// # Safety
/// All points of the tile are elements of the operands, displaced by what `lists` has for them; there is a list for each row, where
/// the stage gathers or scatters. Nothing else touches its targets.
#[inline(never)]
pub(super) unsafe fn run(
    program: &Program,
    stage: &Stage,
    tile: &Tile<'_>,
    lists: Option<&Lists>,
    turns: Range<usize>,
) {
    let mut arena = Arena(MaybeUninit::uninit());
    let slots = arena.0.as_mut_ptr().cast();
    let columns = tile.n[1].min(stage.points);
    let rows = turns.len().min(stage.points / columns);
    let part = |start, n| Part { stage, tile, lists, start, n, slots };
    // SAFETY: the caller's promise, for parts of the tile. Slots have room for a part, aligned for every element that kernels are
    // bound for; what is read from one was written to it before, by a call for this part or, as dense elements that are all
    // the same, once for the largest.
    unsafe {
        let all = part([0, 0], [rows, columns]);
        program.calls[stage.once.range()].iter().for_each(|call| all.call(call));
        for row in turns.clone().step_by(rows) {
            for column in (0..tile.n[1]).step_by(columns) {
                let part = part([row, column], [rows.min(turns.end - row), columns.min(tile.n[1] - column)]);
                program.calls[stage.calls.range()].iter().for_each(|call| part.call(call));
            }
        }
    }
}

/// The part of a tile that fits into slots.
struct Part<'s> {
    stage: &'s Stage,
    tile: &'s Tile<'s>,
    /// What ids add to the operands in each turn of the outer loop.
    lists: Option<&'s Lists>,
    start: [usize; 2],
    n: [usize; 2],
    slots: *mut u8,
}

impl Part<'_> {
    /// # Safety
    /// As [`run`]; what the arguments hold has been written.
    unsafe fn call(&self, call: &Call) {
        let from = |k: usize| self.at(call.from[k]);
        let src = |k: usize| {
            let Dst { ptr, strides } = from(k);
            Src { ptr, strides }
        };
        let to = self.at(call.to);
        // SAFETY: the caller's promise.
        unsafe {
            match call.code {
                Code::Fill(fill) => fill(self.n, to),
                Code::Copy(_) if to.ptr == from(0).ptr => {}
                Code::Copy(size) => kernels::copy(size, self.n, to, src(0)),
                Code::Unary(kernel) => kernel(self.n, to, src(0)),
                Code::Binary(kernel) => kernel(self.n, to, src(0), src(1)),
                Code::Gather(size) => {
                    kernels::gather(size, self.n, to, self.offsets(call.from[0]), src(0));
                }
                Code::Scatter(scatter) => scatter(self.n, to, self.offsets(call.to), src(0)),
                Code::Flat(function) => self.rows(function, to, [0, 1, 2].map(from)),
            }
        }
    }

    /// A function of neighbours: of all points at once if rows go on in each other, else row by row.
    ///
    /// # Safety
    /// As [`Part::call`]; the elements of a row are neighbours.
    unsafe fn rows(&self, function: Flat, to: Dst, from: [Dst; 3]) {
        let [rows, columns] = self.n;
        let goes_on = |x: &Dst| x.strides[0] == x.strides[1].wrapping_mul(columns as isize);
        // SAFETY: the caller's promise.
        unsafe {
            if from.iter().chain([&to]).all(goes_on) {
                return function(rows * columns, to.ptr, from.map(|x| x.ptr.cast_const()));
            }
            for row in 0..rows as isize {
                let at = |x: Dst| x.ptr.wrapping_offset(x.strides[0].wrapping_mul(row));
                function(columns, at(to), from.map(|x| at(x).cast_const()));
            }
        }
    }

    /// What ids add to an operand in each row of this part.
    fn offsets(&self, place: Place) -> *const isize {
        match (place, self.lists) {
            (Place::Operand(x), Some(lists)) => lists.offsets(x)[self.start[0]..].as_ptr(),
            // `bind` gathers and scatters operands only, in batches.
            _ => std::ptr::null(),
        }
    }

    /// Where a place is for this part.
    fn at(&self, place: Place) -> Dst {
        match place {
            Place::Operand(x) => self.operand(x),
            Place::Slot { slot, size } => self.slot(slot, size),
            Place::Near { operand, slot, size } => self.near(operand, size).unwrap_or_else(|| self.slot(slot, size)),
        }
    }

    fn slot(&self, slot: usize, size: usize) -> Dst {
        let strides = [(self.n[1] * size) as isize, size as isize];
        Dst { ptr: self.slots.wrapping_add(slot * self.stage.slot), strides }
    }

    /// An operand of which whole rows are neighbours, and which are long enough to be worth a call each.
    fn near(&self, operand: usize, size: usize) -> Option<Dst> {
        let Dst { ptr, strides: [outer, inner] } = self.operand(operand);
        let [rows, columns] = self.n;
        let neighbours = columns == 1 || inner == size as isize;
        let few = rows == 1 || columns >= LONG || outer == (columns * size) as isize;
        (neighbours && few).then_some(Dst { ptr, strides: [outer, size as isize] })
    }

    fn operand(&self, x: usize) -> Dst {
        let strides = self.tile.strides(x);
        let along = |l: usize| strides[l].wrapping_mul(self.start[l] as isize);
        Dst { ptr: self.tile.ptrs[x].wrapping_offset(along(0).wrapping_add(along(1))), strides }
    }
}
