//! The nesting of strides: whether sums of strides are different for different positions.

use std::cmp::Ordering;

/// An axis of a sum `Σ stride·position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StridedAxis<A> {
    /// The absolute value of the stride.
    pub stride: u64,
    /// The number of positions.
    pub extent: usize,
    /// The axis.
    pub axis: A,
}

/// Compares, for each axis with two or more positions and the smallest stride first, the stride with the least stride
/// that is past all sums that the earlier axes reach.
///
/// An axis that is not `Less`, and that no `Less` axis follows, is a digit of a mixed-radix number: sums that differ in
/// it are different. If no axis is `Less`, all sums are different; if all are `Equal`, the sums are the numbers below
/// the product of the extents.
pub fn nesting<A: Copy>(axes: &mut [StridedAxis<A>]) -> impl Iterator<Item = (A, Ordering)> {
    axes.sort_by_key(|axis| axis.stride);
    let mut least = 1u64;
    axes.iter().filter(|axis| axis.extent > 1).map(move |axis| {
        let order = axis.stride.cmp(&least);
        least = least.saturating_add(axis.stride.saturating_mul(axis.extent as u64 - 1));
        (axis.axis, order)
    })
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;
    use std::collections::BTreeSet;

    use super::{StridedAxis, nesting};

    #[test]
    fn what_nests_is_as_counting_says() {
        let (strides, extents) = ([0, 1, 2, 3, 4, 6, 12], [1, 2, 3, 4]);
        let mut told = [0; 2];
        for number in 0..(strides.len() * extents.len()).pow(3) {
            let axis = |axis: u32| {
                let number = number / (strides.len() * extents.len()).pow(axis);
                let (stride, extent) =
                    (strides[number % strides.len()], extents[number / strides.len() % extents.len()]);
                StridedAxis { stride, extent, axis: axis as usize }
            };
            let axes = [axis(0), axis(1), axis(2)];
            let found: Vec<(usize, Ordering)> = nesting(&mut axes.clone()).collect();
            let points: Vec<[usize; 3]> = (0..axes.iter().map(|s| s.extent).product::<usize>())
                .map(|k| [k % axes[0].extent, k / axes[0].extent % axes[1].extent, k / axes[0].extent / axes[1].extent])
                .collect();
            let sum = |point: &[usize; 3]| (0..3).map(|a| axes[a].stride * point[a] as u64).sum::<u64>();
            let sums: BTreeSet<u64> = points.iter().map(sum).collect();
            if found.iter().all(|(_, order)| order.is_ge()) {
                assert_eq!(sums.len(), points.len(), "{axes:?}");
                told[0] += 1;
            }
            if found.iter().all(|(_, order)| order.is_eq()) {
                assert!(sums.iter().copied().eq(0..points.len() as u64), "{axes:?}");
                told[1] += 1;
            }
            for (k, (axis, _)) in found.iter().enumerate().filter(|(k, _)| found[*k..].iter().all(|(_, o)| o.is_ge())) {
                let digits: BTreeSet<(u64, usize)> = points.iter().map(|point| (sum(point), point[*axis])).collect();
                assert_eq!(digits.len(), sums.len(), "axis {k} of {axes:?}");
            }
        }
        assert!(told.iter().all(|&count| count > 50), "{told:?}");
    }
}
