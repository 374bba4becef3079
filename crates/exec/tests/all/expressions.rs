//! Steps whose points are expressions: several dtypes, literals, long tiles, α and β, and what `bind` refuses.

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, AnyViewMut, BindError, BindOptions, Control, Element, Scratch, bind};
use einfold_ir::{
    Access, Algebra, Axis, BinaryOp, Dtype, Expr, Form, Function, Index, Literal, NodeId, OutOfRange, Plan, PointOp,
    Step, WriteMode,
};
use half::f16;

use super::support::Build;

const LEN: usize = 3001;

fn expr(ops: &[(PointOp, Dtype)]) -> Form {
    Form::Nest(Some(Expr::new(ops.to_vec()).unwrap().into()))
}

fn read(k: u32, dtype: Dtype) -> (PointOp, Dtype) {
    (PointOp::Read(k), dtype)
}

fn call(function: Function, dtype: Dtype) -> (PointOp, Dtype) {
    (PointOp::Call(function), dtype)
}

fn float(x: f64, dtype: Dtype) -> (PointOp, Dtype) {
    (PointOp::Literal(Literal::Float(x)), dtype)
}

/// A step over `i` and `j` from `reads` of `[i, j]`, `[j]` and `[j, i]`, to a target without axes or with `[j, i]`.
fn three(output: Dtype, sum: bool, algebra: Algebra, form: Form) -> Plan {
    let mut build = Build::new();
    let x = build.input(Dtype::F32, &[4, LEN]);
    let w = build.input(Dtype::I32, &[LEN]);
    let z = build.input(Dtype::F64, &[LEN, 4]);
    let y = build.output(output, if sum { &[][..] } else { &[LEN, 4][..] });
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("i", 4), Axis::new("j", LEN)],
        reads: vec![Access::plain(x, [0, 1]), Access::plain(w, [1]), Access::plain(z, [1, 0])],
        write: Access::plain(y, if sum { &[][..] } else { &[1, 0][..] }.iter().copied()),
        mode: WriteMode::Overwrite,
        algebra,
        form,
    });
    build.seal()
}

fn data() -> (Vec<f32>, Vec<i32>, Vec<f64>) {
    let x = (0..4 * LEN).map(|k| (k % 97) as f32 * 0.125 - 6.0).collect();
    let w = (0..LEN).map(|k| k as i32 % 13 - 6).collect();
    let z = (0..4 * LEN).map(|k| (k % 31) as f64 * 0.25 - 4.0).collect();
    (x, w, z)
}

/// Runs a plan of [`three`] on the data, on `threads` threads.
fn run_three<T: Element>(
    plan: &Plan,
    out: &mut [T],
    options: &BindOptions<'_>,
    threads: usize,
) -> Result<(), BindError> {
    let (x, w, z) = data();
    let ins = [
        AnyView::from_slice(&x, 0, &[4, LEN], &[LEN as isize, 1]).unwrap(),
        AnyView::from_slice(&w, 0, &[LEN], &[1]).unwrap(),
        AnyView::from_slice(&z, 0, &[LEN, 4], &[4, 1]).unwrap(),
    ];
    let mut outs = [match out.len() {
        1 => AnyViewMut::from_slice(out, 0, &[], &[]).unwrap(),
        _ => AnyViewMut::from_slice(out, 0, &[LEN, 4], &[4, 1]).unwrap(),
    }];
    let mut scratch = Scratch::new();
    let control = Control { threads: NonZeroUsize::new(threads), ..Control::default() };
    bind(plan, &ins, &mut outs, options, &mut scratch)?.run(&control).unwrap();
    Ok(())
}

/// `where(x = f32(w), z, exp(f64(x) · 0.5) − z)`, in `f64`.
fn chosen() -> Vec<(PointOp, Dtype)> {
    vec![
        read(0, Dtype::F32),
        read(1, Dtype::F64),
        (PointOp::Convert, Dtype::F32),
        call(Function::Eq, Dtype::Bool),
        read(2, Dtype::F64),
        read(0, Dtype::F64),
        float(0.5, Dtype::F64),
        call(Function::Mul, Dtype::F64),
        call(Function::Exp, Dtype::F64),
        read(2, Dtype::F64),
        call(Function::Sub, Dtype::F64),
        call(Function::Where, Dtype::F64),
    ]
}

/// The same as a plain formula, at `[j, i]` in row-major order.
fn plain() -> Vec<f64> {
    let (x, w, z) = data();
    let point = |p: usize| {
        let (j, i) = (p / 4, p % 4);
        let x = x[i * LEN + j];
        if x == w[j] as f32 { z[p] } else { (f64::from(x) * 0.5).exp() - z[p] }
    };
    (0..4 * LEN).map(point).collect()
}

#[test]
fn a_map_of_several_dtypes() {
    let plan = three(Dtype::F64, false, Algebra::SUM_PRODUCT, expr(&chosen()));
    let mut y = vec![f64::NAN; 4 * LEN];
    run_three(&plan, &mut y, &BindOptions::default(), 1).unwrap();
    assert!(y.iter().zip(plain()).all(|(y, want)| (y - want).abs() <= 1e-15 * (want.abs() + 4.0)));
}

#[test]
fn reductions_take_an_expression() {
    let total = |algebra| {
        let plan = three(Dtype::F64, true, algebra, expr(&chosen()));
        let [mut one, mut two] = [[f64::NAN]; 2];
        run_three(&plan, &mut one, &BindOptions::default(), 1).unwrap();
        run_three(&plan, &mut two, &BindOptions::default(), 2).unwrap();
        assert_eq!(one[0].to_bits(), two[0].to_bits(), "{algebra}");
        one[0]
    };
    let log_add_exp = Algebra::Builtin { add: BinaryOp::LogAddExp, mul: BinaryOp::Add };
    let plain = plain();
    let close = |got: f64, want: f64| assert!((got - want).abs() <= 1e-12 * want.abs(), "{got}, not {want}");
    close(total(Algebra::SUM_PRODUCT), plain.iter().sum());
    assert_eq!(total(Algebra::MAX_PLUS), plain.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    assert_eq!(total(Algebra::MIN_PLUS), plain.iter().copied().fold(f64::INFINITY, f64::min));
    let most = plain.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    close(total(log_add_exp), most + plain.iter().map(|x| (x - most).exp()).sum::<f64>().ln());
}

#[test]
fn scalars_scale_an_expression() {
    let (alpha, beta) = ([3.0], [0.5]);
    let alpha = AnyView::from_slice(&alpha, 0, &[], &[]).unwrap();
    let beta = AnyView::from_slice(&beta, 0, &[], &[]).unwrap();
    let options = BindOptions { alpha: Some(&alpha), beta: Some(&beta), ..BindOptions::default() };
    let plan = three(Dtype::F64, false, Algebra::SUM_PRODUCT, expr(&chosen()));
    let mut y: Vec<f64> = (0..4 * LEN).map(|k| k as f64).collect();
    run_three(&plan, &mut y, &options, 1).unwrap();
    for (k, (got, want)) in y.iter().zip(plain()).enumerate() {
        let want = 3.0 * want + 0.5 * k as f64;
        assert!((got - want).abs() <= 1e-12 * want.abs().max(1.0), "{k}: {got}, not {want}");
    }
}

#[test]
fn a_half_target_is_rounded_once() {
    let mut ops = vec![read(0, Dtype::F32), read(0, Dtype::F32), call(Function::Mul, Dtype::F32)];
    ops.push((PointOp::Convert, Dtype::F16));
    let plan = three(Dtype::F16, false, Algebra::SUM_PRODUCT, expr(&ops));
    let (x, ..) = data();
    let square = |p: usize| x[p % 4 * LEN + p / 4] * x[p % 4 * LEN + p / 4];
    let mut y = vec![f16::ONE; 4 * LEN];
    run_three(&plan, &mut y, &BindOptions::default(), 1).unwrap();
    assert!((0..4 * LEN).all(|p| y[p] == f16::from_f32(square(p))));
    let half = [0.5f32];
    let half = AnyView::from_slice(&half, 0, &[], &[]).unwrap();
    let options = BindOptions { alpha: Some(&half), beta: Some(&half), ..BindOptions::default() };
    run_three(&plan, &mut y, &options, 1).unwrap();
    let want =
        |p: usize| f16::from_f32(f16::from_f32(square(p)).to_f32() * 0.5 + f16::from_f32(square(p)).to_f32() * 0.5);
    assert!((0..4 * LEN).all(|p| y[p] == want(p)));
}

#[test]
fn a_literal_alone_counts() {
    // N[g[n]] += 1, with indices out of range dropped.
    let mut build = Build::new();
    let g = build.input(Dtype::I32, &[LEN]);
    let y = build.output(Dtype::I64, &[5]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", LEN)],
        reads: vec![],
        write: Access::new(y, vec![Index::gather(Access::plain(g, [0]), OutOfRange::Drop)]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: expr(&[(PointOp::Literal(Literal::Int(1)), Dtype::I64)]),
    });
    let plan = build.seal();
    let g: Vec<i32> = (0..LEN as i32).map(|n| n * n % 7 - 1).collect();
    let mut y = [9i64; 5];
    let ins = [AnyView::from_slice(&g, 0, &[LEN], &[1]).unwrap()];
    super::support::run(&plan, &ins, &mut [AnyViewMut::from_slice(&mut y, 0, &[5], &[1]).unwrap()]);
    let want = [0, 1, 2, 3, 4].map(|k| g.iter().filter(|&&id| id == k).count() as i64);
    assert_eq!(y, want);
}

#[test]
fn what_cannot_be_computed_is_refused() {
    let refused = |dtype, ops: &[(PointOp, Dtype)]| {
        let plan = three(dtype, false, Algebra::SUM_PRODUCT, expr(ops));
        match dtype {
            Dtype::I64 => run_three(&plan, &mut vec![0i64; 4 * LEN], &BindOptions::default(), 1),
            _ => run_three(&plan, &mut vec![f16::ZERO; 4 * LEN], &BindOptions::default(), 1),
        }
        .unwrap_err()
        .to_string()
    };
    assert_eq!(refused(Dtype::I64, &[float(0.5, Dtype::I64)]), "step 0: 0.5 has no value of dtype i64");
    let exp = [float(0.5, Dtype::F16), call(Function::Exp, Dtype::F16)];
    assert_eq!(refused(Dtype::F16, &exp), "step 0: exp is not supported on f16");
    let mut deep = vec![read(1, Dtype::I64); 1000];
    deep.extend(vec![call(Function::Add, Dtype::I64); 999]);
    assert_eq!(
        refused(Dtype::I64, &deep),
        "step 0: the expression needs 1001 values at the same time; the limit is 768"
    );
}
