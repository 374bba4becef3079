//! Networks, orders, trees and machines as files: JSON to read and to write, pictures to look at. Orders are read by
//! [`Order::from_json`](crate::Order::from_json).

mod dot;
mod drawing;
mod error;
mod instance;
mod machine;
mod path;
mod svg;

pub use dot::dot;
pub use error::FormatError;
pub use instance::Instance;
pub use machine::{machine_from_json, machine_json};
pub use path::{count_json, ordered_json};
pub use svg::svg;
