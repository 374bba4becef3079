//! What a contraction order is searched for: tensors as sets of axes.

use crate::Count;

/// A tensor network: which axes each tensor has, which are kept, how long each axis is.
///
/// Axes are small integers `0..extents.len()`. Tensors may repeat an axis (a diagonal), share it with any number of others
/// (a hyperedge), hold it alone (it is summed at once), or have no axes (a scalar). This is all that an order search sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    inputs: Vec<Vec<u32>>,
    output: Vec<u32>,
    extents: Vec<u64>,
    result: Option<Count>,
}

/// A network that names an axis it has no extent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAxis(
    /// The axis without an extent.
    pub u32,
);

impl std::fmt::Display for UnknownAxis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "axis {} has no extent", self.0)
    }
}

impl std::error::Error for UnknownAxis {}

impl Network {
    /// A network of `inputs`, of which the axes in `output` are kept; `extents[a]` is the length of axis `a`.
    ///
    /// # Errors
    /// [`UnknownAxis`] if a tensor or the output has an axis beyond `extents`.
    pub fn new(inputs: Vec<Vec<u32>>, output: Vec<u32>, extents: Vec<u64>) -> Result<Network, UnknownAxis> {
        let known = |a: &&u32| (**a as usize) < extents.len();
        match inputs.iter().flatten().chain(&output).find(|a| !known(a)) {
            Some(&axis) => Err(UnknownAxis(axis)),
            None => Ok(Network { inputs, output, extents, result: None }),
        }
    }

    /// The same with a result of so many elements, where they are not the positions of the kept axes: `y[i+k]` has fewer than
    /// pairs of `i` and `k`, and `y[i,i]` more than positions of `i`.
    pub fn with_result(self, elements: Count) -> Network {
        Network { result: Some(elements), ..self }
    }

    /// The same with other lengths of the axes, as many as there are.
    pub fn with_extents(&self, extents: Vec<u64>) -> Network {
        assert_eq!(extents.len(), self.extents.len(), "every axis has a length");
        Network { extents, ..self.clone() }
    }

    /// The axes of each tensor, in the tensor's own order.
    pub fn inputs(&self) -> &[Vec<u32>] {
        &self.inputs
    }

    /// The axes that are kept.
    pub fn output(&self) -> &[u32] {
        &self.output
    }

    /// The length of each axis.
    pub fn extents(&self) -> &[u64] {
        &self.extents
    }

    /// The elements of the result, if they are not the positions of the kept axes.
    pub fn result(&self) -> Option<Count> {
        self.result
    }
}
