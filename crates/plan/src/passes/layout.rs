//! Chooses the layouts of intermediates.

use std::cmp::Reverse;

use einfold_ir::{Access, AxisSet, BufferId, Draft, IdVec, Layout, Step, Storage};

use smallvec::SmallVec;

use crate::roles::{AxisList, Roles, classify};
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
    let mut chooser =
        Chooser { writers: writers(draft), chosen: IdVec::filled(draft.buffers.len(), false), changes: 0 };
    for r in (0..draft.regions.len()).rev() {
        for s in (0..draft.regions[r].steps.len()).rev() {
            for read in 0..draft.regions[r].steps[s].reads.len() {
                chooser.choose(draft, (r, s), read);
            }
        }
    }
    chooser.changes
}

/// The first step that writes each buffer.
fn writers(draft: &Draft) -> IdVec<BufferId, Option<(usize, usize)>> {
    let mut writers = IdVec::filled(draft.buffers.len(), None);
    for (r, region) in draft.regions.iter().enumerate() {
        for (s, step) in region.steps.iter().enumerate() {
            writers[step.write.tensor].get_or_insert((r, s));
        }
    }
    writers
}

struct Chooser {
    writers: IdVec<BufferId, Option<(usize, usize)>>,
    chosen: IdVec<BufferId, bool>,
    changes: usize,
}

impl Chooser {
    /// Chooses the layout of the intermediate that step `s` of region `r` reads as factor `read`.
    fn choose(&mut self, draft: &mut Draft, (r, s): (usize, usize), read: usize) {
        let step = &draft.regions[r].steps[s];
        let tensor = step.reads[read].tensor;
        let scratch = matches!(draft.buffer(tensor).storage, Storage::Scratch(_));
        let Some(axes) = plain_axes(&step.reads[read]).filter(|_| scratch && !self.chosen[tensor]) else {
            return;
        };
        self.chosen[tensor] = true;
        let best = self.candidates(draft, step, read, &axes).into_iter().map(|order| layout(&axes, &order));
        let writer = self.writers[tensor].map(|(r, s)| Writer::of(draft, &draft.regions[r].steps[s]));
        let written =
            |order: &[u32]| writer.as_ref().map_or((0, false), |w| (w.runs(order), w.against_the_grain(order)));
        let Some(order) = best.min_by_key(|order| (written(order), !order.is_sorted())) else { return };
        if !order.is_sorted() {
            draft.buffers[tensor].layout = Layout::Order(order);
            self.changes += 1;
        }
    }

    /// The axis orders of a factor that are best for its reader, slowest first.
    fn candidates(&self, draft: &Draft, step: &Step, read: usize, axes: &[Option<u32>]) -> Vec<Vec<u32>> {
        let own: AxisList = axes.iter().flatten().copied().collect();
        let other = step.reads.iter().enumerate().find(|(k, _)| *k != read).map(|(_, other)| other);
        let strides = |access| access_strides(draft, access, step.axes.len());
        let written = strides(&step.write);
        let theirs = other.map_or(Strides::from_elem(0, step.axes.len()), strides);
        let moved =
            |strides: &Strides| -> AxisList { (0..).zip(strides).filter(|(_, s)| **s != 0).map(|(a, _)| a).collect() };
        let roles = classify(&own, &moved(&theirs), &moved(&written));
        let Roles { mut batch, m: mut free, mut k, n, lhs_only, .. } = roles;
        let settled = |o: &Access<BufferId>| {
            self.chosen[o.tensor] || !matches!(draft.buffer(o.tensor).storage, Storage::Scratch(_))
        };
        let by = |strides: &[isize], group: &mut AxisList| {
            group.sort_by_key(|&a| Reverse(strides[a as usize].unsigned_abs()));
        };
        by(&written, &mut batch);
        by(&written, &mut free);
        if other.is_some_and(settled) {
            by(&theirs, &mut k);
        }
        k.extend(lhs_only);
        if [&free, &n, &k].iter().any(|group| group.is_empty()) {
            // Not a matrix product: its loops follow the layout of the written tensor.
            free.append(&mut batch);
            by(&written, &mut free);
        }
        let inside = [batch.clone(), free.clone(), k.clone()].concat();
        let outside = [batch, k, free].concat();
        if read == 0 { vec![inside, outside] } else { vec![outside, inside] }
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

/// The axes of the tensor from slowest to fastest, given the order of the step's axes; fixed ones outside.
fn layout(axes: &[Option<u32>], order: &[u32]) -> Vec<u32> {
    let fixed = (0..axes.len() as u32).filter(|&dim| axes[dim as usize].is_none());
    let own = axes.iter().flatten().max().map_or(0, |axis| *axis as usize + 1);
    let mut dims: SmallVec<[u32; 8]> = SmallVec::from_elem(u32::MAX, own);
    (0..).zip(axes).for_each(|(dim, axis)| axis.iter().for_each(|axis| dims[*axis as usize] = dim));
    fixed.chain(order.iter().map(|&axis| dims[axis as usize])).collect()
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
        let out: AxisList = written.iter().flatten().copied().collect();
        let mut writer = Writer::default();
        if let [a, b] = &step.reads[..] {
            let (a, b) = (own_axes(a), own_axes(b));
            let sets = [AxisSet::of(&a), AxisSet::of(&b)];
            writer.groups = written.iter().map(|axis| axis.map(|axis| [0, 1].map(|k| sets[k].has(axis)))).collect();
            let Roles { m, n, k, .. } = classify(&a, &b, &out);
            // The kernel of a matrix product reads along any axis.
            if [m, n, k].iter().all(|group| !group.is_empty()) {
                return writer;
            }
        }
        let elements =
            |a: &&Access<BufferId>| draft.buffer(a.tensor).extents.iter().fold(1, |n: usize, &e| n.saturating_mul(e));
        if let Some(largest) = step.reads.iter().max_by_key(elements) {
            let strides = access_strides(draft, largest, step.axes.len());
            let moved = out.iter().filter(|&&a| strides[a as usize] != 0);
            let grain = moved.min_by_key(|&&a| strides[a as usize].unsigned_abs());
            writer.grain =
                grain.and_then(|grain| written.iter().position(|axis| axis == &Some(*grain))).map(|at| at as u32);
        }
        writer
    }

    /// The number of contiguous runs of the axis groups of a product, if its result has this order.
    fn runs(&self, order: &[u32]) -> usize {
        let groups = order.iter().filter_map(|&dim| *self.groups.get(dim as usize)?);
        let groups: SmallVec<[[bool; 2]; 8]> = groups.collect();
        groups.chunk_by(|x, y| x == y).count()
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
