//! A compiler for einsum expressions. It parses a text such as `ij,jk->ik`, plans the computation and runs it on
//! arrays, without unnecessary copies. [`Plan::explain`] shows each decision of the planner.
//!
//! # Expressions and plans
//!
//! An [`Expression`] is a parsed text (or a list of integer labels) with options. A [`Plan`] is an expression compiled
//! for operands of known dtypes and shapes. It is made once and can run many times, on any thread. [`einsum`] parses,
//! plans and runs in one call.
//!
//! ```
//! use einfold::ndarray::{array, Array1, Array2};
//! use einfold::{einsum, spec, Expression};
//!
//! # fn main() -> Result<(), einfold::Error> {
//! let a = array![[1.0, 2.0], [3.0, 4.0]];
//! let x = array![10.0, 1.0];
//! let y: Array1<f64> = einsum("ij,j->i", (&a, &x))?;
//! assert_eq!(y, array![12.0, 34.0]);
//!
//! // Parse and plan once, run many times.
//! let plan = Expression::new("ij,jk->ik")?.plan((spec::<f64>([2, 2]), spec::<f64>([2, 2])))?;
//! let c: Array2<f64> = plan.run((&a, a.t()))?;
//! assert_eq!(c, array![[5.0, 11.0], [11.0, 25.0]]);
//! # Ok(())
//! # }
//! ```
//!
//! A [`cache`] stores plans, so that [`einsum`] and [`Expression::run`] plan only once for the same expression and
//! operand types. [`Plan::bind_constants`] fixes operands that are the same in all runs, and computes intermediates of
//! them once. With a limit on [memory](Expression::memory), a large contraction is computed in slices.
//!
//! # The language
//!
//! The language has three notations with the same semantics. A text with `=` is a program; otherwise a text with `[` is
//! named subscripts; all others are letters.
//!
//! **Letters** are the subscript strings of NumPy's `einsum`, with the same values, shapes and dtypes: one term of
//! labels for each operand, separated by commas, then optionally `->` and the term of the output.
//!
//! | text | meaning |
//! |---|---|
//! | `ij,jk->ik` | matrix product: labels that the output lacks are summed |
//! | `ij,jk` | the same: the default output has the labels used once, sorted |
//! | `ii->i`, `ii->` | diagonal, trace |
//! | `ij->ji` | transpose |
//! | `i,j->ij` | outer product |
//! | `bij,bjk->bik` | batch of matrix products |
//! | `...ij,...jk->...ik` | batch over any number of axes; axes of size 1 broadcast |
//! | `,ij->ij` | scalar times matrix |
//! | `(ij,jk),kl->il` | parentheses fix the contraction order |
//!
//! A label is any Unicode letter. [`einsum_labels`] takes integer labels, whose number is not limited.
//!
//! **Named subscripts** have names as labels, and merged axes `(a b)`:
//!
//! ```
//! # use einfold::ndarray::{array, Array1, Array2};
//! # use einfold::{einsum, Expression};
//! let (q, k) = (array![[1.0, 2.0]], array![[3.0, 4.0], [5.0, 6.0]]);
//! let scores: Array2<f64> = einsum("[query d], [key d] -> [query key]", (&q, &k))?;
//! assert_eq!(scores, array![[11.0, 17.0]]);
//! // A Kronecker product, and a split of an axis, for which one of the two sizes is given.
//! let kron: Array2<f64> = einsum("[i j], [k l] -> [(i k) (j l)]", (&q, &k))?;
//! assert_eq!(kron, array![[3.0, 4.0, 6.0, 8.0], [5.0, 6.0, 10.0, 12.0]]);
//! let split: Array2<f64> = Expression::new("[(pair of)] -> [of pair]")?.size("of", 2).run(kron.row(0))?;
//! assert_eq!(split, array![[3.0, 6.0], [4.0, 8.0]]);
//! # Ok::<(), einfold::Error>(())
//! ```
//!
//! **Programs** have named tensors, several statements, sums, functions, gathers and scatters. `=` sums each term over
//! the axes that the left side lacks; `+= *= max= min= mean= lse= |= &=` reduce the values of each group. Names that
//! are never read are the results:
//!
//! ```
//! # use einfold::ndarray::{array, Array1, Array2};
//! # use einfold::{einsum, named, Results};
//! // Sums and softmax over groups: `seg` says which group a value belongs to.
//! let (x, seg) = (array![1.0_f64, 2.0, 3.0, 4.0], array![0, 0, 1, 0]);
//! let (total, p): (Array1<f64>, Array1<f64>) = einsum(
//!     "total[seg[n]] += X[n]
//!      M[seg[n]] max= X[n]
//!      E[n] = exp(X[n] - M[seg[n]])
//!      Z[seg[n]] += E[n]
//!      P[n] = E[n] / Z[seg[n]]    # a gather",
//!     (named("X", &x), named("seg", &seg)),
//! )?;
//! assert_eq!(total, array![7.0, 3.0]);
//! assert!((p.sum() - 2.0).abs() < 1e-15);
//! // A layer of a network on a graph: messages along edges, added where they arrive.
//! let (src, dst) = (array![0, 1, 1], array![1, 0, 2]);
//! let (h, w) = (array![[1.0, 2.0], [3.0, 4.0]], array![[1.0], [10.0]]);
//! let program = "H[dst[e]:3, out] += X[src[e], f] * W[f, out]";
//! let y: Array2<f64> = einsum(program, (&dst, &h, &src, &w))?;
//! assert_eq!(y, array![[43.0], [21.0], [43.0]]);
//! # Ok::<(), einfold::Error>(())
//! ```
//!
//! The operands of a program are passed in the order in which the text first names them, or each with its name
//! ([`named`]). A size that depends on the values of an index tensor, such as that of `total`, is computed before a
//! run. A plan needs the size declared, as in `H[dst[e]:3, out]`, or is made [with](Expression::plan_with) the
//! operands. The module [`grouped`] has frequent programs as functions: `segment_sum`, `segment_mean`, `bincount`,
//! `accumarray`, `weighted_average`.
//!
//! # Options
//!
//! | option of an [`Expression`] | meaning |
//! |---|---|
//! | [`strict`](Expression::strict) | axes of size 1 do not broadcast |
//! | [`algebra`](Expression::algebra) | another sum and product for subscripts: one of [`algebra`] or your own [`Semiring`] |
//! | [`acc`](Expression::acc) | the dtype of all computations and results |
//! | [`size`](Expression::size) | the value of a size that the text names |
//! | [`out_of_range`](Expression::out_of_range) | whether an index out of range is an error, is dropped or wraps |
//! | [`fill`](Expression::fill) | the value of result positions without contributions |
//! | [`outputs`](Expression::outputs) | the names of a program that are its results |
//! | [`order`](Expression::order), [`path`](Expression::path), [`memory`](Expression::memory), [`machine`](Expression::machine) | how the result is computed |
//!
//! # Algebras
//!
//! The sum and the product can be other operations than `+` and `×`: a built-in pair of [`algebra`], or your own
//! [`Semiring`]. Its [`Laws`](algebra::Laws) state what the planner may assume. The example computes the most likely
//! states of a chain. `(max, ×)` on non-negative numbers satisfies all laws, so the contraction order is searched as
//! for a sum of products:
//!
//! ```
//! use einfold::ndarray::{array, Array1};
//! use einfold::{Expression, Semiring, algebra::Laws};
//!
//! /// The largest product of probabilities.
//! #[derive(Clone, Copy)]
//! struct MostLikely;
//!
//! impl Semiring for MostLikely {
//!     type Elem = f64; // operands and results
//!     type Acc = f64; // sums and products
//!     const LAWS: Laws = Laws::SEMIRING;
//!     fn lift(x: f64) -> f64 {
//!         x
//!     }
//!     fn zero() -> f64 {
//!         0.0
//!     }
//!     fn one() -> f64 {
//!         1.0
//!     }
//!     fn add(a: f64, b: f64) -> f64 {
//!         a.max(b)
//!     }
//!     fn mul(a: f64, b: f64) -> f64 {
//!         a * b
//!     }
//!     fn finish(x: f64) -> f64 {
//!         x
//!     }
//! }
//!
//! let (start, step) = (array![0.5, 0.5], array![[0.75, 0.25], [0.5, 0.5]]);
//! let best: Array1<f64> = Expression::new("i,ij,jk->k")?.algebra(MostLikely).run((&start, &step, &step))?;
//! assert_eq!(best, array![0.28125, 0.125]);
//! # Ok::<(), einfold::Error>(())
//! ```
//!
//! # Operands and results
//!
//! Arrays are those of `ndarray` 0.17, which this crate exports as [`ndarray`]. Arrays of another version of `ndarray`
//! are different types.
//!
//! An operand is a reference to an `ndarray` array, a view with any strides, a scalar, an [`AnyArray`], or a view of a
//! slice ([`AnyView::from_slice`]). [`conj`] conjugates an operand without a copy. Operands may have different dtypes,
//! which are promoted as in NumPy. Element types are `bool` (or, and), integers (wrapping), `f16` and `bf16`
//! (accumulated in `f32`), `f32`, `f64`, and complex numbers with parts of `f32`, `f64`, `i32` and `i64`.
//!
//! A result is a new array of the type that you request: of static or dynamic dimension, a scalar, or [`AnyArray`].
//! Several results are a tuple, a vector, or [`Results`] with names. [`Plan::call`] writes results to existing arrays:
//!
//! ```
//! # use einfold::{Expression, Scratch, ndarray::array};
//! # let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]], array![[1.0, 0.0], [0.0, 1.0]]);
//! # let mut c = array![[1.0, 1.0], [1.0, 1.0]];
//! let plan = Expression::new("ij,jk->ik")?.plan_for((&a, &b))?;
//! let mut scratch = Scratch::new();
//! plan.call((&a, &b)).alpha(2.0).beta(1.0).scratch(&mut scratch).into(&mut c)?; // c = 2 a b + c
//! # assert_eq!(c, array![[3.0, 5.0], [7.0, 9.0]]);
//! # Ok::<(), einfold::Error>(())
//! ```
//!
//! # Errors
//!
//! Invalid input does not panic or abort. An [`Error`] has a kind to match on, and prints the cause and its position in
//! the text:
//!
//! ```text
//! error[size]: axis `k` has two sizes
//!   | ij,jk,kl->il
//!   |     ^ 4 here (operand 2, axis 2)
//!   |       ^ 5 here (operand 3, axis 1)
//!   = help: shapes given: 2x3, 3x4, 5x6
//! ```
//!
//! # Features
//!
//! * `rayon` (default): large steps run in parallel on the current rayon pool. Results are bitwise equal for any number
//!   of threads.
//!
//! # Out of scope
//!
//! Sparse formats, devices other than the CPU, recursion, and results whose rank depends on values.

#![forbid(unsafe_code)]

pub mod algebra;
mod arguments;
mod array;
pub mod cache;
mod call;
mod compiled;
mod constants;
pub mod dynamic;
mod error;
mod expression;
pub mod grouped;
mod lists;
mod names;
mod operand;
mod options;
mod output;
mod plan;
mod recipe;
mod results;
mod run;
mod scalar;
mod scratch;
mod target;

/// The details of errors, by stage.
pub mod errors {
    pub use crate::error::{ConstantsProblem, NamesProblem, RecipeProblem};
    pub use einfold_exec::{BindError, IndexOutOfRange, OutOfMemory, PlanSlot, RunStopped, ViewError};
    pub use einfold_ir::PathError;
    pub use einfold_order::{OrderError, OrderMismatch};
    pub use einfold_plan::PlanError;
    pub use einfold_syntax::{
        ErrorKind as ExpressionError, Feature, LabeledAxis, NameClass, Note, SizeProblem, SizeRule, Span,
        SyntaxProblem, TypeProblem,
    };
}

/// The types that [`Plan::explain`] and [`Plan::warnings`] use: stages, passes and warnings.
pub mod explain {
    pub use einfold_plan::{ExplainStage as Stage, PASSES, PassSet, Stage as Pass};
    pub use einfold_syntax::{Warning, WarningKind};
}

/// Contraction orders: saved orders, strategies, the budget of a search, and the machine that costs refer to.
pub mod order {
    pub use crate::options::IntoOrder;
    pub use einfold_ir::Machine;
    pub use einfold_order::format::{FormatError, machine_from_json};
    pub use einfold_order::{Budget, STRATEGIES, SavedOrder, SavedSlicedAxis, SavedTree, Strategy};
    pub use einfold_plan::NamedNetwork;
}

/// The types and traits behind generic parameters: operand types, memory for results, scalars.
pub mod typed {
    pub use crate::operand::{Conj, NamedOperand, Spec, Specs};
    pub use crate::output::OutputType;
    pub use crate::scalar::Scalar;
    pub use crate::target::{Target, TargetViews, Targets};
    pub use einfold_ir::Literal;
}

pub use arguments::Operands;
pub use array::AnyArray;
pub use call::Call;
pub use error::{Error, ErrorKind};
pub use expression::Expression;
pub use operand::{Operand, conj, named, spec};
pub use output::Output;
pub use plan::Plan;
pub use results::{Outputs, Results};

pub use einfold_exec::{AnyView, AnyViewMut, Control, Element, MemoryOrder, Scratch, Semiring};
pub use einfold_ir::{Cost, Count, Dtype, OutOfRange, TensorType};
pub use einfold_order::Order;
pub use einfold_plan::Explain;
pub use ndarray;

/// Parses, plans and runs a text. The plan is [cached](cache).
///
/// The operands are a tuple, a single operand, or a slice. The result has the requested type.
///
/// ```
/// use einfold::einsum;
/// use einfold::ndarray::{Array2, array};
///
/// let a = array![[1, 2], [3, 4]];
/// let trace: i32 = einsum("ii->", &a)?;
/// let doubled: Array2<f64> = einsum(",ij->ji", (2.0, &a))?;
/// assert_eq!((trace, doubled), (5, array![[2.0, 6.0], [4.0, 8.0]]));
/// # Ok::<(), einfold::Error>(())
/// ```
///
/// # Errors
/// As [`Expression::new`] and [`Expression::run`].
pub fn einsum<A: Outputs>(text: &str, operands: impl Operands) -> Result<A, Error> {
    arguments::ArgumentList::with(&operands, |arguments| {
        call::run(&cache::plan_text(text, arguments)?, arguments, dynamic::CallOptions::default())
    })
}

/// Computes an einsum given by integer labels: a list for each operand and one for the output. Without the latter, the
/// output has the labels that are used exactly once, in ascending order.
///
/// ```
/// use einfold::einsum_labels;
/// use einfold::ndarray::{Array2, array};
///
/// let a = array![[1.0, 2.0], [3.0, 4.0]];
/// let product: Array2<f64> = einsum_labels(&[&[0, 1], &[1, 2]], Some(&[0, 2]), (&a, &a))?;
/// assert_eq!(product, array![[7.0, 10.0], [15.0, 22.0]]);
/// # Ok::<(), einfold::Error>(())
/// ```
///
/// # Errors
/// As [`Expression::labels`] and [`Expression::run`].
pub fn einsum_labels<A: Outputs>(
    labels: &[&[u32]],
    output: Option<&[u32]>,
    operands: impl Operands,
) -> Result<A, Error> {
    Expression::labels(labels, output)?.run(operands)
}
