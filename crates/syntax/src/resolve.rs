//! From [`Ast`] to [`Ir`]: what the labels mean for operands of known shapes and dtypes.

mod bool_sums;
mod letters;
mod options;
mod program;

use crate::ast::Ast;
use crate::error::Error;
use crate::integers;
use crate::suggest;
use crate::warning::Warning;
use einfold_ir::{Algebra, Def, Dtype, Ir, TensorType};
use letters::output_of;

pub use options::Options;

/// The meaning of an expression for operands of these types.
///
/// *Letters* mean what they mean to NumPy; one operand for each term, in order. A label names an axis; one that is repeated in
/// a term takes the diagonal; the product of all operands is summed over the axes that the output does not have. An implicit
/// output has the axes of `...`, then the labels used exactly once, in the order of their code points. `...` covers what the
/// labels leave, aligned at the right. An axis has one size; between operands, size 1 stretches. The dtype is the n-ary promotion
/// of all operands; sums in 16-bit floats are kept in `f32` and rounded once. Terms in parentheses become a pinned node of their
/// own, with the axes that are used outside.
///
/// *Named subscripts* mean the same, with names for labels. `(a b)` is one axis of a tensor and two of the expression; of its
/// sizes one may be unknown.
///
/// *Programs* bind operands by name if all have one, else in the order in which their names appear. Each name becomes one node
/// or several; the outputs are the names that are never read, in the order of the text, or those that are asked for.
///
/// # Errors
/// All kinds of [`ErrorKind`](crate::ErrorKind) that are about operands and not about the text alone, each with its place.
/// [`DataDependentShape`](crate::ErrorKind::DataDependentShape) where a size depends on the ids: see [`resolve_with_queries`].
///
/// ```
/// use einfold_ir::{Dtype, TensorType};
/// use einfold_syntax::{Options, parse, resolve};
///
/// let ty = |shape: &[usize]| TensorType { name: None, dtype: Dtype::F64, shape: shape.to_vec(), conj: false };
/// let ir = resolve(&parse("ij,jk")?, &[ty(&[2, 3]), ty(&[3, 4])], &Options::default())?;
/// assert_eq!(ir.node(ir.outputs()[0]).shape, [2, 4]);
/// # Ok::<(), einfold_syntax::Error>(())
/// ```
pub fn resolve(ast: &Ast, inputs: &[TensorType], options: &Options) -> Result<Ir, Error> {
    resolve_with_queries(ast, inputs, options, &mut |_| None, &mut Vec::new())
}

/// Answers questions about ids; `None` where it cannot.
pub type AnswerQuery<'a> = dyn FnMut(&SizeQuery) -> Option<i64> + 'a;

/// A question about the values of ids: the greatest position that they give.
///
/// The answer is the value of [`ir`](SizeQuery::ir), brought into the range of `i64`, for those
/// [`operands`](SizeQuery::operands) of the program that it reads. Where no id is read, it is the least value of its dtype, and
/// the size that follows is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeQuery {
    ir: Ir,
    operands: Vec<u32>,
}

impl SizeQuery {
    /// A module with one output, a scalar: an integer, or an `f64` where ids of `u64` are added up.
    pub fn ir(&self) -> &Ir {
        &self.ir
    }

    /// Which operands of the program are the inputs of the module.
    pub fn operands(&self) -> &[u32] {
        &self.operands
    }

    /// A text that equal questions share, and no others.
    fn key(&self) -> String {
        format!("{self:?}")
    }
}

/// As [`resolve`], for a caller that can look at the ids. Adds to `warnings` what is allowed and is perhaps not meant.
///
/// The size of a position on the left that comes from ids alone, as in `Y[g[n]] += x[n]`, is one more than the greatest id. Where
/// the text declares no size, `answer` is asked, once for each question.
///
/// # Errors
/// As [`resolve`]; `DataDependentShape` where there is no answer.
pub fn resolve_with_queries(
    ast: &Ast,
    inputs: &[TensorType],
    options: &Options,
    answer: &mut AnswerQuery<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Ir, Error> {
    let resolved = match ast {
        Ast::Letters(subscripts) => letters::resolve(subscripts, inputs, options),
        Ast::Named(named) => program::named(named, inputs, options),
        Ast::Program(program) => program::program(program, inputs, options, answer, warnings),
    };
    let ir = resolved.map_err(suggest::keep_valid)?;
    if sums_bool(&ir) {
        match ast {
            Ast::Letters(s) => warnings.push(bool_sums::in_subscripts(ast, s.text(), output_of(s))),
            Ast::Named(named) => warnings.push(bool_sums::in_subscripts(ast, named.text(), named.output().span)),
            // It has said so of each name.
            Ast::Program(_) => {}
        }
    }
    Ok(ir)
}

/// Whether subscripts sum `bool` in the algebra that has no other sum for it.
fn sums_bool(ir: &Ir) -> bool {
    ir.nodes().iter().any(|node| match &node.def {
        Def::Contract(c) => node.dtype == Dtype::Bool && c.algebra == Algebra::SUM_PRODUCT && !c.is_map(),
        _ => false,
    })
}

/// The meaning of an expression given by integer labels, `[[0, 1], [1, 2]] -> [0, 2]`, with any number of them. An implicit
/// output has the labels used exactly once, in ascending order.
///
/// # Errors
/// As [`resolve`], and [`OutputRepeated`](crate::ErrorKind::OutputRepeated),
/// [`OutputUnknown`](crate::ErrorKind::OutputUnknown). Places are in the printed form, `[0 1], [1 2] -> [0 2]`.
pub fn resolve_labels(
    labels: &[&[u32]],
    output: Option<&[u32]>,
    inputs: &[TensorType],
    options: &Options,
) -> Result<Ir, Error> {
    letters::resolve(&integers::subscripts(labels, output)?, inputs, options).map_err(suggest::keep_valid)
}

#[cfg(test)]
mod tests;
