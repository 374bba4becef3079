//! How an operand is read in two nested loops. The patterns are types, so that each loop is compiled for its own.

use std::marker::PhantomData;

use super::Src;
use crate::semiring::Semiring;

/// What the loops see: a row for each turn of the outer loop.
pub(super) trait Grid<T>: Copy {
    /// A row.
    type Row: Row<T>;
    /// The row of turn `o` of the outer loop.
    ///
    /// # Safety
    /// `o` is below the outer extent that the operand is valid for.
    unsafe fn row(self, o: usize) -> Self::Row;
}

/// A value for each turn of the inner loop.
pub(super) trait Row<T>: Copy {
    /// The value of turn `i`.
    ///
    /// # Safety
    /// `i` is below the inner extent that the operand is valid for.
    unsafe fn get(self, i: usize) -> T;
}

/// Neighbouring elements.
pub(super) struct Unit<T>(Src, PhantomData<T>);
/// One element all along a row.
pub(super) struct Fixed<T>(Src, PhantomData<T>);
/// Any stride.
pub(super) struct Strided<T>(Src, PhantomData<T>);
/// The products of two operands.
pub(super) struct Times<S, A, B>(pub(super) A, pub(super) B, pub(super) PhantomData<S>);

pub(super) struct UnitRow<T>(*const T);
#[derive(Clone, Copy)]
pub(super) struct FixedRow<T>(T);
pub(super) struct StridedRow<T>(*const u8, isize, PhantomData<T>);

macro_rules! copied {
    ($($name:ident<$($p:ident),*>;)*) => { $(
        impl<$($p),*> Clone for $name<$($p),*> where Self: Copy {
            #[inline(always)]
            fn clone(&self) -> Self {
                *self
            }
        }
    )* };
}
copied! { Unit<T>; Fixed<T>; Strided<T>; UnitRow<T>; StridedRow<T>; Times<S, A, B>; }
impl<T> Copy for Unit<T> {}
impl<T> Copy for Fixed<T> {}
impl<T> Copy for Strided<T> {}
impl<T> Copy for UnitRow<T> {}
impl<T> Copy for StridedRow<T> {}
impl<S, A: Copy, B: Copy> Copy for Times<S, A, B> {}

macro_rules! of_src {
    ($($name:ident),*) => { $(
        impl<T> $name<T> {
            #[inline(always)]
            pub(super) fn of(src: Src) -> Self {
                $name(src, PhantomData)
            }
        }
    )* };
}
of_src!(Unit, Fixed, Strided);

impl<T: Copy> Grid<T> for Unit<T> {
    type Row = UnitRow<T>;
    #[inline(always)]
    unsafe fn row(self, o: usize) -> UnitRow<T> {
        UnitRow(self.0.ptr.wrapping_offset(o as isize * self.0.strides[0]).cast())
    }
}

impl<T: Copy> Row<T> for UnitRow<T> {
    #[inline(always)]
    unsafe fn get(self, i: usize) -> T {
        // SAFETY: the kernel's contract; the inner stride is the size of an element.
        unsafe { self.0.add(i).read() }
    }
}

impl<T: Copy> Grid<T> for Fixed<T> {
    type Row = FixedRow<T>;
    #[inline(always)]
    unsafe fn row(self, o: usize) -> FixedRow<T> {
        // SAFETY: the kernel's contract; the inner loop has at least one turn.
        FixedRow(unsafe { self.0.ptr.offset(o as isize * self.0.strides[0]).cast::<T>().read() })
    }
}

impl<T: Copy> Row<T> for FixedRow<T> {
    #[inline(always)]
    unsafe fn get(self, _: usize) -> T {
        self.0
    }
}

impl<T: Copy> Grid<T> for Strided<T> {
    type Row = StridedRow<T>;
    #[inline(always)]
    unsafe fn row(self, o: usize) -> StridedRow<T> {
        let start = self.0.ptr.wrapping_offset(o as isize * self.0.strides[0]);
        StridedRow(start, self.0.strides[1], PhantomData)
    }
}

impl<T: Copy> Row<T> for StridedRow<T> {
    #[inline(always)]
    unsafe fn get(self, i: usize) -> T {
        // SAFETY: the kernel's contract.
        unsafe { self.0.offset(i as isize * self.1).cast::<T>().read() }
    }
}

impl<S: Semiring, A: Grid<S::Acc>, B: Grid<S::Acc>> Grid<S::Acc> for Times<S, A, B> {
    type Row = Times<S, A::Row, B::Row>;
    #[inline(always)]
    unsafe fn row(self, o: usize) -> Self::Row {
        // SAFETY: the caller's promise.
        unsafe { Times(self.0.row(o), self.1.row(o), PhantomData) }
    }
}

impl<S: Semiring, A: Row<S::Acc>, B: Row<S::Acc>> Row<S::Acc> for Times<S, A, B> {
    #[inline(always)]
    unsafe fn get(self, i: usize) -> S::Acc {
        // SAFETY: the caller's promise.
        unsafe { S::mul(self.0.get(i), self.1.get(i)) }
    }
}
