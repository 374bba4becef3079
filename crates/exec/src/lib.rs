//! The executor: strided loops and matrix products over raw array views.
//!
//! Everything above the leaf kernels is compiled once, over bytes: a tensor is an [`AnyView`], and what a semiring does to
//! its elements is a table of functions, [`Kernels`]. `docs/unsafe.md` has the safety arguments.

mod element;
pub mod kernels;
mod memory;
mod semiring;
mod view;

pub use element::Element;
pub use kernels::{Isa, IsaError, Kernels, UserSemiring};
pub use memory::{AlignedMemory, MemoryOrder, OutOfMemory, UninitOutput};
pub use semiring::{Semiring, algebra};
pub use view::{AnyView, AnyViewMut, Extents, Strides, ViewError};
