//! The cost of a contraction order.

use std::fmt;

use crate::Count;

/// The cost of a contraction tree in steps of two tensors, independent of the dtype.
///
/// Before the first step each operand is reduced alone at no cost: repeated axes become diagonals, and axes that
/// neither another operand nor the output has are summed. A step of two tensors visits every point of the union of
/// their axes; its result keeps the axes that a remaining tensor or the output has. A step of more than two tensors
/// counts as steps of two from left to right; a step of one tensor costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cost {
    /// Scalar multiply-adds: the points of all steps.
    pub flops: Count,
    /// The elements of the largest result of a step of two tensors, the last step included; 0 without such a step.
    pub size: Count,
    /// The elements of all step results together.
    pub write: Count,
    /// The largest number of elements of step results that are alive at once, with the steps run in the order of the
    /// tree. A result is alive from the step that computes it to the end of the step that uses it; the final one stays
    /// alive. Operands belong to the caller and do not count.
    pub peak: Count,
}

/// Writes `flops 240000, largest result 400 elements, written 1000, at most 700 at once`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { flops, size, write, peak } = self;
        write!(f, "flops {flops}, largest result {size} elements, written {write}, at most {peak} at once")
    }
}
