//! Tensor networks, the input of an order search: tensors as sets of axes.

use crate::Count;

/// A tensor network: the axes of each tensor, the axes of the output, and the extent of each axis.
///
/// Axes are small integers `0..extents.len()`. Tensors may repeat an axis (a diagonal), share it with any number of
/// others (a hyperedge), have it alone (it is summed at once), or have no axes (a scalar). An order search sees only
/// the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    inputs: Vec<Vec<u32>>,
    output: Vec<u32>,
    extents: Vec<u64>,
    result: Option<Count>,
}

/// A network that names an axis without an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("axis {0} has no extent")]
pub struct UnknownAxis(
    /// The axis without an extent.
    pub u32,
);

impl Network {
    /// A network of `inputs` whose output has the axes `output`; `extents[a]` is the extent of axis `a`.
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

    /// The same network with a given number of result elements, which differs from the product of the output's extents:
    /// `y[i+k]` has fewer elements than pairs of `i` and `k`, and `y[i,i]` more than positions of `i`.
    pub fn with_result(self, elements: Count) -> Network {
        Network { result: Some(elements), ..self }
    }

    /// The same network with another extent of each axis: `extent` maps an axis and its extent.
    pub fn map_extents(&self, extent: impl Fn(u32, u64) -> u64) -> Network {
        let extents = (0..).zip(&self.extents).map(|(axis, &old)| extent(axis, old)).collect();
        Network { extents, ..self.clone() }
    }

    /// The axes of each tensor, in the order of the tensor.
    pub fn inputs(&self) -> &[Vec<u32>] {
        &self.inputs
    }

    /// The axes of the output.
    pub fn output(&self) -> &[u32] {
        &self.output
    }

    /// The extent of each axis.
    pub fn extents(&self) -> &[u64] {
        &self.extents
    }

    /// The number of elements of the result, if it differs from the product of the output's extents.
    pub fn result(&self) -> Option<Count> {
        self.result
    }
}
