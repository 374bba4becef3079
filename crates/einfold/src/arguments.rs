//! The operands of a call as a list of views.

use crate::error::{Error, ErrorKind};
use crate::lists::for_each_tuple;
use crate::operand::Operand;
use einfold_exec::AnyView;
use einfold_ir::{Dtype, Shape, TensorType};
use smallvec::SmallVec;
use std::sync::Arc;

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

impl From<OperandType<'_>> for TensorType {
    #[inline]
    fn from(OperandType { dtype, shape, conj, name }: OperandType<'_>) -> TensorType {
        TensorType { name: name.map(Into::into), dtype, shape: Shape::from_slice(shape), conj }
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
        self.operand_types().map(TensorType::from).collect()
    }

    /// The same, in one allocation that a plan shares.
    pub(crate) fn shared_types(self) -> Arc<[TensorType]> {
        self.operand_types().map(TensorType::from).collect()
    }

    pub(crate) fn operand_types(self) -> impl Iterator<Item = OperandType<'a>> + Clone {
        self.views.iter().enumerate().map(move |(k, view)| OperandType {
            dtype: view.dtype(),
            shape: view.extents(),
            conj: self.is_conj(k) && view.dtype().is_complex(),
            name: self.name(k),
        })
    }

    /// The name of each operand.
    pub(crate) fn operand_names(self) -> impl Iterator<Item = Option<&'a str>> + Clone {
        (0..self.views.len()).map(move |k| self.name(k))
    }

    /// Whether at least one operand has a name.
    pub(crate) fn has_names(self) -> bool {
        self.names.iter().take(self.views.len()).any(Option::is_some)
    }

    fn name(self, operand: usize) -> Option<&'a str> {
        self.names.get(operand).copied().flatten()
    }

    fn is_conj(self, operand: usize) -> bool {
        self.conj.get(operand).is_some_and(|conj| *conj)
    }

    /// Returns the operands at these positions, in this order.
    pub(crate) fn pick(self, positions: impl IntoIterator<Item = usize>) -> ArgumentList<'a> {
        let mut list = ArgumentList::default();
        for k in positions {
            list.views.push(self.views[k].clone());
            list.conj.push(self.is_conj(k));
            list.names.push(self.name(k));
        }
        list
    }

    /// Checks that the operands are conjugated as in `types`.
    pub(crate) fn check_conj(self, types: &[TensorType]) -> Result<(), Error> {
        let mut views = self.views.iter().zip(types).enumerate();
        match views.find(|(k, (view, ty))| self.is_conj(*k) != ty.conj && view.dtype().is_complex()) {
            Some((operand, (_, ty))) => Err(ErrorKind::Conj { operand, planned: ty.conj }.into()),
            None => Ok(()),
        }
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
    /// Calls `go` with the operands.
    #[inline]
    pub(crate) fn with<R>(operands: &'a (impl Operands + ?Sized), go: impl FnOnce(Arguments<'_>) -> R) -> R {
        let mut list = ArgumentList::default();
        operands.append_to(&mut list);
        go(list.arguments())
    }

    /// Appends an operand.
    pub fn push(&mut self, operand: &'a (impl Operand + ?Sized)) {
        if operand.is_conj() {
            self.conj.resize(self.views.len(), false);
            self.conj.push(true);
        }
        if let Some(name) = operand.name() {
            self.names.resize(self.views.len(), None);
            self.names.push(Some(name));
        }
        self.views.push(operand.elements());
    }

    /// Borrows the operands as [`Arguments`].
    #[inline]
    pub fn arguments(&self) -> Arguments<'_> {
        Arguments { views: &self.views, conj: &self.conj, names: &self.names }
    }
}

/// The operands of a call: a tuple of up to twelve, a single operand, or an array, slice or vector of operands of one
/// type. They are in the order of the terms; in a program, in the order in which the text first names them.
/// [Named](crate::named) operands may be in any order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of operands of einfold",
    label = "not operands",
    note = "operands are a tuple of up to twelve, one operand alone, or an array, slice or vector of operands of one type",
    note = "an operand is an array or a view of ndarray 0.17 (`einfold::ndarray`), a scalar, an `AnyArray` or an `AnyView`, or a reference to one",
    note = "a `Vec` or a slice of elements is one as `einfold::ndarray::aview1(&elements)`, with several axes as `ArrayView::from_shape(shape, &elements)?`",
    note = "an array of another version of ndarray is another type: make it with `einfold::ndarray`, or pass its slice and shape in that way"
)]
pub trait Operands {
    /// Appends the operands to a list. A list is large, so it is not returned.
    fn append_to<'a>(&'a self, list: &mut ArgumentList<'a>);
}

impl<O: Operand> Operands for O {
    fn append_to<'a>(&'a self, list: &mut ArgumentList<'a>) {
        list.push(self);
    }
}

impl<O: Operand> Operands for [O] {
    fn append_to<'a>(&'a self, list: &mut ArgumentList<'a>) {
        self.iter().for_each(|operand| list.push(operand));
    }
}

macro_rules! lists {
    ($([$($generics:tt)*] $list:ty;)+) => { $(
        impl<O: Operand, $($generics)*> Operands for $list {
            fn append_to<'a>(&'a self, list: &mut ArgumentList<'a>) {
                let operands: &[O] = self.as_ref();
                operands.append_to(list);
            }
        }
    )+ };
}

lists! {
    [] &[O];
    [] Vec<O>;
    [] &Vec<O>;
    [const N: usize] [O; N];
    [const N: usize] &[O; N];
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Operand),+> Operands for ($($name,)+) {
            fn append_to<'a>(&'a self, list: &mut ArgumentList<'a>) {
                #[expect(non_snake_case, reason = "each operand is bound to the name of its type")]
                let ($($name,)+) = self;
                $(list.push($name);)+
            }
        }
    };
}

for_each_tuple!(tuples, [] A B C D E F G H I J K L);
