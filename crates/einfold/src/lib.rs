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
//! // Parsed and planned once, run many times.
//! let plan = Expression::new("ij,jk->ik")?.plan((spec::<f64>([2, 2]), spec::<f64>([2, 2])))?;
//! let c: Array2<f64> = plan.run((&a, a.t()))?;
//! assert_eq!(c, array![[5.0, 11.0], [11.0, 25.0]]);
//! # Ok(())
//! # }
//! ```
//!
//! # The language
//!
//! Subscript strings mean what they mean to NumPy's `einsum`: values, shapes and dtypes. One term of labels for each operand,
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
//! # Operands and results
//!
//! An operand is a reference to an `ndarray` array, a view of any strides, a scalar, an [`AnyArray`] or a view over a plain
//! slice ([`AnyView::from_slice`]); [`conj`] conjugates one without a copy. Dtypes may be mixed and promote as NumPy's.
//! Element types: `bool` (or, and), the integers (wrapping), `f16` and `bf16` (sums in `f32`), `f32`, `f64`, their complex
//! numbers, and complex `i32` and `i64`.
//!
//! The result is a new array of the type that you name: of static or dynamic dimension, a scalar, or [`AnyArray`]. Or it is
//! written to memory that you have, by [`Plan::call`]:
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
//! Sparse formats, devices other than the CPU, and anything that is no sum of products. Named axes, programs, gathers and
//! scatters are to come; the compiler below knows them already.

#![forbid(unsafe_code)]

mod algebra;
mod array;
mod builtin;
mod call;
mod error;
mod expression;
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

pub use algebra::{
    ALGEBRAS, IntoAlgebra, LsePlus, MaxMin, MaxPlus, MaxTimes, MinPlus, MinTimes, NamedAlgebra, OrAnd, SumProduct,
};
pub use array::AnyArray;
pub use call::{Call, Run};
pub use error::{Error, ErrorKind, NamesProblem, RecipeProblem};
pub use expression::Expression;
pub use operand::{Arguments, Conj, Named, Operand, Operands, conj, named};
pub use output::{Output, Outputs, Slot};
pub use plan::Plan;
pub use results::Results;
pub use run::Slots;
pub use scalar::Scalar;
pub use settings::IntoOrder;
pub use spec::{Spec, Specs, spec};
pub use target::{Target, Targets};

pub use einfold_exec::{
    AnyView, AnyViewMut, BindError, Control, Element, IndexOutOfRange, MemoryOrder, NewArray, Port, Scratch, Semiring,
    Stopped, ViewError,
};
pub use einfold_ir::{Cost, Count, Dtype, Laws, Literal, OutOfRange, PathError, TensorType};
pub use einfold_order::{Budget, Order, OrderError, STRATEGIES, Strategy};
pub use einfold_plan::{Explain, PASSES, Pass, PassSet, PlanError, Stage};
pub use einfold_syntax::{
    ErrorKind as ExpressionError, Feature, Holder, NameClass, Note, SizeProblem, SizeRule, Span, SyntaxProblem,
    TypeProblem,
};
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
    Expression::new(text)?.run(operands)
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
