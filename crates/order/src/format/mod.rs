//! Networks, orders and trees as files: JSON to read and to write, pictures to look at. Orders are read by
//! [`Order::from_json`](crate::Order::from_json).

mod dot;
mod drawing;
mod error;
mod instance;
mod path;
mod svg;

pub use crate::saved::Instance;
pub use dot::dot;
pub use error::FormatError;
pub use path::{count_json, ordered_json};
pub use svg::svg;
