//! Contractions in slices: less memory for more flops.

/// A sliced axis: the contraction runs once for each of `parts` pieces of equal length, and the results are added up, or put
/// side by side where the output has the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The axis of the network.
    pub axis: u32,
    /// Into how many pieces it is cut: a divisor of its extent, 2 or more.
    pub parts: u64,
}
