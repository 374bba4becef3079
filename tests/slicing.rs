//! Contractions in slices give what they give at once.

use einfold_ir::Network;
use einfold_order::{Ordered, Slice};
use einfold_plan::Route;

use crate::draw::{Bytes, check};
use crate::running::check_drawn;

/// Random slices of a network: of axes of operands and of the output, into pieces of any length.
pub(crate) fn slices(bytes: &mut Bytes<'_>, network: &Network) -> Vec<Slice> {
    let mut axes: Vec<u32> = (0..network.extents().len() as u32).collect();
    bytes.shuffle(&mut axes);
    axes.truncate(1 + bytes.below(3));
    let mut slice = |axis: u32| {
        let extent = network.extents()[axis as usize];
        let parts: Vec<u64> = (2..=extent).rev().filter(|parts| extent.is_multiple_of(*parts)).collect();
        (!parts.is_empty()).then(|| Slice { axis, parts: bytes.pick(&parts) })
    };
    axes.into_iter().filter_map(&mut slice).collect()
}

/// An order with any number of lanes.
pub(crate) fn route<'o>(bytes: &mut Bytes<'_>, ordered: &'o Ordered) -> Route<'o> {
    let parts = ordered.slices.first().map_or(1, |slice| slice.parts);
    let lanes: Vec<u64> = (1..=parts).filter(|lanes| parts.is_multiple_of(*lanes)).collect();
    Route { lanes: bytes.pick(&lanes), ..ordered.into() }
}

#[test]
fn slices_give_what_the_oracle_says() {
    check(5000, |bytes| check_drawn(bytes, true));
}
