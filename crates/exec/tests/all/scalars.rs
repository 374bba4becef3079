//! α and β.

use einfold_exec::{AnyView, AnyViewMut, BindError, BindOptions, Control, MemoryOrder, NewArray, Scratch, bind};
use einfold_ir::{Access, Algebra, BufferId, Dtype, Form, Index, Plan, Step, WriteMode};
use half::f16;

use super::support::{Build, Operation};

fn matmul(algebra: Algebra, gemm: bool) -> Plan {
    let mut build = Build::new();
    let a = build.input(Dtype::F64, &[3, 4]);
    let b = build.input(Dtype::F64, &[4, 5]);
    let c = build.output(Dtype::F64, &[3, 5]);
    build.einsum("ij,jk->ik", &[a, b], c, algebra, gemm);
    build.seal()
}

/// `out = α ⊗ (A ∘ B) ⊕ β ⊗ out` with the operations given.
fn want(
    [alpha, beta]: [Option<f64>; 2],
    (zero, add, mul): (f64, Operation<f64>, Operation<f64>),
    before: f64,
) -> Vec<f64> {
    let point = |i: usize, k: usize| {
        let e = (0..4).fold(zero, |sum, j| add(sum, mul(A[i * 4 + j], B[j * 5 + k])));
        let e = alpha.map_or(e, |alpha| mul(alpha, e));
        beta.map_or(e, |beta| add(e, mul(beta, before)))
    };
    (0..15).map(|p| point(p / 5, p % 5)).collect()
}

const A: [f64; 12] = [1.0, -2.0, 3.0, 0.0, 4.0, 1.0, -1.0, 2.0, 0.5, 2.0, -3.0, 1.0];
const B: [f64; 20] = {
    let mut b = [0.0; 20];
    let mut i = 0;
    while i < 20 {
        b[i] = (i as f64) - 8.0;
        i += 1;
    }
    b
};

fn run_with(plan: &Plan, alpha: Option<f64>, beta: Option<f64>, before: f64) -> Vec<f64> {
    let ins =
        [AnyView::from_slice(&A, 0, &[3, 4], &[4, 1]).unwrap(), AnyView::from_slice(&B, 0, &[4, 5], &[5, 1]).unwrap()];
    let [alpha, beta] = [&alpha, &beta].map(|s| s.as_ref().map(AnyView::scalar));
    let mut out = vec![before; 15];
    let mut outs = [AnyViewMut::from_slice(&mut out, 0, &[3, 5], &[5, 1]).unwrap()];
    let options = BindOptions { alpha: alpha.as_ref(), beta: beta.as_ref(), ..BindOptions::default() };
    bind(plan, &ins, &mut outs, &options, &mut Scratch::new()).unwrap().run(&Control::default()).unwrap();
    out
}

#[test]
fn alpha_and_beta_in_the_algebra_of_the_expression() {
    let times: (f64, Operation<f64>, Operation<f64>) = (0.0, |a, b| a + b, |a, b| a * b);
    let min_plus: (f64, Operation<f64>, Operation<f64>) = (f64::INFINITY, f64::min, |a, b| a + b);
    for (algebra, operations) in [(Algebra::SUM_PRODUCT, times), (Algebra::MIN_PLUS, min_plus)] {
        for gemm in [false, true] {
            let plan = matmul(algebra, gemm);
            for alpha in [None, Some(2.0), Some(1.0), Some(0.0)] {
                for beta in [None, Some(3.0), Some(1.0), Some(0.0)] {
                    let got = run_with(&plan, alpha, beta, 6.0);
                    assert_eq!(got, want([alpha, beta], operations, 6.0), "{algebra} {alpha:?} {beta:?} {gemm}");
                }
            }
            // Without β the output is not read.
            assert_eq!(run_with(&plan, Some(2.0), None, f64::NAN), want([Some(2.0), None], operations, 0.0));
        }
    }
}

#[test]
fn alpha_and_beta_round_a_half_once() {
    // The sum is computed in f32 and rounded by a step of its own.
    let mut build = Build::new();
    let a = build.input(Dtype::F16, &[3]);
    let sum = build.scratch(Dtype::F32, &[3]);
    let c = build.output(Dtype::F16, &[3]);
    build.einsum("i->i", &[a], sum, Algebra::SUM_PRODUCT, false);
    build.einsum("i->i", &[sum], c, Algebra::SUM_PRODUCT, false);
    let plan = build.seal();
    let a = [2049.0, -0.5, 3.0].map(f16::from_f32);
    let mut c = [1.0, 2.0, -3.0].map(f16::from_f32);
    let (alpha, beta) = (2i16, f16::from_f32(0.5));
    let (alpha, beta) = (AnyView::scalar(&alpha), AnyView::scalar(&beta));
    let options = BindOptions { alpha: Some(&alpha), beta: Some(&beta), ..BindOptions::default() };
    let ins = [AnyView::from_slice(&a, 0, &[3], &[1]).unwrap()];
    let mut outs = [AnyViewMut::from_slice(&mut c, 0, &[3], &[1]).unwrap()];
    bind(&plan, &ins, &mut outs, &options, &mut Scratch::new()).unwrap().run(&Control::default()).unwrap();
    let want = [(a[0], 1.0), (a[1], 2.0), (a[2], -3.0)].map(|(a, c)| f16::from_f32(2.0 * a.to_f32() + 0.5 * c));
    assert_eq!(c, want);
}

#[test]
fn beta_covers_positions_that_no_point_reaches() {
    // Y[2i] += x[i], of size 5; and a reduction over nothing.
    let mut build = Build::new();
    let x = build.input(Dtype::F64, &[3]);
    let empty = build.input(Dtype::F64, &[2, 0]);
    let y = build.output(Dtype::F64, &[5]);
    let z = build.output(Dtype::F64, &[2]);
    let mut step = build.step("i->i", &[x], BufferId(0), Algebra::SUM_PRODUCT, false);
    step.write = Access::new(y, vec![Index::affine(0, [(2, einfold_ir::AxisRef::Own(0))])]);
    build.push(step);
    build.einsum("ij->i", &[empty], z, Algebra::SUM_PRODUCT, false);
    let plan = build.seal();
    let (x, empty, mut y, mut z) = ([1.0, 2.0, 3.0], [0f64; 0], [10.0; 5], [4.0; 2]);
    let (alpha, beta) = (3.0f64, 0.5f64);
    let (alpha, beta) = (AnyView::scalar(&alpha), AnyView::scalar(&beta));
    let options = BindOptions { alpha: Some(&alpha), beta: Some(&beta), ..BindOptions::default() };
    let ins =
        [AnyView::from_slice(&x, 0, &[3], &[1]).unwrap(), AnyView::from_slice(&empty, 0, &[2, 0], &[0, 1]).unwrap()];
    let mut outs = [
        AnyViewMut::from_slice(&mut y, 0, &[5], &[1]).unwrap(),
        AnyViewMut::from_slice(&mut z, 0, &[2], &[1]).unwrap(),
    ];
    bind(&plan, &ins, &mut outs, &options, &mut Scratch::new()).unwrap().run(&Control::default()).unwrap();
    assert_eq!(y, [8.0, 5.0, 11.0, 5.0, 14.0]);
    assert_eq!(z, [2.0; 2]);
}

#[test]
fn scalars_that_do_not_fit_are_refused() {
    let plan = matmul(Algebra::SUM_PRODUCT, true);
    let ins =
        [AnyView::from_slice(&A, 0, &[3, 4], &[4, 1]).unwrap(), AnyView::from_slice(&B, 0, &[4, 5], &[5, 1]).unwrap()];
    let attempt = |plan: &Plan, options: &BindOptions<'_>| {
        let mut out = [0.0; 15];
        let mut outs = [AnyViewMut::from_slice(&mut out, 0, &[3, 5], &[5, 1]).unwrap()];
        bind(plan, &ins, &mut outs, options, &mut Scratch::new()).map(|_| ()).unwrap_err()
    };
    let complex = num_complex::Complex::new(1.0f64, 0.0);
    let complex = AnyView::scalar(&complex);
    let vector = AnyView::from_slice(&A, 0, &[1], &[1]).unwrap();
    for bad in [&complex, &vector] {
        let error = attempt(&plan, &BindOptions { alpha: Some(bad), ..BindOptions::default() });
        assert_eq!(error, BindError::Scalar { name: "alpha", wanted: Dtype::F64 });
        let error = attempt(&plan, &BindOptions { beta: Some(bad), ..BindOptions::default() });
        assert_eq!(error, BindError::Scalar { name: "beta", wanted: Dtype::F64 });
    }
    let two = AnyView::scalar(&2.0f64);
    let max_times = matmul(Algebra::MAX_TIMES, false);
    let error = attempt(&max_times, &BindOptions { alpha: Some(&two), ..BindOptions::default() });
    assert_eq!(error, BindError::NotDistributive { algebra: Algebra::MAX_TIMES.into(), dtype: Dtype::F64 });
    let mut fresh = NewArray::new(einfold_ir::Dtype::F64, &[3, 5], MemoryOrder::C).unwrap();
    let options = BindOptions { beta: Some(&two), ..BindOptions::default() };
    let error = bind(&plan, &ins, &mut [fresh.view_mut()], &options, &mut Scratch::new()).map(|_| ()).unwrap_err();
    assert_eq!(error, BindError::Uninitialised { output: 0 });
}

#[test]
fn a_started_output_is_scaled_once() {
    // A fill, then two contributions.
    let mut build = Build::new();
    let a = build.input(Dtype::F64, &[3]);
    let c = build.output(Dtype::F64, &[3]);
    let step = build.step("i->i", &[a], c, Algebra::SUM_PRODUCT, false);
    let write = Access::new(c, vec![Index::constant(0)]);
    build.push(Step { axes: vec![], reads: vec![], write, form: Form::Fill, ..step.clone() });
    build.push(Step { mode: WriteMode::Accumulate, ..step.clone() });
    build.push(Step { mode: WriteMode::Accumulate, ..step });
    let plan = build.seal();
    let (a, mut c) = ([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]);
    let (alpha, beta) = (2.0f64, 0.5f64);
    let (alpha, beta) = (AnyView::scalar(&alpha), AnyView::scalar(&beta));
    let options = BindOptions { alpha: Some(&alpha), beta: Some(&beta), ..BindOptions::default() };
    let ins = [AnyView::from_slice(&a, 0, &[3], &[1]).unwrap()];
    let mut outs = [AnyViewMut::from_slice(&mut c, 0, &[3], &[1]).unwrap()];
    bind(&plan, &ins, &mut outs, &options, &mut Scratch::new()).unwrap().run(&Control::default()).unwrap();
    assert_eq!(c, [9.0, 18.0, 27.0]);
}
