//! The cache of plans behind `einsum` and `Expression::run`: which calls share a plan, what is cached, and access from
//! threads.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use einfold::ndarray::{Array1, Array2, ArrayD, array};
use einfold::{
    AnyArray, Dtype, Error, Expression, OutOfRange, Results,
    algebra::{MaxPlus, MinPlus},
    cache, conj, einsum, einsum_labels, named,
};
use num_complex::Complex;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Serialises tests that count plans, because the process has one cache.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    cache::set_limit(cache::LIMIT);
    cache::clear();
    turn
}

#[test]
fn equal_calls_share_one_plan() -> Result<(), Error> {
    let _turn = alone();
    let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]], array![[1.0], [10.0]]);
    for _ in 0..3 {
        let y: Array2<f64> = einsum("ij,jk->ik", (&a, &b))?;
        assert_eq!(y, array![[21.0], [43.0]]);
        // Strides, the type of the result and the type of the operand list are not part of the key.
        let y: AnyArray = einsum("ij,jk->ik", [a.t().t().view(), b.view()])?;
        assert_eq!(y.shape(), [2, 1]);
        let y: Array2<f64> = Expression::new("ij,jk->ik")?.run((a.t(), &b))?;
        assert_eq!(y, array![[31.0], [42.0]]);
    }
    assert_eq!(cache::len(), 1);
    assert!(cache::bytes() > 0);
    let _: Array2<f64> = einsum("ij,jk->ik", (&a, &a))?;
    let _: Array2<f64> = einsum(" ij,jk->ik", (&a, &a))?;
    assert_eq!(cache::len(), 3);
    cache::clear();
    assert_eq!((cache::len(), cache::bytes()), (0, 0));
    Ok(())
}

#[test]
fn calls_that_differ_in_plan_or_result_do_not_share_one() -> Result<(), Error> {
    let _turn = alone();
    let of = Expression::new;
    let matrix = array![[1.0, -2.0], [3.0, 4.0]];
    let (a, b) = (AnyArray::from(matrix.clone()), AnyArray::from(matrix.mapv(|x: f64| x as f32)));
    let row = AnyArray::from(array![[5.0, 6.0]]);
    let z = AnyArray::from(matrix.mapv(|x| Complex::new(x, 1.0)));
    let (ids, far) = (AnyArray::from(array![0_i64, 1, 0]), AnyArray::from(array![0_i64, 2, 0]));
    let x = AnyArray::from(array![1.0, 2.0, 4.0]);
    let groups = || of("Y[g[n]:3] max= x[n]; Z[g[n]:3] += x[n]");
    type Run<'r> = Box<dyn Fn() -> Result<String, Error> + 'r>;
    fn run<'r>(expression: Expression, operands: &'r [&'r AnyArray]) -> Run<'r> {
        Box::new(move || Ok(format!("{:?}", expression.run::<Vec<AnyArray>>(operands)?)))
    }
    let pairs: [&[&AnyArray]; 5] = [&[&a, &a], &[&a, &b], &[&b, &b], &[&row, &a], &[&z, &z]];
    let groupings: [&[&AnyArray]; 2] = [&[&ids, &x], &[&far, &x]];
    let mut calls: Vec<Run<'_>> = Vec::new();
    for operands in &pairs {
        for text in ["ij,jk->ik", "ij,jk->ki", "ij,ij->ij"] {
            calls.push(run(of(text)?, operands));
            calls.push(run(of(text)?.strict(true), operands));
            calls.push(run(of(text)?.algebra(MaxPlus), operands));
            calls.push(run(of(text)?.algebra(MinPlus), operands));
            calls.push(run(of(text)?.acc(Dtype::C64), operands));
        }
    }
    for ids in groupings {
        calls.push(run(groups()?, ids));
        calls.push(run(groups()?.fill("Y", 0.0), ids));
        calls.push(run(groups()?.fill("Y", -0.0), ids));
        calls.push(run(groups()?.fill("Y", f64::NAN), ids));
        calls.push(run(groups()?.outputs(["Z", "Y"]), ids));
        calls.push(run(groups()?.outputs(["Z"]), ids));
        calls.push(run(of("Y[g[n]:K] += x[n]")?.size("K", 3), ids));
        calls.push(run(of("Y[g[n]:K] += x[n]")?.size("K", 4), ids));
        calls.push(run(of("Y[g[n]:K] += x[n]")?.size("K", 2).out_of_range(OutOfRange::Drop), ids));
        calls.push(run(of("Y[g[n]:K] += x[n]")?.size("K", 2).out_of_range_in("g", OutOfRange::Wrap), ids));
        calls.push(run(of("Y[g[n]:K] += x[n]")?.size("K", 2), ids));
        calls.push(run(of("Y[g[n]] += x[n]")?, ids));
    }
    calls.push(Box::new(|| Ok(format!("{:?}", einsum::<AnyArray>("ij,ij->", (&z, conj(&z)))?))));
    calls.push(Box::new(|| Ok(format!("{:?}", einsum::<AnyArray>("ij,ij->", (conj(&z), &z))?))));
    calls.push(Box::new(|| Ok(format!("{:?}", einsum::<AnyArray>("ij,ij->", (&z, &z))?))));
    calls.push(Box::new(|| Ok(format!("{:?}", Expression::spaced("i j, j k -> i k")?.run::<AnyArray>((&a, &a))?))));
    calls.push(Box::new(|| {
        Ok(format!("{:?}", einsum_labels::<AnyArray>(&[&[0, 1], &[1, 2]], Some(&[0, 2]), (&a, &a))?))
    }));
    calls.push(Box::new(|| Ok(format!("{:?}", einsum::<AnyArray>("[0 1], [1 2] -> [0 2]", (&a, &a))?))));
    let shown = |call: &Run<'_>| call().unwrap_or_else(|error| error.to_string());
    let fresh = |call| {
        cache::clear();
        shown(call)
    };
    let want: Vec<String> = calls.iter().map(fresh).collect();
    cache::clear();
    for _ in 0..2 {
        for (k, (call, want)) in calls.iter().zip(&want).enumerate() {
            assert_eq!(&shown(call), want, "call {k}");
        }
    }
    Ok(())
}

#[test]
fn size_queries_are_evaluated_in_every_call() -> Result<(), Error> {
    let _turn = alone();
    let x = array![1.0, 2.0, 4.0];
    for (ids, want) in [
        (array![0, 1, 0], array![5.0, 2.0]),
        (array![2, 0, 2], array![2.0, 0.0, 5.0]),
        (array![1, 1, 1], array![0.0, 7.0]),
        (array![0, 1, 0], array![5.0, 2.0]),
    ] {
        for _ in 0..2 {
            let y: Array1<f64> = einsum("Y[g[n]] += x[n]", (&ids, &x))?;
            assert_eq!(y, want);
            let mut y: Results = einsum("Y[g[n]] += x[n]", (named("x", &x), named("g", &ids)))?;
            assert_eq!(y.take::<Array1<f64>>("Y")?, want);
        }
    }
    // Two plans of one text, with and without names.
    assert_eq!(cache::len(), 2);
    Ok(())
}

#[test]
fn operands_with_names_may_change_their_order() -> Result<(), Error> {
    let _turn = alone();
    let (a, b) = (array![1.0, 2.0], array![10.0, 20.0]);
    for _ in 0..2 {
        let y: Array1<f64> = einsum("y[i] = a[i] - b[i]", (named("a", &a), named("b", &b)))?;
        assert_eq!(y, array![-9.0, -18.0]);
        let y: Array1<f64> = einsum("y[i] = a[i] - b[i]", (named("b", &b), named("a", &a)))?;
        assert_eq!(y, array![-9.0, -18.0]);
        let y: Array1<f64> = einsum("y[i] = a[i] - b[i]", (named("b", &a), named("a", &b)))?;
        assert_eq!(y, array![9.0, 18.0]);
    }
    Ok(())
}

#[test]
fn errors_are_not_cached() -> Result<(), Error> {
    let _turn = alone();
    let (a, x) = (array![[1.0, 2.0]], array![1.0]);
    for _ in 0..2 {
        assert_eq!(einsum::<AnyArray>("ij,j", (&a, &a)).map_err(|e| e.code()), Err("rank"));
        assert_eq!(einsum::<AnyArray>("ij,jk,", (&a, &x)).map_err(|e| e.code()), Err("operands"));
        assert_eq!(einsum::<AnyArray>("ij->k", &a).map_err(|e| e.code()), Err("output-unknown"));
    }
    assert_eq!(cache::len(), 0);
    let (ids, bad) = (array![0, 0], array![0, 5]);
    for ids in [&bad, &ids, &bad, &ids] {
        let y = einsum::<Array2<f64>>("Y[n,j] = A[g[n],j]", (named("A", &a), named("g", ids)));
        match *ids == bad {
            true => assert_eq!(y.map_err(|e| e.code()), Err("index-out-of-range")),
            false => assert_eq!(y?, array![[1.0, 2.0], [1.0, 2.0]]),
        }
    }
    // Only the run failed, so its plan is cached. The requested type of the result is not part of the key.
    assert_eq!(cache::len(), 1);
    assert_eq!(einsum::<f32>("ij->", &a).map_err(|e| e.code()), Err("output-dtype"));
    assert_eq!(einsum::<f64>("ij->", &a)?, 3.0);
    Ok(())
}

#[test]
fn the_cache_stays_within_its_limit() -> Result<(), Error> {
    let _turn = alone();
    let x = array![1.0, 2.0];
    let call = |k: u32| einsum_labels::<AnyArray>(&[&[k]], Some(&[k]), &x);
    for k in 0..3000 {
        call(k)?;
    }
    assert!(cache::len() > 1000 && cache::bytes() <= cache::LIMIT, "{} {}", cache::len(), cache::bytes());
    cache::set_limit(1 << 20);
    assert!(cache::len() > 10 && cache::bytes() <= 1 << 20, "{} {}", cache::len(), cache::bytes());
    for k in 0..300 {
        call(k)?;
    }
    assert!(cache::len() > 10 && cache::bytes() <= 1 << 20, "{} {}", cache::len(), cache::bytes());
    cache::set_limit(0);
    assert_eq!(cache::len(), 0);
    assert_eq!(call(1)?, AnyArray::from(x.clone()));
    assert_eq!(cache::len(), 0);
    Ok(())
}

#[test]
fn threads_share_the_cache() {
    let _turn = alone();
    let texts = ["ij,jk->ik", "ij,jk->ki", "ij,ij->ij", "ii,jj->ij", "ij,jk->", "ij,kj->ik"];
    let x = ArrayD::from_shape_fn(vec![3, 3], |at| (at[0] * 3 + at[1]) as f64);
    let want = texts.map(|text| Expression::new(text).unwrap().plan_for((&x, &x)).unwrap().run_any((&x, &x)).unwrap());
    std::thread::scope(|scope| {
        for seed in 0..6 {
            let (x, want) = (&x, &want);
            scope.spawn(move || {
                for turn in 0..200 {
                    let k = (seed * 7 + turn * 5) % texts.len();
                    let y: AnyArray = einsum(texts[k], (x, x)).unwrap();
                    assert_eq!(y, want[k], "{}", texts[k]);
                    match (seed, turn % 50) {
                        (0, 20) => cache::clear(),
                        (1, 30) => cache::set_limit(1 << 14),
                        (1, 40) => cache::set_limit(cache::LIMIT),
                        _ => {}
                    }
                }
            });
        }
    });
}
