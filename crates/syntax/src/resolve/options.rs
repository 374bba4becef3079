//! What a caller may say about an expression beside its text.

use einfold_ir::{Algebra, Dtype, Literal, OutOfRange};
use std::collections::BTreeMap;

/// How an expression is to be read.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Whether an axis has the same size in all operands. If not, size 1 stretches to any other, as in NumPy.
    pub strict: bool,
    /// The sum and the product of levels 1 and 2; programs spell theirs.
    pub algebra: Algebra,
    /// The dtype that operands are converted to and everything is computed in, which is also that of the result. It must hold
    /// the operands. None: their common dtype.
    pub acc: Option<Dtype>,
    /// Sizes by name: of axes in named subscripts, of size parameters in programs.
    pub sizes: BTreeMap<String, usize>,
    /// What ids outside the axis they index do, by the name of the tensor of ids.
    pub policy: BTreeMap<String, OutOfRange>,
    /// The same for tensors of ids that [`policy`](Options::policy) does not name.
    pub out_of_range: OutOfRange,
    /// The value of positions that no point contributes to, by the name that a program defines. It replaces the identity of
    /// the reduction; it is no initial value.
    pub fill: BTreeMap<String, Literal>,
    /// The names of a program that are asked for. None: those that are never read, in the order of the text.
    pub outputs: Option<Vec<String>>,
}

impl Default for Options {
    /// As NumPy: size 1 stretches, products are summed, an id outside its axis is an error.
    fn default() -> Options {
        Options {
            strict: false,
            algebra: Algebra::SUM_PRODUCT,
            acc: None,
            sizes: BTreeMap::new(),
            policy: BTreeMap::new(),
            out_of_range: OutOfRange::Error,
            fill: BTreeMap::new(),
            outputs: None,
        }
    }
}

impl Options {
    /// The dtype to compute `operands` in, which together are `dtype`; the one asked for if it does not hold them.
    pub(super) fn in_accumulator(&self, operands: &[Dtype], dtype: Dtype) -> Result<Dtype, Dtype> {
        let holds = |acc| operands.iter().chain([&dtype]).all(|&dtype| Dtype::promote(&[dtype, acc]) == Some(acc));
        match self.acc {
            Some(acc) if !holds(acc) => Err(acc),
            Some(acc) => Ok(acc),
            None => Ok(dtype),
        }
    }
}
