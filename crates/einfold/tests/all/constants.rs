//! Plans with constant operands.

use einfold::ndarray::{Array1, Array2, array};
use einfold::{Error, ErrorKind, Expression, Plan, errors::ConstantsProblem, named, spec};

/// The plans of `i,ij,jk->k` with both matrices constant, and without constants.
fn chain() -> Result<(Plan, Plan), Error> {
    let whole = Expression::new("i,ij,jk->k")?.plan([spec::<f64>([3]), spec::<f64>([3, 4]), spec::<f64>([4, 2])])?;
    let (a, b) = (Array2::<f64>::ones([3, 4]), Array2::<f64>::ones([4, 2]));
    let bound = whole.bind_constants(&[1, 2], (&a, &b))?;
    Ok((whole, bound))
}

#[test]
fn a_plan_with_constants_reports_the_properties_of_a_plan() -> Result<(), Error> {
    let (whole, bound) = chain()?;
    let y: Array1<f64> = bound.run(&array![1.0, 2.0, 3.0])?;
    assert_eq!(y, array![24.0, 24.0]);
    assert_eq!(bound.input_types(), [spec::<f64>([3])]);
    assert_eq!(bound.output_types(), whole.output_types());
    assert!(bound.kept_bytes() > 0 && whole.kept_bytes() == 0);
    assert!(bound.cost().flops < whole.cost().flops);
    let explained = bound.explain()?.to_string();
    assert!(explained.contains("i,ij,jk->k"), "{explained}");
    assert_eq!(bound.warnings().len(), 0);
    assert_eq!(bound.expression().text(), "i,ij,jk->k");
    // A run contracts the intermediate of the constants with the remaining operand.
    assert_eq!(bound.path(), [[0, 1]]);
    // A recipe does not contain the values of constants.
    assert_eq!(bound.to_recipe(), whole.to_recipe());
    Ok(())
}

#[test]
fn constants_are_bound_once() -> Result<(), Error> {
    let (_, bound) = chain()?;
    let error = bound.bind_constants(&[0], &array![1.0, 2.0, 3.0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Constants(ConstantsProblem::Again)), "{error}");
    assert_eq!(error.code(), "constants");
    assert!(error.to_string().contains("help: give all constants at once"), "{error}");
    Ok(())
}

#[test]
fn warnings_and_names_are_those_of_the_whole_program() -> Result<(), Error> {
    let plan = Expression::new("hits += eq(p[n], t[n])")?.plan([spec::<i64>([3]), spec::<i64>([3])])?;
    let bound = plan.bind_constants(&[1], &array![1_i64, 2, 3])?;
    assert_eq!(bound.warnings().len(), 1);
    let hits: bool = bound.run(named("p", &array![0_i64, 2, 0]))?;
    assert!(hits);
    assert_eq!(bound.run::<bool>(named("t", &array![0_i64, 2, 0])).unwrap_err().code(), "operands");
    Ok(())
}

#[test]
fn operands_beside_constants_are_checked_as_those_of_a_plan_without() -> Result<(), Error> {
    let (x, y) = (array![1.0, 2.0], array![3.0, 4.0]);
    let (_, bound) = chain()?;
    let error = bound.run::<Array1<f64>>((&x, &y)).unwrap_err();
    assert!(error.to_string().contains("1 operand") && error.to_string().contains("2 given"), "{error}");
    let names = bound.run::<Array1<f64>>(named("x", &x)).unwrap_err();
    assert_eq!(names.code(), "names");

    let types = [spec::<f64>([2]), spec::<f64>([2]), spec::<f64>([2])];
    let plan = Expression::new("y[i] = a[i] + b[i]*c[i]")?.plan(types)?;
    let error = plan.bind_constants(&[0, 1], (named("b", &x), named("a", &y))).unwrap_err();
    let want = ConstantsProblem::Name { name: "b".into(), position: 0 };
    assert!(matches!(error.kind(), ErrorKind::Constants(found) if *found == want), "{error}");
    let bound = plan.bind_constants(&[0, 1], (named("a", &x), named("b", &y)))?;
    assert_eq!(bound.run::<Array1<f64>>(named("c", &y))?, array![10.0, 18.0]);
    let twice = bound.run::<Array1<f64>>((named("c", &x), named("c", &y))).unwrap_err();
    assert_eq!(twice.code(), "names");
    Ok(())
}

/// The first contributions of `t` and `u` are one node; that of `t` is computed in each run.
#[test]
fn a_shared_contribution_to_a_constant_and_another_tensor_is_computed_in_each_run() -> Result<(), Error> {
    let text = "t[i] += a[i]*b[i]; t[i] += c[i]; u[i] += a[i]*b[i]; u[i] += a[i]";
    let plan = Expression::new(text)?.plan([spec::<f64>([2]), spec::<f64>([2]), spec::<f64>([2])])?;
    let bound = plan.bind_constants(&[0, 1], (&array![1.0, 2.0], &array![3.0, 4.0]))?;
    let (t, u): (Array1<f64>, Array1<f64>) = bound.run(&array![10.0, 20.0])?;
    assert_eq!((t, u), (array![13.0, 28.0], array![4.0, 10.0]));
    Ok(())
}
