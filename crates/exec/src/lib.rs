//! The executor: runs plans as strided loops and matrix products over raw array views.
//!
//! Everything above the leaf kernels is compiled once and works on bytes: a tensor is an [`AnyView`], and the operations
//! of a semiring on its elements are a table of functions, [`Kernels`]. `docs/unsafe.md` has the safety arguments.

mod bind;
mod bound_program;
mod cached_operand;
mod control;
mod element;
mod error;
mod evaluate;
pub mod kernels;
mod loops;
mod memory;
mod output_array;
mod run;
mod schedule;
mod semiring;
mod view;

pub use bind::{BindOptions, Scratch, bind};
pub use cached_operand::{CachedOperand, compute_constants};
pub use control::{Control, Progress};
pub use element::Element;
pub use error::{BindError, IndexOutOfRange, PlanSlot, RunStopped};
pub use evaluate::{RunError, evaluate};
pub use kernels::{Isa, IsaError, Kernels, UserSemiring};
pub use memory::{AlignedMemory, MemoryOrder, OutOfMemory};
pub use output_array::{NewArray, RawArray};
pub use run::Bound;
pub use schedule::schedule;
pub use semiring::{Semiring, algebra};
pub use view::{AnyView, AnyViewMut, Extents, Strides, ViewError};
