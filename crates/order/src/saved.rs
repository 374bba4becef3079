//! Saved orders: the result of a search as a value, applied without a search.

use std::fmt;

use einfold_ir::{Count, Network, Tree};

use crate::budget::Budget;
use crate::error::{OrderError, OrderMismatch};
use crate::objective::Objective;
use crate::slices::SlicedAxis;
use crate::task::Task;
use crate::{FoundOrder, SearchResult};

/// The orders of all contractions of an expression. It fits expressions with the same contractions, up to the names of
/// axes, and is applied without a search.
///
/// Its text form is JSON: see [`format`](crate::format).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedOrder {
    /// One tree for each contraction that has several orders, in the order of evaluation.
    pub contractions: Vec<SavedTree>,
    /// The objective of the search.
    pub objective: Objective,
    /// The memory limit that the slices meet, in bytes.
    pub memory_bytes: Option<u64>,
    /// The limit that they meet for the elements of an intermediate.
    pub largest: Option<u64>,
}

/// The order of one contraction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedTree {
    /// The contraction tree.
    pub tree: Tree,
    /// The sliced axes, from the outermost loop to the innermost.
    pub slices: Vec<SavedSlicedAxis>,
    /// The network of the tree, if it is known.
    pub network: Option<LabeledNetwork>,
}

/// A network with the labels that its axes have in a file.
///
/// ```
/// use einfold_order::format::LabeledNetwork;
/// let chain = LabeledNetwork::from_json(
///     r#"{"inputs": [["i", "j"], ["j", "k"]], "output": ["i", "k"], "sizes": {"i": 2, "j": 3, "k": 4}}"#,
/// )?;
/// assert_eq!(chain.network.inputs(), [[0, 1], [1, 2]]);
/// assert_eq!(chain.labels, ["i", "j", "k"]);
/// # Ok::<(), einfold_order::format::FormatError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabeledNetwork {
    /// The network. Its axes are numbered in the order of first occurrence in `inputs`.
    pub network: Network,
    /// The label of each axis.
    pub labels: Vec<String>,
}

/// A sliced axis by its label, with the number of its slices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedSlicedAxis {
    /// The label of the axis in the network.
    pub axis: String,
    /// The number of slices: a divisor of the extent, 2 or more.
    pub parts: u64,
}

impl SavedOrder {
    /// Returns the order of the only contraction.
    ///
    /// # Errors
    /// [`OrderMismatch::Contractions`] if the number of contractions is not one.
    pub fn single(&self) -> Result<&SavedTree, OrderMismatch> {
        match &self.contractions[..] {
            [single] => Ok(single),
            all => Err(OrderMismatch::Contractions { saved: all.len(), given: 1 }),
        }
    }

    /// Applies the only tree to a task whose axes have the given names, and returns the order with its cost.
    ///
    /// # Errors
    /// [`OrderError::Mismatch`] if the order does not fit the task or exceeds the limits of `budget`.
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

    /// Checks the memory of an order against `budget`.
    ///
    /// # Errors
    /// [`OrderMismatch::Memory`] if it exceeds the limit.
    pub fn check_memory(&self, bytes: Count, budget: &Budget) -> Result<(), OrderMismatch> {
        match budget.memory_bytes {
            Some(limit) if bytes > Count::from(limit) => {
                Err(OrderMismatch::Memory { bytes, limit, found: self.memory_bytes })
            }
            _ => Ok(()),
        }
    }

    /// Checks the elements of an intermediate against `budget`.
    ///
    /// # Errors
    /// [`OrderMismatch::Largest`] if they exceed the limit.
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
    /// Saves an order of a network whose axes have the given distinct names.
    pub fn new(network: &Network, names: &[impl AsRef<str>], tree: &Tree, slices: &[SlicedAxis]) -> SavedTree {
        let labels: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
        let slice =
            |slice: &SlicedAxis| SavedSlicedAxis { axis: labels[slice.axis as usize].clone(), parts: slice.parts };
        let slices = slices.iter().map(slice).collect();
        SavedTree { tree: tree.clone(), slices, network: Some(LabeledNetwork { network: network.clone(), labels }) }
    }

    /// Applies the tree to a task whose axes have the given names, and returns the order with its cost.
    ///
    /// # Errors
    /// The same as for [`slices_of`](SavedTree::slices_of).
    pub fn follow(&self, task: &Task<'_>, names: &[impl AsRef<str>]) -> Result<FoundOrder, OrderMismatch> {
        let slices = self.slices_of(task.network, names)?;
        Ok(SearchResult { slices, ..self.tree.clone().into() }.with_cost(task, None, "path"))
    }

    /// Returns the slices as slices of a network whose axes have the given names.
    ///
    /// # Errors
    /// [`OrderMismatch`] if the network differs from the network of this order in more than the names of its axes, or
    /// if a slice does not fit it.
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

/// Maps the axes of one network to those of another that differs in names only.
struct Renaming {
    to: Vec<Option<u32>>,
}

impl Renaming {
    fn new(saved: &LabeledNetwork, network: &Network, names: &[&str]) -> Result<Renaming, OrderMismatch> {
        let LabeledNetwork { network: old, labels } = saved;
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

/// Returns the axes of a tensor that an order can depend on: without duplicates and without axes of extent 1.
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
    /// Writes one line of JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

#[cfg(test)]
mod tests;
