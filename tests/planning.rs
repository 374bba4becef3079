//! Planned programs give the same results as programs with one step for each statement.

use einfold_ir::{Algebra, Dtype, Ir, TensorType};
use einfold_order::{Budget, Order};
use einfold_plan::{Hints, PassSet, PlanOptions, compile, compile_product, expand, lower, optimize};
use einfold_syntax::{Options, parse, resolve, resolve_to_product};

use crate::draw::Noise;
use crate::layout::{Layout, hold};
use crate::num::Tensor;
use crate::running::{How, blank, run};

/// An operand of a program: small integers, or indices below a bound.
enum Operand {
    Numbers(Dtype, Vec<usize>),
    Ids(usize, usize),
}

use Operand::{Ids, Numbers};

fn tensor(operand: &Operand, noise: &mut Noise) -> Tensor {
    let (dtype, shape, low, high) = match operand {
        Numbers(dtype, shape) => (*dtype, shape.clone(), -3, 3),
        Ids(length, bound) => (Dtype::I64, vec![*length], 0, *bound as i128 - 1),
    };
    let count = shape.iter().product();
    Tensor::ints(dtype, &shape, (0..count).map(|_| noise.between(low, high)))
}

fn resolved(text: &str, operands: &[(&str, Tensor)]) -> Ir {
    let one = |(name, t): &(&str, Tensor)| TensorType {
        name: Some((*name).into()),
        dtype: t.dtype,
        shape: t.shape.as_slice().into(),
        conj: false,
    };
    let types: Vec<TensorType> = operands.iter().map(one).collect();
    resolve(&parse(text).unwrap(), &types, &Options::default()).unwrap()
}

/// Plans a program and compares its results with those of the unplanned statements. Returns the number of steps of the
/// plan.
fn check(text: &str, operands: &[(&str, Operand)]) -> usize {
    let mut noise = Noise(11);
    let operands: Vec<(&str, Tensor)> = operands.iter().map(|(name, o)| (*name, tensor(o, &mut noise))).collect();
    let ir = resolved(text, &operands);
    let compiled = compile(&ir, &Order::default(), &Budget::default(), &PlanOptions::default()).unwrap();
    let plain = lower(&expand(&ir, &[]).unwrap().ir, &Hints::default()).unwrap();
    let plain = optimize(plain, PassSet::NONE, &mut |_, _, _| {}).unwrap();
    let arrays: Vec<_> = operands.iter().map(|(_, t)| hold(t, &Layout::row_major(t.shape.len()))).collect();
    let [got, want] = [&compiled.plan, &plain].map(|plan| {
        let mut outputs = blank(plan);
        run(plan, &arrays, &mut outputs, &How::default()).unwrap();
        outputs.iter().map(|o| o.tensor()).collect::<Vec<_>>()
    });
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(got.differs(want, 1e-12), None, "{text}\n{}", compiled.forms(&ir).ir);
    }
    compiled.plan.steps().count()
}

#[test]
fn ids_are_used_anywhere() {
    for [nodes, edges, groups, inputs, hidden] in
        [[40, 600, 40, 16, 12], [5000, 60, 40, 16, 12], [300, 600, 4, 16, 24], [5, 4, 3, 2, 2], [7, 90, 200, 33, 9]]
    {
        for dtype in [Dtype::F64, Dtype::F32, Dtype::I64] {
            let operands = || {
                vec![
                    ("X", Numbers(dtype, vec![nodes, inputs])),
                    ("W", Numbers(dtype, vec![inputs, hidden])),
                    ("w", Numbers(dtype, vec![edges])),
                    ("src", Ids(edges, nodes)),
                    ("dst", Ids(edges, groups)),
                ]
            };
            check(&format!("H[dst[e]:{groups}, h] += X[src[e], f] * W[f, h]"), &operands());
            check(&format!("H[dst[e]:{groups}, h] += w[e] * X[src[e], f] * W[f, h]"), &operands());
            check(&format!("H[dst[e]:{groups}] += w[e] * X[src[e], f] * W[f, h]"), &operands());
            check("Y[e, h] += X[src[e], f] * W[f, h]", &operands());
            check("Y[h] += w[e] * X[src[e], f] * W[f, h]", &operands());
        }
    }
}

#[test]
fn statements_are_computed_together() {
    let f64s = |shape: &[usize]| Numbers(Dtype::F64, shape.to_vec());
    let matrices = || vec![("A", f64s(&[7, 8])), ("B", f64s(&[8, 9])), ("v", f64s(&[9])), ("D", f64s(&[7, 9]))];
    let steps = |text: &str| check(text, &matrices());
    assert_eq!(steps("T[i,k] += A[i,j]*B[j,k]; Y[i] += T[i,k]*v[k]"), 2);
    assert_eq!(steps("T[i,k] += A[i,j]*B[j,k]; U[a,c] += A[a,b]*B[b,c]; Y[i] += T[i,k]*U[i,k]"), 2);
    assert_eq!(steps("T[i,k] = D[i,k]*v[k]; E[i,k] = exp(T[i,k]*0.25); Y[i] += E[i,k]"), 1);
    assert_eq!(steps("T[i,k] = D[i,k]-v[k]; Y[i] += T[i,k]*T[i,k]"), 2);
    steps("S[i] = D[i,k]*v[k]; W = v[k]*v[k]; Y[i] = S[i]/(W+1)");
    steps("T[i,k] += A[i,j]*B[j,k]; Y[k] max= T[i,k]+D[i,k]");
    steps("Y[i,k] += A[i,j]*B[j,k]/4; Z[i,k] = Y[i,k]/(D[i,k]*D[i,k]+1)");
    steps("Y[i] lse= A[i,j]*B[j,k]; Z[k] lse= D[i,k]");
}

#[test]
fn groups_are_computed_together() {
    let operands = || {
        vec![
            ("x", Numbers(Dtype::F64, vec![60])),
            ("X", Numbers(Dtype::F64, vec![30, 16])),
            ("W", Numbers(Dtype::F64, vec![16, 12])),
            ("g", Ids(60, 4)),
            ("src", Ids(60, 30)),
        ]
    };
    let steps = |text: &str| check(text, &operands());
    steps("T[e,h] += X[src[e],f]*W[f,h]; H[g[e]:4,h] += T[e,h]");
    steps("T[n,h] += X[n,f]*W[f,h]; H[g[e]:4,h] += T[src[e],h]*x[e]");
    steps("m[g[n]:4] mean= x[n]; V[g[n]:4] mean= (x[n]-m[g[n]])*(x[n]-m[g[n]])");
    steps("M[g[n]:4] max= x[n]; E[n] = exp(x[n]-M[g[n]]); S[g[n]:4] += E[n]; P[n] = E[n]/S[g[n]]");
    steps("E[n] = x[n]*x[n]; Y[g[n]:4] += E[n]; Z[g[n]:4] min= x[n]");
}

/// Random subscripts of up to three terms with random sizes; some are errors.
fn random_subscripts(noise: &mut Noise) -> (String, Vec<TensorType>) {
    let mut below = |n: i128| noise.between(0, n - 1) as usize;
    let sizes: Vec<usize> = (0..5).map(|_| [0, 1, 1, 2, 3, 5, 40][below(7)]).collect();
    let dtype = [Dtype::F64, Dtype::F64, Dtype::F32, Dtype::I32, Dtype::Bool, Dtype::C64, Dtype::F16][below(7)];
    let (mut terms, mut types, mut used) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..1 + below(13) / 6 {
        let mut labels: Vec<usize> = (0..5).filter(|_| below(2) == 0).collect();
        if below(8) == 0 {
            labels.extend(labels.first().copied());
        }
        let at = below(labels.len() as i128 + 1);
        labels.rotate_left(at);
        let given = |k: usize| if below(40) == 0 { 1 } else { sizes[k] };
        let shape: Vec<usize> = labels.iter().copied().map(given).collect();
        let other = [Dtype::F64, Dtype::I32, Dtype::C64][below(3)];
        let (dtype, conj) = (if below(4) == 0 { other } else { dtype }, below(8) == 0);
        types.push(TensorType { name: None, dtype, shape: shape.as_slice().into(), conj: conj && dtype.is_complex() });
        terms.push(labels.iter().map(|&k| char::from(b'a' + k as u8)).collect::<String>());
        used.extend(labels);
    }
    let mut text = terms.join(",");
    if below(4) > 0 {
        used.sort_unstable();
        used.dedup();
        used.retain(|_| below(2) == 0);
        let at = below(used.len() as i128 + 1);
        used.rotate_left(at);
        text += "->";
        text.extend(used.iter().map(|&k| char::from(b'a' + k as u8)));
    }
    (text, types)
}

#[test]
fn subscripts_are_planned_as_their_modules() {
    let (mut noise, mut products) = (Noise(28), [0; 3]);
    let algebras = [Algebra::SUM_PRODUCT, Algebra::SUM_PRODUCT, Algebra::MAX_PLUS, Algebra::MAX_MIN];
    for _ in 0..20_000 {
        let (text, types) = random_subscripts(&mut noise);
        let algebra = algebras[noise.between(0, 3) as usize];
        let acc = Some(Dtype::F64).filter(|_| noise.between(0, 7) == 0);
        let (ast, options) = (parse(&text).unwrap(), Options { algebra, acc, ..Options::default() });
        let (ir, product) = (resolve(&ast, &types, &options), resolve_to_product(&ast, &types[..].into(), &options));
        let Some(product) = product else { continue };
        let ir = ir.unwrap();
        let (how, budget, options) = (Order::default(), Budget::default(), PlanOptions::default());
        let Some(direct) = compile_product(product, &how, &budget, &options) else { continue };
        let module = compile(&ir, &how, &budget, &options).unwrap();
        assert_eq!(*direct.plan, *module.plan, "{text} {types:?}");
        assert_eq!((direct.cost, direct.memory, &direct.operands), (module.cost, module.memory, &module.operands));
        // This compares the plan with that of all stages.
        direct.forms(&ir);
        products[types.len()] += 1;
    }
    assert!(products[1] > 2000 && products[2] > 500, "{products:?}");
}
