//! View steps, which only move elements, and how neighbouring steps replace them.

use std::collections::BTreeSet;

use einfold_ir::{Access, BufferId, Draft, Dtype, Form, IdVec, Index, Indices, Step, Storage, WriteMode};

use crate::network::dims_of_axes;

/// The pass `diagonal`: removes the steps that only copy a diagonal, a window or a broadcast tensor. Their readers read
/// the source, through composed index functions. Permutations are left to [`transpose`].
pub(crate) fn diagonal(draft: &mut Draft) -> usize {
    fold_views(draft, |draft, step| !is_permutation(draft, step), BufferUses::fold_into_readers)
}

/// The pass `transpose`: removes the steps that only permute the axes of a tensor. Readers of the result read the source
/// instead, or writers of the source write the result instead. A permutation of an operand into a result stays, because
/// that copy is the computation.
pub(crate) fn transpose(draft: &mut Draft) -> usize {
    fold_views(draft, is_permutation, |uses, draft, at, view| {
        uses.fold_into_readers(draft, at, view) || uses.fold_into_writers(draft, at)
    })
}

/// Whether a view step is one to one: every axis of its source is an axis of its target, and the other way round.
fn is_permutation(draft: &Draft, step: &Step) -> bool {
    whole_axes(draft, step, &step.reads[0]).is_some()
}

/// The mapping of a view step, which gives each element of `to` the value of one element of `from`,
/// `to[x] = from[f(x)]`: for each axis of the step, the corresponding axis of `to`; `None` for an axis of extent 1 that
/// `to` lacks.
type View = [Option<usize>];

/// The view of a step, or `None` if the step is not a view step.
fn view_of(draft: &Draft, step: &Step) -> Option<Vec<Option<usize>>> {
    let ([read], Form::Nest(None), WriteMode::Overwrite) = (&step.reads[..], &step.form, step.mode) else {
        return None;
    };
    if read.has_indirect() { None } else { whole_axes(draft, step, &step.write) }
}

/// The access to `from` that reads the same elements as `reader` reads from `to`. `step` is the view step.
fn read_through(view: &View, step: &Step, reader: &Access<BufferId>) -> Access<BufferId> {
    let read = &step.reads[0];
    // An axis that `to` lacks has extent 1.
    let of = |axis: u32| view[axis as usize].map(|dim| &reader.indices[dim]);
    Access { conj: reader.conj != read.conj, ..read.compose(&of) }
}

/// The index functions that write `to` where a step writes `from` at `at`; for a permutation, the view step `step`.
fn write_through(step: &Step, at: &[Index<BufferId>]) -> Indices<BufferId> {
    let dims = dims_of_axes(&step.reads[0].indices);
    let dim_of = |a: u32| dims.get(&a).copied();
    let written = |index: &Index<BufferId>| index.as_axis().and_then(dim_of).map(|dim| at[dim].clone());
    step.write.indices.iter().map(|i| written(i).unwrap_or(Index::constant(0))).collect()
}

/// For each axis of a step, the axis of the accessed tensor along which it runs; `None` for an axis of extent 1 without
/// one. `None` altogether if the points of the step and the elements of the tensor are not one to one.
fn whole_axes(draft: &Draft, step: &Step, access: &Access<BufferId>) -> Option<Vec<Option<usize>>> {
    let mut dims = vec![None; step.axes.len()];
    for (dim, (index, &extent)) in access.indices.iter().zip(&draft.buffer(access.tensor).extents).enumerate() {
        match index.as_axis() {
            Some(a) if step.axes[a as usize].extent == extent && dims[a as usize].is_none() => {
                dims[a as usize] = Some(dim);
            }
            None if extent == 1 && *index == Index::constant(0) => {}
            _ => return None,
        }
    }
    let covered = step.axes.iter().zip(&dims).all(|(axis, dim)| dim.is_some() || axis.extent == 1);
    covered.then_some(dims)
}

/// The position of a step: its region and its position in the region.
type StepPosition = (usize, usize);

/// The steps that touch each buffer, and the steps that a pass removes.
struct BufferUses {
    writers: IdVec<BufferId, BTreeSet<StepPosition>>,
    readers: IdVec<BufferId, BTreeSet<StepPosition>>,
    /// Whether the buffer is an index tensor.
    is_index: IdVec<BufferId, bool>,
    gone: Vec<StepPosition>,
}

/// Runs `fold` on each view step that satisfies `wanted`, and removes those for which it returns true. Returns the
/// number of removed steps.
fn fold_views(
    draft: &mut Draft,
    wanted: impl Fn(&Draft, &Step) -> bool,
    fold: impl Fn(&mut BufferUses, &mut Draft, StepPosition, &View) -> bool,
) -> usize {
    if !draft.has_intermediates() {
        return 0;
    }
    let mut neighbours: Option<BufferUses> = None;
    for region in 0..draft.regions.len() {
        for place in 0..draft.regions[region].steps.len() {
            let step = &draft.regions[region].steps[place];
            let Some(view) = view_of(draft, step).filter(|_| wanted(draft, step)) else { continue };
            let known = neighbours.get_or_insert_with(|| BufferUses::of(draft));
            if fold(known, draft, (region, place), &view) {
                known.gone.push((region, place));
            }
        }
    }
    let Some(BufferUses { gone, .. }) = neighbours else { return 0 };
    for (number, region) in draft.regions.iter_mut().enumerate() {
        let mut place = 0;
        region.steps.retain(|_| {
            place += 1;
            gone.binary_search(&(number, place - 1)).is_err()
        });
    }
    draft.regions.retain(|r| !r.steps.is_empty());
    if !gone.is_empty() {
        drop_untouched(draft);
    }
    gone.len()
}

/// Removes the intermediates that no step touches any more.
fn drop_untouched(draft: &mut Draft) {
    let mut touched: IdVec<BufferId, bool> = IdVec::filled(draft.buffers.len(), false);
    draft.inputs.iter().chain(&draft.outputs).for_each(|b| touched[*b] = true);
    draft.steps().for_each(|(_, step)| step.for_each_buffer(&mut |b| touched[b] = true));
    let mut numbers: IdVec<BufferId, BufferId> = IdVec::default();
    for (buffer, touched) in std::mem::take(&mut draft.buffers).into_iter().zip(touched) {
        numbers.push(BufferId(draft.buffers.len() as u32));
        if touched {
            draft.buffers.push(buffer);
        }
    }
    draft.inputs.iter_mut().chain(&mut draft.outputs).for_each(|b| *b = numbers[*b]);
    for step in draft.regions.iter_mut().flat_map(|region| &mut region.steps) {
        let accesses = step.reads.iter_mut().chain([&mut step.write]);
        accesses.for_each(|access| *access = access.map(&mut |b| numbers[*b]));
    }
}

impl BufferUses {
    fn of(draft: &Draft) -> BufferUses {
        let none = || IdVec::filled(draft.buffers.len(), BTreeSet::new());
        let (writers, readers, is_index) = (none(), none(), IdVec::filled(draft.buffers.len(), false));
        let mut all = BufferUses { writers, readers, is_index, gone: Vec::new() };
        for (r, region) in draft.regions.iter().enumerate() {
            for (s, step) in region.steps.iter().enumerate() {
                all.writers[step.write.tensor].insert((r, s));
                step.reads.iter().for_each(|read| _ = all.readers[read.tensor].insert((r, s)));
                let positions =
                    step.reads.iter().chain([&step.write]).flat_map(|a| &a.indices).flat_map(|i| i.indirect());
                positions.for_each(|i| i.access.for_each_tensor(&mut |b| all.is_index[*b] = true));
            }
        }
        all
    }

    /// Whether a buffer is an intermediate, no index tensor, and only the step at `at` is in `steps`.
    fn is_private(&self, draft: &Draft, buffer: BufferId, steps: &BTreeSet<StepPosition>, at: StepPosition) -> bool {
        let scratch = matches!(draft.buffers[buffer].storage, Storage::Scratch(_));
        scratch && !self.is_index[buffer] && steps.len() == 1 && steps.contains(&at)
    }

    /// Whether no step writes the source of the view at `at` later, and `moved`, the steps that are redirected, are in
    /// the loops of the view.
    fn is_settled(&self, draft: &Draft, from: BufferId, at: StepPosition, moved: &BTreeSet<StepPosition>) -> bool {
        let inside = draft.regions[at.0].loops.is_empty()
            || [moved.first(), moved.last()].into_iter().flatten().all(|step| step.0 == at.0);
        inside && self.writers[from].last().is_none_or(|writer| *writer < at)
    }

    /// Redirects every reader of the result of the view at `at` to the source of the view. Returns whether that is
    /// possible: only the view writes its result, which is a scratch buffer, no step writes the source later, and no
    /// rounding is skipped.
    fn fold_into_readers(&mut self, draft: &mut Draft, at: StepPosition, view: &View) -> bool {
        let step = &draft.regions[at.0].steps[at.1];
        let (to, from) = (step.write.tensor, step.reads[0].tensor);
        let unused = self.is_private(draft, to, &self.writers[to], at);
        if !(unused && self.is_settled(draft, from, at, &self.readers[to]) && self.reads_exactly(draft, to, from)) {
            return false;
        }
        let step = step.clone();
        for &(r, s) in &std::mem::take(&mut self.readers[to]) {
            for read in draft.regions[r].steps[s].reads.iter_mut().filter(|read| read.tensor == to) {
                *read = read_through(view, &step, read);
            }
            self.readers[from].insert((r, s));
        }
        self.readers[from].remove(&at);
        self.writers[to].clear();
        true
    }

    /// Whether the readers of `to` get the same values from `from`, and no reader uses `to` as an index tensor.
    fn reads_exactly(&self, draft: &Draft, to: BufferId, from: BufferId) -> bool {
        let buffers = &draft.buffers;
        self.readers[to].iter().all(|&(r, s)| {
            let reader = &draft.regions[r].steps[s];
            let (target, source, between) = (draft.buffer(reader.write.tensor), buffers[from].dtype, buffers[to].dtype);
            // A step that moves elements rounds them as it reads them; all other steps read the values of their dtype.
            let widens = Dtype::promote(&[source, target.dtype]) == Some(target.dtype);
            let moves =
                reader.reads.len() == 1 && reader.mode == WriteMode::Overwrite && reader.is_map(&target.extents);
            let computes = matches!(reader.form, Form::Nest(Some(_)));
            let converts = source == between || (between == target.dtype && (widens || moves) && !computes);
            converts && reader.reads.iter().all(|read| read.tensor != to || !read.has_indirect())
        })
    }

    /// Redirects every writer of the source of the permutation at `at` to its target. Returns whether that is possible:
    /// no other step reads the source, which is a scratch buffer, or touches the target before.
    fn fold_into_writers(&mut self, draft: &mut Draft, at: StepPosition) -> bool {
        let step = &draft.regions[at.0].steps[at.1];
        let (to, from) = (step.write.tensor, step.reads[0].tensor);
        let unused = self.is_private(draft, from, &self.readers[from], at);
        let settled = self.is_settled(draft, from, at, &self.writers[from]);
        let untouched = self.writers[to].first() == Some(&at) && self.readers[to].first().is_none_or(|r| *r > at);
        let same = draft.buffers[from].dtype == draft.buffers[to].dtype && !step.reads[0].conj;
        if !(unused && settled && untouched && same) {
            return false;
        }
        let step = step.clone();
        let writers = std::mem::take(&mut self.writers[from]);
        for &(r, s) in &writers {
            let write = &mut draft.regions[r].steps[s].write;
            write.indices = write_through(&step, &write.indices);
            write.tensor = to;
        }
        self.readers[from].clear();
        self.writers[to].remove(&at);
        self.writers[to].extend(writers);
        true
    }
}

#[cfg(test)]
mod tests {
    use einfold_ir::{
        Access, Algebra, Axis, Buffer, BufferId, Draft, Dtype, Form, Index, Ir, Layout, Machine, NodeId, Region, Step,
        Storage, WriteMode,
    };

    use super::{BufferUses, fold_views};
    use crate::passes::tests::after;
    use crate::testing::{contraction, letters, node};

    /// Steps that copy `tensors[k].0` to `tensors[k].1`, vectors of two elements.
    fn copies(buffers: Vec<Storage>, tensors: impl Iterator<Item = (usize, usize)>) -> Draft {
        let buffer = |storage| Buffer {
            label: "t".into(),
            dtype: Dtype::F64,
            extents: vec![2].into(),
            storage,
            layout: Layout::RowMajor,
        };
        let vector = |tensor: usize| Access::new(BufferId(tensor as u32), vec![Index::axis(0)]);
        let step = |(from, to)| Step {
            origin: NodeId(0),
            axes: vec![Axis::new("i", 2)],
            reads: vec![vector(from)],
            write: vector(to),
            mode: WriteMode::Overwrite,
            algebra: Algebra::SUM_PRODUCT,
            form: Form::Nest(None),
        };
        let regions = [Region { loops: Vec::new(), steps: tensors.map(step).collect(), partitions: None }].into();
        let buffers = buffers.into_iter().map(buffer).collect();
        Draft {
            buffers,
            regions,
            inputs: smallvec::smallvec![BufferId(0)],
            outputs: Default::default(),
            scratch: 0,
            machine: Machine::DEFAULT,
        }
    }

    /// A search through all readers of the source for each view would take minutes.
    #[test]
    fn many_views_of_one_tensor() {
        const MANY: usize = 50_000;
        let scratch = (0..MANY).map(|_| Storage::Scratch(0));
        let results = (0..MANY as u32).map(Storage::Output);
        let buffers = std::iter::once(Storage::Input(0)).chain(scratch).chain(results).collect();
        let views = (1..=MANY).map(|k| (0, k));
        let mut draft = copies(buffers, views.chain((1..=MANY).map(|k| (k, MANY + k))));
        let copied = |step: &Step| step.write.tensor.0 as usize <= MANY;
        let gone = fold_views(&mut draft, |_, step| copied(step), BufferUses::fold_into_readers);
        assert_eq!(gone, MANY);
        assert!(draft.steps().all(|(_, step)| step.reads[0].tensor == BufferId(0)));
    }

    #[test]
    fn a_diagonal_is_read_through_its_strides() {
        let ir = letters("iij,jkk->ik", &[2, 3, 4]);
        insta::assert_snapshot!(after(&["diagonal"], &ir, &[&[0, 1]]), @r"
        out0[i, k] = in0[i, i, j] . in1[j, k, k]  (i:2 k:4 j:3)  nest
        scratch 0
        ");
    }

    #[test]
    fn a_diagonal_with_a_sum_stays() {
        let ir = letters("iijl,jk->ik", &[2, 3, 4, 5]);
        insta::assert_snapshot!(after(&["diagonal"], &ir, &[&[0, 1]]), @r"
        t2@0[i, j] = in0[i, i, j, l]  (i:2 j:3 l:4)  nest
        out0[i, k] = t2@0[i, j] . in1[j, k]  (i:2 k:5 j:3)  nest
        scratch 64
        ");
    }

    #[test]
    fn the_last_step_writes_the_result_in_its_order() {
        let ir = letters("ij,jk,kl->li", &[2, 3, 4, 5]);
        insta::assert_snapshot!(after(&["transpose"], &ir, &[&[0, 1], &[2, 3]]), @r"
        t3@0[i, k] = in0[i, j] . in1[j, k]  (i:2 k:4 j:3)  nest
        out0[l, i] = in2[k, l] . t3@0[i, k]  (l:5 i:2 k:4)  nest
        scratch 64
        ");
    }

    #[test]
    fn a_permuted_intermediate_is_read_in_place() {
        let mut ir = Ir::new();
        let a = ir.input("a", Dtype::I32, [2, 2]);
        let t = ir.push(node("t", Dtype::F64, contraction("ij->ji", &[a], |_| 2))).unwrap();
        let y = ir.push(node("y", Dtype::F64, contraction("ij,jk->ik", &[t, t], |_| 2))).unwrap();
        ir.output(y).unwrap();
        insta::assert_snapshot!(after(&["transpose"], &ir, &[&[0, 1]]), @r"
        out0[i, k] = in0[j, i] . in0[k, j]  (i:2 k:2 j:2)  nest
        scratch 0
        ");
    }

    #[test]
    fn a_rounded_intermediate_is_stored() {
        let mut ir = Ir::new();
        let a = ir.input("a", Dtype::F64, [2, 2]);
        let t = ir.push(node("t", Dtype::F32, contraction("ij->ji", &[a], |_| 2))).unwrap();
        let y = ir.push(node("y", Dtype::F64, contraction("ij,jk->ik", &[t, t], |_| 2))).unwrap();
        ir.output(y).unwrap();
        insta::assert_snapshot!(after(&["transpose"], &ir, &[&[0, 1]]), @r"
        t1@0[j, i] = in0[i, j]  (j:2 i:2)  nest
        out0[i, k] = t1@0[i, j] . t1@0[j, k]  (i:2 k:2 j:2)  nest
        scratch 64
        ");
    }

    #[test]
    fn a_transposed_operand_is_a_copy() {
        insta::assert_snapshot!(after(&["transpose"], &letters("ij->ji", &[2, 3]), &[]), @r"
        out0[j, i] = in0[i, j]  (j:3 i:2)  nest
        scratch 0
        ");
    }
}
