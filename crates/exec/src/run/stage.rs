//! Products through small blocks of memory: converted factors, more than two of them, converted targets.

use std::mem::MaybeUninit;

use super::nest::Tile;
use crate::bind::STAGE;
use crate::kernels::{self, Dst, Src};
use crate::program::Stage;

/// A block of memory in the innermost cache, aligned as scratch memory is.
#[repr(align(64))]
struct Block(MaybeUninit<[u8; STAGE]>);

impl Block {
    const fn new() -> Block {
        Block(MaybeUninit::uninit())
    }

    fn dst(&mut self, strides: [isize; 2]) -> Dst {
        Dst { ptr: self.0.as_mut_ptr().cast(), strides }
    }
}

/// Runs a staged action on a tile, block by block.
///
/// # Safety
/// All points of the tile are elements of the operands, and nothing else touches its targets.
#[inline(never)]
pub(super) unsafe fn run(stage: &Stage, tile: &Tile<'_>) {
    let room = STAGE / stage.size.max(1);
    let columns = tile.n[1].min(room);
    let rows = tile.n[0].min(room / columns);
    let mut blocks = [Block::new(), Block::new(), Block::new()];
    for row in (0..tile.n[0]).step_by(rows) {
        for column in (0..tile.n[1]).step_by(columns) {
            let n = [rows.min(tile.n[0] - row), columns.min(tile.n[1] - column)];
            let part = Part { stage, tile, start: [row, column], n };
            // SAFETY: the caller's promise, for a part of the tile.
            unsafe { part.run(&mut blocks) }
        }
    }
}

/// The part of a tile that fits into a block.
struct Part<'s> {
    stage: &'s Stage,
    tile: &'s Tile<'s>,
    start: [usize; 2],
    n: [usize; 2],
}

impl Part<'_> {
    /// # Safety
    /// As [`run`].
    unsafe fn run(&self, [product, factor, sum]: &mut [Block; 3]) {
        let Stage { accumulate, target, beta, .. } = *self.stage;
        let target_at = Dst { ptr: self.at(0).cast_mut(), strides: self.tile.strides(0) };
        // SAFETY: the caller's promise; blocks have room for the part, aligned for every element that kernels are bound for.
        // What is read from a block was written to it just before.
        unsafe {
            let Some(target) = target else {
                return self.multiply(product, factor, target_at, accumulate);
            };
            let dense = self.dense();
            let to = sum.dst(dense);
            match target.load {
                Some(load) => {
                    load(self.n, to, Src { ptr: target_at.ptr, strides: target_at.strides });
                    if beta {
                        let last = self.tile.ptrs.len() - 1;
                        (self.stage.kernels.scale)(self.n, to, self.tile.src(last));
                    }
                    self.multiply(product, factor, to, true);
                }
                None => self.multiply(product, factor, to, false),
            }
            (target.store)(self.n, target_at, Src { ptr: to.ptr, strides: dense });
        }
    }

    /// Writes or adds the product of all factors to `to`.
    ///
    /// # Safety
    /// As [`run`]; `to` is where the results of the part go.
    unsafe fn multiply(&self, product: &mut Block, factor: &mut Block, to: Dst, add: bool) {
        let kernels = self.stage.kernels;
        let last = self.tile.ptrs.len() - 1 - usize::from(self.stage.beta);
        // SAFETY: the caller's promise, as in `run`.
        unsafe {
            if last == 0 {
                return (kernels.fill_one)(self.n, to);
            }
            let mut left = self.factor(1, product);
            for x in 2..last {
                let right = self.factor(x, factor);
                let dst = product.dst(self.dense());
                if std::ptr::eq(left.ptr, dst.ptr) {
                    (kernels.scale)(self.n, dst, right);
                } else {
                    (kernels.mul)(self.n, dst, left, right);
                    left = Src { ptr: dst.ptr, strides: dst.strides };
                }
            }
            let right = (last > 1).then(|| self.factor(last, factor));
            match (right, add) {
                (None, false) => kernels::copy(self.stage.size, self.n, to, left),
                (None, true) => (kernels.add)(self.n, to, left),
                (Some(right), false) => (kernels.mul)(self.n, to, left, right),
                (Some(right), true) => (kernels.mul_add)(self.n, to, left, right),
            }
        }
    }

    /// A factor of the part, in `block` if it must be converted.
    ///
    /// # Safety
    /// As [`run`].
    unsafe fn factor(&self, operand: usize, block: &mut Block) -> Src {
        let given = Src { ptr: self.at(operand), strides: self.tile.strides(operand) };
        let Some(load) = self.tile.operands[operand].load else { return given };
        let dst = block.dst(self.dense());
        // SAFETY: the caller's promise; the block has room for the part.
        unsafe { load(self.n, dst, given) };
        Src { ptr: dst.ptr, strides: dst.strides }
    }

    /// Row-major strides of the part.
    fn dense(&self) -> [isize; 2] {
        [(self.n[1] * self.stage.size) as isize, self.stage.size as isize]
    }

    fn at(&self, operand: usize) -> *const u8 {
        let strides = self.tile.strides(operand);
        let along = |l: usize| strides[l].wrapping_mul(self.start[l] as isize);
        self.tile.ptrs[operand].wrapping_offset(along(0).wrapping_add(along(1)))
    }
}
