//! Splits long sums into few elements: chunks of a fixed length have partial sums, which are then added in order. Threads
//! share the chunks, which follow from the shape alone, so the result does not depend on the number of threads.

use std::ops::Range;

use super::Binder;
use super::grid::TASK_POINTS;
use super::nest::Actions;
use super::step::{StepContext, TargetInit};
use crate::bound_program::{BaseAddress, ListRange};
use crate::error::BindError;
use crate::loops::Loops;

/// From this number of elements on, threads can share the target itself.
const MAX_TARGET_ELEMENTS: usize = 64;
/// The fewest points of a step for which chunks pay for the second sum.
const MIN_POINTS: usize = 4 * TASK_POINTS;
/// The largest number of chunks.
const MAX_CHUNKS: usize = 64;
/// The fewest bytes of a row that are read at full speed: a division of the target into shorter rows would read memory in
/// short runs.
const MIN_RUN_BYTES: usize = 4096;
/// Points of the step per partial sum, from which chunks are better than a division of the target.
const POINTS_PER_PARTIAL_SUM: usize = 16;

/// A step that is summed in chunks.
struct Chunked<'p> {
    context: StepContext<'p>,
    /// The operands of the step.
    operands: ListRange,
    /// The loops of the step.
    loops: Loops,
    /// The number of the loop that is divided into chunks.
    at: usize,
    /// Positions in a chunk.
    len: usize,
    /// The start of the partial sums of the first chunk, in packed memory.
    base: usize,
    /// Bytes of the partial sums of one chunk.
    chunk_bytes: usize,
}

impl Chunked<'_> {
    /// The stride of the dense partial sums in a loop.
    fn dense(&self, l: usize) -> isize {
        let inside = (l + 1..self.loops.len()).filter(|&i| kept(&self.loops, i)).map(|i| self.loops.extents()[i]);
        if kept(&self.loops, l) { (inside.product::<usize>() * self.context.compute.size()) as isize } else { 0 }
    }
}

impl Binder<'_> {
    /// Appends the nest of a step over the collected loops, in chunks if it is a long sum into few elements.
    pub(super) fn push_step(
        &mut self,
        context: StepContext<'_>,
        operands: ListRange,
        init: TargetInit,
    ) -> Result<(), BindError> {
        if let Some(chunks) = self.scatter_chunks(context, init) {
            return self.push_scattered(context, operands, chunks);
        }
        self.arrange();
        if context.coverage.injective && context.expr.is_none() {
            self.arrange_batch(context.compute.size());
        }
        let Some((at, len)) = self.chunk(context, init) else {
            let actions = self.actions(context, init, operands)?;
            return self.push_nest(context, operands, actions, Some(init));
        };
        let spare = std::mem::take(&mut self.lists.spare);
        let loops = std::mem::replace(&mut self.lists.loops, spare);
        let elements = (0..loops.len()).filter(|&l| kept(&loops, l)).map(|l| loops.extents()[l]).product::<usize>();
        let (whole, rest) = (loops.extents()[at] / len, loops.extents()[at] % len);
        let chunk_count = whole + usize::from(rest > 0);
        let chunk_bytes = elements * context.compute.size();
        let base = self.pack(chunk_count.checked_mul(chunk_bytes))?;
        let chunked = Chunked { context, operands, loops, at, len, base, chunk_bytes };
        self.push_part(&chunked, 0..whole, len)?;
        if rest > 0 {
            self.push_part(&chunked, whole..chunk_count, rest)?;
        }
        self.push_sum(&chunked, chunk_count, init)?;
        self.lists.spare = std::mem::replace(&mut self.lists.loops, chunked.loops);
        Ok(())
    }

    /// The loop to divide into chunks and the length of a chunk, if the step is split.
    fn chunk(&self, context: StepContext<'_>, init: TargetInit) -> Option<(usize, usize)> {
        let loops = &self.lists.loops;
        let product = |l: &mut dyn Iterator<Item = usize>| l.fold(1usize, |n, l| n.saturating_mul(loops.extents()[l]));
        let points = product(&mut (0..loops.len()));
        let sums = matches!(init, TargetInit::WriteFirst | TargetInit::Accumulate) && context.dtype == context.compute;
        let indirect = context.step.reads.iter().chain([&context.step.write]).any(|x| x.has_indirect());
        if !sums || indirect || !context.coverage.injective || points < MIN_POINTS {
            return None;
        }
        let at = (0..loops.len()).filter(|&l| !kept(loops, l)).max_by_key(|&l| loops.extents()[l])?;
        let elements = product(&mut (0..loops.len()).filter(|&l| kept(loops, l)));
        let few = elements < MAX_TARGET_ELEMENTS;
        let most = if few { MAX_CHUNKS } else { points / elements.saturating_mul(POINTS_PER_PARTIAL_SUM) };
        let chunks = MAX_CHUNKS.min(points / TASK_POINTS).min(most);
        let row =
            product(&mut (at + 1..loops.len()).filter(|&l| kept(loops, l))).saturating_mul(context.compute.size());
        let narrow = row > context.compute.size() && row < chunks * MIN_RUN_BYTES;
        let fits = self.can_pack((MAX_CHUNKS + 1).saturating_mul(elements).saturating_mul(context.compute.size()));
        let worth = few || narrow && chunks > 1;
        (worth && fits).then(|| (at, loops.extents()[at].div_ceil(chunks)))
    }

    /// Appends the partial sums of the chunks `which`, each of `len` positions.
    fn push_part(&mut self, c: &Chunked<'_>, which: Range<usize>, len: usize) -> Result<(), BindError> {
        let first = self.program.operands.len();
        self.push_base(BaseAddress::Packed(c.base + which.start * c.chunk_bytes), c.context.loops);
        let cut = c.loops.strides(c.at);
        for (operand, stride) in c.operands.range().zip(cut).skip(1) {
            let copy = self.push_copy(operand);
            let offset = &mut self.program.operands[copy].offset;
            *offset = offset.wrapping_add(stride.wrapping_mul((which.start * c.len) as isize));
        }
        let operands = ListRange::since(first, &self.program.operands);
        let bound = &mut self.lists.loops;
        bound.reset(operands.len);
        let chunk = cut.iter().skip(1).map(|s| s.wrapping_mul(c.len as isize));
        bound.push(which.len(), [c.chunk_bytes as isize].into_iter().chain(chunk));
        for l in 0..c.loops.len() {
            let extent = if l == c.at { len } else { c.loops.extents()[l] };
            bound.push(extent, [c.dense(l)].into_iter().chain(c.loops.strides(l).iter().copied().skip(1)));
        }
        // Partial sums start from the identity, whatever the step does.
        let actions = self.actions(c.context, TargetInit::WriteFirst, c.operands)?;
        self.push_nest(c.context, operands, actions, Some(TargetInit::WriteFirst))
    }

    /// Appends the sum of all partial sums.
    fn push_sum(&mut self, c: &Chunked<'_>, chunk_count: usize, init: TargetInit) -> Result<(), BindError> {
        let first = self.program.operands.len();
        self.push_copy(c.operands.start);
        self.push_base(BaseAddress::Packed(c.base), c.context.loops);
        let operands = ListRange::since(first, &self.program.operands);
        let bound = &mut self.lists.loops;
        bound.reset(2);
        bound.push(chunk_count, [0, c.chunk_bytes as isize]);
        for l in (0..c.loops.len()).filter(|&l| kept(&c.loops, l)) {
            bound.push(c.loops.extents()[l], [c.loops.strides(l)[0], c.dense(l)]);
        }
        let kernels = self.step_kernels(c.context)?;
        let actions = Actions::sum(&kernels, c.context.compute.size(), init);
        self.push_nest(c.context, operands, actions, Some(init))
    }
}

fn kept(loops: &Loops, l: usize) -> bool {
    loops.strides(l)[0] != 0
}
