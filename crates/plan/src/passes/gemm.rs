//! Recognises matrix products.

use einfold_ir::{
    Access, AffineTerm, AxisRef, AxisSet, BufferId, Count, Draft, Form, Gemm, Index, Step, StridedAxis, WriteMode,
    nesting,
};
use smallvec::SmallVec;

use crate::roles::{AxisList, classify};
use crate::strides::{access_strides, own_axes};

/// The least extent of rows, columns and the contracted axis. With extent 1 the step is a matrix-vector product or an
/// outer product, and a nest of two loops at memory speed is best.
const LEAST_EXTENT: usize = 2;

/// Gives the gemm form to every nest that is a matrix product large enough to pay.
pub(crate) fn run(draft: &mut Draft) -> usize {
    let mut changes = 0;
    for region in 0..draft.regions.len() {
        for step in 0..draft.regions[region].steps.len() {
            if let Some(gemm) = recognise(draft, &draft.regions[region].steps[step]) {
                draft.regions[region].steps[step].form = Form::Gemm(gemm);
                changes += 1;
            }
        }
    }
    changes
}

/// The axis groups of a step that is a matrix product large enough to pay; slowest axis first in the written tensor,
/// contracted axes in the left factor.
fn recognise(draft: &Draft, step: &Step) -> Option<Gemm> {
    let ([a, b], Form::Nest(None)) = (&step.reads[..], &step.form) else { return None };
    if step.flops() < Count::from(draft.machine.least_product()) {
        return None;
    }
    if a.has_indirect() || b.has_indirect() || !is_matrix_write(draft, step) {
        return None;
    }
    let roles = classify(&own_axes(a), &own_axes(b), &own_axes(&step.write));
    let [m, n, k] = [&roles.m, &roles.n, &roles.k].map(|group| step.extent(group));
    let whole = roles.is_matrix() && roles.kept().chain(roles.reduced()).count() == step.axes.len();
    let worth_it = [m, n, k].iter().all(|&e| e >= LEAST_EXTENT)
        && m.saturating_mul(n).saturating_mul(k) as u64 >= draft.machine.least_product()
        && step.axes.iter().all(|axis| axis.extent > 0);
    if !(whole && worth_it) {
        return None;
    }
    let slowest_first = |mut group: AxisList, access: &Access<BufferId>| {
        let strides = access_strides(draft, access, step.axes.len());
        group.sort_by_key(|&x| std::cmp::Reverse(strides[x as usize].unsigned_abs()));
        group.to_vec()
    };
    Some(Gemm {
        batch: slowest_first(roles.batch, &step.write),
        m: slowest_first(roles.m, &step.write),
        n: slowest_first(roles.n, &step.write),
        k: slowest_first(roles.k, a),
    })
}

/// Whether every point of rows, columns and batch axes is written to a position of its own and, if the step does not
/// accumulate, every position is written. Several axes may share an index if they nest, as those of a merged axis do.
fn is_matrix_write(draft: &Draft, step: &Step) -> bool {
    let mut seen = AxisSet::default();
    let mut once = |index: &Index<BufferId>| {
        index.terms().iter().all(|term| match term.axis {
            AxisRef::Loop(_) => true,
            AxisRef::Own(a) => seen.insert(a),
        })
    };
    let extents = &draft.buffer(step.write.tensor).extents;
    let covers = |(index, &extent): (&Index<BufferId>, &usize)| {
        let (distinct, end) = nested(index, step);
        distinct && (step.mode == WriteMode::Accumulate || end == Some(extent))
    };
    step.write.indices.iter().all(&mut once) && step.write.indices.iter().zip(extents).all(covers)
}

/// Whether each axis of an index has a stride past all positions that the axes with smaller strides reach together; and
/// the extent of which they reach every position, if there is one.
fn nested(index: &Index<BufferId>, step: &Step) -> (bool, Option<usize>) {
    let strided = |term: &AffineTerm| match term.axis {
        AxisRef::Own(a) => {
            let (stride, extent) = (term.coef.unsigned_abs(), step.axes[a as usize].extent);
            Some(StridedAxis { stride, extent, axis: () })
        }
        AxisRef::Loop(_) => None,
    };
    let mut axes: SmallVec<[StridedAxis<()>; 4]> = index.terms().iter().filter_map(strided).collect();
    let (mut distinct, mut dense) = (!index.has_indirect(), index.offset() == 0 && axes.len() == index.terms().len());
    for ((), order) in nesting(&mut axes) {
        distinct &= order.is_ge();
        dense &= order.is_eq();
    }
    dense &= index.terms().iter().all(|term| term.coef > 0);
    let end = axes.iter().try_fold(1usize, |end, axis| end.checked_mul(axis.extent.max(1)));
    (distinct, end.filter(|_| dense && distinct))
}

#[cfg(test)]
mod tests {
    use einfold_ir::{Access, Algebra, Axis, AxisRef, Def, Dtype, Index, Ir, Node};

    use crate::passes::tests::after;
    use crate::testing::{contraction, letters, node};

    fn gemm(text: &str, sizes: &[usize]) -> String {
        after(&["gemm"], &letters(text, sizes), &[&[0, 1]])
    }

    #[test]
    fn products_of_matrices_are_recognised_in_any_layout() {
        insta::assert_snapshot!(gemm("ij,jk->ik", &[20, 10, 30]), @r"
        out0[i, k] = in0[i, j] . in1[j, k]  (i:20 k:30 j:10)  gemm b[] m[0] n[1] k[2]
        scratch 0
        ");
        insta::assert_snapshot!(gemm("bji,kbj->bki", &[3, 10, 20, 30]), @r"
        t2@0[b, i, k] = in0[b, j, i] . in1[k, b, j]  (b:3 i:20 k:30 j:10)  gemm b[0] m[1] n[2] k[3]
        out0[b, k, i] = t2@0[b, i, k]  (b:3 i:20 k:30)  nest
        scratch 14400
        ");
        insta::assert_snapshot!(gemm("abij,cdij->abcd", &[4, 5, 6, 7, 8, 9]), @r"
        out0[a, b, c, d] = in0[a, b, i, j] . in1[c, d, i, j]  (a:4 b:5 c:8 d:9 i:6 j:7)  gemm b[] m[0, 1] n[2, 3] k[4, 5]
        scratch 0
        ");
    }

    #[test]
    fn vectors_and_tiny_matrices_stay_nests() {
        insta::assert_snapshot!(gemm("ij,j->i", &[100, 100]), @r"
        out0[i] = in0[i, j] . in1[j]  (i:100 j:100)  nest
        scratch 0
        ");
        insta::assert_snapshot!(gemm("i,j->ij", &[100, 100]), @r"
        out0[i, j] = in0[i] . in1[j]  (i:100 j:100)  nest
        scratch 0
        ");
        insta::assert_snapshot!(gemm("bij,bjk->bik", &[1000, 4, 4, 4]), @r"
        out0[b, i, k] = in0[b, i, j] . in1[b, j, k]  (b:1000 i:4 k:4 j:4)  nest
        scratch 0
        ");
    }

    #[test]
    fn conversions_and_conjugates_are_products() {
        let mut ir = Ir::new();
        let a = ir.input("a", Dtype::F32, [20, 20]);
        let b = ir.input("b", Dtype::C64, [20, 20]);
        let mut c = contraction("ij,jk->ik", &[a, b], |_| 20);
        c.factors[1].conj = true;
        let y = ir.push(node("y", Dtype::C64, c)).unwrap();
        ir.output(y).unwrap();
        insta::assert_snapshot!(after(&["gemm"], &ir, &[&[0, 1]]), @r"
        out0[i, k] = in0[i, j] . conj(in1[j, k])  (i:20 k:20 j:20)  gemm b[] m[0] n[1] k[2]
        scratch 0
        ");
    }

    #[test]
    fn other_algebras_have_products_too_and_windows_may_be_factors() {
        let mut ir = Ir::new();
        let x = ir.input("x", Dtype::I64, [49]);
        let w = ir.input("w", Dtype::I64, [30, 20]);
        let mut c = contraction("i,kj->ij", &[x, w], |c| if c == 'j' { 20 } else { 30 });
        c.algebra = Algebra::MIN_PLUS;
        c.factors[0].indices = vec![Index::affine(0, [(1, AxisRef::Own(0)), (1, AxisRef::Own(2))])].into();
        c.axes[0].extent = 20;
        let y = ir.push(node("y", Dtype::I64, c)).unwrap();
        ir.output(y).unwrap();
        insta::assert_snapshot!(after(&["gemm"], &ir, &[&[0, 1]]), @r"
        out0[i, j] = in0[i+k] . in1[k, j]  (i:20 j:20 k:30)  gemm b[] m[0] n[1] k[2]
        scratch 0
        ");
    }

    #[test]
    fn a_write_that_overlaps_or_leaves_gaps_is_no_matrix() {
        // The last case has a merged axis.
        let cases = [
            ([1, 1], 39, "nest"),
            ([40, 1], 800, "nest"),
            ([20, 1], 401, "nest"),
            ([20, 1], 400, "gemm b[] m[0] n[1] k[2]"),
        ];
        for (coefs, shape, form) in cases {
            let mut ir = Ir::new();
            let a = ir.input("a", Dtype::F64, [20, 20]);
            let mut c = contraction("ik,kj->ij", &[a, a], |_| 20);
            c.output = vec![Index::affine(0, [(coefs[0], AxisRef::Own(0)), (coefs[1], AxisRef::Own(1))])].into();
            let y = ir.push(Node { shape: vec![shape].into(), ..node("y", Dtype::F64, c) }).unwrap();
            ir.output(y).unwrap();
            assert!(after(&["gemm"], &ir, &[&[0, 1]]).contains(form), "{coefs:?}");
        }
    }

    #[test]
    fn a_block_of_a_larger_sum_is_a_product() {
        let mut ir = Ir::new();
        let a = ir.input("a", Dtype::F64, [20, 40]);
        let y = node("y", Dtype::F64, contraction("ij->ij", &[a], |_| 20));
        let y = ir.push(Node { def: Def::Identity(Algebra::SUM_PRODUCT), ..y }).unwrap();
        let region = ir.region(vec![Axis::new("s", 2)]);
        let mut c = contraction("ik,jk->ij", &[a, a], |_| 20);
        let block = |axis| Index::affine(0, [(20, AxisRef::Loop(0)), (1, AxisRef::Own(axis))]);
        c.factors =
            vec![Access::new(a, vec![Index::axis(0), block(2)]), Access::new(a, vec![Index::axis(1), block(2)])];
        c.init = Some(y);
        ir.push(Node { region, ..node("part", Dtype::F64, c) }).unwrap();
        ir.output(y).unwrap();
        insta::assert_snapshot!(after(&["gemm"], &ir, &[&[0, 1]]), @r"
        out0[0, 0] =   ()  fill
        for s:2
          out0[i, j] += in0[i, 20*s+k] . in0[j, 20*s+k]  (i:20 j:20 k:20)  gemm b[] m[0] n[1] k[2]
        scratch 0
        ");
    }
}
