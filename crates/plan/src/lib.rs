//! From the IR to a [`Plan`](einfold_ir::Plan): [`apply`] writes contraction trees back, [`lower`] makes steps of nodes.

mod apply;
mod chains;
mod compile;
mod error;
mod explain;
mod legs;
mod lower;
mod memory;
mod network;
mod passes;
pub mod roles;

#[cfg(test)]
mod testing;

pub use apply::apply;
pub use compile::{Compiled, PlanOptions, compile};
pub use error::PlanError;
pub use explain::{Explain, Source, Stage};
pub use lower::{Hints, lower};
pub use memory::Memory;
pub use network::{Treatment, Why, network, treatment};
pub use passes::{PASSES, Pass, PassSet, optimize};
