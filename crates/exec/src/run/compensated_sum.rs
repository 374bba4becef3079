//! Compensated sums: after a number of kernel calls an operation adds its sums to pairs of twice the precision.

use smallvec::SmallVec;

use super::Run;
use crate::bound_program::CompensatedSum;
use crate::kernels::{CompensateStep, Dst};

/// The part of one loop of a kernel in a block.
#[derive(Clone, Copy)]
pub(super) struct BlockLoop {
    pub(super) start: usize,
    pub(super) n: usize,
    /// The extent of the whole loop.
    pub(super) extent: usize,
    /// The stride of the target.
    pub(super) stride: isize,
}

/// The compensated sum of the current block.
pub(super) struct BlockSum<'r> {
    sum: &'r CompensatedSum,
    extents: &'r [usize],
    strides: &'r [isize],
    /// The first pair, and the start of the target if all of it is one block.
    pairs: *mut u8,
    whole: Option<*mut u8>,
    /// The first element of the block, and its *high*.
    ends: [*mut u8; 2],
    /// LoopNest over the elements of the block: extents, and the strides of the target and of the pairs.
    loops: SmallVec<[(usize, [isize; 2]); 16]>,
    calls: usize,
    started: bool,
}

impl<'r> BlockSum<'r> {
    /// The compensated sum of an operation in one iteration of the region, if it has one.
    pub(super) fn new(run: &'r Run<'r>, sum: Option<&'r CompensatedSum>, iteration: &[usize]) -> Option<BlockSum<'r>> {
        let sum = sum?;
        let pairs = run.base(sum.pairs, iteration);
        Some(BlockSum {
            sum,
            extents: &run.program.extents[sum.swept.range()],
            strides: &run.program.strides[sum.strides..][..sum.swept.len],
            pairs,
            whole: sum.whole.map(|target| run.base(target, iteration)),
            ends: [pairs; 2],
            loops: SmallVec::new(),
            calls: 0,
            started: false,
        })
    }

    /// Begins a block: at position `row` of the kept loops, where the target has the address `target`, with these parts
    /// of the loops of the kernel, outermost first.
    pub(super) fn begin(
        &mut self,
        row: usize,
        target: *mut u8,
        block_loops: impl IntoIterator<IntoIter: DoubleEndedIterator<Item = BlockLoop>>,
    ) {
        let size = self.sum.size as isize;
        self.calls = 0;
        self.started = false;
        self.loops.clear();
        let mut next = size;
        let mut ends = [self.whole.unwrap_or(target), self.pairs.wrapping_add(row * self.sum.row)];
        // Inner loops come first.
        if self.whole.is_none() {
            for block_loop in block_loops.into_iter().rev().filter(|l| l.stride != 0) {
                let strides = [block_loop.stride, next];
                next = next.wrapping_mul(block_loop.extent as isize);
                self.loops.push((block_loop.n, strides));
                for (end, stride) in ends.iter_mut().zip(strides) {
                    *end = end.wrapping_offset(stride.wrapping_mul(block_loop.start as isize));
                }
            }
        }
        for (&extent, &stride) in self.extents.iter().zip(self.strides).rev() {
            self.loops.push((extent, [stride, next]));
            next = next.wrapping_mul(extent as isize);
        }
        self.ends = ends;
        self.loops.retain(|(n, _)| *n > 1);
    }

    /// Called before each kernel call: moves the sums to the pairs after the planned number of calls.
    ///
    /// # Safety
    /// As [`BlockSum::compensate`]; the calls so far have written all elements of the block.
    #[inline]
    pub(super) unsafe fn before_call(&mut self) {
        if let Some(step) = self.next_call() {
            // SAFETY: the caller promises a written, exclusive block.
            unsafe { self.compensate(step) }
        }
    }

    /// Counts a kernel call. Returns the step that moves the sums to the pairs if it is due before this call.
    #[inline]
    pub(super) fn next_call(&mut self) -> Option<CompensateStep> {
        let due = self.calls == self.sum.calls;
        let step = if self.started { CompensateStep::Next } else { CompensateStep::First };
        self.calls = if due { 1 } else { self.calls + 1 };
        self.started |= due;
        due.then_some(step)
    }

    /// The step that ends a block, if its sums moved to the pairs.
    pub(super) fn last(&self) -> Option<CompensateStep> {
        self.started.then_some(CompensateStep::Last)
    }

    /// Ends a block: adds the pairs to the target.
    ///
    /// # Safety
    /// As [`BlockSum::before_call`].
    pub(super) unsafe fn end(&mut self) {
        if let Some(step) = self.last() {
            // SAFETY: the caller promises a written, exclusive block.
            unsafe { self.compensate(step) }
        }
    }

    /// # Safety
    /// All positions of the block are elements of the target that hold values, and nothing else touches them or their
    /// pairs during the call.
    #[inline(never)]
    pub(super) unsafe fn compensate(&self, step: CompensateStep) {
        let inner = |l: usize| self.loops.get(l).copied().unwrap_or((1, [0; 2]));
        let [(n1, s1), (n0, s0)] = [inner(0), inner(1)];
        let outer = self.loops.get(2..).unwrap_or_default();
        if outer.is_empty() {
            let [target, high] = [0, 1].map(|k| Dst { ptr: self.ends[k], strides: [s0[k], s1[k]] });
            let low = Dst { ptr: high.ptr.wrapping_add(self.sum.low), ..high };
            // SAFETY: as for the call in the loop below.
            return unsafe { (self.sum.kernel)(step, [n0, n1], target, high, low) };
        }
        let mut at: SmallVec<[usize; 16]> = SmallVec::from_elem(0, outer.len());
        loop {
            let pointer = |k: usize| {
                let along = at.iter().zip(outer).map(|(&i, (_, s))| s[k].wrapping_mul(i as isize));
                Dst { ptr: self.ends[k].wrapping_offset(along.fold(0, isize::wrapping_add)), strides: [s0[k], s1[k]] }
            };
            let (target, high) = (pointer(0), pointer(1));
            let low = Dst { ptr: high.ptr.wrapping_add(self.sum.low), ..high };
            // SAFETY: the caller promises exclusive, written elements of the target. The pairs have an element for each
            // of them, laid out densely, and all *low* lie after all *high*.
            unsafe { (self.sum.kernel)(step, [n0, n1], target, high, low) }
            let Some(l) = (0..at.len()).find(|&l| at[l] + 1 < outer[l].0) else { return };
            at[..l].fill(0);
            at[l] += 1;
        }
    }
}
