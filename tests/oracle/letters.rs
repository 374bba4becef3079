//! Letters, parsed independently of the library. Parentheses only fix an order, so they have no effect on the value.

use einfold_ir::BinaryOp;

use super::Refusal;
use super::model::{Access, Expr, Index, Left, Statement, once};
use super::read::{operand, reduction};

/// A statement that reduces by ⊕ the factors combined by ⊗.
pub(crate) fn letters(text: &str, add: BinaryOp, mul: BinaryOp) -> Statement {
    let text: String = text.chars().filter(|c| !" ()".contains(*c)).collect();
    let (left, right) = text.split_once("->").map_or((text.as_str(), None), |(l, r)| (l, Some(r)));
    let terms: Vec<Vec<Index>> = left.split(',').map(term).collect();
    let output = right.map_or_else(|| implicit(&terms), term);
    let term = |(k, indices)| Expr::Read(Access { tensor: operand(k), indices });
    let right = Expr::Joined(mul, terms.into_iter().enumerate().map(term).collect());
    let left = output.into_iter().map(|index| Left { index, size: None }).collect();
    Statement { name: String::new(), left, assign: reduction(add), right, sizes: Vec::new() }
}

fn term(text: &str) -> Vec<Index> {
    let labels = |text: &str| text.chars().map(|c| Index::Axis(c.to_string())).collect::<Vec<_>>();
    match text.split_once("...") {
        None => labels(text),
        Some((head, tail)) => [labels(head), vec![Index::Dots], labels(tail)].concat(),
    }
}

/// The implicit output: the ellipsis, then the labels used once in the order of their code points.
fn implicit(terms: &[Vec<Index>]) -> Vec<Index> {
    let all: Vec<&str> = terms.iter().flatten().flat_map(Index::axes).collect();
    let mut labels: Vec<&str> = all.iter().copied().filter(|l| all.iter().filter(|m| m == &l).count() == 1).collect();
    labels.sort_unstable();
    let dots = terms.iter().flatten().find(|i| matches!(i, Index::Dots)).cloned();
    dots.into_iter().chain(labels.into_iter().map(|l| Index::Axis(l.into()))).collect()
}

/// Checks rules of letters and named subscripts: output axes are distinct and occur in operands, and each term has an
/// operand.
pub(crate) fn check(statement: &Statement, operands: usize) -> Result<(), Refusal> {
    let written: Vec<&str> = statement.left.iter().flat_map(|l| l.index.axes()).collect();
    let known = statement.right.axes();
    if once(written.iter().copied()).len() < written.len() {
        return Err("output-repeated");
    }
    if written.iter().any(|axis| !known.contains(axis)) {
        return Err("output-unknown");
    }
    if statement.right.parts().len() != operands { Err("operands") } else { Ok(()) }
}
