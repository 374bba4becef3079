//! Why there is no plan.

use std::fmt;

use einfold_ir::{Bytes, Contraction, Count, Dtype, Index, Ir, Label, NodeId, Violation};
use einfold_order::OrderError;

use crate::network::Treatment;

/// Why an expression got no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The order search refused.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// A contraction tree is not one of the contraction that it is given for.
    #[error("the tree of %{} contracts {leaves} tensors, but there are {factors} factors", node.0)]
    Leaves {
        /// The contraction.
        node: NodeId,
        /// How many tensors the tree has.
        leaves: usize,
        /// How many factors the contraction has.
        factors: usize,
    },
    /// A contraction tree uses ids where their positions are not those of a tensor or of the result.
    #[error("the tree of %{} uses ids too early or too late", node.0)]
    Ids {
        /// The contraction.
        node: NodeId,
    },
    /// Slices are not axes of the contraction that they are given for, or it cannot be sliced.
    #[error("%{} does not fall into the slices that are given for it", node.0)]
    Slices {
        /// The contraction.
        node: NodeId,
    },
    /// One path was given for several contractions.
    #[error("a path fits one contraction, but the expression has {contractions}")]
    OnePath {
        /// How many contractions have an order to choose.
        contractions: usize,
    },
    /// The run would need more memory than is allowed, or than can be addressed.
    #[error(transparent)]
    TooLarge(Box<Excess>),
    /// A pass broke the plan: a defect of the pass.
    #[error("pass `{name}` broke the plan: {violation}")]
    Pass {
        /// The pass.
        name: &'static str,
        /// What it broke.
        violation: Violation,
    },
    /// The expression or a hint breaks an invariant: a defect of whoever built it.
    #[error(transparent)]
    Invalid(#[from] Violation),
}

/// More memory than there may be: how much of it what needs, and why slices do not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Excess {
    /// The step at which most is in use, by the node that it computes.
    pub step: NodeId,
    /// The name of the tensor that takes most of it; of the contraction where no tensor is known.
    pub label: Label,
    /// The labels of the axes of that tensor; empty if it is a scalar or has positions that are no axes.
    pub axes: Vec<Label>,
    /// What that tensor is.
    pub tensor: Option<Large>,
    /// The bytes that the run needs besides its operands, at least as far as was found.
    pub bytes: Count,
    /// How many there may be.
    pub limit: Count,
    /// Why it does not need less.
    pub why: Unsliced,
}

/// A tensor that takes much memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Large {
    /// Whether it is a result.
    pub is_result: bool,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Its dtype.
    pub dtype: Dtype,
    /// The bytes that it takes.
    pub bytes: Count,
}

/// Why a run is not computed in slices that keep to a memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsliced {
    /// There is no limit but that of what can be addressed.
    Unlimited,
    /// The results, of so many bytes, are more than the limit: slices do not make them less.
    Results(Count),
    /// The order is given, and only its slices are searched.
    GivenOrder,
    /// The contraction is one step, for this reason.
    OneStep(Treatment),
    /// It is, as finely as helps.
    Sliced,
}

impl Excess {
    /// What a search tells of a contraction that it cannot slice finely enough; a given order is not searched.
    pub(crate) fn of_search(
        ir: &Ir,
        (id, c): (NodeId, &Contraction),
        bytes: Count,
        limit: Count,
        searched: bool,
    ) -> Excess {
        let node = ir.node(id);
        let elements = |id: &NodeId| {
            let node = ir.node(*id);
            Count::product(node.shape.iter().map(|&e| e as u64)) * Count::from(node.dtype.size() as u64)
        };
        let results: Count = ir.outputs().iter().map(elements).sum();
        let is_result = ir.outputs().contains(&id);
        let large = Large { is_result, shape: node.shape.clone(), dtype: node.dtype, bytes: elements(&id) };
        let label = |index: &Index<NodeId>| index.as_axis().map(|a| c.axes[a as usize].label.clone());
        let why = match results > limit {
            true => Unsliced::Results(results),
            false if searched => Unsliced::Sliced,
            false => Unsliced::GivenOrder,
        };
        Excess {
            step: id,
            label: node.label.clone(),
            axes: c.output.iter().map(label).collect::<Option<_>>().unwrap_or_default(),
            tensor: Some(large).filter(|large| large.is_result && large.bytes > limit),
            bytes,
            limit,
            why,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        let allow = format!("allow {}", Bytes(self.bytes));
        match self.why {
            Unsliced::Unlimited => "sum over an axis first, or split the work".into(),
            Unsliced::Results(bytes) => format!(
                "{allow}, or sum over an axis: a memory limit has intermediates computed in slices, but the results alone take {}",
                Bytes(bytes)
            ),
            Unsliced::GivenOrder => {
                format!("{allow}, or leave the order out: the one that is given takes as much even in slices")
            }
            Unsliced::OneStep(treatment) => format!(
                "{allow}, or split the work: a memory limit has contractions computed in slices, but this one is not ({treatment})"
            ),
            Unsliced::Sliced => format!("{allow}, or split the work: that is the least that was found in slices"),
        }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Excess { label, tensor, bytes, limit, why, .. } = self;
        let large = tensor.as_ref().map(|Large { is_result, shape, dtype, bytes }| {
            let kind = if *is_result { "result" } else { "intermediate of" };
            let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
            let shape = if shape.is_empty() { "()".into() } else { shape.join("x") };
            let kind = if label.is_empty() { kind.trim_end_matches(" of").into() } else { format!("{kind} `{label}`") };
            (format!("{kind}, {shape} {dtype}"), Bytes(*bytes))
        });
        match (large, why) {
            (Some((large, bytes)), Unsliced::Unlimited) => {
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
