//! Errors of the planner.

use std::fmt;

use einfold_ir::{Bytes, Contraction, Count, Dtype, Index, Ir, Label, NodeId, Shape, Violation};
use einfold_order::OrderError;

use crate::evaluation::Evaluation;

/// The reason why an expression has no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The order search failed.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A contraction tree does not fit the contraction that it is given for.
    #[error("the tree of %{} contracts {leaves} tensors, but there are {factors} factors", node.0)]
    Leaves {
        /// The contraction.
        node: NodeId,
        /// The number of leaves of the tree.
        leaves: usize,
        /// The number of factors of the contraction.
        factors: usize,
    },
    /// A contraction tree uses a selection at a step whose positions are not those of a tensor or of the result.
    #[error("the tree of %{} contracts an index tensor without the tensor that it indexes", node.0)]
    Selections {
        /// The contraction.
        node: NodeId,
    },
    /// The slices are not over axes of the contraction, or the contraction cannot be sliced.
    #[error("%{} does not fall into the slices that are given for it", node.0)]
    Slices {
        /// The contraction.
        node: NodeId,
    },
    /// One path was given for several contractions.
    #[error("a path fits one contraction, but the expression has {contractions}")]
    OnePath {
        /// The number of contractions whose order can be chosen.
        contractions: usize,
    },
    /// The run would exceed the memory limit or the address space.
    #[error(transparent)]
    TooLarge(Box<MemoryExcess>),
    /// A pass broke an invariant of the plan: a defect of the pass.
    #[error("pass `{name}` broke the plan: {violation}")]
    Pass {
        /// The name of the pass.
        name: &'static str,
        /// The broken invariant.
        violation: Violation,
    },
    /// The expression or a hint breaks an invariant: a defect of its builder.
    #[error(transparent)]
    Invalid(#[from] Violation),
}

/// A memory limit is exceeded: by which tensor, by how much, and why slices do not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct MemoryExcess {
    /// The node that the step at the peak of memory computes.
    pub step: NodeId,
    /// The name of the tensor that takes most of the memory; that of the contraction if the tensor is not known.
    pub label: Label,
    /// The labels of the axes of that tensor; empty if it is a scalar or its index functions are not plain axes.
    pub axes: Vec<Label>,
    /// The dtype and shape of that tensor.
    pub tensor: Option<LargeTensor>,
    /// The bytes that the run needs besides its operands, as far as the planner knows; a lower bound.
    pub bytes: Count,
    /// The limit in bytes.
    pub limit: Count,
    /// The reason why slices do not help.
    pub why: WhyNotSliced,
}

/// A large tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeTensor {
    /// Whether it is a result.
    pub is_result: bool,
    /// Its shape.
    pub shape: Shape,
    /// Its dtype.
    pub dtype: Dtype,
    /// Its bytes.
    pub bytes: Count,
}

/// The reason why a run is not divided into slices that keep to a memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyNotSliced {
    /// The only limit is the address space.
    Unlimited,
    /// The results, of this number of bytes, exceed the limit: slices do not shrink them.
    Results(Count),
    /// The order is given, and only its slices are searched.
    GivenOrder,
    /// The contraction is one step, for this reason.
    OneStep(Evaluation),
    /// It is sliced, as finely as helps.
    Sliced,
}

impl MemoryExcess {
    /// The reason for a contraction that a search cannot slice finely enough; a given order is not searched.
    pub(crate) fn of_search(
        ir: &Ir,
        (id, c): (NodeId, &Contraction),
        bytes: Count,
        limit: Count,
        searched: bool,
    ) -> MemoryExcess {
        let node = ir.node(id);
        let bytes_of = |id: &NodeId| Count::bytes(&ir.node(*id).shape, ir.node(*id).dtype);
        let results: Count = ir.outputs().iter().map(bytes_of).sum();
        let is_result = ir.outputs().contains(&id);
        let large = LargeTensor { is_result, shape: node.shape.clone(), dtype: node.dtype, bytes: bytes_of(&id) };
        let label = |index: &Index<NodeId>| index.as_axis().map(|a| c.axes[a as usize].label.clone());
        let why = match results > limit {
            true => WhyNotSliced::Results(results),
            false if searched => WhyNotSliced::Sliced,
            false => WhyNotSliced::GivenOrder,
        };
        MemoryExcess {
            step: id,
            label: node.label.clone(),
            axes: c.output.iter().map(label).collect::<Option<_>>().unwrap_or_default(),
            tensor: Some(large).filter(|large| large.is_result && large.bytes > limit),
            bytes,
            limit,
            why,
        }
    }

    /// A help text for the user.
    pub fn help(&self) -> String {
        let allow = format!("allow {}", Bytes(self.bytes));
        match self.why {
            WhyNotSliced::Unlimited => "sum over an axis first, or split the work".into(),
            WhyNotSliced::Results(bytes) => format!(
                "{allow}, or sum over an axis: a memory limit has intermediates computed in slices, but the results alone take {}",
                Bytes(bytes)
            ),
            WhyNotSliced::GivenOrder => {
                format!("{allow}, or leave the order out: the one that is given takes as much even in slices")
            }
            WhyNotSliced::OneStep(evaluation) => format!(
                "{allow}, or split the work: a memory limit has contractions computed in slices, but this one is not ({evaluation})"
            ),
            WhyNotSliced::Sliced => format!("{allow}, or split the work: that is the least that was found in slices"),
        }
    }
}

impl fmt::Display for MemoryExcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MemoryExcess { label, tensor, bytes, limit, why, .. } = self;
        let large = tensor.as_ref().map(|LargeTensor { is_result, shape, dtype, bytes }| {
            let kind = if *is_result { "result" } else { "intermediate of" };
            let shape = shape_text(shape);
            let kind = if label.is_empty() { kind.trim_end_matches(" of").into() } else { format!("{kind} `{label}`") };
            (format!("{kind}, {shape} {dtype}"), Bytes(*bytes))
        });
        match (large, why) {
            (Some((large, bytes)), WhyNotSliced::Unlimited) => {
                write!(f, "{large}, would take {bytes}, more than can be addressed")
            }
            (large, _) => {
                let [bytes, limit] = Bytes::apart(*bytes, *limit);
                write!(f, "the run needs {bytes} besides its operands, and the limit is {limit}")?;
                match large {
                    Some((large, bytes)) => write!(f, ": {large}, takes {bytes}"),
                    None if label.is_empty() => Ok(()),
                    None => write!(f, ", most of it for `{label}`"),
                }
            }
        }
    }
}

/// The extents as `20x10`, or `()` for a scalar.
pub(crate) fn shape_text(extents: &[usize]) -> String {
    let extents: Vec<String> = extents.iter().map(usize::to_string).collect();
    if extents.is_empty() { "()".into() } else { extents.join("x") }
}
