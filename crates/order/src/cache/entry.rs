//! The cached result of a search.

use einfold_ir::Tree;
use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::{FoundOrder, Network, SearchResult, SlicedAxis, Task, strategy};

/// The result of a search, with the axes of a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    strategy: String,
    ssa_path: Vec<Vec<u32>>,
    /// The sliced axes and the number of slices of each.
    slices: Vec<(u32, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
}

impl Entry {
    pub(super) fn new(found: &FoundOrder, key: &Key) -> Entry {
        let slice = |slice: &SlicedAxis| {
            let axis = key.axes.iter().position(|&axis| axis == slice.axis);
            (axis.expect("a sliced axis is one of the network") as u32, slice.parts)
        };
        Entry {
            strategy: found.strategy.into(),
            ssa_path: found.tree.steps().to_vec(),
            slices: found.slices.iter().map(slice).collect(),
            record: found.record.as_ref().map(ToString::to_string),
        }
    }

    /// Returns the order for this task; `None` if it does not fit, which is possible since anyone may have written the
    /// file.
    pub(super) fn to_order(&self, task: &Task<'_>, key: &Key) -> Option<FoundOrder> {
        let tree = Tree::from_ssa(task.network.inputs().len(), &self.ssa_path).ok()?;
        let slices = self.slices.iter().map(|&slice| sliced(slice, key, task.network)).collect::<Option<_>>()?;
        let record = self.record.as_ref().map(|record| record.parse().ok());
        let record = if let Some(record) = record { Some(record?) } else { None };
        Some(SearchResult { slices, record, ..tree.into() }.with_cost(task, None, strategy(&self.strategy).ok()?.name))
    }
}

fn sliced((axis, parts): (u32, u64), key: &Key, network: &Network) -> Option<SlicedAxis> {
    let axis = *key.axes.get(axis as usize)?;
    let fits = parts >= 2 && network.extents()[axis as usize].is_multiple_of(parts);
    fits.then_some(SlicedAxis { axis, parts })
}
