//! Saved orders: they are applied without a search.

use einfold::ndarray::{Array, Array2, Dimension, Ix2, array};
use einfold::{
    AnyArray, Error, ErrorKind, Expression, Order, Plan, errors::OrderError, errors::OrderMismatch, named,
    order::SavedOrder, spec,
};
use einfold_order::search_count;

type Result = std::result::Result<(), Error>;

/// A matrix of small integers, so that all orders give equal values.
fn matrix(rows: usize, columns: usize) -> Array2<f64> {
    counted(Ix2(rows, columns))
}

fn counted<D: Dimension>(shape: D) -> Array<f64, D> {
    let mut k = 0;
    Array::from_shape_simple_fn(shape, || {
        k = (k * 7 + 3) % 11;
        f64::from(k - 5)
    })
}

/// Applies the order of a plan in every form in which it can be stored, and compares plans and values.
fn followed(text: &str, plan: &Plan, operands: &[(&str, AnyArray)]) -> Result {
    let order = plan.order();
    let expression = || Expression::new(text);
    let views: Vec<_> = operands.iter().map(|(_, array)| array).collect();
    let want: Vec<AnyArray> = plan.run(&views[..])?;
    let read = || Order::from_json(&order.to_string()).expect("an order");
    let recipe = plan.to_recipe();
    let before = search_count();
    let again = [
        expression()?.order(order.clone())?.plan_for(&views[..])?,
        expression()?.order(read())?.plan_for(&views[..])?,
        Plan::from_recipe(&recipe)?,
    ];
    assert_eq!(search_count(), before, "{text}: something was searched");
    for again in again {
        assert_eq!(again.order(), order, "{text}");
        assert_eq!((again.cost(), again.peak_bytes()), (plan.cost(), plan.peak_bytes()), "{text}");
        assert_eq!(again.run::<Vec<AnyArray>>(&views[..])?, want, "{text}");
    }
    assert_eq!(Plan::from_recipe(&recipe)?.to_recipe(), recipe);
    Ok(())
}

fn any<D: Dimension>(array: Array<f64, D>) -> AnyArray {
    AnyArray::F64(array.into_dyn())
}

fn ids(values: &[i64]) -> AnyArray {
    AnyArray::I64(Array::from_vec(values.to_vec()).into_dyn())
}

#[test]
fn every_order_is_followed_without_a_search() -> Result {
    let square = || any(matrix(48, 48));
    let chain = [("a", square()), ("b", square()), ("c", square())];
    let graph =
        [("dst", ids(&[0, 3, 3, 1])), ("X", any(matrix(5, 6))), ("src", ids(&[4, 4, 0, 2])), ("W", any(matrix(6, 7)))];
    let narrow =
        [("dst", ids(&[0, 3, 3, 1])), ("X", any(matrix(5, 1))), ("src", ids(&[4, 4, 0, 2])), ("W", any(matrix(1, 1)))];
    let layer = "H[dst[e]:9,o] += X[src[e],f]*W[f,o]";
    let both = "Z[i,l] = a[i,j]*b[j,k]*c[k,l]; M[i,l] max= a[i,j]*b[j,l]; Y[g[i]:9,l] += a[i,j]*b[j,k]*c[k,l]";
    let with_ids = [square(), square(), square(), ids(&[3; 48])];
    let both_operands: Vec<(&str, AnyArray)> = ["a", "b", "c", "g"].into_iter().zip(with_ids).collect();
    for (text, memory, order, operands) in [
        ("ij,jk,kl->il", None, "auto", &chain[..]),
        ("ij,jk,kl->il", None, "left-to-right", &chain),
        ("ij,jk,ki->", Some(8_000), "auto", &chain),
        ("ij,jk,kl->il", Some(25_000), "auto", &chain),
        ("Z += a[i,j]*b[j,k]*c[k,i]; Y += a[i,j]*c[j,k]*b[k,i]", Some(9_000), "left-to-right", &chain),
        ("T[i,k] += a[i,j]*b[j,k]; Y[i,l] += T[i,k]*c[k,l]", None, "greedy", &chain),
        ("T[i,k] += a[i,j]*b[j,k]; Y[i,l] += T[i,k]*c[k,l]", None, "auto", &chain),
        (layer, None, "auto", &graph),
        (layer, None, "greedy", &graph),
        (layer, None, "auto", &narrow),
        (both, None, "auto", &both_operands),
        ("ij->ji", None, "auto", &chain[..1]),
    ] {
        let mut expression = Expression::new(text)?.order(order)?;
        if let Some(bytes) = memory {
            expression = expression.memory(bytes);
        }
        let views: Vec<_> = operands.iter().map(|(_, array)| array).collect();
        let plan = expression.plan_for(&views[..])?;
        let sliced = plan.order().contractions.iter().any(|saved| !saved.slices.is_empty());
        assert_eq!(sliced, memory.is_some(), "{text} within {memory:?}");
        followed(text, &plan, operands)?;
    }
    Ok(())
}

#[test]
fn a_tree_that_no_search_finds_is_kept() -> Result {
    let operands = [("a", any(matrix(2, 30))), ("b", any(matrix(30, 30))), ("c", any(matrix(30, 30)))];
    let views: Vec<_> = operands.iter().map(|(_, array)| array).collect();
    let text = "ij,jk,kl->il";
    let plan = Expression::new(text)?.path([[1, 2], [0, 1]]).plan_for(&views[..])?;
    assert!(plan.cost().flops > Expression::new(text)?.plan_for(&views[..])?.cost().flops);
    followed(text, &plan, &operands)
}

#[test]
fn what_does_not_fit_says_what_differs() -> Result {
    let types = |n: usize| [spec::<f64>([n, n]), spec::<f64>([n, n]), spec::<f64>([n, n])];
    let chain = Expression::new("ij,jk,kl->il")?;
    let sliced = chain.clone().memory(40_000).plan(&types(64)[..])?.order();
    let limit = sliced.memory_bytes;
    let mismatch = |expression: Expression, n: usize| {
        let error = expression.order(sliced.clone()).and_then(|e| e.plan(&types(n)[..])).unwrap_err();
        let ErrorKind::Order(OrderError::Mismatch { what, .. }) = error.kind() else { panic!("{error}") };
        (what.clone(), error.code())
    };
    // An order also fits an expression with other labels.
    let renamed = Expression::new("[a b], [b c], [c d] -> [a d]")?.order(sliced.clone())?.plan(&types(64)[..])?;
    assert_eq!(renamed.order().contractions[0].slices.len(), sliced.contractions[0].slices.len());
    let extent = OrderMismatch::Extent { axis: "i".into(), saved: 64, given: 32 };
    assert_eq!(mismatch(chain.clone(), 32), (extent, "path"));
    let (what, code) = mismatch(Expression::new("ij,jk,ki->i")?, 64);
    assert!(matches!((what, code), (OrderMismatch::Axes { operand: Some(2), .. }, "path")));
    let (what, code) = mismatch(Expression::new("A[i,k] = a[i,j]*b[j,k]; B[i,k] = b[i,j]*c[j,k]")?, 64);
    assert_eq!((what, code), (OrderMismatch::Contractions { saved: 1, given: 2 }, "path"));
    let (what, code) = mismatch(chain.clone().memory(33_000), 64);
    assert!(matches!(what, OrderMismatch::Memory { limit: 33_000, found, .. } if found == limit), "{what}");
    assert_eq!(code, "memory");
    let paths = SavedOrder::of_paths(&[vec![vec![0, 1]], vec![vec![0, 1]], vec![vec![0, 1]]]).expect("paths");
    let error = Expression::new("(ij,jk),kl->il")?.order(paths)?.plan(&types(4)[..]).unwrap_err();
    assert_eq!(error.code(), "path");
    assert!(error.to_string().contains("it is for 3 contractions, the expression has 2"), "{error}");
    // An index tensor that is contracted before the tensor that it indexes.
    let early = SavedOrder::of_paths(&[vec![vec![2, 3], vec![0, 2], vec![0, 1]]]).expect("a path");
    let layer = Expression::new("H[dst[e]:9,o] += X[src[e],f]*W[f,o]")?;
    let (edges, x) = (ids(&[0, 1]), any(matrix(3, 3)));
    let operands = (named("dst", &edges), named("src", &edges), named("X", &x), named("W", &x));
    assert_eq!(layer.order(early)?.plan_for(operands).unwrap_err().code(), "path");
    Ok(())
}

#[test]
fn a_path_of_a_program_with_ids_is_taken_by_it() -> Result {
    let (dst, src) = (array![0_i64, 3, 3, 1], array![4_i64, 4, 0, 2]);
    let (x, w) = (matrix(5, 6), matrix(6, 7));
    let operands = || (named("dst", &dst), named("X", &x), named("src", &src), named("W", &w));
    let layer = Expression::new("H[dst[e]:9,o] += X[src[e],f]*W[f,o]")?;
    let plan = layer.plan_for(operands())?;
    // The leaves are the factors, then the index tensors of X and of the result.
    assert_eq!(plan.order().contractions[0].tree.leaves(), 4);
    assert_eq!(layer.clone().path(plan.path()).plan_for(operands())?.order(), plan.order());
    assert_eq!(layer.clone().ssa_path(plan.ssa_path()).plan_for(operands())?.order(), plan.order());
    let at_once = layer.path([[0, 1]]).plan_for(operands())?;
    assert_eq!(at_once.path(), [[0, 1]]);
    let want: Array2<f64> = plan.run(operands())?;
    assert_eq!(at_once.run::<Array2<f64>>(operands())?, want);
    Ok(())
}
