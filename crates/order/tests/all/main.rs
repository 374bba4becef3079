//! The searches through the public interface.

mod costs;
mod data;
mod orders;
mod registry;
