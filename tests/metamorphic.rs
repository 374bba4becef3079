//! Relations between results on operands too large for the oracle: renaming, reordering, splitting, linearity.

use einfold::Dtype;

use crate::case::Case;
use crate::draw::{Bytes, check};
use crate::layout::Layout;
use crate::library::einsum;
use crate::num::{Num, Tensor};
use crate::oracle;
use crate::threads::{real_case, reals};

/// Far above the rounding errors of sums of a million products of numbers below 1, and far below the sums.
const TOLERANCE: f64 = 1e-8;

/// The terms of a text and its explicit output, without spaces and groups.
fn split(text: &str) -> (Vec<String>, Option<String>) {
    let text: String = text.chars().filter(|c| !" ()".contains(*c)).collect();
    let (left, right) = text.split_once("->").map_or((&text[..], None), |(l, r)| (l, Some(r.to_string())));
    (left.split(',').map(String::from).collect(), right)
}

fn join(terms: &[String], output: Option<&str>) -> String {
    let arrow = output.map(|o| format!("->{o}")).unwrap_or_default();
    format!("{}{arrow}", terms.join(","))
}

/// The contraction of the first two operands to the labels used elsewhere, and the remaining terms.
fn halves(terms: &[String], output: &str) -> (String, Vec<String>) {
    let elsewhere = terms[2..].concat() + output;
    let mut kept = String::new();
    for c in (terms[0].clone() + &terms[1]).chars().filter(|&c| c != '.' && elsewhere.contains(c)) {
        kept.extend((!kept.contains(c)).then_some(c));
    }
    if terms[..2].iter().any(|t| t.contains("...")) {
        kept.insert_str(0, "...");
    }
    (join(&terms[..2], Some(&kept)), [vec![kept], terms[2..].to_vec()].concat())
}

/// The oracle on two operands at a time, for exact arithmetic on an iteration space that is too large to enumerate.
pub(crate) fn oracle_by_pairs(text: &str, operands: &[Tensor]) -> Option<Tensor> {
    let (terms, output) = split(text);
    let Some(output) = output.filter(|_| terms.len() > 2 && terms.len() == operands.len()) else {
        return oracle::einsum(text, operands);
    };
    let (first, terms) = halves(&terms, &output);
    let first = oracle::einsum(&first, &operands[..2])?;
    oracle_by_pairs(&join(&terms, Some(&output)), &[vec![first], operands[2..].to_vec()].concat())
}

fn value(text: &str, operands: &[(Tensor, Layout)]) -> Result<Tensor, String> {
    einsum(text, operands).map_err(|e| format!("`{text}`\n{e}"))
}

fn same(case: &Case, other: &str, found: &Tensor, want: &Tensor) -> Result<(), String> {
    found.differs(want, TOLERANCE).map_or(Ok(()), |d| Err(format!("{case}\nagainst `{other}`: {d}")))
}

fn relation(cases: u32, holds: impl Fn(&mut Bytes<'_>, &Case, &Tensor) -> Result<(), String>) {
    check(cases, |bytes| {
        let case = real_case(bytes);
        let want = value(&case.text, &case.operands)?;
        holds(bytes, &case, &want)
    });
}

#[test]
fn names_of_labels_do_not_matter() {
    relation(80, |bytes, case, want| {
        // The implicit output is in the order of the labels, which must not change.
        let shift = if case.text.contains("->") { bytes.below(13) as u32 } else { 0 };
        let rename = |c: char| match c {
            '.' | ',' | '-' | '>' | ' ' | '(' | ')' => c,
            _ => char::from_u32(0x4E00 + ((u32::from(c) - 33 + shift * 9000) % 0x5000)).unwrap(),
        };
        let text: String = case.text.chars().map(rename).collect();
        let mut names: Vec<char> = case.text.chars().filter(|&c| rename(c) != c).collect();
        names.sort_unstable();
        names.dedup();
        let mut renamed: Vec<char> = names.iter().map(|&c| rename(c)).collect();
        renamed.sort_unstable();
        renamed.dedup();
        if renamed.len() < names.len() || names.iter().any(|&c| u32::from(c) > 0x5000) {
            return Ok(());
        }
        same(case, &text, &value(&text, &case.operands)?, want)
    });
}

#[test]
fn the_order_of_operands_does_not_matter() {
    relation(80, |bytes, case, want| {
        let (terms, output) = split(&case.text);
        let mut order: Vec<usize> = (0..terms.len()).collect();
        bytes.shuffle(&mut order);
        let terms: Vec<String> = order.iter().map(|&k| terms[k].clone()).collect();
        let operands: Vec<_> = order.iter().map(|&k| case.operands[k].clone()).collect();
        let text = join(&terms, output.as_deref());
        same(case, &text, &value(&text, &operands)?, want)
    });
}

#[test]
fn a_contraction_can_be_split_in_two() {
    relation(80, |_, case, want| {
        let (terms, output) = split(&case.text);
        let Some(output) = output.filter(|_| terms.len() > 1) else { return Ok(()) };
        let (first, terms) = halves(&terms, &output);
        let first = value(&first, &case.operands[..2])?;
        let layout = Layout::row_major(first.shape.len());
        let operands: Vec<_> = [(first, layout)].into_iter().chain(case.operands[2..].iter().cloned()).collect();
        let text = join(&terms, Some(&output));
        same(case, &text, &value(&text, &operands)?, want)
    });
}

#[test]
fn an_einsum_is_linear_in_each_operand() {
    relation(80, |bytes, case, want| {
        let at = bytes.below(case.operands.len());
        let dtype = case.operands[at].0.dtype;
        let with = |change: &dyn Fn(&Tensor) -> Tensor| {
            let mut operands = case.operands.clone();
            operands[at].0 = change(&operands[at].0);
            value(&case.text, &operands)
        };
        let other = reals(&mut bytes.noise(), dtype, &case.operands[at].0.shape);
        let factor = Num::Float(2.5, if dtype == Dtype::C64 { -1.5 } else { 0.0 });
        let sum = |x: &Tensor, y: &Tensor| {
            let data = x.data.iter().zip(&y.data).map(|(x, y)| x.mul(factor).add(*y)).collect();
            Tensor { data, ..x.clone() }
        };
        let (of_sum, of_other) = (with(&|x| sum(x, &other))?, with(&|_| other.clone())?);
        same(case, "factor * x + y", &of_sum, &sum(want, &of_other))
    });
}
