//! The interface without type parameters: views as operands, new arrays or memory of the caller as results.
//!
//! The generic functions of this crate convert their arguments and call these functions. A binding to another language
//! should use this module: [`AnyView::from_raw_parts`](crate::AnyView::from_raw_parts) makes a view from a pointer, a dtype, a shape and strides, and
//! [`NewArray::into_raw`] releases the memory of a result to the caller.
//!
//! ```
//! use einfold::dynamic::{Arguments, CallOptions, call, einsum};
//! use einfold::{AnyView, Dtype, Expression};
//!
//! let a = [1.0_f64, 2.0, 3.0, 4.0];
//! // SAFETY: `a` has 2 × 2 elements of type f64 in C order, and nobody writes to it.
//! let view = unsafe { AnyView::from_raw_parts(a.as_ptr().cast(), Dtype::F64, &[2, 2], &[16, 8]) }?;
//! let views = [view.clone(), view];
//! let arguments = Arguments::new(&views);
//!
//! let y = einsum("ij,jk->ik", arguments)?.remove(0);
//! assert_eq!((y.dtype(), y.shape()), (Dtype::F64, &[2, 2][..]));
//! let raw = y.into_raw().expect("a run has written it");
//! assert_eq!((&raw.strides[..], raw.layout.size()), (&[16, 8][..], 32));
//! // SAFETY: the memory is this code's, and was allocated with this layout.
//! unsafe { std::alloc::dealloc(raw.start.as_ptr(), raw.layout) };
//!
//! let plan = Expression::new("ij,jk->")?.plan(arguments.types())?;
//! let sum = call(&plan, arguments, CallOptions { alpha: Some(2.0.into()), ..CallOptions::default() })?.remove(0);
//! assert_eq!(sum.into_array::<f64>().expect("a sum of f64").into_raw_vec_and_offset().0, [108.0]);
//! # Ok::<(), einfold::Error>(())
//! ```

use crate::cache;
use crate::error::Error;
use crate::expression::Expression;

pub use crate::arguments::{ArgumentList, Arguments};
pub use crate::constants::bind_constants;
pub use crate::output::Arrays;
pub use crate::plan::plan_with;
pub use crate::run::{CallOptions, call, call_into};
pub use einfold_exec::{NewArray, RawArray};

/// Parses, plans and runs a text, as [`einsum`](crate::einsum). The plan is [cached](crate::cache).
///
/// # Errors
/// As [`Expression::new`] and [`Expression::run`].
pub fn einsum(text: &str, arguments: Arguments<'_>) -> Result<Arrays, Error> {
    call(&cache::plan_text(text, arguments)?, arguments, CallOptions::default())
}

/// Plans and runs an expression, as [`Expression::run`].
///
/// # Errors
/// As [`Expression::run`].
pub fn run(expression: &Expression, arguments: Arguments<'_>) -> Result<Arrays, Error> {
    call(&cache::plan(expression, arguments)?, arguments, CallOptions::default())
}
