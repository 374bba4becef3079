//! Blocks of a matrix product.

use std::ops::Range;
use std::ptr::NonNull;

use super::sums::{Carrying, Cut};
use super::walk::Walk;
use super::{Bases, Run};
use crate::error::Stopped;
use crate::kernels::{self, Dst, Src};
use crate::program::Product;

/// What the blocks of a product share in one turn.
struct Blocks<'r> {
    run: &'r Run<'r>,
    product: &'r Product,
    bases: Bases,
    turn: &'r [usize],
    alpha: Option<NonNull<u8>>,
}

// SAFETY: the addresses are those of the program's operands, which threads may share (see `Ptr`).
unsafe impl Sync for Blocks<'_> {}

impl Run<'_> {
    pub(super) fn product(&self, product: &Product, turn: &[usize]) -> Result<(), Stopped> {
        let alpha = product.alpha.and_then(|operand| NonNull::new(self.base(operand, turn)));
        let blocks = Blocks { run: self, product, bases: self.bases(product.loops.operands, turn), turn, alpha };
        // The whole struct, not its fields, is what threads may share.
        let blocks = &blocks;
        self.blocks(&product.grid, product.bytes, move |range| blocks.run(range))
    }
}

impl Blocks<'_> {
    fn run(&self, range: Range<usize>) -> Result<(), Stopped> {
        let Product { loops, grid, extents, strides, slab, sums, .. } = self.product;
        let mut carrying = Carrying::new(self.run, sums.as_ref(), self.turn);
        let mut walk = Walk::new(self.run.program, loops, &self.bases);
        let (mut row, mut piece) = grid.split(range.start);
        walk.seek(loops.kept, row);
        for block in range {
            let (start, n) = grid.piece_at(piece, [extents[0], extents[1]]);
            if let Some(carrying) = &mut carrying {
                let cut = |l: usize| Cut { start: start[l], n: n[l], extent: extents[l], stride: strides[0][l] };
                carrying.begin(row, walk.ptrs[0], [cut(0), cut(1)]);
            }
            let mut accumulate = self.product.accumulate;
            loop {
                for k in (0..extents[2]).step_by(*slab) {
                    let depth = k..extents[2].min(k + slab);
                    let points = n[0] as u64 * n[1] as u64 * depth.len() as u64;
                    // SAFETY: `bind` has proven that all positions of the loops and of the matrices lead to elements of the
                    // operands (docs/unsafe.md); blocks that run at the same time differ in a kept loop or in their piece of C,
                    // so their targets are disjoint. Each call writes all of its piece.
                    unsafe {
                        carrying.iter_mut().for_each(|c| c.before_call());
                        self.multiply(&walk, start, n, depth, accumulate);
                    }
                    accumulate = true;
                    self.run.look(points)?;
                }
                if !walk.next(loops.kept..loops.kept + loops.reduced) {
                    break;
                }
            }
            // SAFETY: as above.
            unsafe { carrying.iter_mut().for_each(|c| c.end()) }
            let before = row;
            (row, piece) = grid.split(block + 1);
            if row != before {
                walk.next(0..loops.kept);
            }
        }
        Ok(())
    }

    /// # Safety
    /// The piece of C and the rows and columns that it needs are elements of the operands; nothing else touches it.
    unsafe fn multiply(
        &self,
        walk: &Walk<'_>,
        start: [usize; 2],
        n: [usize; 2],
        depth: Range<usize>,
        accumulate: bool,
    ) {
        let Product { gemm, strides: [c, a, b], .. } = *self.product;
        let l = depth.start as isize;
        let [i, j] = start.map(|s| s as isize);
        let at = |x: usize, offset: isize| walk.ptrs[x].wrapping_offset(offset);
        let product = kernels::Product {
            extents: [n[0], n[1], depth.len()],
            c: Dst { ptr: at(0, (i * c[0]).wrapping_add(j * c[1])), strides: c },
            a: Src { ptr: at(1, (i * a[0]).wrapping_add(l.wrapping_mul(a[1]))), strides: a },
            b: Src { ptr: at(2, (j * b[1]).wrapping_add(l.wrapping_mul(b[0]))), strides: b },
            alpha: self.alpha,
            accumulate,
        };
        // SAFETY: the caller's promise.
        unsafe { gemm(&product) }
    }
}
