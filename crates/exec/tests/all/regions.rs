//! Regions with loops, windows, and plans of several steps.

use einfold_exec::{AnyView, AnyViewMut};
use einfold_ir::{Access, Algebra, Axis, AxisRef, Dtype, Form, Index, NodeId, Step, WriteMode};

use super::support::{Build, Tensor, free, meaning, run};

fn view(t: &Tensor) -> AnyView<'_> {
    let strides = crate::support::row_major(&t.shape);
    AnyView::from_slice(&t.data, 0, &t.shape, &strides).unwrap()
}

fn view_mut(t: &mut Tensor) -> AnyViewMut<'_> {
    let strides = crate::support::row_major(&t.shape);
    AnyViewMut::from_slice(&mut t.data, 0, &t.shape, &strides).unwrap()
}

fn fill(like: &Step) -> Step {
    let write = Access::new(like.write.tensor, like.write.indices.iter().map(|_| Index::constant(0)));
    Step { axes: vec![], reads: vec![], write, form: Form::Fill, mode: WriteMode::Overwrite, ..like.clone() }
}

#[test]
fn a_sliced_axis_accumulates() {
    // C[i,k] = Σ_j A[i,j] B[j,k], one j at a time, through a scratch copy of the slice of A.
    for turns in [0usize, 1, 5] {
        let mut build = Build::new();
        let a = build.input(Dtype::I64, &[4, turns]);
        let b = build.input(Dtype::I64, &[turns, 3]);
        let column = build.scratch(Dtype::I64, &[4]);
        let c = build.output(Dtype::I64, &[4, 3]);
        let own = |k: u32| Index::axis(k);
        let turn = || Index::affine(0, [(1, AxisRef::Loop(0))]);
        let copy = Step {
            origin: NodeId(0),
            axes: vec![Axis::new("i", 4)],
            reads: vec![Access::new(a, vec![own(0), turn()])],
            write: Access::plain(column, [0]),
            mode: WriteMode::Overwrite,
            algebra: Algebra::SUM_PRODUCT,
            form: free(),
        };
        let product = Step {
            axes: vec![Axis::new("i", 4), Axis::new("k", 3)],
            reads: vec![Access::plain(column, [0]), Access::new(b, vec![turn(), own(1)])],
            write: Access::plain(c, [0, 1]),
            mode: WriteMode::Accumulate,
            ..copy.clone()
        };
        build.push(fill(&product));
        build.region(vec![Axis::new("j", turns)]);
        build.push(copy);
        build.push(product);
        let plan = build.seal();
        let a = Tensor::new(&[4, turns], |i| i as i64 * 3 - 7);
        let b = Tensor::new(&[turns, 3], |i| 5 - i as i64);
        let mut c = Tensor::new(&[4, 3], |_| 99);
        run(&plan, &[view(&a), view(&b)], &mut [view_mut(&mut c)]);
        let want =
            Tensor::new(&[4, 3], |p| (0..turns).map(|j| a.data[p / 3 * turns + j] * b.data[j * 3 + p % 3]).sum());
        assert_eq!(c, want, "{turns} turns");
        assert_eq!(c, meaning(&plan, &[a, b])[0]);
    }
}

/// A run that went through the iterations would not end.
#[test]
fn loops_that_no_step_depends_on_are_not_run() {
    let mut build = Build::new();
    let a = build.input(Dtype::I64, &[3]);
    let c = build.output(Dtype::I64, &[3]);
    build.region(vec![Axis::new("empty", usize::MAX)]);
    build.region(vec![Axis::new("unused", usize::MAX)]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("i", 3)],
        reads: vec![Access::plain(a, [0])],
        write: Access::plain(c, [0]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    // A sum of nothing, which accumulates in every iteration.
    let d = build.output(Dtype::I64, &[]);
    let none = build.input(Dtype::I64, &[0]);
    let sum = Step {
        origin: NodeId(1),
        axes: vec![Axis::new("i", 0)],
        reads: vec![Access::plain(none, [0])],
        write: Access::plain(d, []),
        mode: WriteMode::Accumulate,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    };
    build.region(vec![]);
    build.push(fill(&sum));
    build.region(vec![Axis::new("s", usize::MAX)]);
    build.push(sum);
    let plan = build.seal();
    let a = Tensor::new(&[3], |i| i as i64 - 1);
    let mut c = Tensor::new(&[3], |_| 99);
    let (none, mut d) = (Tensor::new(&[0], |_| 0), Tensor::new(&[], |_| 99));
    run(&plan, &[view(&a), view(&none)], &mut [view_mut(&mut c), view_mut(&mut d)]);
    assert_eq!((c, d.data[0]), (a, 0));
}

#[test]
fn a_region_without_turns_still_starts_what_it_would_write() {
    let mut build = Build::new();
    let a = build.input(Dtype::F64, &[3]);
    let c = build.output(Dtype::F64, &[3]);
    let step = build.step("i->i", &[a], c, Algebra::MIN_PLUS, false);
    build.region(vec![Axis::new("s", 0)]);
    build.push(step);
    let plan = build.seal();
    let (a, mut c) = ([1.0f64; 3], [7.0f64; 3]);
    run(
        &plan,
        &[AnyView::from_slice(&a, 0, &[3], &[1]).unwrap()],
        &mut [AnyViewMut::from_slice(&mut c, 0, &[3], &[1]).unwrap()],
    );
    assert_eq!(c, [f64::INFINITY; 3]);
}

#[test]
fn a_window_runs_backwards() {
    // Y[i] = Σ_k x[7 - 2i + k] w[k]
    let mut build = Build::new();
    let x = build.input(Dtype::I64, &[10]);
    let w = build.input(Dtype::I64, &[3]);
    let y = build.output(Dtype::I64, &[4]);
    let index = Index::affine(7, [(-2, AxisRef::Own(0)), (1, AxisRef::Own(1))]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("i", 4), Axis::new("k", 3)],
        reads: vec![Access::new(x, vec![index]), Access::plain(w, [1])],
        write: Access::plain(y, [0]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    let plan = build.seal();
    let x = Tensor::new(&[10], |i| (i * i) as i64);
    let w = Tensor::new(&[3], |i| i as i64 - 1);
    let mut y = Tensor::new(&[4], |_| 99);
    run(&plan, &[view(&x), view(&w)], &mut [view_mut(&mut y)]);
    let want = Tensor::new(&[4], |i| (0..3).map(|k| x.data[7 - 2 * i + k] * (k as i64 - 1)).sum());
    assert_eq!(y, want);
}

#[test]
fn two_outputs_share_an_intermediate() {
    // T = A·B; Y = T·C; s = Σ T
    let mut build = Build::new();
    let a = build.input(Dtype::I64, &[3, 4]);
    let b = build.input(Dtype::I64, &[4, 5]);
    let c = build.input(Dtype::I64, &[5, 2]);
    let t = build.scratch(Dtype::I64, &[3, 5]);
    let y = build.output(Dtype::I64, &[3, 2]);
    let s = build.output(Dtype::I64, &[]);
    build.einsum("ij,jk->ik", &[a, b], t, Algebra::SUM_PRODUCT, true);
    build.einsum("ik,kl->il", &[t, c], y, Algebra::SUM_PRODUCT, true);
    build.einsum("ik->", &[t], s, Algebra::SUM_PRODUCT, false);
    let plan = build.seal();
    let tensor = |shape: &[usize], k: i64| Tensor::new(shape, |i| (i as i64 * k) % 7 - 3);
    let inputs = [tensor(&[3, 4], 5), tensor(&[4, 5], 3), tensor(&[5, 2], 2)];
    let want = meaning(&plan, &inputs);
    let (mut y, mut s) = (Tensor::new(&[3, 2], |_| 99), Tensor::new(&[], |_| 99));
    let ins: Vec<_> = inputs.iter().map(view).collect();
    run(&plan, &ins, &mut [view_mut(&mut y), view_mut(&mut s)]);
    assert_eq!([y, s], want[..]);
}
