//! Networks, orders and trees as files: JSON to read and to write, pictures to look at.

mod error;
mod instance;
mod path;

pub use error::FormatError;
pub use instance::Instance;
pub use path::{Path, count_json, ordered_json};
