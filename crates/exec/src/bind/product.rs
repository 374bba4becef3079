//! Matrix products: folded by the real strides, with copies where they pay or where elements must be converted.

use einfold_ir::{AxisRef, BLOCK, Fold, Gemm, Groups, Side, kernel_bytes};

use super::Binder;
use super::nest::Actions;
use super::step::{Start, Work};
use super::sums::DEEP;
use crate::error::BindError;
use crate::program::{Action, Grid, Home, Loops, Op, Product, Span};

/// Multiplications of one call of a kernel over any operation: some milliseconds.
const CALL: usize = 1 << 23;
/// The same of one for sums that round, times the bytes of an element.
const CALL_BYTES: usize = 1 << 29;
/// Positions of k that these two kinds take at a time, and then add to C.
const SLAB: [usize; 2] = [64, 256];
/// The positions of A, B and C in a fold.
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

impl Binder<'_> {
    /// A step as a matrix product, or as a nest where one side is a single row: kernels of products gain nothing there.
    pub(super) fn product(&mut self, work: Work<'_>, axes: &Gemm, start: Start) -> Result<(), BindError> {
        let loads = [self.load(work, &work.step.reads[A])?, self.load(work, &work.step.reads[B])?];
        let size = work.compute.size();
        let mut groups = std::mem::take(&mut self.work.groups);
        let mut fold = std::mem::take(&mut self.work.fold);
        self.gather_groups(work, axes, &mut groups);
        fold.choose(&self.plan.machine, &groups, size, [loads[A].is_some(), loads[B].is_some(), false]);
        let thin = [fold.m.extent, fold.n.extent, fold.k.extent].contains(&1);
        let gemm = self.step_kernels(work)?.fused.map(|fused| fused.gemm);
        let gemm = gemm.filter(|_| !thin && work.dtype == work.compute && size != 0);
        let done = match gemm {
            None => self.nest(work, start),
            Some(gemm) => self.push_folded(work, gemm, &fold, loads, start),
        };
        self.work.groups = groups;
        self.work.fold = fold;
        done
    }

    fn gather_groups(&self, work: Work<'_>, gemm: &Gemm, groups: &mut Groups) {
        groups.clear();
        let [a, b] = &work.step.reads[..] else { return };
        let lists = [
            (&gemm.batch, &mut groups.batch),
            (&gemm.m, &mut groups.m),
            (&gemm.n, &mut groups.n),
            (&gemm.k, &mut groups.k),
        ];
        for (axes, group) in lists {
            for &axis in axes {
                let own = AxisRef::Own(axis);
                let strides = [a, b, &work.step.write].map(|x| self.stride(x, own));
                group.push(work.step.axes[axis as usize].extent, strides);
            }
        }
    }

    /// The copies, the products, and the copy back.
    fn push_folded(
        &mut self,
        work: Work<'_>,
        gemm: crate::kernels::Gemm,
        fold: &Fold,
        loads: [Option<crate::kernels::Unary>; 2],
        start: Start,
    ) -> Result<(), BindError> {
        let size = work.compute.size();
        let mut operands = [0; 3];
        for x in [A, B] {
            let given = self.push_access(&work.step.reads[x], work.loops, None);
            operands[x] = match fold.packed[x] {
                false => given,
                true => {
                    let dense = Home::Packed(self.pack(fold.copy_bytes(x, size))?);
                    let action = loads[x].map_or(Action::Copy(size), Action::Unary);
                    self.copy(work, fold, x, [None, Some(given)], dense, action)?
                }
            };
        }
        let given = self.push_access(&work.step.write, work.loops, None);
        if !fold.packed[C] {
            operands[C] = given;
            return self.push_product(work, gemm, fold, operands, start == Start::Add);
        }
        let dense = Home::Packed(self.pack(fold.copy_bytes(C, size))?);
        operands[C] = self.push_home(dense, work.loops);
        self.push_product(work, gemm, fold, operands, false)?;
        let adds = start == Start::Add;
        let action = if adds { Action::Unary(self.step_kernels(work)?.add) } else { Action::Copy(size) };
        self.copy(work, fold, C, [Some(given), None], dense, action).map(|_| ())
    }

    /// A copy between an operand as it is and as it is packed at `dense`. `ends` are the target and the source, of which the
    /// dense one is none. The operand that stands for the dense one.
    fn copy(
        &mut self,
        work: Work<'_>,
        fold: &Fold,
        x: usize,
        ends: [Option<usize>; 2],
        dense: Home,
        action: Action,
    ) -> Result<usize, BindError> {
        let first = self.program.operands.len();
        let mut of_dense = first;
        for (k, end) in ends.into_iter().enumerate() {
            match end {
                Some(operand) => self.push_again(operand),
                None => {
                    of_dense = first + k;
                    self.push_home(dense, work.loops)
                }
            };
        }
        let operands = Span::since(first, &self.program.operands);
        self.work.loops.reset(2);
        for l in 0..fold.copies[x].len() {
            let &[packed, given] = fold.copies[x].strides(l) else { continue };
            let strides = if ends[0].is_none() { [packed, given] } else { [given, packed] };
            self.work.loops.push(fold.copies[x].extents()[l], strides);
        }
        self.push_plain(work, operands, Actions { first: action, rest: action })?;
        Ok(of_dense)
    }

    fn push_product(
        &mut self,
        work: Work<'_>,
        gemm: crate::kernels::Gemm,
        fold: &Fold,
        operands: [usize; 3],
        accumulate: bool,
    ) -> Result<(), BindError> {
        let ([m, n], [a, b]) = if fold.upright() { ([fold.m, fold.n], [A, B]) } else { ([fold.n, fold.m], [B, A]) };
        let roles = [C, a, b];
        let first = self.program.operands.len();
        roles.iter().for_each(|&x| {
            self.push_again(operands[x]);
        });
        let loops = self.place_outer(fold, roles, Span::since(first, &self.program.operands));
        let alpha = work.alpha.map(|home| self.push_home(home, work.loops));
        let along = |side: Side, x: usize| side.strides[x];
        let strides = [[along(m, C), along(n, C)], [along(m, a), along(fold.k, a)], [along(fold.k, b), along(n, b)]];
        let extents = fold.extents();
        let bytes = kernel_bytes(work.step.algebra, work.compute, extents);
        self.kernels = self.kernels.max(bytes);
        let grid = self.product_grid(loops, extents);
        self.program.points = self.program.points.saturating_add(grid.points);
        let carry = self.step_kernels(work)?.carry;
        let slab = slab(grid.piece, work.compute.size(), carry.is_some()).min(extents[2]);
        let repeats = self.program.sizes[loops.sizes.range()][loops.kept..].iter().product::<usize>();
        let calls = repeats.saturating_mul(extents[2].div_ceil(slab));
        let every = (DEEP / slab.div_ceil(SLAB[1])).max(1);
        let sums = match carry.filter(|_| calls > every) {
            Some(carry) => {
                let rows = grid.blocks / (grid.pieces[0] * grid.pieces[1]);
                self.pairs(carry, [rows, m.extent * n.extent], work.compute.size(), every, work.loops)?
            }
            None => None,
        };
        let product = Product { loops, grid, gemm, extents, strides, alpha, accumulate, bytes, slab, sums };
        self.program.ops.push(Op::Product(product));
        Ok(())
    }

    fn place_outer(&mut self, fold: &Fold, roles: [usize; 3], operands: Span) -> Loops {
        let (sizes, strides) = (self.program.sizes.len(), self.program.strides.len());
        for l in 0..fold.outer.len() {
            self.program.sizes.push(fold.outer.extents()[l]);
            let along = fold.outer.strides(l);
            self.program.strides.extend(roles.map(|x| along[x]));
        }
        let sizes = Span::since(sizes, &self.program.sizes);
        Loops { operands, kept: fold.outer.len() - fold.reduced, reduced: fold.reduced, sizes, strides }
    }

    fn product_grid(&self, loops: Loops, [m, n, k]: [usize; 3]) -> Grid {
        let product = |s: &[usize]| s.iter().fold(1usize, |n, &e| n.saturating_mul(e));
        let piece = [m.min(BLOCK[0]), n.min(BLOCK[1])];
        let pieces = [m.div_ceil(piece[0]), n.div_ceil(piece[1])];
        let sizes = &self.program.sizes[loops.sizes.range()];
        let blocks = product(&sizes[..loops.kept]).saturating_mul(pieces[0]).saturating_mul(pieces[1]);
        let points = product(sizes).saturating_mul(product(&[m, n, k]));
        // Small products share a task.
        let task = usize::try_from(self.plan.machine.least_shared_flops()).unwrap_or(usize::MAX);
        Grid { piece, pieces, grain: (task / (points / blocks).max(1)).max(1), blocks, points: points as u64 }
    }
}

/// How many positions of k one call multiplies in a block of C, of elements of `size` bytes. Calls end where a kernel would add to C
/// anyway, so that cutting changes no bit, and add to it as often as is good for one sum.
fn slab(piece: [usize; 2], size: usize, rounds: bool) -> usize {
    let (call, step) = if rounds { (CALL_BYTES / size.max(1), SLAB[1]) } else { (CALL, SLAB[0]) };
    (call / piece[0].saturating_mul(piece[1]).max(1) / step).clamp(1, DEEP) * step
}
