//! What level 1 means, slow and obvious: every point of the iteration space, one after the other. Everything else in einfold
//! is compared to this. Parentheses only fix an order, so the meaning ignores them.

use std::collections::BTreeMap;

use crate::num::{Num, Tensor, points};
use crate::promotion::result_type;

/// Labels of the axes that `...` covers, counted from the right; above every character.
const DOTS: u32 = 0x11_0000;

/// The value of the expression; `None` where ranks, sizes, output or dtypes make it none.
pub(crate) fn einsum(text: &str, operands: &[Tensor]) -> Option<Tensor> {
    let text: String = text.chars().filter(|c| !" ()".contains(*c)).collect();
    let (left, right) = text.split_once("->").map_or((text.as_str(), None), |(l, r)| (l, Some(r)));
    let ranks = operands.iter().map(|o| o.shape.len());
    let terms: Vec<Vec<u32>> = left.split(',').zip(ranks).map(|(t, rank)| labels(t, rank)).collect::<Option<_>>()?;
    if left.split(',').count() != operands.len() {
        return None;
    }
    let extents = sizes(&terms, operands)?;
    let output = output(right, &terms)?;
    let holds = |l: &u32| output.iter().filter(|o| *o == l).count();
    let known = output.iter().all(|l| holds(l) == 1 && extents.contains_key(l));
    if !known || extents.range(DOTS..).any(|(l, _)| holds(l) == 0) {
        return None;
    }
    let dtype = result_type(&operands.iter().map(|o| o.dtype).collect::<Vec<_>>())?;
    let operands: Vec<Tensor> =
        operands.iter().map(|o| Tensor { data: o.data.iter().map(|x| x.to(dtype)).collect(), ..o.clone() }).collect();
    let axes: Vec<u32> = output.iter().chain(extents.keys().filter(|l| holds(l) == 0)).copied().collect();
    let space: Vec<usize> = axes.iter().map(|l| extents[l]).collect();
    let mut result = Tensor::full(dtype, &space[..output.len()], Num::ZERO);
    for point in points(&space) {
        let position = |l: &u32| point[axes.iter().position(|a| a == l).unwrap()];
        let mut product = Num::ONE.to(dtype);
        for (term, operand) in terms.iter().zip(&operands) {
            product = product.mul(operand.data[operand.offset(term.iter().map(position))]);
        }
        let at = result.offset(output.iter().map(position));
        result.data[at] = result.data[at].add(product);
    }
    result.data.iter_mut().for_each(|x| *x = x.to(dtype));
    Some(result)
}

/// One label an axis. `None` if the rank does not fit.
fn labels(term: &str, rank: usize) -> Option<Vec<u32>> {
    let (head, tail) = term.split_once("...").unwrap_or((term, ""));
    let covered = rank.checked_sub(head.chars().count() + tail.chars().count())?;
    let dots = (0..covered as u32).rev().map(|k| DOTS + k);
    let fits = covered == 0 || term.contains("...");
    fits.then(|| head.chars().map(u32::from).chain(dots).chain(tail.chars().map(u32::from)).collect())
}

/// The size of each label: equal within an operand, equal or 1 between operands.
fn sizes(terms: &[Vec<u32>], operands: &[Tensor]) -> Option<BTreeMap<u32, usize>> {
    let mut extents = BTreeMap::new();
    for (term, operand) in terms.iter().zip(operands) {
        for (&label, &size) in term.iter().zip(&operand.shape) {
            let repeats = term.iter().zip(&operand.shape).filter(|(l, _)| **l == label);
            let extent = extents.entry(label).or_insert(1);
            if repeats.clone().any(|(_, &n)| n != size) || (size != 1 && *extent != 1 && size != *extent) {
                return None;
            }
            *extent = if size == 1 { *extent } else { size };
        }
    }
    Some(extents)
}

/// The labels of the output: as written, or the ellipsis and then the labels used once, in order.
fn output(right: Option<&str>, terms: &[Vec<u32>]) -> Option<Vec<u32>> {
    let depth = terms.iter().flatten().filter(|&&l| l >= DOTS).max().map_or(0, |l| (l - DOTS) as usize + 1);
    if let Some(text) = right {
        let letters = text.replace("...", "").chars().count();
        return labels(text, letters + if text.contains("...") { depth } else { 0 });
    }
    let once = |l: &u32| terms.iter().flatten().filter(|x| *x == l).count() == 1;
    let mut letters: Vec<u32> = terms.iter().flatten().copied().filter(|l| *l < DOTS && once(l)).collect();
    letters.sort_unstable();
    Some((0..depth as u32).rev().map(|k| DOTS + k).chain(letters).collect())
}
