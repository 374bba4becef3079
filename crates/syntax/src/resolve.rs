//! From [`Ast`] to [`Ir`]: what the labels mean for operands of known shapes and dtypes.

mod axes;
mod build;
mod mistakes;

use crate::ast::{Ast, Subscripts};
use crate::error::{Error, ErrorKind, Level};
use crate::integers;
use crate::render::Note;
use crate::span::Span;
use axes::Axes;
use einfold_ir::{Algebra, Dtype, Ir, TensorType};
use mistakes::Mistakes;

/// How an expression is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whether an axis has the same size in all operands. If not, size 1 stretches to any other, as in NumPy.
    pub strict: bool,
    /// The sum and the product.
    pub algebra: Algebra,
}

impl Default for Options {
    /// As NumPy: size 1 stretches, products are summed.
    fn default() -> Options {
        Options { strict: false, algebra: Algebra::SUM_PRODUCT }
    }
}

/// The meaning of an expression for inputs of these types, one for each term, in order.
///
/// The meaning is NumPy's. A label names an axis; one that is repeated in a term takes the diagonal; the product of all
/// operands is summed over the axes that the output does not have. An implicit output has the axes of `...`, then the labels
/// used exactly once, in the order of their code points. `...` covers what the labels leave, aligned at the right. An axis has
/// one size; between operands, size 1 stretches. The dtype is the n-ary promotion of all operands; sums in 16-bit floats are
/// kept in `f32` and rounded once. Terms in parentheses become a pinned node of their own, with the axes that are used outside.
///
/// # Errors
/// [`ErrorKind::Operands`](crate::ErrorKind::Operands), [`Rank`](crate::ErrorKind::Rank), [`Size`](crate::ErrorKind::Size),
/// [`EllipsisDropped`](crate::ErrorKind::EllipsisDropped), [`DType`](crate::ErrorKind::DType) where the types of the inputs
/// do not fit, [`Algebra`](crate::ErrorKind::Algebra) where the algebra has no meaning on them, [`TooLarge`](crate::ErrorKind::TooLarge) where a tensor has more than `isize::MAX` bytes.
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
    match ast {
        Ast::Letters(subscripts) => resolve_subscripts(subscripts, inputs, options),
        Ast::Named(named) => Err(unsupported(named.text(), Level::Named, named.arrow())),
        Ast::Program(program) => {
            let sign = program.statements().first().map_or(Span::default(), |statement| statement.operator);
            Err(unsupported(program.text(), Level::Program, sign))
        }
    }
}

fn unsupported(text: &str, level: Level, sign: Span) -> Error {
    Error::new(ErrorKind::Unsupported { level }, text)
        .note(Note::new(sign, "read, but not understood yet"))
        .help("write one letter an axis, as in `ij,jk->ik`")
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
    resolve_subscripts(&integers::subscripts(labels, output)?, inputs, options)
}

fn resolve_subscripts(s: &Subscripts, inputs: &[TensorType], options: &Options) -> Result<Ir, Error> {
    let mistakes = Mistakes { s, inputs };
    if inputs.len() != s.terms().len() {
        return Err(mistakes.operands());
    }
    let axes = Axes::new(&mistakes, options)?;
    let dtypes: Vec<Dtype> = inputs.iter().map(|input| input.dtype).collect();
    let dtype = Dtype::promote(&dtypes).ok_or_else(|| mistakes.dtype())?;
    if !options.algebra.accepts(dtype) {
        return Err(mistakes.algebra(options.algebra, dtype));
    }
    build::build(&mistakes, &axes, options.algebra, dtype)
}

#[cfg(test)]
mod tests;
