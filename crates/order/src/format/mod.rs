//! Networks, orders and trees as files: JSON to read and to write, pictures to look at. Orders are read by
//! [`Order::from_json`](crate::Order::from_json).

mod dot;
mod drawing;
mod error;
mod named_network;
mod order_json;
mod svg;

pub use dot::dot;
pub use error::FormatError;
pub use named_network::NamedNetwork;
pub use order_json::{count_json, order_json};
pub use svg::svg;
