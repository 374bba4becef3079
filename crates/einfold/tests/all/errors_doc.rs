//! The second part of `docs/errors.md` shows the reports of planning and run errors.

use einfold::ndarray::{Array1, Array2, arr0, array};
use einfold::{AnyView, AnyViewMut, Control, Error, Expression, Plan, conj, einsum, named, spec};
use num_complex::Complex;
use std::sync::atomic::AtomicBool;

/// An error of each kind, in the order of the page.
fn examples() -> Vec<Error> {
    let a = array![[1.0, 2.0], [3.0, 4.0]];
    let z = array![Complex::new(0.0, 1.0)];
    let product = Expression::new("ij,jk->ik").expect("a product");
    let types = [spec::<f64>([2, 2]), spec::<f64>([2, 2])];
    let plan = product.plan(&types[..]).expect("a plan");
    let sums = Expression::new("ij->i").and_then(|e| e.plan(spec::<i32>([2, 2]))).expect("a plan");
    let integers = array![[1, 2], [3, 4]];
    let x = array![1.0, 2.0];
    let greatest = Expression::new("M max= x[i]").and_then(|e| e.plan_for(&x)).expect("a plan");
    let cancel = AtomicBool::new(true);
    let stop = Control { cancel: Some(&cancel), ..Control::default() };
    let mut slice = [0.0; 4];
    let one = arr0(1.0);
    let huge = one.broadcast(2_900_000).expect("a scalar stretches");
    let recipe = plan.to_recipe().replace("\"version\":2", "\"version\":7");
    let other = product.plan([spec::<f64>([2, 3]), spec::<f64>([3, 2])]).expect("a plan").order();
    let results: Vec<Result<(), Error>> = vec![
        product.clone().order("fastest").map(drop),
        product.clone().path([[0, 2]]).plan(&types[..]).map(drop),
        product.clone().order(other).and_then(|e| e.plan(&types[..])).map(drop),
        product.clone().memory(16).plan(&types[..]).map(drop),
        Expression::new("Y[i,j] = a[i]*b[j]")
            .and_then(|e| e.memory(1 << 20).plan((spec::<f64>([2000]), spec::<f64>([4000]))))
            .map(drop),
        product.clone().order(plan.order()).and_then(|e| e.memory(16).plan(&types[..])).map(drop),
        einsum::<Array2<f64>>("a,b->ab", (huge, huge)).map(drop),
        plan.run_any(&a).map(drop),
        einsum::<f64>("S = x[i]; M max= x[i]", &x).map(drop),
        einsum::<f64>("S = x[i]", (named("x", &x), named("x", &x))).map(drop),
        einsum::<f64>("i->", named("x", &x)).map(drop),
        plan.run_any((&a, &integers)).map(drop),
        plan.run_any((&a, a.row(0))).map(drop),
        Expression::new("i->i").and_then(|e| e.plan_for(&z)).and_then(|p| p.run_any(conj(&z))).map(drop),
        sums.call(&integers).alpha(0.5).run_any().map(drop),
        sums.call(&integers).beta(1).run_any().map(drop),
        greatest.call(&x).alpha(2).run_any().map(drop),
        einsum::<Array1<f64>>("Y[g[n]:2] += x[n]", (&array![0, 2], &x)).map(drop),
        plan.call((&a, &a)).control(&stop).run_any().map(drop),
        AnyView::from_slice(&slice.clone(), 0, &[3, 2], &[2, 1]).map(drop).map_err(Error::from),
        AnyViewMut::from_slice(&mut slice, 0, &[3, 2], &[1, 1]).map(drop).map_err(Error::from),
        einsum::<Array1<f32>>("ij->i", &a).map(drop),
        einsum::<Array2<f64>>("ij->i", &a).map(drop),
        plan.bind_constants(&[2], &a).map(drop),
        Plan::from_recipe(&recipe).map(drop),
    ];
    results.into_iter().map(|result| result.expect_err("an error")).collect()
}

#[test]
fn the_page_shows_what_is_printed() {
    let page = include_str!("../../../../docs/errors.md");
    let part = page.split_once("\n# Planning and running\n").expect("the second part").1;
    let blocks: Vec<&str> = part.split("```text\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    let printed: Vec<String> = examples().iter().map(Error::to_string).collect();
    assert_eq!(blocks, printed);
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for example in examples() {
        assert!(rows.clone().any(|row| row == example.code()), "no row for {}", example.code());
    }
}
