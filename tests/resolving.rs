//! Resolving: the module of a text has the value that the oracle computes from the text.

use einfold_ir::TensorType;
use einfold_syntax::{Options, parse, resolve};

use crate::case::Case;
use crate::corpus::VALID;
use crate::num::Tensor;
use crate::{draw, meaning, oracle};

/// The types of operands without names.
pub(crate) fn types(operands: &[Tensor]) -> Vec<TensorType> {
    let one = |t: &Tensor| TensorType { name: None, dtype: t.dtype, shape: t.shape.as_slice().into(), conj: false };
    operands.iter().map(one).collect()
}

fn value_of_ir(text: &str, operands: &[Tensor]) -> Result<Tensor, String> {
    let ast = parse(text).map_err(|e| e.to_string())?;
    let ir = resolve(&ast, &types(operands), &Options::default()).map_err(|e| e.to_string())?;
    let again = parse(&ast.to_string()).map_err(|e| format!("printed as {ast}: {e}"))?;
    let same = resolve(&again, &types(operands), &Options::default()).is_ok_and(|again| again == ir);
    if !same {
        return Err(format!("printed as {ast}, which means something else"));
    }
    Ok(meaning::evaluate(&ir, operands).remove(0))
}

#[test]
fn the_ir_of_a_text_means_what_the_text_means() {
    draw::check(10_000, |bytes| {
        let case = Case::draw(bytes);
        let operands = case.tensors();
        let want = oracle::einsum(&case.text, &operands).ok_or("not valid")?;
        let found = value_of_ir(&case.text, &operands).map_err(|e| format!("{case}\n{e}"))?;
        found.differs(&want, 0.0).map_or(Ok(()), |d| Err(format!("{case}\n{d}")))
    });
}

#[test]
fn the_ir_of_the_corpus_means_what_numpy_answers() {
    for case in VALID.iter() {
        let operands: Vec<Tensor> = case.operands.iter().map(|(t, _)| t.clone()).collect();
        let found = value_of_ir(&case.text, &operands).unwrap_or_else(|e| panic!("{case}\n{e}"));
        assert_eq!(found.differs(&case.result, case.tolerance), None, "{case}");
    }
}
