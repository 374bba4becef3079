//! Plans with constant operands give the same results as plans without.

use einfold::ndarray::{Array1, Array2, array};
use einfold::{AnyView, ErrorKind, Expression, conj, errors::ConstantsProblem, named, order::STRATEGIES, spec};

use num_complex::Complex;

use crate::case::Case;
use crate::draw::{Bytes, check};
use crate::library::{arrays, tensor};
use crate::oracle;

/// Checks a random expression in letters with random constants and a random order.
fn check_case(bytes: &mut Bytes<'_>) -> Result<(), String> {
    let case = Case::draw(bytes);
    let want = oracle::einsum(&case.text, &case.tensors()).ok_or("not valid")?;
    let arrays = arrays(&case.operands);
    let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
    let strategy = bytes.pick(STRATEGIES.iter().collect::<Vec<_>>().as_slice()).name;
    let plan = Expression::new(&case.text).and_then(|e| e.order(strategy)?.plan_for(&views));
    let plan = plan.map_err(|e| e.to_string())?;
    let mut at: Vec<usize> = (0..views.len()).collect();
    bytes.shuffle(&mut at);
    let rest = at.split_off(bytes.below(at.len() + 1));
    let of = |list: &[usize]| list.iter().map(|&k| views[k].clone()).collect::<Vec<_>>();
    let fixed = plan.bind_constants(&at, of(&at)).map_err(|e| format!("{case}\n{at:?} {e}"))?;
    let mut rest = rest.clone();
    rest.sort_unstable();
    for _ in 0..2 {
        let got = fixed.run_any(of(&rest)).map_err(|e| format!("{case}\n{at:?} {e}"))?;
        if let Some(difference) = tensor(&got).differs(&want, 0.0) {
            return Err(format!("{case}\n{strategy} {at:?} {difference}"));
        }
    }
    Ok(())
}

#[test]
fn fixed_operands_change_nothing() {
    check(3000, check_case);
}

#[test]
fn programs_with_ids_and_names() {
    let (g, x) = (array![1, 0, 1, 2], Array2::from_shape_fn((4, 3), |(n, j)| (n * 3 + j) as f64));
    let (w, v) = (array![[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]], array![2.0, -1.0]);
    let text = "H[g[n]:3, k] += X[n, j] * W[j, k]; Y[q] += exp(H[q, k] / 100) * V[k]; Z max= V[k] * W[j, k]";
    let plan = Expression::new(text).and_then(|e| e.plan_for((&g, &x, &w, &v))).unwrap();
    let (y, z): (Array1<f64>, f64) = plan.run((&g, &x, &w, &v)).unwrap();
    // For each list of constants, the remaining operands.
    for at in [&[0][..], &[1], &[2], &[3], &[0, 2], &[2, 3], &[3, 2], &[0, 1, 2], &[0, 1, 2, 3], &[]] {
        let (names, views) =
            (["g", "X", "W", "V"], [AnyView::from(g.view()), x.view().into(), w.view().into(), v.view().into()]);
        let view = |k: usize| views[k].clone();
        let fixed = plan.bind_constants(at, at.iter().map(|&k| view(k)).collect::<Vec<_>>()).unwrap();
        let rest: Vec<usize> = (0..4).filter(|k| !at.contains(k)).collect();
        let (y2, z2): (Array1<f64>, f64) = fixed.run(rest.iter().map(|&k| view(k)).collect::<Vec<_>>()).unwrap();
        let named: Vec<_> = rest.iter().rev().map(|&k| named(names[k], view(k))).collect();
        let (y3, z3): (Array1<f64>, f64) = fixed.run(&named).unwrap();
        assert_eq!((&y2, z2, &y3, z3), (&y, z, &y, z), "{at:?}");
        let types: Vec<_> = rest.iter().map(|&k| plan.input_types()[k].clone()).collect();
        assert_eq!(fixed.input_types(), types);
    }
}

#[test]
fn what_is_made_of_fixed_operands_costs_nothing_and_is_kept() {
    let types = [spec::<f64>([50]), spec::<f64>([50, 60]), spec::<f64>([60, 70]), spec::<f64>([70, 8])];
    let path = [[1, 2], [1, 2], [0, 1]];
    let plan = Expression::new("i,ij,jk,kl->l").and_then(|e| e.path(path).plan(&types[..])).unwrap();
    let (a, b, c) = (Array2::<f64>::ones([50, 60]), Array2::<f64>::ones([60, 70]), Array2::<f64>::ones([70, 8]));
    let fixed = plan.bind_constants(&[1, 2, 3], (&a, &b, &c)).unwrap();
    assert_eq!(fixed.cost().flops.exact(), Some(50 * 8));
    assert!((50 * 8 * 8..60 * 8 * 8).contains(&fixed.kept_bytes()), "{}", fixed.kept_bytes());
    let mut y = Array1::<f64>::zeros(8);
    fixed.call(&Array1::<f64>::ones(50)).alpha(2.0).into(&mut y).unwrap();
    assert_eq!(y, Array1::from_elem(8, 2.0 * 50.0 * 60.0 * 70.0));
}

#[test]
fn what_cannot_be_fixed_is_an_error() {
    let (a, x) = (array![[1.0, 2.0], [3.0, 4.0]], array![1.0, 2.0]);
    let plan = Expression::new("ij,jk,k->i").and_then(|e| e.plan_for((&a, &a, &x))).unwrap();
    let problem = |at: &[usize]| match plan.bind_constants(at, (&a, &x)).unwrap_err().kind() {
        ErrorKind::Constants(problem) => problem.clone(),
        other => panic!("{other}"),
    };
    assert_eq!(problem(&[1, 3]), ConstantsProblem::Position { position: 3, operands: 3 });
    assert_eq!(problem(&[1, 1]), ConstantsProblem::Twice { position: 1 });
    assert_eq!(problem(&[1]), ConstantsProblem::Count { positions: 1, given: 2 });
    let shape = plan.bind_constants(&[2, 1], (&a, &x)).unwrap_err();
    assert_eq!((shape.code(), shape.spans()[0].span.range()), ("shape", 3..5), "{shape}");
    assert_eq!(plan.bind_constants(&[1], x.mapv(|x| x as f32)).unwrap_err().code(), "dtype");
    let z = array![Complex::new(0.0, 1.0)];
    let products = Expression::new("i,i->").and_then(|e| e.plan_for((&z, conj(&z)))).unwrap();
    assert_eq!(products.bind_constants(&[1], &z).unwrap_err().code(), "conj");
    assert_eq!(products.bind_constants(&[1], conj(&z)).unwrap().run::<Complex<f64>>(&z).unwrap().re, 1.0);
    // Errors count the operands of a call without constants.
    let fixed = plan.bind_constants(&[0, 1], (&a, &a)).unwrap();
    assert_eq!(fixed.run_any((&a, &x)).unwrap_err().code(), "operands");
    assert_eq!(fixed.run_any(&a).unwrap_err().code(), "shape");
}
