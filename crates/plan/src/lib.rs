//! The planner: compiles *what* is computed ([`Ir`](einfold_ir::Ir)) to *how* ([`Plan`](einfold_ir::Plan)).
//!
//! [`compile`] runs the [`PIPELINE`], whose stages are rewrites of the module, the order search, expansion, lowering,
//! [`PASSES`], and the assignment of memory. Some can be used alone: [`network`] is the view of a contraction that the
//! order search has, [`expand`] expands a contraction along a tree to one node for each step, [`lower`] makes a loop
//! nest of each node, and [`optimize`] runs the passes, assigns memory and seals the plan. [`Explain`] shows the
//! forms between all stages.
//!
//! The planner is independent of the text, of arrays and of the strides of a caller. [`roles`] splits the axes of a
//! step into roles; only the layout pass, for which a tensor has the axes along which it has a stride, does so itself.
//!
//! ```
//! use einfold_ir::{Access, Algebra, Axis, Contraction, Dtype, Index, Ir, Node, RegionId};
//! use einfold_order::{Budget, Order};
//! use einfold_plan::{PlanOptions, compile};
//! // ij,jk->ik
//! let mut ir = Ir::new();
//! let a = ir.input("a", Dtype::F64, [20, 30]);
//! let b = ir.input("b", Dtype::F64, [30, 40]);
//! let product = Contraction {
//!     axes: vec![Axis::new("i", 20), Axis::new("j", 30), Axis::new("k", 40)],
//!     factors: vec![Access::plain(a, [0, 1]), Access::plain(b, [1, 2])],
//!     output: vec![Index::axis(0), Index::axis(2)].into(),
//!     expr: None,
//!     algebra: Algebra::SUM_PRODUCT,
//!     init: None,
//!     pinned: false,
//! };
//! let def = product.into();
//! let shape = vec![20, 40].into();
//! let c = ir.push(Node { label: "c".into(), dtype: Dtype::F64, shape, region: RegionId::TOP, def })?;
//! ir.output(c)?;
//! let compiled = compile(&ir, &Order::default(), &Budget::default(), &PlanOptions::default())?;
//! assert_eq!(compiled.plan.steps().count(), 1);
//! assert_eq!(compiled.cost.flops.exact(), Some(20 * 30 * 40));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buffers;
mod compile;
mod cost;
mod error;
mod evaluation;
mod expand;
mod explain;
mod hoist;
mod lower;
mod memory;
mod network;
mod passes;
mod pipeline;
mod rewrite;
pub mod roles;
mod selections;
mod strides;

#[cfg(test)]
mod testing;

pub use compile::{
    Compiled, ConstantPlan, Forms, NamedNetwork, PlanOptions, compile, compile_product, named_network, saved_order,
};
pub use error::{LargeTensor, MemoryExcess, PlanError, WhyNotSliced};
pub use evaluation::{Evaluation, FlatReason, evaluation};
pub use expand::{ChosenOrder, Expanded, Expansion, expand};
pub use explain::{Explain, ExplainSource, ExplainStage};
pub use lower::{Hints, lower};
pub use memory::Memory;
pub use network::network;
pub use pipeline::{Form, PASSES, PIPELINE, PassSet, Stage, optimize};
