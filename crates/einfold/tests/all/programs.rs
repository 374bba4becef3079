//! Programs: several results, named operands, sizes, index tensors, and the options about them.

use einfold::ndarray::{Array1, Array2, ArrayD, array, s};
use einfold::{
    AnyArray, Dtype, Error, ErrorKind, Expression, OutOfRange, Plan, Results, TensorType, einsum,
    errors::{ExpressionError, NamesProblem},
    named, spec,
};
use half::f16;

type Result = std::result::Result<(), Error>;

const STATISTICS: &str = "sum[g[n]] += w[n]\ncount[g[n]] += 1\nmeans[k] = sum[k] / count[k]";

fn ids() -> Array1<i64> {
    array![0, 2, 0, 2, 2]
}

fn weights() -> Array1<f64> {
    array![1.0, 2.0, 3.0, 4.0, 9.0]
}

#[test]
fn results_come_as_tuples_vectors_and_by_name() -> Result {
    let (g, w) = (ids(), weights());
    let program = Expression::new(STATISTICS)?.outputs(["sum", "count", "means"]);
    let (sum, count, mean): (Array1<f64>, ArrayD<i64>, AnyArray) = program.run((&g, &w))?;
    assert_eq!((&sum, &count), (&array![4.0, 0.0, 15.0], &array![2, 0, 3].into_dyn()));
    let mean: Array1<f64> = mean.into_array()?;
    assert!(mean[0] == 2.0 && mean[1].is_nan() && mean[2] == 5.0);
    let all: Vec<AnyArray> = program.run((&g, &w))?;
    assert_eq!(all.iter().map(AnyArray::dtype).collect::<Vec<_>>(), [Dtype::F64, Dtype::I64, Dtype::F64]);
    let mut results: Results = program.run((&g, &w))?;
    assert_eq!(results.take::<Array1<i64>>("count")?, array![2, 0, 3]);
    assert_eq!((results.len(), results.shape("count"), results.shape("sum")), (2, None, Some(&[3][..])));
    let error = results.take::<Array1<i64>>("sum").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::OutputDtype { asked: Dtype::I64, given: Dtype::F64, .. }), "{error}");
    assert_eq!(results.take::<Array2<f64>>("sum").unwrap_err().code(), "output-rank");
    let error = results.take::<AnyArray>("count").unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Names(NamesProblem::NoResult { there, .. }) if there == &["sum", "means"])
    );
    let names: Vec<String> = results.into_arrays()?.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["sum", "means"]);
    Ok(())
}

#[test]
fn the_number_of_results_is_checked_before_a_run() -> Result {
    let (g, w) = (ids(), weights());
    let program = Expression::new("a[g[n]] += w[n]; b[g[n]] max= w[n]")?;
    let error = program.run::<Array1<f64>>((&g, &w)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::OutputCount { asked: 1, given: 2 }), "{error}");
    let error = einsum::<(Array1<f64>, Array1<f64>)>("i->i", &w).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::OutputCount { asked: 2, given: 1 }), "{error}");
    let one: Array1<f64> = program.outputs(["b"]).run((&g, &w))?;
    assert_eq!(one.as_slice().map(|s| s[2]), Some(9.0));
    Ok(())
}

#[test]
fn no_result_and_a_result_without_a_name_are_results_too() -> Result {
    let program = Expression::new("Y[i] = x[i]")?.outputs([]);
    assert!(program.run::<Vec<AnyArray>>(&weights())?.is_empty());
    assert!(program.run::<Results>(&weights())?.is_empty());
    assert_eq!(program.run::<AnyArray>(&weights()).unwrap_err().code(), "outputs");
    let mut results: Results = einsum("i->", weights())?;
    assert_eq!(results.view("").map(|view| view.dtype()), Some(Dtype::F64));
    assert_eq!(results.take::<f64>("")?, 19.0);
    let twice = Expression::new("Y = x[i]; Z max= x[i]")?.outputs(["Z", "Y", "Z"]);
    assert_eq!(twice.run::<(f64, f64)>(&weights())?, (9.0, 19.0));
    Ok(())
}

#[test]
fn results_go_into_memory_of_the_caller() -> Result {
    let (g, w) = (ids(), weights());
    let plan = Expression::new("sum[g[n]:3] += w[n]; count[g[n]:3] += 1")?.plan_for((&g, &w))?;
    let (mut sum, mut count) = (Array1::from_elem(3, 7.0), Array2::<i64>::zeros((3, 2)));
    plan.call((&g, &w)).into((&mut sum, count.column_mut(1)))?;
    assert_eq!((&sum, &count), (&array![4.0, 0.0, 15.0], &array![[0, 2], [0, 0], [0, 3]]));
    let refused = plan.call((&g, &w)).into(&mut sum).unwrap_err();
    assert_eq!(refused.code(), "outputs");
    let scaled = plan.call((&g, &w)).alpha(2).into((&mut sum, count.column_mut(1))).unwrap_err();
    assert!(matches!(scaled.kind(), ErrorKind::NotScalable));
    Ok(())
}

/// `alpha ⊗ e ⊕ beta ⊗ out` of programs, compared with values computed by hand.
#[test]
fn one_sum_can_be_scaled() -> Result {
    let (g, w) = (ids(), weights());
    for (text, value) in [
        ("Y[g[n]:3] += w[n]", [4.0, 0.0, 15.0]),
        ("Y[g[n]:3] += w[n]; Y[g[n]:3] += 1", [6.0, 0.0, 18.0]),
        ("Y[k:3] = w[k+0]*w[k+0] - w[k+1] + 0*g[k+0]", [-1.0, 1.0, 5.0]),
        ("N[g[n]:3] += w[n]; Y[k] = N[k]/2 + 1", [3.0, 1.0, 8.5]),
    ] {
        let plan = Expression::new(text)?.plan(if text.starts_with("Y[k") {
            [named("w", spec::<f64>([5])), named("g", spec::<i64>([5]))]
        } else {
            [named("g", spec::<i64>([5])), named("w", spec::<f64>([5]))]
        })?;
        let operands = (named("g", &g), named("w", &w));
        assert_eq!(plan.run::<Array1<f64>>(operands)?.to_vec(), value, "{text}");
        assert_eq!(plan.call(operands).alpha(2).run::<Array1<f64>>()?.to_vec(), value.map(|y| 2.0 * y), "{text}");
        let mut out = array![1.0, 10.0, 100.0];
        plan.call(operands).alpha(2).beta(0.5).into(&mut out)?;
        assert_eq!(out, array![0.5 + 2.0 * value[0], 5.0 + 2.0 * value[1], 50.0 + 2.0 * value[2]], "{text}");
    }
    let halves = weights().mapv(f16::from_f64);
    let plan = Expression::new("Y[g[n]:3] += w[n]")?.plan_for((&g, &halves))?;
    assert_eq!(plan.call((&g, &halves)).alpha(0.5).run::<Array1<f16>>()?, array![2.0, 0.0, 7.5].mapv(f16::from_f64));
    let greatest = Expression::new("Y[g[n]:3] max= w[n]")?.plan_for((&g, &w))?;
    assert_eq!(greatest.call((&g, &w)).alpha(2).run_any().unwrap_err().code(), "scale");
    let filled = Expression::new("Y[g[n]:3] += w[n]")?.fill("Y", -1).plan_for((&g, &w))?;
    assert_eq!(filled.call((&g, &w)).alpha(2).run::<Array1<f64>>()?, array![8.0, -2.0, 30.0]);
    Ok(())
}

#[test]
fn operands_have_names_or_an_order() -> Result {
    let (x, seg, extra) = (array![1.0, 2.0, 4.0], array![1, 0, 1], array![[true]]);
    let program = Expression::new("Y[seg[n]:2] += X[n]")?;
    assert_eq!((program.input_names(), program.output_names()), (vec!["seg", "X"], vec!["Y"]));
    let want = array![2.0, 5.0];
    assert_eq!(program.run::<Array1<f64>>((&seg, &x))?, want);
    let by_name = (named("other", &extra), named("X", &x), named("seg", &seg));
    assert_eq!(program.run::<Array1<f64>>(by_name)?, want);
    let plan = program.plan([named("X", spec::<f64>([3])), named("seg", spec::<i32>([3]))])?;
    let ty = |name: &str, ty: TensorType| TensorType { name: Some(name.into()), ..ty };
    assert_eq!(plan.input_types(), [ty("seg", spec::<i32>([3])), ty("X", spec::<f64>([3]))]);
    assert_eq!(plan.output_types(), [ty("Y", spec::<f64>([2]))]);
    let seg = seg.mapv(|id: i64| id as i32);
    for _ in 0..2 {
        assert_eq!(plan.run::<Array1<f64>>((named("X", &x), named("seg", &seg)))?, want);
        assert_eq!(plan.run::<Array1<f64>>((&seg, &x))?, want);
    }
    let any = [("X", AnyArray::from(x)), ("seg", AnyArray::from(seg))];
    let any: Vec<_> = any.iter().map(|(name, array)| named(name, array)).collect();
    assert_eq!(plan.run::<Array1<f64>>(&any)?, want);
    Ok(())
}

#[test]
fn names_that_do_not_fit_are_errors_of_their_own() -> Result {
    let (x, seg) = (array![1.0, 2.0], array![0, 1]);
    let program = Expression::new("Y[seg[n]:K] += X[n]")?.size("K", 2);
    let plan = program.plan_for((&seg, &x))?;
    let code =
        |operands: &dyn Fn(&Expression) -> std::result::Result<Array1<f64>, Error>| operands(&program).unwrap_err();
    let twice = code(&|e| e.run((named("X", &x), named("seg", &seg), named("X", &x))));
    assert!(matches!(twice.kind(), ErrorKind::Names(NamesProblem::Twice { name }) if name == "X"));
    let unnamed = code(&|e| e.run((named("X", &x), &seg)));
    assert!(matches!(unnamed.kind(), ErrorKind::Names(NamesProblem::Unnamed { operand: 1 })));
    let missing = code(&|e| e.run((named("X", &x), named("s", &seg))));
    assert_eq!((missing.code(), missing.spans().len()), ("unknown-name", 1));
    let missing = plan.run::<Array1<f64>>(named("X", &x)).unwrap_err();
    assert!(matches!(missing.kind(), ErrorKind::Expression(ExpressionError::UnknownName { name }) if name == "seg"));
    assert_eq!(code(&|e| e.run((named("X", &x), named("seg", &seg), named("Y", &x)))).code(), "name-is-input");
    assert_eq!(code(&|e| e.run((named("X", &x), named("seg", &seg), named("n", &seg)))).code(), "index-is-tensor");
    assert_eq!(code(&|e| e.run((named("X", &x), named("seg", &seg), named("K", &seg)))).code(), "name-class");
    assert_eq!(code(&|e| e.run(&x)).code(), "operands");
    let letters = einsum::<Array1<f64>>("i->i", named("X", &x)).unwrap_err();
    assert!(matches!(letters.kind(), ErrorKind::Names(NamesProblem::NotAProgram { .. })));
    Ok(())
}

#[test]
fn shapes_that_ids_tell_are_looked_up_by_a_run() -> Result {
    let (g, w) = (array![0_u8, 3, 0], array![1.0_f32, 2.0, 4.0]);
    let program = Expression::new("Y[g[n]] += w[n]")?;
    assert_eq!(program.run::<Array1<f32>>((&g, &w))?, array![5.0, 0.0, 0.0, 2.0]);
    let refused = program.plan_for((&g, &w)).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Expression(ExpressionError::DataDependentShape { .. })));
    assert_eq!(refused.kind().name(), "DataDependentShape");
    let plan = program.plan_with((&g, &w))?;
    assert_eq!(plan.output_types()[0].shape[..], [4]);
    assert!(plan.explain()?.text(&einfold::explain::Stage::ALL).contains("Y"));
    for plan in [Plan::from_recipe(&plan.to_recipe())?, plan] {
        assert_eq!(plan.run::<Array1<f32>>((&array![1_u8, 1, 0], &w))?, array![4.0, 3.0, 0.0, 0.0]);
        assert_eq!(plan.run_any((&array![1_u8, 1, 4], &w)).unwrap_err().code(), "index-out-of-range");
    }
    let empty = program.run::<Array1<f32>>((&Array1::<i64>::zeros(0), &Array1::<f32>::zeros(0)))?;
    assert_eq!(empty.len(), 0);
    Ok(())
}

#[test]
fn sizes_of_unsigned_ids_are_looked_up_too() -> Result {
    let (p, q, w) = (array![1_u64, 4], array![0, 1, -1], array![1.0, 2.0, 4.0]);
    let dropped = |text| Expression::new(text).map(|e| e.out_of_range_in("q", OutOfRange::Drop));
    let y: Array1<f64> = dropped("Y[p[q[n]]] += w[n]")?.run((&p, &q, &w))?;
    assert_eq!(y, array![0.0, 1.0, 0.0, 0.0, 2.0]);
    let y: Array1<f64> = einsum("Y[2*p[n]+p[m]] += w[n]*w[m]", (&p, &w.slice_move(s![..2])))?;
    assert_eq!(y.len(), 13);
    let none: Array1<f64> = dropped("Y[p[q[n]]] += w[n]")?.run((&p, &array![-1, 7], &array![1.0, 2.0]))?;
    assert_eq!(none.len(), 0);
    Ok(())
}

#[test]
fn ids_out_of_range_are_shown_where_their_tensor_is_written() -> Result {
    let (g, w) = (array![0, -1, 5], array![1.0, 2.0, 4.0]);
    let error = einsum::<Array1<f64>>("Y[g[n]:3] += w[n]", (&g, &w)).unwrap_err();
    let text = "\
error[index-out-of-range]: g[1] is -1, which indexes -1 along axis 1 of Y, of size 3
  | Y[g[n]:3] += w[n]
  |   ^
  = help: let such ids be dropped or wrap (`--oor`, in the library `out_of_range`), or declare a larger size";
    assert_eq!(error.to_string(), text);
    let program = Expression::new("Y[g[n]:3] += w[n]")?;
    let run = |program: Expression| program.run::<Array1<f64>>((&g, &w));
    assert_eq!(run(program.clone().out_of_range(OutOfRange::Drop))?, array![1.0, 0.0, 0.0]);
    assert_eq!(run(program.clone().out_of_range_in("g", OutOfRange::Drop))?, array![1.0, 0.0, 0.0]);
    assert_eq!(run(program.clone().out_of_range(OutOfRange::Wrap)).unwrap_err().code(), "index-out-of-range");
    assert_eq!(run(program.clone().out_of_range_in("h", OutOfRange::Drop)).unwrap_err().code(), "unknown-name");
    Ok(())
}

#[test]
fn sizes_accumulators_and_fills_have_their_effect() -> Result {
    let k: Array2<u8> = Expression::new("[(a b)] -> [a b]")?.sizes([("b", 2)]).run(&array![1_u8, 2, 3, 4])?;
    assert_eq!(k, array![[1, 2], [3, 4]]);
    let (g, w) = (array![2, 2, 0], array![100_i8, 100, 7]);
    let program = Expression::new("Y[g[n]:K] += w[n]")?.size("K", 4);
    assert_eq!(program.run::<Array1<i8>>((&g, &w))?, array![7, 0, -56, 0]);
    assert_eq!(program.clone().acc(Dtype::I32).run::<Array1<i32>>((&g, &w))?, array![7, 0, 200, 0]);
    assert_eq!(program.clone().fill("Y", -1).run::<Array1<i8>>((&g, &w))?, array![7, -1, -56, -1]);
    assert_eq!(program.clone().fill("Z", 1).run::<Array1<i8>>((&g, &w)).unwrap_err().code(), "unknown-name");
    assert_eq!(program.clone().size("L", 1).run::<Array1<i8>>((&g, &w)).unwrap_err().code(), "unknown-size");
    assert_eq!(program.acc(Dtype::U8).run::<Array1<u8>>((&g, &w)).unwrap_err().kind().name(), "DType");
    Ok(())
}

#[test]
fn options_about_names_need_names() -> Result {
    let letters = Expression::new("i->i")?;
    let named = Expression::new("[i] -> [i]")?;
    let code = |expression: Expression| expression.plan(spec::<f64>([3])).unwrap_err().code();
    for expression in [letters.clone(), named.clone()] {
        assert_eq!(code(expression.clone().fill("Y", 0)), "names");
        assert_eq!(code(expression.clone().outputs(["Y"])), "names");
        assert_eq!(code(expression.clone().out_of_range_in("g", OutOfRange::Drop)), "names");
        assert_eq!(code(expression.size("K", 3)), "unknown-size");
    }
    assert!(letters.out_of_range(OutOfRange::Drop).plan(spec::<f64>([3])).is_ok());
    assert!(named.size("i", 3).plan(spec::<f64>([3])).is_ok());
    Ok(())
}

#[test]
fn texts_of_all_levels_are_kept_and_pointed_at() -> Result {
    for text in ["ij , j->i", "[i j], [j] -> [i]", "Y[i] = A[i,j]*x[j]  # rows"] {
        let expression = Expression::new(text)?;
        assert_eq!(expression.text(), text);
        assert_eq!(expression.operands(), 2);
        let plan = expression.plan((spec::<f64>([2, 2]), spec::<f64>([2])))?;
        let error = plan.run_any((&array![[1.0, 2.0], [3.0, 4.0]], &array![1.0])).unwrap_err();
        let span = error.spans()[0].span;
        assert!(text[span.range()].contains(['j', 'x']) && error.text() == text, "{error}");
    }
    assert_eq!(Expression::spaced("a b, b -> a")?.text(), "a b, b -> a");
    Ok(())
}
