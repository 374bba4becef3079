//! Lowers an [`Ast`] to an [`Ir`] for operands of given shapes and dtypes.

mod bool_sums;
mod letters;
mod options;
mod program;

use crate::ast::Ast;
use crate::error::Error;
use crate::integers;
use crate::suggest;
use crate::warning::Warning;
use einfold_ir::{Algebra, Def, Dtype, Ir, Product, TensorType};
use letters::output_of;
use std::sync::Arc;

pub use options::Options;

/// Lowers an expression for operands of these types.
///
/// *Letters* have the meaning that NumPy gives them, with one operand for each term, in order. A label names an axis; a
/// label repeated in a term takes the diagonal; the product of all operands is summed over the axes that the output
/// lacks. An implicit output has the axes of `...`, then the labels used exactly once, in the order of their code
/// points. `...` covers the axes that the labels leave, aligned at the right. An axis has one size; between operands,
/// size 1 broadcasts. The dtype is the promotion of the dtypes of all operands; sums of 16-bit floats are accumulated
/// in `f32` and rounded once. Terms in parentheses become a pinned node, with the axes that other terms or the output
/// use.
///
/// *Named subscripts* have the same meaning, with names as labels. `(a b)` is one axis of a tensor and two axes of the
/// expression; one of its sizes may be unknown.
///
/// *Programs* bind operands by name if all have names, else in the order in which the text first uses the input names.
/// Each defined name becomes one or more nodes. The outputs are the names that no statement reads, in the order of the
/// text, or those that the options request.
///
/// # Errors
/// All kinds of [`ErrorKind`](crate::ErrorKind) that concern operands, each with a span.
/// [`DataDependentShape`](crate::ErrorKind::DataDependentShape) if a size depends on an index tensor: see
/// [`resolve_with_queries`].
///
/// ```
/// use einfold_ir::{Dtype, TensorType};
/// use einfold_syntax::{Options, parse, resolve};
///
/// let ty = |shape: &[usize]| TensorType { name: None, dtype: Dtype::F64, shape: shape.into(), conj: false };
/// let ir = resolve(&parse("ij,jk")?, &[ty(&[2, 3]), ty(&[3, 4])], &Options::default())?;
/// assert_eq!(ir.node(ir.outputs()[0]).shape[..], [2, 4]);
/// # Ok::<(), einfold_syntax::Error>(())
/// ```
pub fn resolve(ast: &Ast, inputs: &[TensorType], options: &Options) -> Result<Ir, Error> {
    resolve_with_queries(ast, inputs, options, &mut |_| None, &mut Vec::new())
}

/// Answers size queries; `None` if it cannot.
pub type AnswerQuery<'a> = dyn FnMut(&SizeQuery) -> Option<i64> + 'a;

/// A query for a size: the greatest position that index tensors give.
///
/// The answer is the value of [`ir`](SizeQuery::ir), clamped to `i64`, on the [`operands`](SizeQuery::operands) that it
/// reads. If the index tensors are empty, the value is the least of its dtype, and the size is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeQuery {
    ir: Ir,
    operands: Vec<u32>,
}

impl SizeQuery {
    /// A module with one output, a scalar: an integer, or an `f64` for a sum over index tensors of `u64`.
    pub fn ir(&self) -> &Ir {
        &self.ir
    }

    /// The operands of the program that are the inputs of the module.
    pub fn operands(&self) -> &[u32] {
        &self.operands
    }

    /// A text that identifies the query.
    fn key(&self) -> String {
        format!("{self:?}")
    }
}

/// As [`resolve`], for a caller that can read index tensors. Adds warnings to `warnings`.
///
/// If an index on the left contains only index tensors, as in `Y[g[n]] += x[n]`, and the text declares no size, the
/// size is one more than the greatest position. `answer` gets each query once.
///
/// # Errors
/// As [`resolve`]; `DataDependentShape` if `answer` returns `None`.
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
            // The program resolver has warned for each name.
            Ast::Program(_) => {}
        }
    }
    Ok(ir)
}

/// The product that the module of [`resolve`] computes, if the text is letters or integer labels and the module has one
/// node that multiplies one or two operands along plain axes; `None` for all others, and if `resolve` returns an error,
/// except for a result that cannot be addressed.
pub fn resolve_to_product(ast: &Ast, inputs: &Arc<[TensorType]>, options: &Options) -> Option<Product> {
    let Ast::Letters(subscripts) = ast else { return None };
    letters::lower_to_product(subscripts, inputs, options)
}

/// Whether subscripts sum `bool` by the default algebra.
fn sums_bool(ir: &Ir) -> bool {
    ir.nodes().iter().any(|node| match &node.def {
        Def::Contraction(c) => node.dtype == Dtype::Bool && c.algebra == Algebra::SUM_PRODUCT && !c.is_map(),
        _ => false,
    })
}

/// Lowers an expression with integer labels, `[[0, 1], [1, 2]] -> [0, 2]`, of any number. An implicit output has the
/// labels used exactly once, in ascending order.
///
/// # Errors
/// As [`resolve`], and [`OutputRepeated`](crate::ErrorKind::OutputRepeated),
/// [`OutputUnknown`](crate::ErrorKind::OutputUnknown). Spans refer to the printed form, `[0 1], [1 2] -> [0 2]`.
pub fn resolve_labels(
    labels: &[&[u32]],
    output: Option<&[u32]>,
    inputs: &[TensorType],
    options: &Options,
) -> Result<Ir, Error> {
    letters::resolve(&*integers::subscripts(labels, output)?, inputs, options).map_err(suggest::keep_valid)
}

#[cfg(test)]
mod tests;
