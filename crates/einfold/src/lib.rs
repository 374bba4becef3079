//! An einsum expression compiler: a text such as `ij,jk->ik` goes in, the right array comes out, without copies it does not
//! need, and you can see why the plan is what it is.
//!
//! # Two nouns
//!
//! An [`Expression`] is what is to be computed: a parsed text (or integer labels) and options. A [`Plan`] is how: made once
//! for operands of known types, then run any number of times, from any thread. [`einsum`] does all of it in one call.
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
//! Calls without a plan use those of earlier calls again, which a [`cache`] keeps. Where some operands stay the same from run to
//! run, [`Plan::bind_constants`] takes them once: what is computed from them alone is computed then, and kept. A limit on
//! [memory](Expression::memory) is kept by computing in slices.
//!
//! # The language
//!
//! It has three spellings with one meaning. A text with `=` is a program, else one with `[` is named subscripts, else it is
//! letters.
//!
//! **Letters** mean what they mean to NumPy's `einsum`: values, shapes and dtypes. One term of labels for each operand,
//! separated by commas; then perhaps `->` and the term of the result.
//!
//! | text | is |
//! |---|---|
//! | `ij,jk->ik` | a matrix product: what the output does not name is summed |
//! | `ij,jk` | the same: the output has the labels used once, sorted |
//! | `ii->i`, `ii->` | a diagonal, a trace |
//! | `ij->ji` | a transpose |
//! | `i,j->ij` | an outer product |
//! | `bij,bjk->bik` | a batch of products |
//! | `...ij,...jk->...ik` | a batch over whatever axes there are; size 1 stretches |
//! | `,ij->ij` | a scalar times a matrix |
//! | `(ij,jk),kl->il` | a product whose order is fixed by parentheses |
//!
//! Any Unicode letter is a label, and [`einsum_labels`] takes integers, so there is no limit of 52.
//!
//! **Named subscripts** have words for labels, and `(a b)` for an axis that is two:
//!
//! ```
//! # use einfold::ndarray::{array, Array1, Array2};
//! # use einfold::{einsum, Expression};
//! let (q, k) = (array![[1.0, 2.0]], array![[3.0, 4.0], [5.0, 6.0]]);
//! let scores: Array2<f64> = einsum("[query d], [key d] -> [query key]", (&q, &k))?;
//! assert_eq!(scores, array![[11.0, 17.0]]);
//! // The Kronecker product, and a split whose one size has to be said.
//! let kron: Array2<f64> = einsum("[i j], [k l] -> [(i k) (j l)]", (&q, &k))?;
//! assert_eq!(kron, array![[3.0, 4.0, 6.0, 8.0], [5.0, 6.0, 10.0, 12.0]]);
//! let split: Array2<f64> = Expression::new("[(pair of)] -> [of pair]")?.size("of", 2).run(kron.row(0))?;
//! assert_eq!(split, array![[3.0, 6.0], [4.0, 8.0]]);
//! # Ok::<(), einfold::Error>(())
//! ```
//!
//! **Programs** have names for tensors as well, several statements, sums, functions, gathers and scatters. `=` sums each term
//! over what is not on its left; `+= *= max= min= mean= lse= |= &=` aggregate. Names that are never read are the results:
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
//! The operands of a program come in the order in which its text first names them, or each with its name ([`named`]). A size that
//! only ids tell, as that of `total`, is looked up by a run; a plan needs it declared, as in `H[dst[e]:3, out]`, or is made
//! [`with`](Expression::plan_with) the operands. Frequent lines are functions in [`grouped`]: `segment_sum`, `segment_mean`,
//! `bincount`, `accumarray`, `weighted_average`.
//!
//! # Options
//!
//! | of an [`Expression`] | what it says |
//! |---|---|
//! | [`strict`](Expression::strict) | size 1 does not stretch |
//! | [`algebra`](Expression::algebra) | another sum and product for subscripts: one of [`algebra`] or your own [`Semiring`] |
//! | [`acc`](Expression::acc) | the dtype that everything is computed in |
//! | [`size`](Expression::size) | the value of a size that the text names |
//! | [`out_of_range`](Expression::out_of_range) | whether bad ids stop the run, are dropped or wrap |
//! | [`fill`](Expression::fill) | the value of positions that nothing contributes to |
//! | [`outputs`](Expression::outputs) | which names of a program are its results |
//! | [`order`](Expression::order), [`path`](Expression::path), [`memory`](Expression::memory), [`machine`](Expression::machine) | how it is computed |
//!
//! # Algebras
//!
//! A sum and a product may be others than `+` and `×`: one of the built-in pairs in [`algebra`], or a [`Semiring`] of yours.
//! Its [`Laws`](algebra::Laws) say what the planner may do with it. Here are the most likely states of a chain, where `(max, ×)` on
//! numbers that are not negative has all laws, so that the contraction order is searched as for a sum:
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
//!     const LAWS: Laws = Laws::IDEMPOTENT;
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
//! Arrays are those of `ndarray` 0.17, which is exported as [`ndarray`]; an array of another version is another type to the
//! compiler.
//!
//! An operand is a reference to an `ndarray` array, a view of any strides, a scalar, an [`AnyArray`] or a view over a plain
//! slice ([`AnyView::from_slice`]); [`conj`] conjugates one without a copy. Dtypes may be mixed and promote as NumPy's.
//! Element types: `bool` (or, and), the integers (wrapping), `f16` and `bf16` (sums in `f32`), `f32`, `f64`, their complex
//! numbers, and complex `i32` and `i64`.
//!
//! The result is a new array of the type that you name: of static or dynamic dimension, a scalar, or [`AnyArray`]; several are a
//! tuple, a vector, or [`Results`] with their names. Or they are written to memory that you have, by [`Plan::call`]:
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
//! Nothing panics or aborts on bad input. An [`Error`] has a kind to match on and prints where and why:
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
//! * `rayon` (default): large steps run on the threads of the current rayon pool. Results are the same bits for any number of
//!   threads.
//!
//! # Out of scope
//!
//! Sparse formats, devices other than the CPU, recursion, and results whose rank depends on values.

#![forbid(unsafe_code)]

pub mod algebra;
mod array;
mod builtin;
pub mod cache;
mod call;
mod constants;
pub mod dynamic;
mod error;
mod expression;
pub mod grouped;
mod names;
mod operand;
mod output;
mod plan;
mod program;
mod recipe;
mod results;
mod run;
mod scalar;
mod settings;
mod spec;
mod target;
mod tuples;

/// The facts of errors, by stage.
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

/// Stages, passes and warnings: what a [plan explains](Plan::explain) besides itself.
pub mod explain {
    pub use einfold_plan::{ExplainStage as Stage, PASSES, PassSet, Stage as Pass};
    pub use einfold_syntax::{Warning, WarningKind};
}

/// Contraction orders as values, and how they are searched for.
pub mod order {
    pub use crate::settings::IntoOrder;
    pub use einfold_ir::Machine;
    pub use einfold_order::format::{FormatError, machine_from_json};
    pub use einfold_order::{Budget, STRATEGIES, SavedOrder, SavedSlicedAxis, SavedTree, Strategy};
    pub use einfold_plan::NamedNetwork;
}

/// What stands behind the parameters of typed calls: types of operands, memory for results, scalars.
pub mod typed {
    pub use crate::operand::{Conj, Named};
    pub use crate::output::OutputType;
    pub use crate::scalar::Scalar;
    pub use crate::spec::{Spec, Specs};
    pub use crate::target::{Target, TargetViews, Targets};
    pub use einfold_ir::Literal;
}

pub use array::AnyArray;
pub use call::Call;
pub use error::{Error, ErrorKind};
pub use expression::Expression;
pub use operand::{Operand, Operands, conj, named};
pub use output::{Output, Outputs};
pub use plan::Plan;
pub use results::Results;
pub use spec::spec;

pub use einfold_exec::{AnyView, AnyViewMut, Control, Element, MemoryOrder, Scratch, Semiring};
pub use einfold_ir::{Cost, Count, Dtype, OutOfRange, TensorType};
pub use einfold_order::Order;
pub use einfold_plan::Explain;
pub use ndarray;

/// Parses, plans and runs.
///
/// The operands are a tuple (or a single one alone, or a slice), the result is of the type that is asked for.
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
    let operands = operands.arguments();
    let plan = cache::plan_text(text, operands.arguments())?;
    A::fits(&plan)?;
    A::receive(dynamic::call(&plan, operands.arguments(), dynamic::CallOptions::default())?, &plan)
}

/// As [`einsum`], with integers as labels: a list for each operand and one for the result. Without the latter the result has
/// the labels that are used exactly once, in ascending order.
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
