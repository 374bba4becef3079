//! The options that are part of an expression's meaning.

use einfold_ir::{Algebra, Dtype, Literal, OutOfRange};
use std::collections::BTreeMap;

/// The options that are part of an expression's meaning.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Whether an axis has the same size in all operands. If not, size 1 broadcasts, as in NumPy.
    pub strict: bool,
    /// The algebra of levels 1 and 2; programs write their operations.
    pub algebra: Algebra,
    /// The dtype of the computation and of the result, to which all operands convert. `None`: their common dtype.
    pub acc: Option<Dtype>,
    /// Sizes by name: of axes in named subscripts, of size parameters in programs.
    pub sizes: BTreeMap<String, usize>,
    /// The policies for positions outside their axis, by the name of the index tensor.
    pub policy: BTreeMap<String, OutOfRange>,
    /// The policy for all other index tensors.
    pub out_of_range: OutOfRange,
    /// The value of positions to which no point contributes, by defined name. It replaces the identity of the
    /// reduction; it is not an initial value.
    pub fill: BTreeMap<String, Literal>,
    /// The requested names of a program. `None`: those that no statement reads, in the order of the text.
    pub outputs: Option<Vec<String>>,
}

impl Default for Options {
    /// The semantics of NumPy: size 1 broadcasts, products are summed, an index outside its axis is an error.
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
    /// The dtype in which to compute `operands`, whose common dtype is `dtype`. The error is the requested dtype if the
    /// operands do not convert to it.
    pub(super) fn in_accumulator(&self, operands: &[Dtype], dtype: Dtype) -> Result<Dtype, Dtype> {
        let holds = |acc| operands.iter().chain([&dtype]).all(|&dtype| Dtype::promote(&[dtype, acc]) == Some(acc));
        match self.acc {
            Some(acc) if !holds(acc) => Err(acc),
            Some(acc) => Ok(acc),
            None => Ok(dtype),
        }
    }
}
