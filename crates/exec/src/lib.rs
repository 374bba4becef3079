//! The executor: strided loops and matrix products over raw array views.
//!
//! Everything above the leaf kernels is compiled once, over bytes: a tensor is an [`AnyView`], and what a semiring does to
//! its elements is a table of functions, [`Kernels`]. `docs/unsafe.md` has the safety arguments.

mod bind;
mod control;
mod element;
mod error;
mod evaluate;
mod fresh;
mod kept;
pub mod kernels;
mod memory;
mod program;
mod run;
mod semiring;
mod view;

pub use bind::{Options, Scratch, bind};
pub use control::{Control, Progress};
pub use element::Element;
pub use error::{BindError, IndexOutOfRange, Port, Stopped};
pub use evaluate::{RunError, evaluate};
pub use fresh::{NewArray, RawArray};
pub use kept::{Kept, keep};
pub use kernels::{Isa, IsaError, Kernels, UserSemiring};
pub use memory::{AlignedMemory, MemoryOrder, OutOfMemory};
pub use run::Bound;
pub use semiring::{Semiring, algebra};
pub use view::{AnyView, AnyViewMut, Extents, Strides, ViewError};
