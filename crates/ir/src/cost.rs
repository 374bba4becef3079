//! What a contraction order costs.

use std::fmt;

use crate::Count;

/// The cost of a contraction tree in steps of two tensors, whatever the dtype.
///
/// Before the first step each operand is reduced alone at no cost: diagonals are taken of repeated axes, and axes that no
/// other operand and not the output has are summed. A step of two tensors visits every point of the union of their axes;
/// its result keeps the axes that a tensor still to be used or the output has. A step of more than two tensors counts as
/// steps of two from left to right, a step of one tensor as nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cost {
    /// Scalar multiply-adds: the points of all steps.
    pub flops: Count,
    /// Elements of the largest step result, the final one included and the operands not; 0 if there is no step of two.
    pub size: Count,
    /// Elements of all step results together.
    pub write: Count,
    /// Most elements of step results alive at once, the steps run in the order of the tree. A result is alive from the step
    /// that makes it to the end of the step that uses it; the final one stays. Operands are the caller's and not counted.
    pub peak: Count,
}

/// `flops 240000, largest result 400 elements, written 1000, at most 700 at once`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { flops, size, write, peak } = self;
        write!(f, "flops {flops}, largest result {size} elements, written {write}, at most {peak} at once")
    }
}
