//! Chooses the layouts of intermediates.

use std::cmp::Reverse;

use einfold_ir::{Access, AxisSet, BufferId, Count, Draft, IdVec, Layout, Step, Storage, few};
use smallvec::SmallVec;

use crate::roles::AxisList;
use crate::strides::{Strides, access_strides, own_axes};

/// Gives every intermediate the layout that is best for its last reader, backwards from the results, whose layout is
/// given. For a matrix product: batch axes outside, then each group contiguous, in the order of the other tensor with
/// that group. For other readers: all axes that they keep, in the order in which they write them. The step that
/// computes the intermediate decides which of the two groups is inside; equal choices give row-major layout.
///
/// Returns the number of intermediates that are not row-major.
pub(crate) fn run(draft: &mut Draft) -> usize {
    if !draft.has_intermediates() {
        return 0;
    }
    let (writers, chosen) = (IdVec::filled(draft.buffers.len(), None), IdVec::filled(draft.buffers.len(), false));
    let mut chooser = Chooser { writers, chosen, changes: 0 };
    for (r, region) in draft.regions.iter().enumerate() {
        for (s, step) in region.steps.iter().enumerate() {
            chooser.writers[step.write.tensor].get_or_insert((r, s));
        }
    }
    for r in (0..draft.regions.len()).rev() {
        for s in (0..draft.regions[r].steps.len()).rev() {
            for read in 0..draft.regions[r].steps[s].reads.len() {
                chooser.choose(draft, (r, s), read);
            }
        }
    }
    chooser.changes
}

struct Chooser {
    /// The first step that writes each buffer.
    writers: IdVec<BufferId, Option<(usize, usize)>>,
    chosen: IdVec<BufferId, bool>,
    changes: usize,
}

impl Chooser {
    /// Chooses the layout of the intermediate that step `s` of region `r` reads as factor `read`.
    fn choose(&mut self, draft: &mut Draft, (r, s): (usize, usize), read: usize) {
        let step = &draft.regions[r].steps[s];
        let tensor = step.reads[read].tensor;
        if self.is_settled(draft, tensor) {
            return;
        }
        let Some(axes) = plain_axes(&step.reads[read]) else { return };
        self.chosen[tensor] = true;
        let writer = self.writers[tensor].map(|(r, s)| Writer::of(draft, &draft.regions[r].steps[s]));
        let writer = writer.unwrap_or_default();
        let cost = |order: &AxisList| (writer.runs(order), writer.against_the_grain(order), !order.is_sorted());
        let best = self.candidates(draft, step, read, &axes).into_iter().min_by_key(cost);
        if let Some(order) = best.filter(|order| !order.is_sorted()) {
            draft.buffers[tensor].layout = Layout::Order(order.into_vec());
            self.changes += 1;
        }
    }

    /// Whether the layout of a tensor is given or chosen.
    fn is_settled(&self, draft: &Draft, tensor: BufferId) -> bool {
        self.chosen[tensor] || !matches!(draft.buffer(tensor).storage, Storage::Scratch(_))
    }

    /// The orders of the dimensions of a factor that are best for its reader, slowest first; fixed ones outside.
    fn candidates(&self, draft: &Draft, step: &Step, read: usize, axes: &[Option<u32>]) -> [AxisList; 2] {
        let other = step.reads.get(usize::from(read == 0)).filter(|_| step.reads.len() > 1);
        let strides = |access| access_strides(draft, access, step.axes.len());
        let (written, theirs) = (strides(&step.write), other.map_or(Strides::from_elem(0, step.axes.len()), strides));
        let settled = other.is_some_and(|other| self.is_settled(draft, other.tensor));
        // Whether the other factor and the written tensor have an axis.
        let tensors = |axis: usize| [theirs[axis] != 0, written[axis] != 0];
        let own = AxisSet::of(axes.iter().flatten());
        let any = |test: fn(bool, [bool; 2]) -> bool| {
            (0..step.axes.len()).any(|axis| test(own.has(axis as u32), tensors(axis)))
        };
        let is_matrix = any(|own, tensors| own && tensors == [false, true])
            && any(|own, [_, written]| own && !written)
            && any(|own, tensors| !own && tensors == [true, true]);
        let place = |dim: u32, inside: bool| {
            let Some(axis) = axes[dim as usize].map(|axis| axis as usize) else { return (0, Reverse(0), false) };
            let by = |strides: &Strides| Reverse(strides[axis].unsigned_abs());
            match tensors(axis) {
                [true, true] if is_matrix => (1, by(&written), false),
                // In a step that is not a matrix product, the loops follow the layout of the written tensor.
                [shared, true] => (3, by(&written), shared),
                [shared, false] => {
                    (if inside { 4 } else { 2 }, if settled { by(&theirs) } else { Reverse(0) }, !shared)
                }
            }
        };
        [read == 0, read > 0].map(|inside| {
            let mut order: AxisList = few(0..axes.len() as u32);
            order.sort_by_key(|&dim| place(dim, inside));
            order
        })
    }
}

/// The own axis of each index, `None` for a fixed position; `None` altogether if some index is neither or an axis is
/// repeated.
fn plain_axes(access: &Access<BufferId>) -> Option<SmallVec<[Option<u32>; 8]>> {
    let mut axes = SmallVec::new();
    let mut seen = AxisSet::default();
    for index in &access.indices {
        let axis = index.as_axis();
        let plain = axis.is_some() || index.is_constant();
        if !plain || axis.is_some_and(|axis| !seen.insert(axis)) {
            return None;
        }
        axes.push(axis);
    }
    Some(axes)
}

/// What the step that computes a tensor says about the order of the axes of that tensor.
#[derive(Default)]
struct Writer {
    /// For each axis of the tensor, if it is one of the step, which of the two factors have it.
    groups: SmallVec<[Option<[bool; 2]>; 8]>,
    /// The axis along which a nest reads its largest tensor, if it is not the same for all orders.
    grain: Option<u32>,
}

impl Writer {
    fn of(draft: &Draft, step: &Step) -> Writer {
        let Some(written) = plain_axes(&step.write) else { return Writer::default() };
        let mut writer = Writer::default();
        if let [a, b] = &step.reads[..] {
            let (a, b) = (own_axes(a), own_axes(b));
            let [in_a, in_b] = [&a, &b].map(AxisSet::of);
            writer.groups = few(written.iter().map(|axis| axis.map(|axis| [in_a.has(axis), in_b.has(axis)])));
            let kept = AxisSet::of(written.iter().flatten());
            let contracts = a.iter().any(|&axis| in_b.has(axis) && !kept.has(axis));
            // The kernel of a matrix product reads along any axis.
            if contracts && [[true, false], [false, true]].iter().all(|&side| writer.groups.contains(&Some(side))) {
                return writer;
            }
        }
        let elements = |a: &&Access<BufferId>| Count::elements(&draft.buffer(a.tensor).extents);
        if let Some(largest) = step.reads.iter().max_by_key(elements) {
            let strides = access_strides(draft, largest, step.axes.len());
            let stride = |dim: &u32| written[*dim as usize].map_or(0, |axis| strides[axis as usize].unsigned_abs());
            writer.grain = (0..written.len() as u32).filter(|dim| stride(dim) > 0).min_by_key(stride);
        }
        writer
    }

    /// The number of contiguous runs of the axis groups of a product, if its result has this order.
    fn runs(&self, order: &[u32]) -> usize {
        let groups = order.iter().filter_map(|&dim| *self.groups.get(dim as usize)?);
        let mut groups: SmallVec<[[bool; 2]; 8]> = few(groups);
        groups.dedup();
        groups.len()
    }

    /// Whether a nest that writes a tensor with this axis order would write along one axis and read along another, judged
    /// by the largest tensor that it reads.
    fn against_the_grain(&self, order: &[u32]) -> bool {
        self.grain.is_some() && order.last() != self.grain.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use crate::passes::tests::after;
    use crate::testing::letters;

    #[test]
    fn an_intermediate_is_laid_out_for_the_product_that_reads_it() {
        // The first product computes [i, k, l, m]; the second contracts k and m, which are not neighbours in that
        // order.
        let ir = letters("ijk,jlm,mkn->iln", &[2, 3, 4, 5, 6, 7]);
        insta::assert_snapshot!(after(&["layout"], &ir, &[&[0, 1], &[2, 3]]), @r"
        t3@0[3, 1, 0, 2][i, k, l, m] = in0[i, j, k] . in1[j, l, m]  (i:2 k:4 l:5 m:6 j:3)  nest
        t4@1920[1, 2, 0][n, i, l] = in2[m, k, n] . t3@0[3, 1, 0, 2][i, k, l, m]  (n:7 i:2 l:5 m:6 k:4)  nest
        out0[i, l, n] = t4@1920[1, 2, 0][n, i, l]  (n:7 i:2 l:5)  nest
        scratch 2496
        ");
    }

    #[test]
    fn the_order_within_a_group_is_that_of_the_other_tensors() {
        let ir = letters("ai,bi,bac->ic", &[2, 3, 4, 5]);
        insta::assert_snapshot!(after(&["layout"], &ir, &[&[0, 1], &[2, 3]]), @r"
        t3@0[2, 1, 0][i, a, b] = in0[a, i] . in1[b, i]  (i:3 a:2 b:4)  nest
        t4@192[1, 0][c, i] = in2[b, a, c] . t3@0[2, 1, 0][i, a, b]  (c:5 i:3 b:4 a:2)  nest
        out0[i, c] = t4@192[1, 0][c, i]  (c:5 i:3)  nest
        scratch 320
        ");
        let ir = letters("ab,c,cd->dba", &[2, 3, 4, 5]);
        insta::assert_snapshot!(after(&["layout"], &ir, &[&[0, 1], &[2, 3]]), @r"
        t3@0[2, 1, 0][a, b, c] = in0[a, b] . in1[c]  (a:2 b:3 c:4)  nest
        t4@192[0, 2, 1][d, a, b] = in2[c, d] . t3@0[2, 1, 0][a, b, c]  (d:5 a:2 b:3 c:4)  nest
        out0[d, b, a] = t4@192[0, 2, 1][d, a, b]  (d:5 a:2 b:3)  nest
        scratch 448
        ");
    }

    #[test]
    fn a_nest_writes_along_the_axis_that_it_reads_along() {
        let ir = letters("jbk,bk,ij->ik", &[30, 50, 60, 20]);
        insta::assert_snapshot!(after(&["layout"], &ir, &[&[0, 1], &[2, 3]]), @r"
        t3@0[1, 0][k, j] = in0[j, b, k] . in1[b, k]  (k:60 j:30 b:50)  nest
        out0[i, k] = in2[i, j] . t3@0[1, 0][k, j]  (i:20 k:60 j:30)  nest
        scratch 14400
        ");
    }

    #[test]
    fn row_major_stays_where_it_is_good() {
        let ir = letters("ij,jk,kl->il", &[2, 3, 4, 5]);
        insta::assert_snapshot!(after(&["layout"], &ir, &[&[0, 1], &[3, 2]]), @r"
        t3@0[i, k] = in0[i, j] . in1[j, k]  (i:2 k:4 j:3)  nest
        out0[i, l] = t3@0[i, k] . in2[k, l]  (i:2 l:5 k:4)  nest
        scratch 64
        ");
    }
}
