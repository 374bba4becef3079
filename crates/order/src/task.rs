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
}
