//! What is ordered.

use einfold_ir::{Network, Tree};

/// A contraction to order.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Its tensors.
    pub network: &'a Network,
    /// Tensors that stay the same from run to run. What is made of them alone is made once, and counts nothing.
    pub constants: &'a [u32],
    /// Bytes of an element of an intermediate, for the memory limit.
    pub element_bytes: u64,
    /// A tree to begin with: the answer is never worse. Used by `deep` alone.
    pub start: Option<&'a Tree>,
}

impl<'a> Task<'a> {
    /// The contraction of `network`, without constants and start, in elements of 8 bytes.
    pub fn new(network: &'a Network) -> Task<'a> {
        Task { network, constants: &[], element_bytes: 8, start: None }
    }

    /// The network in which what is made of constants alone counts next to nothing: an axis more that only they do not have,
    /// as if all others came so many times.
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

/// How many runs constants are taken to be made for.
const AMORTIZED_RUNS: u64 = 1 << 20;
