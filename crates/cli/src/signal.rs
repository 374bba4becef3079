//! The signals of the system.

#[cfg(unix)]
#[path = "signal/unix.rs"]
mod system;
#[cfg(not(unix))]
#[path = "signal/other.rs"]
mod system;

pub(crate) use system::{Signal, listen};
