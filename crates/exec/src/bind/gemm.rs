//! Binds matrix products: folds their axis groups by the real strides, and packs operands where copies pay or elements
//! must be converted.

use einfold_ir::{AxisRef, BLOCK, Fold, Gemm, Groups, Loops, Side, kernel_bytes};

use super::Binder;
use super::compensated_sum::MAX_ADDITIONS;
use super::nest::Actions;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BaseAddress, BoundGemm, Grid, ListRange, LoopNest, Op, TileAction};
use crate::error::BindError;
use crate::kernels::{Fused, UnaryFn};

/// Flops of one kernel call for an exact ⊕: some milliseconds.
const EXACT_CALL_FLOPS: usize = 1 << 23;
/// The same for a ⊕ that rounds, times the bytes of an element.
const ROUNDING_CALL_FLOP_BYTES: usize = 1 << 29;
/// Multiples of the extent of k in one call for an exact and for a rounding ⊕.
const K_STRIP: [usize; 2] = [64, 256];
/// The rows and columns of C in one block of a kernel that packs nothing, for matrices of few rows: threads share them.
const OWN_BLOCK: [usize; 2] = [64, BLOCK[1]];
/// The numbers of A, B and C in a fold.
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

impl Binder<'_> {
    /// Binds a step as a matrix product, or as a nest if one side is a single row: matrix kernels gain nothing there.
    pub(super) fn gemm(&mut self, context: StepContext<'_>, axes: &Gemm, init: TargetInit) -> Result<(), BindError> {
        let loads = [self.load(context, &context.step.reads[A])?, self.load(context, &context.step.reads[B])?];
        let size = context.compute.size();
        let mut groups = std::mem::take(&mut self.lists.groups);
        let mut fold = std::mem::take(&mut self.lists.fold);
        self.gather_groups(context, axes, &mut groups);
        fold.choose(&self.plan.machine, &groups, size, [loads[A].is_some(), loads[B].is_some(), false]);
        let thin = [fold.m.extent, fold.n.extent, fold.k.extent].contains(&1);
        let fused = self.step_kernels(context)?.fused;
        let fused = fused.filter(|_| !thin && context.dtype == context.compute && size != 0);
        let large = fused.and_then(|fused| fused.product);
        let plain = loads.iter().all(Option::is_none);
        let large = large.filter(|_| plain && self.pays_in_blocks(&groups, &fold, size));
        let done = match (fused, large) {
            (None, _) => self.nest(context, init),
            (_, Some(kernels)) if self.product(context, kernels, &mut groups, init)? => Ok(()),
            (Some(fused), _) => self.push_folded(context, fused, &fold, loads, init),
        };
        self.lists.groups = groups;
        self.lists.fold = fold;
        done
    }

    fn gather_groups(&self, context: StepContext<'_>, gemm: &Gemm, groups: &mut Groups) {
        groups.clear();
        let [a, b] = &context.step.reads[..] else { return };
        let lists = [
            (&gemm.batch, &mut groups.batch),
            (&gemm.m, &mut groups.m),
            (&gemm.n, &mut groups.n),
            (&gemm.k, &mut groups.k),
        ];
        for (axes, group) in lists {
            for &axis in axes {
                let own = AxisRef::Own(axis);
                let strides = [a, b, &context.step.write].map(|x| self.stride(x, own));
                group.push(context.step.axes[axis as usize].extent, strides);
            }
        }
    }

    /// Appends the packing copies, the products, and the copy back.
    fn push_folded(
        &mut self,
        context: StepContext<'_>,
        fused: Fused,
        fold: &Fold,
        loads: [Option<UnaryFn>; 2],
        init: TargetInit,
    ) -> Result<(), BindError> {
        let size = context.compute.size();
        let mut operands = [0; 3];
        for x in [A, B] {
            let given = self.push_access(&context.step.reads[x], context.loops, None);
            operands[x] = match fold.packed[x] {
                false => given,
                true => {
                    let dense = BaseAddress::Packed(self.pack(fold.copy_bytes(x, size))?);
                    let action = loads[x].map_or(TileAction::Copy(size), TileAction::Unary);
                    self.copy(context, fold, x, [None, Some(given)], dense, action)?
                }
            };
        }
        let given = self.push_access(&context.step.write, context.loops, None);
        if !fold.packed[C] {
            operands[C] = given;
            return self.push_gemm(context, fused, fold, operands, init == TargetInit::Accumulate);
        }
        let dense = BaseAddress::Packed(self.pack(fold.copy_bytes(C, size))?);
        operands[C] = self.push_base(dense, context.loops);
        self.push_gemm(context, fused, fold, operands, false)?;
        let adds = init == TargetInit::Accumulate;
        let action = if adds { TileAction::Unary(self.step_kernels(context)?.add) } else { TileAction::Copy(size) };
        self.copy(context, fold, C, [Some(given), None], dense, action).map(|_| ())
    }

    /// Appends a copy between an operand and its packed form at `dense`. `ends` are the target and the source, where
    /// `None` stands for the packed form. Returns the operand of the packed form.
    fn copy(
        &mut self,
        context: StepContext<'_>,
        fold: &Fold,
        x: usize,
        ends: [Option<usize>; 2],
        dense: BaseAddress,
        action: TileAction,
    ) -> Result<usize, BindError> {
        let first = self.program.operands.len();
        let mut of_dense = first;
        for (k, end) in ends.into_iter().enumerate() {
            match end {
                Some(operand) => self.push_copy(operand),
                None => {
                    of_dense = first + k;
                    self.push_base(dense, context.loops)
                }
            };
        }
        let operands = ListRange::since(first, &self.program.operands);
        self.lists.loops.reset(2);
        for l in 0..fold.copies[x].len() {
            let &[packed, given] = fold.copies[x].strides(l) else { continue };
            let strides = if ends[0].is_none() { [packed, given] } else { [given, packed] };
            self.lists.loops.push(fold.copies[x].extents()[l], strides);
        }
        self.push_plain(context, operands, Actions { first: action, rest: action })?;
        Ok(of_dense)
    }

    fn push_gemm(
        &mut self,
        context: StepContext<'_>,
        fused: Fused,
        fold: &Fold,
        operands: [usize; 3],
        accumulate: bool,
    ) -> Result<(), BindError> {
        let ([m, n], [a, b]) = if fold.upright() { ([fold.m, fold.n], [A, B]) } else { ([fold.n, fold.m], [B, A]) };
        let roles = [C, a, b];
        let first = self.program.operands.len();
        roles.iter().for_each(|&x| {
            self.push_copy(operands[x]);
        });
        let operands = ListRange::since(first, &self.program.operands);
        let loops = self.push_outer_loops(&fold.outer, fold.reduced, roles, operands);
        let alpha = context.alpha.map(|base| self.push_base(base, context.loops));
        let along = |side: Side, x: usize| side.strides[x];
        let strides = [[along(m, C), along(n, C)], [along(m, a), along(fold.k, a)], [along(fold.k, b), along(n, b)]];
        let extents = fold.extents();
        let own = fused.product.is_some();
        let bytes = if own { 0 } else { kernel_bytes(context.step.algebra, context.compute, extents) };
        self.kernel_bytes = self.kernel_bytes.max(bytes);
        let grid = self.gemm_grid(loops, extents, if own && m.extent <= BLOCK[0] { OWN_BLOCK } else { BLOCK });
        self.program.points = self.program.points.saturating_add(grid.points);
        let compensate = self.step_kernels(context)?.compensate;
        let k_strip = k_strip(grid.block_extents, context.compute.size(), compensate.is_some()).min(extents[2]);
        let repeats = self.program.extents[loops.extents.range()][loops.kept..].iter().product::<usize>();
        let calls = repeats.saturating_mul(extents[2].div_ceil(k_strip));
        let every = (MAX_ADDITIONS / k_strip.div_ceil(K_STRIP[1])).max(1);
        let compensated = match compensate.filter(|_| calls > every) {
            Some(kernel) => {
                let rows = grid.blocks / (grid.block_counts[0] * grid.block_counts[1]);
                self.pairs(kernel, [rows, m.extent * n.extent], context.compute.size(), every, context.loops)?
            }
            None => None,
        };
        let gemm = BoundGemm {
            loops,
            grid,
            gemm: fused.gemm,
            extents,
            strides,
            alpha,
            accumulate,
            bytes,
            k_strip,
            compensated,
        };
        self.program.ops.push(Op::Gemm(gemm));
        Ok(())
    }

    /// Appends the loops outside of a kernel, of which the last `reduced` are reduced. `roles` are the numbers of the
    /// operands in the strides of `outer`.
    pub(super) fn push_outer_loops(
        &mut self,
        outer: &Loops,
        reduced: usize,
        roles: [usize; 3],
        operands: ListRange,
    ) -> LoopNest {
        let (extents, strides) = (self.program.extents.len(), self.program.strides.len());
        self.program.extents.extend_from_slice(outer.extents());
        for l in 0..outer.len() {
            self.program.strides.extend(roles.map(|x| outer.strides(l)[x]));
        }
        let extents = ListRange::since(extents, &self.program.extents);
        LoopNest { operands, kept: outer.len() - reduced, reduced, extents, strides }
    }

    fn gemm_grid(&self, loops: LoopNest, [m, n, k]: [usize; 3], block: [usize; 2]) -> Grid {
        let product = |s: &[usize]| s.iter().fold(1usize, |n, &e| n.saturating_mul(e));
        let block_extents = [m.min(block[0]), n.min(block[1])];
        let block_counts = [m.div_ceil(block_extents[0]), n.div_ceil(block_extents[1])];
        let extents = &self.program.extents[loops.extents.range()];
        let blocks = product(&extents[..loops.kept]).saturating_mul(block_counts[0]).saturating_mul(block_counts[1]);
        let points = product(extents).saturating_mul(product(&[m, n, k]));
        // Small products share a task.
        let task = usize::try_from(self.plan.machine.least_shared_flops()).unwrap_or(usize::MAX);
        Grid {
            block_extents,
            block_counts,
            blocks_per_task: (task / (points / blocks).max(1)).max(1),
            blocks,
            points: points as u64,
        }
    }
}

/// The extent of k in one call over a block of C of elements of `size` bytes. Calls end where the kernel would add to C
/// in any case, so that a division into calls changes no bit, and add to C as often as is accurate for one sum.
fn k_strip(block_extents: [usize; 2], size: usize, rounds: bool) -> usize {
    let (call, step) =
        if rounds { (ROUNDING_CALL_FLOP_BYTES / size.max(1), K_STRIP[1]) } else { (EXACT_CALL_FLOPS, K_STRIP[0]) };
    (call / block_extents[0].saturating_mul(block_extents[1]).max(1) / step).clamp(1, MAX_ADDITIONS) * step
}
