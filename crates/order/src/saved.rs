//! Orders as values: what a search found, to be followed without any search.

use std::fmt;

use einfold_ir::{Count, Network, Tree};

use crate::format::NamedNetwork;
use crate::{Budget, FoundOrder, Objective, OrderError, SearchResult, SlicedAxis, Task};

/// The orders of all contractions of an expression. What it is followed for has to be what it was found for, up to the names of
/// axes; then nothing is searched.
///
/// It is JSON as text: see [`format`](crate::format).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedOrder {
    /// One for each contraction that has an order to choose, in the order in which they are computed.
    pub contractions: Vec<SavedTree>,
    /// What the search made small.
    pub objective: Objective,
    /// The memory limit that the slices keep to, in bytes.
    pub memory_bytes: Option<u64>,
    /// The limit of the elements of an intermediate that they keep to.
    pub largest: Option<u64>,
}

/// The order of one contraction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedTree {
    /// The tree.
    pub tree: Tree,
    /// The sliced axes, from the outermost loop to the innermost.
    pub slices: Vec<SavedSlicedAxis>,
    /// The network that it is a tree of, where that is known.
    pub network: Option<NamedNetwork>,
}

/// A sliced axis by its name, and into how many parts it is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedSlicedAxis {
    /// The label of the axis in the network.
    pub axis: String,
    /// A divisor of its extent, 2 or more.
    pub parts: u64,
}

/// How a saved order differs from what it is to be followed for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderMismatch {
    /// It is for another number of contractions.
    #[error("it has trees for {}, the expression has {given}", count(*saved, "contraction"))]
    Contractions {
        /// How many contractions it has trees for.
        saved: usize,
        /// How many have an order to choose.
        given: usize,
    },
    /// A tree is for another number of tensors.
    #[error("its tree contracts {}, there are {given}", count(*saved, "tensor"))]
    Tensors {
        /// How many the tree has.
        saved: usize,
        /// How many the contraction has.
        given: usize,
    },
    /// A tensor has other axes, the names aside. Those of extent 1 are left out.
    #[error("{} has axes [{}] in the order and [{}] here", tensor(*operand), saved.join(" "), given.join(" "))]
    Axes {
        /// The position of the tensor; none for the result.
        operand: Option<usize>,
        /// Its axes in the order.
        saved: Vec<String>,
        /// Its axes here.
        given: Vec<String>,
    },
    /// An axis has another extent.
    #[error("axis `{axis}` has extent {saved} in the order and {given} here")]
    Extent {
        /// The axis, by its name here.
        axis: String,
        /// The extent in the order.
        saved: u64,
        /// The extent here.
        given: u64,
    },
    /// A sliced axis does not exist.
    #[error("it slices axis `{axis}`, which does not exist; there are {}", there.join(", "))]
    NoAxis {
        /// The axis.
        axis: String,
        /// The axes that exist.
        there: Vec<String>,
    },
    /// An axis is sliced twice.
    #[error("it slices axis `{axis}` twice")]
    Twice {
        /// The axis.
        axis: String,
    },
    /// An axis does not fall into so many parts.
    #[error("axis `{axis}` of extent {extent} does not fall into {parts} parts")]
    Parts {
        /// The axis.
        axis: String,
        /// The number of parts.
        parts: u64,
        /// The extent.
        extent: u64,
    },
    /// A contraction with ids is sliced.
    #[error("it slices a contraction with ids")]
    Sliced,
    /// It takes more memory than a limit that is given besides.
    #[error("it takes {bytes} bytes, more than the limit of {limit}{}", found_for(*found))]
    Memory {
        /// The bytes.
        bytes: Count,
        /// The limit.
        limit: u64,
        /// The limit that it was found for.
        found: Option<u64>,
    },
    /// An intermediate has more elements than a limit that is given besides.
    #[error("an intermediate has {elements} elements, more than the limit of {limit}{}", found_for(*found))]
    Largest {
        /// The elements.
        elements: Count,
        /// The limit.
        limit: u64,
        /// The limit that it was found for.
        found: Option<u64>,
    },
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn tensor(operand: Option<usize>) -> String {
    operand.map_or_else(|| "the result".into(), |k| format!("tensor {}", k + 1))
}

fn found_for(limit: Option<u64>) -> String {
    limit.map_or_else(String::new, |limit| format!("; it was found for a limit of {limit}"))
}

impl OrderMismatch {
    /// As the error about contraction `contraction` of `of`.
    pub fn in_contraction(self, contraction: usize, of: usize) -> OrderError {
        OrderError::Mismatch { contraction: (of > 1).then_some(contraction), what: self }
    }
}

impl From<OrderMismatch> for OrderError {
    fn from(what: OrderMismatch) -> OrderError {
        OrderError::Mismatch { contraction: None, what }
    }
}

impl SavedOrder {
    /// The order of a single contraction.
    ///
    /// # Errors
    /// [`OrderMismatch::Contractions`] if there are others.
    pub fn single(&self) -> Result<&SavedTree, OrderMismatch> {
        match &self.contractions[..] {
            [single] => Ok(single),
            all => Err(OrderMismatch::Contractions { saved: all.len(), given: 1 }),
        }
    }

    /// What it costs to contract a task, whose axes have these names, along the single tree.
    ///
    /// # Errors
    /// [`OrderError::Mismatch`] if it does not fit the task or the limits of `budget`.
    pub fn follow(
        &self,
        task: &Task<'_>,
        names: &[impl AsRef<str>],
        budget: &Budget,
    ) -> Result<FoundOrder, OrderError> {
        let ordered = self.single()?.follow(task, names)?;
        let bytes = ordered.cost.peak * Count::from(task.element_bytes);
        self.check_memory(bytes, budget)?;
        self.check_largest(ordered.cost.size, budget)?;
        Ok(ordered)
    }

    /// Refuses what takes so many bytes.
    ///
    /// # Errors
    /// [`OrderMismatch::Memory`] if that is more than `budget` has.
    pub fn check_memory(&self, bytes: Count, budget: &Budget) -> Result<(), OrderMismatch> {
        match budget.memory_bytes {
            Some(limit) if bytes > Count::from(limit) => {
                Err(OrderMismatch::Memory { bytes, limit, found: self.memory_bytes })
            }
            _ => Ok(()),
        }
    }

    /// Refuses an intermediate of so many elements.
    ///
    /// # Errors
    /// [`OrderMismatch::Largest`] if that is more than `budget` has.
    pub fn check_largest(&self, elements: Count, budget: &Budget) -> Result<(), OrderMismatch> {
        match budget.largest {
            Some(limit) if elements > Count::from(limit) => {
                Err(OrderMismatch::Largest { elements, limit, found: self.largest })
            }
            _ => Ok(()),
        }
    }
}

impl SavedTree {
    /// An order that was found for a network whose axes have these names, all of them different.
    pub fn new(network: &Network, names: &[impl AsRef<str>], tree: &Tree, slices: &[SlicedAxis]) -> SavedTree {
        let labels: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
        let slice =
            |slice: &SlicedAxis| SavedSlicedAxis { axis: labels[slice.axis as usize].clone(), parts: slice.parts };
        let slices = slices.iter().map(slice).collect();
        SavedTree { tree: tree.clone(), slices, network: Some(NamedNetwork { network: network.clone(), labels }) }
    }

    /// What it costs to contract a task, whose axes have these names, along the tree.
    ///
    /// # Errors
    /// As for [`slices_of`](SavedTree::slices_of).
    pub fn follow(&self, task: &Task<'_>, names: &[impl AsRef<str>]) -> Result<FoundOrder, OrderMismatch> {
        let slices = self.slices_of(task.network, names)?;
        Ok(SearchResult { tree: self.tree.clone(), slices, record: None }.with_cost(task, "path"))
    }

    /// The slices as those of a network whose axes have these names.
    ///
    /// # Errors
    /// [`OrderMismatch`] if the network is not the one of this order, up to the names of its axes, or a slice is not one of it.
    pub fn slices_of(&self, network: &Network, names: &[impl AsRef<str>]) -> Result<Vec<SlicedAxis>, OrderMismatch> {
        let (saved, given) = (self.tree.leaves(), network.inputs().len());
        if saved != given {
            return Err(OrderMismatch::Tensors { saved, given });
        }
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let same = self.network.as_ref().map(|saved| Renaming::new(saved, network, &names)).transpose()?;
        let mut slices: Vec<SlicedAxis> = Vec::with_capacity(self.slices.len());
        for SavedSlicedAxis { axis: name, parts } in &self.slices {
            let axis = match (&self.network, &same) {
                (Some(saved), Some(same)) => {
                    saved.labels.iter().position(|label| label == name).and_then(|axis| same.to[axis])
                }
                _ => names.iter().position(|label| label == name).map(|axis| axis as u32),
            };
            let Some(axis) = axis else {
                let there = names.iter().map(ToString::to_string).collect();
                return Err(OrderMismatch::NoAxis { axis: name.clone(), there });
            };
            let (extent, axis_name) = (network.extents()[axis as usize], names[axis as usize]);
            if *parts < 2 || !extent.is_multiple_of(*parts) || extent == 0 {
                return Err(OrderMismatch::Parts { axis: axis_name.into(), parts: *parts, extent });
            }
            if slices.iter().any(|slice| slice.axis == axis) {
                return Err(OrderMismatch::Twice { axis: axis_name.into() });
            }
            slices.push(SlicedAxis { axis, parts: *parts });
        }
        Ok(slices)
    }
}

/// Which axes of a network are which of another, if these differ in names alone.
struct Renaming {
    to: Vec<Option<u32>>,
}

impl Renaming {
    fn new(saved: &NamedNetwork, network: &Network, names: &[&str]) -> Result<Renaming, OrderMismatch> {
        let NamedNetwork { network: old, labels } = saved;
        let mut same = Renaming { to: vec![None; old.extents().len()] };
        let mut back = vec![None; network.extents().len()];
        let axes = |operand, [saved, given]: [&[u32]; 2]| OrderMismatch::Axes {
            operand,
            saved: saved.iter().map(|&axis| labels[axis as usize].clone()).collect(),
            given: given.iter().map(|&axis| names[axis as usize].to_owned()).collect(),
        };
        for (k, (old_legs, legs)) in old.inputs().iter().zip(network.inputs()).enumerate() {
            let (old_legs, legs) = (long(old_legs, old), long(legs, network));
            let pairs = || old_legs.iter().zip(&legs);
            for (&from, &to) in pairs().filter(|_| old_legs.len() == legs.len()) {
                let (saved, given) = (old.extents()[from as usize], network.extents()[to as usize]);
                if saved != given {
                    return Err(OrderMismatch::Extent { axis: names[to as usize].to_owned(), saved, given });
                }
            }
            let mut fits = |(&from, &to): (&u32, &u32)| {
                *same.to[from as usize].get_or_insert(to) == to && *back[to as usize].get_or_insert(from) == from
            };
            if old_legs.len() != legs.len() || !pairs().all(&mut fits) {
                return Err(axes(Some(k), [&old_legs, &legs]));
            }
        }
        let (old_output, output) = (long(old.output(), old), long(network.output(), network));
        let mut renamed: Vec<Option<u32>> = old_output.iter().map(|&axis| same.to[axis as usize]).collect();
        let mut kept: Vec<Option<u32>> = output.iter().map(|&axis| Some(axis)).collect();
        renamed.sort_unstable();
        kept.sort_unstable();
        if renamed == kept { Ok(same) } else { Err(axes(None, [&old_output, &output])) }
    }
}

/// The axes of a tensor without those that no order depends on: each once, those of extent 1 left out.
fn long(legs: &[u32], network: &Network) -> Vec<u32> {
    let mut long: Vec<u32> = Vec::with_capacity(legs.len());
    for &axis in legs {
        if network.extents()[axis as usize] != 1 && !long.contains(&axis) {
            long.push(axis);
        }
    }
    long
}

impl fmt::Display for SavedOrder {
    /// One line of JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

#[cfg(test)]
mod tests;
