//! The interface without type parameters: views as operands, new arrays or memory of the caller as results.
//!
//! The generic functions of this crate convert their arguments and call these functions. A binding to another language
//! should use this module: [`AnyView::from_raw_parts`] makes a view from a pointer, a dtype, a shape and strides, and
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
use crate::operand::Operand;
use crate::plan::Plan;
use crate::scalar::Scalar;
use einfold_exec::{AnyView, AnyViewMut, Control, MemoryOrder, Scratch};
use einfold_ir::{Dtype, TensorType};
use smallvec::SmallVec;

pub use einfold_exec::{NewArray, RawArray};

/// The results of a run, in order. A single result needs no allocation for the list.
pub type Arrays = SmallVec<[NewArray; 1]>;

/// The operands of a call: their views, and optionally their conjugation and names.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    views: &'a [AnyView<'a>],
    conj: &'a [bool],
    names: &'a [Option<&'a str>],
}

/// Dtype, shape, conjugation and name of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OperandType<'a> {
    pub(crate) dtype: Dtype,
    pub(crate) shape: &'a [usize],
    pub(crate) conj: bool,
    pub(crate) name: Option<&'a str>,
}

impl<'a> From<&'a TensorType> for OperandType<'a> {
    fn from(ty: &'a TensorType) -> OperandType<'a> {
        let TensorType { name, dtype, shape, conj } = ty;
        OperandType { dtype: *dtype, shape, conj: *conj, name: name.as_deref() }
    }
}

impl<'a> Arguments<'a> {
    /// Operands with these elements, in the order of the terms; in a program, in the order in which the text first
    /// names them.
    pub fn new(views: &'a [AnyView<'a>]) -> Arguments<'a> {
        Arguments { views, conj: &[], names: &[] }
    }

    /// Sets which operands are conjugated as they are read. Operands beyond the list are not conjugated.
    pub fn conj(self, conj: &'a [bool]) -> Arguments<'a> {
        Arguments { conj, ..self }
    }

    /// Sets the names of the operands in a program. Operands beyond the list have no names.
    pub fn names(self, names: &'a [Option<&'a str>]) -> Arguments<'a> {
        Arguments { names, ..self }
    }

    /// The view of each operand.
    pub fn views(&self) -> &'a [AnyView<'a>] {
        self.views
    }

    /// The types that a plan is made for: dtype, shape, conjugation and name of each operand.
    pub fn types(&self) -> Vec<TensorType> {
        let own = |OperandType { dtype, shape, conj, name }| {
            let name = name.map(Into::into);
            TensorType { name, dtype, shape: shape.into(), conj }
        };
        self.operand_types().map(own).collect()
    }

    pub(crate) fn operand_types(&self) -> impl ExactSizeIterator<Item = OperandType<'a>> {
        let Arguments { views, .. } = *self;
        let arguments = *self;
        (0..views.len()).map(move |k| OperandType {
            dtype: views[k].dtype(),
            shape: views[k].extents(),
            conj: arguments.is_conj(k) && views[k].dtype().is_complex(),
            name: arguments.name(k),
        })
    }

    /// Whether at least one operand has a name.
    pub(crate) fn has_names(&self) -> bool {
        (0..self.views.len()).any(|k| self.name(k).is_some())
    }

    pub(crate) fn name(&self, operand: usize) -> Option<&'a str> {
        self.names.get(operand).copied().flatten()
    }

    fn is_conj(&self, operand: usize) -> bool {
        self.conj.get(operand).is_some_and(|conj| *conj)
    }

    /// Returns the operands at these positions, in this order.
    pub(crate) fn pick(&self, positions: impl IntoIterator<Item = usize>) -> ArgumentList<'a> {
        let mut list = ArgumentList::default();
        for k in positions {
            list.views.push(self.views[k].clone());
            list.conj.push(self.is_conj(k));
            list.names.push(self.name(k));
        }
        list
    }

    /// The first operand whose conjugation differs from `types`.
    pub(crate) fn conj_mismatch(&self, types: &[TensorType]) -> Option<usize> {
        self.operand_types().zip(types).position(|(given, ty)| given.conj != (ty.conj && given.dtype.is_complex()))
    }
}

/// An owned list of operands. Up to twelve operands need no allocation.
#[derive(Clone, Debug, Default)]
pub struct ArgumentList<'a> {
    views: SmallVec<[AnyView<'a>; 12]>,
    conj: SmallVec<[bool; 16]>,
    names: SmallVec<[Option<&'a str>; 12]>,
}

impl<'a> ArgumentList<'a> {
    /// Appends an operand.
    pub fn push(&mut self, operand: &'a (impl Operand + ?Sized)) {
        self.views.push(operand.elements());
        self.conj.push(operand.is_conj());
        self.names.push(operand.name());
    }

    /// Borrows the operands as [`Arguments`].
    pub fn arguments(&self) -> Arguments<'_> {
        Arguments { views: &self.views, conj: &self.conj, names: &self.names }
    }
}

/// The options of a call; [`Call`](crate::Call) has a method for each.
#[derive(Debug, Default)]
pub struct CallOptions<'a> {
    /// The factor of the value.
    pub alpha: Option<Scalar>,
    /// The factor of the previous values of the outputs.
    pub beta: Option<Scalar>,
    /// Memory for intermediates that calls reuse. Without it the call uses memory of earlier calls of its thread.
    pub scratch: Option<&'a mut Scratch>,
    /// Cancellation flag, progress callback, thread limit.
    pub control: Control<'a>,
    /// The memory order of new arrays.
    pub order: MemoryOrder,
}

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

/// Runs a plan into new arrays, as [`Call::run`](crate::Call::run).
///
/// # Errors
/// As [`Plan::run`], except for the errors about the type of the result.
pub fn call(plan: &Plan, arguments: Arguments<'_>, options: CallOptions<'_>) -> Result<Arrays, Error> {
    plan.evaluate(arguments, options)
}

/// Runs a plan and writes the results to memory of the caller, as [`Call::into`](crate::Call::into).
///
/// # Errors
/// As [`Call::into`](crate::Call::into).
pub fn call_into(
    plan: &Plan,
    arguments: Arguments<'_>,
    outs: &mut [AnyViewMut<'_>],
    options: CallOptions<'_>,
) -> Result<(), Error> {
    plan.evaluate_into(arguments, outs, options)
}

/// Plans an expression for these operands, as [`Expression::plan_with`].
///
/// # Errors
/// As [`Expression::plan_with`].
pub fn plan_with(expression: &Expression, arguments: Arguments<'_>) -> Result<Plan, Error> {
    Plan::for_arguments(expression.clone(), arguments)
}

/// Binds operands of a plan as constants, as [`Plan::bind_constants`].
///
/// # Errors
/// As [`Plan::bind_constants`].
pub fn bind_constants(plan: &Plan, at: &[usize], arguments: Arguments<'_>) -> Result<Plan, Error> {
    plan.with_constants(at, arguments)
}
