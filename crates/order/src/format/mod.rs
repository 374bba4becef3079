//! Networks, orders, trees and machines as files: JSON for input and output, and drawings.
//! [`Order::from_json`](crate::Order::from_json) reads orders.

mod dot;
mod drawing;
mod error;
mod labeled_network;
mod machine;
mod order_json;
mod svg;

pub use crate::saved::LabeledNetwork;
pub use dot::dot;
pub use error::FormatError;
pub use machine::{machine_from_json, machine_json};
pub use order_json::{count_json, order_json};
pub use svg::svg;
