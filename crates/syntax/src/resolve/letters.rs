//! Level 1: lowers subscript strings and integer labels.

mod axes;
mod errors;
mod lower;
mod product;

pub(super) use errors::count_help;
pub(super) use lower::addressable;
pub(super) use product::lower_to_product;

use super::Options;
use crate::ast::{Spelling, Subscripts};
use crate::error::Error;
use crate::span::Span;
use crate::suggest;
use axes::Axes;
use einfold_ir::{Dtype, Ir, TensorType, few};
use errors::LettersErrors;
use lower::lower;
use smallvec::SmallVec;

pub(super) fn resolve(s: &Subscripts, inputs: &[TensorType], options: &Options) -> Result<Ir, Error> {
    resolve_letters(s, inputs, options).map_err(|error| match s.spelling() {
        Spelling::Letters => suggest::add_einops_candidates(error),
        Spelling::Integers => error,
    })
}

fn resolve_letters(s: &Subscripts, inputs: &[TensorType], options: &Options) -> Result<Ir, Error> {
    let errors = LettersErrors { s, inputs };
    if inputs.len() != s.terms().len() {
        return Err(errors.operands());
    }
    let axes = Axes::new(&errors, options)?;
    let dtypes: SmallVec<[Dtype; 4]> = few(inputs.iter().map(|input| input.dtype));
    let dtype = Dtype::promote(&dtypes).ok_or_else(|| errors.dtype())?;
    let dtype = options.in_accumulator(&dtypes, dtype).map_err(|acc| errors.accumulator(dtype, acc))?;
    if !options.algebra.accepts(dtype) {
        return Err(errors.algebra(options.algebra, dtype));
    }
    lower(&errors, &axes, options.algebra, dtype)
}

/// The span of the output term, or the end of the text.
pub(super) fn output_of(s: &Subscripts) -> Span {
    s.output().map_or(Span::point(s.text().len() as u32), |output| output.term.span)
}
