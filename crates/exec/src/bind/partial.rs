//! Long sums into few elements: in chunks of a fixed length, whose partial sums are then added in order. Threads share the
//! chunks, and the chunks follow from the shape alone, so the result does not depend on threads.

use std::ops::Range;

use einfold_ir::Loops as Given;

use super::Binder;
use super::grid::TASK;
use super::nest::Actions;
use super::place::Freedom;
use super::step::{Start, Work};
use crate::error::BindError;
use crate::program::{Home, Span};

/// From so many elements on, the target itself can be split among threads.
const FEW: usize = 64;
/// Points from which chunks are worth their second sum.
const MANY: usize = 4 * TASK;
/// The most chunks.
const CHUNKS: usize = 64;
/// Bytes of a row that are read at full speed: to split the target into shorter pieces reads memory in short runs.
const RUN: usize = 4096;
/// Points of the step for each partial sum, where the target could be split instead.
const SHARE: usize = 16;

/// The loops stay as they are.
const FIXED: Freedom = Freedom { ordered: false, merged: false, split: true };

/// A step that is summed in chunks.
struct Chunked<'p> {
    work: Work<'p>,
    /// The operands of the step.
    operands: Span,
    /// Its loops.
    given: Given,
    /// Which of them is cut.
    at: usize,
    /// Positions of one chunk.
    len: usize,
    /// Where the partial sums of the first chunk are.
    home: usize,
    /// Bytes of the partial sums of one chunk.
    slot: usize,
}

impl Chunked<'_> {
    /// The stride of the dense partial sums in a loop.
    fn dense(&self, l: usize) -> isize {
        let inside = (l + 1..self.given.len()).filter(|&i| kept(&self.given, i)).map(|i| self.given.extents()[i]);
        if kept(&self.given, l) { (inside.product::<usize>() * self.work.compute.size()) as isize } else { 0 }
    }
}

impl Binder<'_> {
    /// The nest of a step over `work.loops`, in chunks where it is a long sum into few elements.
    pub(super) fn push_step(
        &mut self,
        work: Work<'_>,
        operands: Span,
        freedom: Freedom,
        start: Start,
    ) -> Result<(), BindError> {
        if let Some(chunks) = self.scatter_chunks(work, freedom, start) {
            return self.push_scattered(work, operands, freedom, chunks);
        }
        self.arrange(freedom);
        let Some((at, len)) = self.chunk(work, freedom, start) else {
            let actions = self.actions(work, start, operands)?;
            return self.push_nest(work, operands, freedom, actions, Some(start));
        };
        let spare = std::mem::take(&mut self.work.spare);
        let given = std::mem::replace(&mut self.work.loops, spare);
        let elements = (0..given.len()).filter(|&l| kept(&given, l)).map(|l| given.extents()[l]).product::<usize>();
        let (whole, rest) = (given.extents()[at] / len, given.extents()[at] % len);
        let slots = whole + usize::from(rest > 0);
        let slot = elements * work.compute.size();
        let home = self.pack(slots.checked_mul(slot))?;
        let chunked = Chunked { work, operands, given, at, len, home, slot };
        self.push_part(&chunked, 0..whole, len)?;
        if rest > 0 {
            self.push_part(&chunked, whole..slots, rest)?;
        }
        self.push_sum(&chunked, slots, start)?;
        self.work.spare = std::mem::replace(&mut self.work.loops, chunked.given);
        Ok(())
    }

    /// Which loop is to be cut into chunks of which length, if one is.
    fn chunk(&self, work: Work<'_>, freedom: Freedom, start: Start) -> Option<(usize, usize)> {
        let loops = &self.work.loops;
        let product = |l: &mut dyn Iterator<Item = usize>| l.fold(1usize, |n, l| n.saturating_mul(loops.extents()[l]));
        let points = product(&mut (0..loops.len()));
        let sums = matches!(start, Start::Touch | Start::Add) && work.dtype == work.compute;
        let ids = work.step.reads.iter().chain([&work.step.write]).any(|x| x.has_ids());
        if !sums || ids || !freedom.split || points < MANY {
            return None;
        }
        let at = (0..loops.len()).filter(|&l| !kept(loops, l)).max_by_key(|&l| loops.extents()[l])?;
        let elements = product(&mut (0..loops.len()).filter(|&l| kept(loops, l)));
        let chunks = CHUNKS.min(points / TASK);
        let row = product(&mut (at + 1..loops.len()).filter(|&l| kept(loops, l))).saturating_mul(work.compute.size());
        let narrow = row > work.compute.size() && row < chunks * RUN;
        let cheap = elements.saturating_mul(chunks).saturating_mul(SHARE) <= points;
        let fits = self.affords((CHUNKS + 1).saturating_mul(elements).saturating_mul(work.compute.size()));
        let worth = elements < FEW || narrow && cheap;
        (worth && fits).then(|| (at, loops.extents()[at].div_ceil(chunks)))
    }

    /// The partial sums of the chunks `which`, each of `len` positions.
    fn push_part(&mut self, c: &Chunked<'_>, which: Range<usize>, len: usize) -> Result<(), BindError> {
        let first = self.program.operands.len();
        self.push_home(Home::Packed(c.home + which.start * c.slot), c.work.loops);
        let cut = c.given.strides(c.at);
        for (operand, stride) in c.operands.range().zip(cut).skip(1) {
            let again = self.push_again(operand);
            let offset = &mut self.program.operands[again].offset;
            *offset = offset.wrapping_add(stride.wrapping_mul((which.start * c.len) as isize));
        }
        let operands = Span::since(first, &self.program.operands);
        let loops = &mut self.work.loops;
        loops.reset(operands.len);
        let chunk = cut.iter().skip(1).map(|s| s.wrapping_mul(c.len as isize));
        loops.push(which.len(), [c.slot as isize].into_iter().chain(chunk));
        for l in 0..c.given.len() {
            let extent = if l == c.at { len } else { c.given.extents()[l] };
            loops.push(extent, [c.dense(l)].into_iter().chain(c.given.strides(l).iter().copied().skip(1)));
        }
        // They start from nothing, whatever the step does.
        let actions = self.actions(c.work, Start::Touch, c.operands)?;
        self.push_nest(c.work, operands, FIXED, actions, Some(Start::Touch))
    }

    /// The sum of all partial sums.
    fn push_sum(&mut self, c: &Chunked<'_>, slots: usize, start: Start) -> Result<(), BindError> {
        let first = self.program.operands.len();
        self.push_again(c.operands.start);
        self.push_home(Home::Packed(c.home), c.work.loops);
        let operands = Span::since(first, &self.program.operands);
        let loops = &mut self.work.loops;
        loops.reset(2);
        loops.push(slots, [0, c.slot as isize]);
        for l in (0..c.given.len()).filter(|&l| kept(&c.given, l)) {
            loops.push(c.given.extents()[l], [c.given.strides(l)[0], c.dense(l)]);
        }
        let kernels = self.step_kernels(c.work)?;
        let actions = Actions::sum(&kernels, c.work.compute.size(), start);
        self.push_nest(c.work, operands, FIXED, actions, Some(start))
    }
}

fn kept(loops: &Given, l: usize) -> bool {
    loops.strides(l)[0] != 0
}
