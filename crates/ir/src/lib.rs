//! The types that the crates of einfold share. The two main ones are [`Ir`], what is computed, and [`Plan`], how it is
//! computed.
//!
//! An [`Ir`] is a module of tensors in SSA form; each is an input or a [`Contraction`], a product of [`Access`]es reduced by
//! an [`Algebra`]. The order search sees a contraction as a [`Network`] and answers with a [`Tree`]. A [`Plan`] is a list of
//! [`Step`]s over buffers; the executor trusts it, so only verified ones can be made: a [`Draft`] is open to passes and
//! becomes a plan by [`Plan::seal`].
//!
//! The stages of the compiler live in other crates; this one has the types, their algebra and the checks of their
//! invariants. [`visible`] is here because every crate shows text from outside.

mod access;
mod algebra;
mod bytes;
mod count;
mod draft;
mod dtype;
mod error;
mod expr;
mod id_vec;
mod iteration_space;
mod machine;
mod matrix;
mod module;
mod nesting;
mod network;
mod plan;
mod product;
mod region;
mod rewriter;
mod tree;
mod verify;
mod visible;

pub use access::{
    Access, AffineTerm, Axis, AxisRef, AxisSet, Index, Indices, IndirectTerm, Label, OutOfRange, Shape, few,
};
pub use algebra::{Algebra, BinaryOp, Laws, UserAlgebra};
pub use bytes::Bytes;
pub use count::Count;
pub use draft::{Buffer, BufferId, Depths, Draft, Form, Gemm, Layout, Region, Step, Storage, WriteMode};
pub use dtype::{Custom, Dtype, DtypeKind};
pub use error::Violation;
pub use expr::{Expr, Function, Literal, PointOp};
pub use id_vec::{Id, IdVec};
pub use machine::{Machine, Time};
pub use matrix::{PACKED_SIDE, STACK_PACKED, packed_bytes};
pub use module::{Contraction, Def, Ir, Node, NodeId, RegionId, TensorType};
pub use nesting::{StridedAxis, nesting};
pub use network::{Network, UnknownAxis};
pub use plan::{Plan, PlanId};
pub use product::{AxisNumbers, Factor, Product, ProductStep};
pub use region::Lifetime;
pub use rewriter::Rewriter;
pub use tree::{Cost, PathError, Tree};
pub use verify::verify_steps;
pub use visible::{is_format, is_hidden, visible};
