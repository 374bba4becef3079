//! The nouns of einfold. Two matter most: [`Ir`], what is to be computed, and [`Plan`], how.
//!
//! An [`Ir`] is a module of tensors in SSA form; each is an input or a [`Contraction`], a product of [`Access`]es reduced by
//! an [`Algebra`]. The order search sees a contraction as a [`Network`] and answers with a [`Tree`]. A [`Plan`] is a list of
//! [`Step`]s over buffers; the executor trusts it, so it is made and verified only by code of this workspace.
//!
//! No algorithm of the compiler and no dependency lives here.

mod dtype;
mod network;
mod tree;

pub use dtype::{Custom, Dtype, DtypeKind};
pub use network::{Network, UnknownAxis};
pub use tree::{PathError, Tree};
