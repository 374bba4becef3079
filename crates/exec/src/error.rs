//! The errors of `bind` and of a run.

use std::fmt;

use einfold_ir::{Algebra, Bytes, Count, Dtype, Function, Label, Plan};

use crate::kernels::IsaError;
use crate::memory::OutOfMemory;

/// A position of an operand or an output of a plan, counted from 0; messages count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanSlot {
    /// An operand.
    Operand(usize),
    /// An output.
    Output(usize),
}

/// Why a plan cannot run on these operands and outputs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The number of operands is not that of the plan.
    #[error("the plan has {}, {found} given", count(*expected, "operand"))]
    Operands {
        /// As in the plan.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// The number of outputs is not that of the plan.
    #[error("the plan has {}, places for {found} given", count(*expected, "output"))]
    Outputs {
        /// As in the plan.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// The dtype is not that of the plan.
    #[error("{slot} is planned as {expected}, {found} was given")]
    Dtype {
        /// Which operand or output.
        slot: PlanSlot,
        /// As in the plan.
        expected: Box<Dtype>,
        /// As given.
        found: Box<Dtype>,
    },
    /// The shape is not that of the plan.
    #[error("{slot} is planned with shape {expected:?}, {found:?} was given")]
    Shape {
        /// Which operand or output.
        slot: PlanSlot,
        /// As in the plan.
        expected: Box<[usize]>,
        /// As given.
        found: Box<[usize]>,
    },
    /// The elements of a user's type need more alignment than scratch memory has.
    #[error("{dtype} needs an alignment of {} bytes, scratch memory has {}", dtype.align(), Plan::ALIGN)]
    Alignment {
        /// The dtype.
        dtype: Dtype,
    },
    /// β is given for an output without values.
    #[error("beta needs the values of output {}, which is not initialised", output + 1)]
    Uninitialised {
        /// Which output.
        output: usize,
    },
    /// α or β is not a tensor of rank 0 whose dtype converts to the one that the output is computed in.
    #[error("{name} must be a scalar that converts to {wanted}")]
    Scalar {
        /// `alpha` or `beta`.
        name: &'static str,
        /// The dtype that the output is computed in.
        wanted: Dtype,
    },
    /// α is given for a step whose ⊗ does not distribute over its ⊕.
    #[error("alpha needs an algebra whose product distributes over its sum; that of {algebra} on {dtype} does not")]
    NotDistributive {
        /// ⊕ and ⊗.
        algebra: Box<Algebra>,
        /// The dtype of the output.
        dtype: Dtype,
    },
    /// No kernels exist for this algebra on this dtype.
    #[error("step {step}: {algebra} is not supported on {dtype}")]
    Unsupported {
        /// The step, counted through all regions.
        step: usize,
        /// ⊕ and ⊗.
        algebra: Box<Algebra>,
        /// The dtype that the step computes in.
        dtype: Dtype,
    },
    /// No kernel exists for this function on this dtype.
    #[error("step {step}: {} is not supported on {dtype}", function.name())]
    Function {
        /// The step, counted through all regions.
        step: usize,
        /// The function.
        function: Function,
        /// The dtype of its arguments.
        dtype: Dtype,
    },
    /// A literal has no value in a dtype.
    #[error("step {step}: {literal} has no value of dtype {dtype}")]
    Literal {
        /// The step, counted through all regions.
        step: usize,
        /// The literal.
        literal: Box<str>,
        /// The dtype that it should have.
        dtype: Dtype,
    },
    /// An expression needs more temporaries than fit their memory.
    #[error("step {step}: the expression needs {values} values at the same time; the limit is {limit}")]
    Expression {
        /// The step, counted through all regions.
        step: usize,
        /// The number of values that the expression needs at the same time, with its literals.
        values: usize,
        /// The number of values that fit.
        limit: usize,
    },
    /// No conversion exists from one dtype to another.
    #[error("step {step}: {from} does not convert to {to}")]
    Conversion {
        /// The step, counted through all regions.
        step: usize,
        /// The dtype that is read.
        from: Box<Dtype>,
        /// The dtype that the step computes in.
        to: Box<Dtype>,
    },
    /// The run needs more memory than the limit allows.
    #[error("{}", scratch(*bytes, *limit))]
    TooLarge {
        /// The first step that does not fit, counted through all regions.
        step: usize,
        /// Scratch memory of the plan, the packed bytes of the steps up to this one, and the bytes that a kernel call
        /// allocates; `usize::MAX` if the sum overflows.
        bytes: usize,
        /// The caller's limit.
        limit: usize,
    },
    /// The number of points of a step does not fit `isize`: no run would complete.
    #[error("step {step} has more than {} points", isize::MAX)]
    TooManyPoints {
        /// The step, counted through all regions.
        step: usize,
    },
    /// `EINFOLD_KERNEL` names kernels that cannot run.
    #[error(transparent)]
    Isa(#[from] IsaError),
    /// An allocation failed.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
}

/// Why a run stopped. The outputs then hold unspecified values, each valid for its dtype if the output was initialised
/// before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunStopped {
    /// A gather or scatter index is out of range.
    #[error(transparent)]
    IndexOutOfRange(Box<IndexOutOfRange>),
    /// The caller cancelled the run.
    #[error("cancelled")]
    Cancelled,
}

/// A gather or scatter index that gives a position outside its axis.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{index_tensor}{position:?} is {value}, which indexes {at} along axis {} of {tensor}, of size {size}", axis + 1)]
pub struct IndexOutOfRange {
    /// The label of the indexed tensor.
    pub tensor: Label,
    /// The axis of the indexed tensor, from 0; from 1 in messages.
    pub axis: usize,
    /// The label of the index tensor.
    pub index_tensor: Label,
    /// The position of the index in the index tensor; positions are counted from 0 everywhere.
    pub position: Vec<i128>,
    /// The value of the index.
    pub value: i128,
    /// The position along `axis` that follows from it: the index itself, unless the index function shifts or scales it.
    pub at: i128,
    /// The extent of `axis`.
    pub size: usize,
}

/// The message for scratch memory above the limit.
fn scratch(bytes: usize, limit: usize) -> String {
    let [bytes, limit] = Bytes::apart(Count::from(bytes as u64), Count::from(limit as u64));
    format!("the run needs {bytes} of scratch memory for these operands, and the limit leaves {limit}")
}

/// `1 operand`, `2 operands`.
fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

impl fmt::Display for PlanSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanSlot::Operand(k) => write!(f, "operand {}", k + 1),
            PlanSlot::Output(k) => write!(f, "output {}", k + 1),
        }
    }
}
