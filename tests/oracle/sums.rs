//! The axes that each sum reduces (point 14 of the definition).

use std::collections::BTreeSet;

use einfold_ir::Function;
use einfold_syntax::Assign;

use super::Refusal;
use super::model::{Expr, Index, Statement};

/// Checks that the statement is not ambiguous.
pub(crate) fn check(statement: &Statement) -> Result<(), Refusal> {
    let kept: BTreeSet<&str> = statement.kept().into_iter().collect();
    match statement.assign {
        Assign::Equal => {
            let plain = statement.left.iter().all(|l| !matches!(l.index, Index::Affine(_)));
            if !plain || kept.len() < statement.kept().len() {
                return Err("scatter-needs-reduction");
            }
            let clear = |term: &Expr| is_clear(term, &term.axes().into_iter().filter(|a| !kept.contains(a)).collect());
            if terms(&statement.right).iter().all(|(_, term)| clear(term)) { Ok(()) } else { Err("ambiguous-sum") }
        }
        Assign::Add => {
            let reduced =
                |set: BTreeSet<&str>| -> BTreeSet<String> { set.difference(&kept).map(|a| a.to_string()).collect() };
            let mut all = products(&statement.right).into_iter().map(reduced);
            let first = all.next();
            if all.all(|other| Some(other) == first) { Ok(()) } else { Err("ambiguous-sum") }
        }
        _ => Ok(()),
    }
}

fn is_transparent(function: Function) -> bool {
    matches!(function, Function::Conj | Function::Re | Function::Im)
}

/// The terms of the right side of `=`, each with whether it is subtracted.
pub(crate) fn terms(e: &Expr) -> Vec<(bool, Expr)> {
    match e {
        Expr::Sum(list) => {
            let flip = |minus: bool, (m, e): (bool, Expr)| (m != minus, e);
            list.iter().flat_map(|(minus, e)| terms(e).into_iter().map(move |t| flip(*minus, t))).collect()
        }
        Expr::Negation(inner) => terms(inner).into_iter().map(|(minus, e)| (!minus, e)).collect(),
        Expr::Call(f, list) if is_transparent(*f) => {
            terms(&list[0]).into_iter().map(|(minus, e)| (minus, Expr::Call(*f, vec![e]))).collect()
        }
        other => vec![(false, other.clone())],
    }
}

/// Whether reduced axes occur only where the position of the sum is unique: not in a function, a sum in parentheses or
/// a divisor.
fn is_clear(e: &Expr, reduced: &BTreeSet<&str>) -> bool {
    let free = |e: &Expr| e.axes().iter().all(|a| !reduced.contains(a));
    match e {
        Expr::Negation(inner) => is_clear(inner, reduced),
        Expr::Product(list) => list.iter().all(|(divides, e)| if *divides { free(e) } else { is_clear(e, reduced) }),
        Expr::Call(f, list) if is_transparent(*f) => is_clear(&list[0], reduced),
        Expr::Sum(_) | Expr::Call(..) => free(e),
        _ => true,
    }
}

/// The axes of each product after products are distributed over sums.
fn products(e: &Expr) -> Vec<BTreeSet<&str>> {
    match e {
        Expr::Sum(list) => list.iter().flat_map(|(_, e)| products(e)).collect(),
        Expr::Negation(inner) => products(inner),
        Expr::Call(f, list) if is_transparent(*f) => products(&list[0]),
        Expr::Product(list) => {
            let mut all = vec![BTreeSet::new()];
            for (divides, e) in list {
                let factor = if *divides { vec![e.axes().into_iter().collect()] } else { products(e) };
                all = all.iter().flat_map(|a| factor.iter().map(move |b| a | b)).collect();
            }
            all
        }
        other => vec![other.axes().into_iter().collect()],
    }
}
