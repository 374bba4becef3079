//! The input of a search.

use einfold_ir::{Network, Tree};

/// A contraction to order.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The network of tensors.
    pub network: &'a Network,
    /// Constant tensors: they have the same values in all runs. Steps that depend on them only run once and cost
    /// nothing here.
    pub constants: &'a [u32],
    /// The bytes of an element of an intermediate, for the memory limit.
    pub element_bytes: u64,
    /// A seed tree: the result is never worse. Only `deep` uses it.
    pub start: Option<&'a Tree>,
}

impl<'a> Task<'a> {
    /// Returns the contraction of `network`, without constants and seed tree, with elements of 8 bytes.
    pub fn new(network: &'a Network) -> Task<'a> {
        Task { network, constants: &[], element_bytes: 8, start: None }
    }

    /// Returns a network in which the work on constants alone is amortised: all other tensors have an additional axis
    /// of extent [`AMORTIZED_RUNS`]. `None` if there are no constants.
    pub(crate) fn amortized_network(&self) -> Option<Network> {
        if self.constants.is_empty() {
            return None;
        }
        let axis = self.network.extents().len() as u32;
        let extents = [self.network.extents(), &[AMORTIZED_RUNS]].concat();
        let mut inputs = self.network.inputs().to_vec();
        inputs.iter_mut().for_each(|legs| legs.push(axis));
        for &constant in self.constants {
            if let Some(legs) = inputs.get_mut(constant as usize).filter(|legs| legs.last() == Some(&axis)) {
                legs.pop();
            }
        }
        Network::new(inputs, [self.network.output(), &[axis]].concat(), extents).ok()
    }
}

/// The number of runs over which the work on constants is amortised.
const AMORTIZED_RUNS: u64 = 1 << 20;
