//! Why a plan does not fit its operands, and why a run stopped.

use std::fmt;

use einfold_ir::{Algebra, Bytes, Count, Dtype, Function, Label, Plan};

use crate::kernels::IsaError;
use crate::memory::OutOfMemory;

/// An operand or an output, by position from 0; from 1 in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanSlot {
    /// The operand of this position.
    Operand(usize),
    /// The output of this position.
    Output(usize),
}

/// Why a plan cannot run on these operands and outputs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The plan has another number of operands.
    #[error("the plan has {}, {found} given", count(*expected, "operand"))]
    Operands {
        /// As in the plan.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// The plan has another number of outputs.
    #[error("the plan has {}, places for {found} given", count(*expected, "output"))]
    Outputs {
        /// As in the plan.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// Planned for another dtype.
    #[error("{slot} is planned as {expected}, {found} was given")]
    Dtype {
        /// Which operand or output.
        slot: PlanSlot,
        /// As in the plan.
        expected: Box<Dtype>,
        /// As given.
        found: Box<Dtype>,
    },
    /// Planned for another shape.
    #[error("{slot} is planned with shape {expected:?}, {found:?} was given")]
    Shape {
        /// Which operand or output.
        slot: PlanSlot,
        /// As in the plan.
        expected: Box<[usize]>,
        /// As given.
        found: Box<[usize]>,
    },
    /// Elements of a user's type that need more alignment than scratch memory has.
    #[error("{dtype} needs an alignment of {} bytes, scratch memory has {}", dtype.align(), Plan::ALIGN)]
    Alignment {
        /// The dtype.
        dtype: Dtype,
    },
    /// β is given for an output that holds no values yet.
    #[error("beta is given, but output {} holds no values yet", output + 1)]
    Uninitialised {
        /// Which output.
        output: usize,
    },
    /// α or β is no scalar of a dtype that converts to the one the output is computed in.
    #[error("{name} is no scalar that converts to {wanted}")]
    Scalar {
        /// `alpha` or `beta`.
        name: &'static str,
        /// The dtype the output is computed in.
        wanted: Dtype,
    },
    /// α is asked of a step whose ⊗ does not distribute over its ⊕.
    #[error("alpha needs a product that distributes over the sum, {algebra} on {dtype} does not")]
    NotDistributive {
        /// ⊕ and ⊗.
        algebra: Box<Algebra>,
        /// The dtype of the output.
        dtype: Dtype,
    },
    /// There are no kernels for this algebra on this dtype.
    #[error("step {step}: {algebra} is not supported on {dtype}")]
    Unsupported {
        /// The step, counted through all regions.
        step: usize,
        /// ⊕ and ⊗.
        algebra: Box<Algebra>,
        /// The dtype it would be computed in.
        dtype: Dtype,
    },
    /// There is no kernel for this function on this dtype.
    #[error("step {step}: {} is not supported on {dtype}", function.name())]
    Function {
        /// The step, counted through all regions.
        step: usize,
        /// The function.
        function: Function,
        /// The dtype of its arguments.
        dtype: Dtype,
    },
    /// A dtype has no element for a literal.
    #[error("step {step}: {literal} is no {dtype}")]
    Literal {
        /// The step, counted through all regions.
        step: usize,
        /// The literal.
        literal: Box<str>,
        /// The dtype it should have.
        dtype: Dtype,
    },
    /// An expression keeps more values at once than there is room for.
    #[error("step {step}: the expression keeps {values} values at once, {limit} are allowed")]
    Expression {
        /// The step, counted through all regions.
        step: usize,
        /// How many values it keeps, those of its literals included.
        values: usize,
        /// How many there is room for.
        limit: usize,
    },
    /// There is no conversion from one dtype to another.
    #[error("step {step}: {from} does not convert to {to}")]
    Conversion {
        /// The step, counted through all regions.
        step: usize,
        /// What is read.
        from: Box<Dtype>,
        /// What it is computed in.
        to: Box<Dtype>,
    },
    /// More memory is needed than the caller allows.
    #[error("{}", scratch(*bytes, *limit))]
    TooLarge {
        /// The first step that does not fit, counted through all regions.
        step: usize,
        /// Scratch memory of the plan, what steps pack up to this one, and what a kernel allocates; `usize::MAX` where the sum
        /// overflows.
        bytes: usize,
        /// What the caller allows.
        limit: usize,
    },
    /// A step has more points than can be counted: no run would come to its end.
    #[error("step {step} has more than {} points", isize::MAX)]
    TooManyPoints {
        /// The step, counted through all regions.
        step: usize,
    },
    /// `EINFOLD_KERNEL` asks for kernels that cannot run.
    #[error(transparent)]
    Isa(#[from] IsaError),
    /// The memory could not be had.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
}

/// Why a run stopped. The outputs then hold unspecified values, each valid for its dtype where the output held values before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunStopped {
    /// An id is outside the axis it indexes.
    #[error(transparent)]
    IndexOutOfRange(Box<IndexOutOfRange>),
    /// The caller asked for it.
    #[error("cancelled")]
    Cancelled,
}

/// An id outside the axis it indexes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{index_tensor}{position:?} is {value}, which indexes {at} along axis {} of {tensor}, of size {size}", axis + 1)]
pub struct IndexOutOfRange {
    /// The label of the indexed tensor.
    pub tensor: Label,
    /// The axis of the indexed tensor, from 0; from 1 in messages.
    pub axis: usize,
    /// The label of the id tensor.
    pub index_tensor: Label,
    /// Where in the id tensor the id was read; positions are counted from 0 everywhere.
    pub position: Vec<i128>,
    /// The id.
    pub value: i128,
    /// The position along `axis` that follows from it: the id itself, unless it is shifted or scaled.
    pub at: i128,
    /// The extent of `axis`.
    pub size: usize,
}

/// That scratch memory is more than is allowed.
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
