//! Plans that are saved as recipes and made again.

use einfold::ndarray::{Array1, Array2, array};
use einfold::{
    Dtype, Error, ErrorKind, Expression, OutOfRange, Plan, Results, TensorType, algebra::MinPlus,
    errors::RecipeProblem, explain::PassSet, named, spec,
};
use num_complex::Complex;

type Result = std::result::Result<(), Error>;

fn problem(recipe: &str) -> RecipeProblem {
    match Plan::from_recipe(recipe).expect_err(recipe).kind() {
        ErrorKind::Recipe(problem) => problem.clone(),
        other => panic!("{other}"),
    }
}

fn same(plan: &Plan) -> Result {
    let recipe = plan.to_recipe();
    let again = Plan::from_recipe(&recipe)?;
    assert_eq!(again.to_recipe(), recipe);
    assert_eq!(again.input_types(), plan.input_types());
    assert_eq!((again.path(), again.cost()), (plan.path(), plan.cost()));
    Ok(())
}

#[test]
fn a_recipe_leads_to_the_same_plan() -> Result {
    let three = [spec::<f64>([2, 3]), spec::<f32>([3, 4]), spec::<i8>([4, 5])];
    let chain = Expression::new("ij,jk,kl")?;
    same(&chain.plan(&three[..])?)?;
    same(&chain.clone().order("greedy")?.strict(true).plan(&three[..])?)?;
    same(&chain.clone().path([[0, 1], [0, 1]]).memory(1 << 20).plan(&three[..])?)?;
    same(&chain.clone().algebra(MinPlus).passes(PassSet::NONE).plan(&three[..])?)?;
    same(&Expression::new("(ij,jk),kl->il")?.plan(&three[..])?)?;
    same(&Expression::labels(&[&[7, 100], &[100, 3], &[3, 4]], None)?.plan(&three[..])?)?;
    same(&Expression::labels(&[&[7, 100], &[100, 3], &[3, 4]], Some(&[4]))?.plan(&three[..])?)?;
    let conjugated = TensorType { conj: true, ..spec::<Complex<f32>>([2, 2]) };
    same(&Expression::new("i...,i->...")?.plan((conjugated, spec::<bool>([2])))?)?;
    same(&Expression::spaced("a b, b c -> a c")?.plan(&three[..2])?)?;
    same(
        &Expression::new("[(i k)], [k j] -> [i j]")?
            .size("k", 3)
            .acc(Dtype::F64)
            .plan([spec::<f32>([6]), spec::<i8>([3, 2])])?,
    )?;
    let program = Expression::new("M[g[n]:K] max= w[n]; E[n] = exp(w[n] - M[g[n]])\nC[h[n]] += 1")?
        .size("K", 4)
        .out_of_range(OutOfRange::Drop)
        .out_of_range_in("h", OutOfRange::Wrap)
        .fill("M", f64::NEG_INFINITY)
        .fill("C", -7)
        .outputs(["C", "M"]);
    let (g, w, h) = (array![0, 3, 9], array![1.0, 2.0, 3.0], array![1, -1, 1]);
    let operands = (named("g", &g), named("w", &w), named("h", &h));
    let plan = program.plan_with(operands)?;
    same(&plan)?;
    let mut results: Results = Plan::from_recipe(&plan.to_recipe())?.run(operands)?;
    assert_eq!(results.take::<Array1<i64>>("C")?, array![-7, 3]);
    assert_eq!(results.take::<Array1<f64>>("M")?, array![1.0, f64::NEG_INFINITY, f64::NEG_INFINITY, 2.0]);
    same(&Expression::new("ii->i")?.path([[0]]).plan(spec::<u8>([3, 3]))?)
}

#[test]
fn a_recipe_says_what_it_is() -> Result {
    let plan = Expression::new("ij,jk->ik")?.plan((spec::<f64>([2, 3]), spec::<f64>([3, 4])))?;
    assert_eq!(
        plan.to_recipe(),
        concat!(
            r#"{"version":2,"expression":{"text":"ij,jk->ik"},"#,
            r#""operands":[{"dtype":"f64","shape":[2,3]},{"dtype":"f64","shape":[3,4]}],"#,
            r#""strict":false,"algebra":"(+, *)","memory":null,"#,
            r#""passes":["diagonal","transpose","layout","gemm","buffers","#,
            r#""share","contract","inline"],"#,
            r#""order":{"inputs":[["i","j"],["j","k"]],"largest_limit":null,"memory_limit":null,"objective":"flops","#,
            r#""output":["i","k"],"path":[[0,1]],"schema":"einfold.order/1","sizes":{"i":2,"j":3,"k":4},"slices":[],"#,
            r#""ssa_path":[[0,1]],"tensors":2},"cost":{"flops":"24","size":"8","write":"8","peak":"8"}}"#
        )
    );
    let earlier = plan.to_recipe().replace(r#""buffers","#, r#""loop_order","merge_axes","buffers","#);
    assert_eq!(Plan::from_recipe(&earlier)?.to_recipe(), plan.to_recipe());
    let y: Array2<f64> =
        Plan::from_recipe(&plan.to_recipe())?.run((Array2::<f64>::ones((2, 3)), Array2::<f64>::ones((3, 4))))?;
    assert_eq!(y, array![[3.0, 3.0, 3.0, 3.0], [3.0, 3.0, 3.0, 3.0]]);
    Ok(())
}

#[test]
fn texts_that_are_not_recipes_are_errors() -> Result {
    let plan = Expression::new("ij,jk,kl")?.plan([spec::<f64>([2, 3]), spec::<f64>([3, 4]), spec::<f64>([4, 5])])?;
    let recipe = plan.to_recipe();
    let edit = |from: &str, to: &str| {
        assert!(recipe.contains(from), "{recipe}");
        recipe.replacen(from, to, 1)
    };
    let order = problem(&edit("einfold.order/1", "einfold.order/2"));
    assert!(matches!(order, RecipeProblem::Malformed(text) if text.contains("einfold.order/2")));
    let error = Plan::from_recipe(&edit(r#""k":4"#, r#""k":8"#)).unwrap_err();
    assert!(error.code() == "path" && error.to_string().contains("axis `k` has extent 8"), "{error}");
    for text in ["", "{", "[]", "{}", "null", r#"{"version":"1"}"#, r#"{"version":1}"#] {
        assert!(matches!(problem(text), RecipeProblem::Malformed(_)), "{text}");
    }
    assert!(matches!(problem(&edit(r#""strict":"#, r#""lax":"#)), RecipeProblem::Malformed(_)));
    let version = problem(&edit(r#""version":2"#, r#""version":3"#));
    assert_eq!(version, RecipeProblem::Version { found: 3, expected: 2 });
    assert_eq!(problem(&edit("f64", "f99")), RecipeProblem::Dtype("f99".into()));
    assert_eq!(problem(&edit(r#""gemm""#, r#""blas""#)), RecipeProblem::Pass("blas".into()));
    assert_eq!(problem(&edit("(+, *)", "(+, +)")), RecipeProblem::Algebra("(+, +)".into()));
    let flops = edit(r#""flops":"64""#, r#""flops":"65""#);
    assert_eq!(problem(&flops), RecipeProblem::Cost { recorded: "65".into(), planned: "64".into() });
    let error = Plan::from_recipe(&edit(r#""ssa_path":[[0,1]"#, r#""ssa_path":[[0,7]"#)).unwrap_err();
    assert_eq!(error.code(), "path");
    let error = Plan::from_recipe(&edit("[2,3]", "[2,9]")).unwrap_err();
    assert_eq!(error.code(), "size");
    Ok(())
}

#[test]
fn recipes_of_the_first_version_are_read() -> Result {
    let first = |text: &str, rest: &str, cost: &str| {
        format!(
            concat!(
                r#"{{"version":1,"expression":{{"text":"{}"}},"operands":[{{"dtype":"f64","shape":[2,3]}},"#,
                r#"{{"dtype":"f64","shape":[3,4]}},{{"dtype":"f64","shape":[4,5]}}],"strict":false,"algebra":"(+, *)","#,
                r#""memory":null,"passes":["gemm","share","contract","inline"],{},"cost":{}}}"#
            ),
            text, rest, cost
        )
    };
    let cost = r#"{"flops":"64","size":"10","write":"18","peak":"18"}"#;
    let one = Plan::from_recipe(&first("ij,jk,kl", r#""paths":[[[0,1],[3,2]]]"#, cost))?;
    assert_eq!(one.ssa_path(), [[0, 1], [3, 2]]);
    let cost = r#"{"flops":"64","size":"10","write":"18","peak":"10"}"#;
    let rest = r#""order":"left-to-right","paths":[[[0,1]],[[0,1]]]"#;
    let several = Plan::from_recipe(&first("(ij,jk),kl->il", rest, cost))?;
    assert_eq!(several.order().contractions.len(), 2);
    let other = problem(&first("(ij,jk),kl->il", r#""order":"left-to-right","paths":[[[0,1]],[[1,0]]]"#, cost));
    assert!(matches!(other, RecipeProblem::Cost { .. }));
    same(&several)
}
