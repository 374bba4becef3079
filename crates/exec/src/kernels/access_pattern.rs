//! How an operand is read in two nested loops. Each pattern is a type, so that loops are compiled for it.

use std::marker::PhantomData;

use super::Src;
use super::op::ScalarOp;

/// The values that the loops read: a row for each position of the outer loop.
pub(super) trait Pattern<T>: Copy {
    /// A row.
    type Row: RowPattern<T>;
    /// The row at position `o` of the outer loop.
    ///
    /// # Safety
    /// `o` is below the outer extent that the operand is valid for.
    unsafe fn row(self, o: usize) -> Self::Row;
}

/// A value for each position of the inner loop.
pub(super) trait RowPattern<T>: Copy {
    /// The value at position `i`.
    ///
    /// # Safety
    /// `i` is below the inner extent that the operand is valid for.
    unsafe fn get(self, i: usize) -> T;
}

/// Contiguous elements.
pub(super) struct Unit<T>(Src, PhantomData<T>);
/// One element for a whole row.
pub(super) struct Fixed<T>(Src, PhantomData<T>);
/// Any stride.
pub(super) struct Strided<T>(Src, PhantomData<T>);
/// The products of two operands.
pub(super) struct Products<M, A, B>(A, B, PhantomData<M>);

pub(super) struct UnitRow<T>(*const T);
#[derive(Clone, Copy)]
pub(super) struct FixedRow<T>(T);
pub(super) struct StridedRow<T>(*const u8, isize, PhantomData<T>);

/// The products of `a` and `b` by ⊗ = `M`.
#[inline(always)]
pub(super) fn products<M, A, B>(a: A, b: B) -> Products<M, A, B> {
    Products(a, b, PhantomData)
}

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
copied! { Unit<T>; Fixed<T>; Strided<T>; UnitRow<T>; StridedRow<T>; Products<M, A, B>; }
impl<T> Copy for Unit<T> {}
impl<T> Copy for Fixed<T> {}
impl<T> Copy for Strided<T> {}
impl<T> Copy for UnitRow<T> {}
impl<T> Copy for StridedRow<T> {}
impl<M, A: Copy, B: Copy> Copy for Products<M, A, B> {}

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

impl<T: Copy> Pattern<T> for Unit<T> {
    type Row = UnitRow<T>;
    #[inline(always)]
    unsafe fn row(self, o: usize) -> UnitRow<T> {
        UnitRow(self.0.ptr.wrapping_offset(o as isize * self.0.strides[0]).cast())
    }
}

impl<T: Copy> RowPattern<T> for UnitRow<T> {
    #[inline(always)]
    unsafe fn get(self, i: usize) -> T {
        // SAFETY: the operand is valid at `i` by the contract of `Kernels`; the inner stride is the size of an element.
        unsafe { self.0.add(i).read() }
    }
}

impl<T: Copy> Pattern<T> for Fixed<T> {
    type Row = FixedRow<T>;
    #[inline(always)]
    unsafe fn row(self, o: usize) -> FixedRow<T> {
        // SAFETY: the operand is valid at row `o` by the contract of `Kernels`; the inner loop has at least one position.
        FixedRow(unsafe { self.0.ptr.offset(o as isize * self.0.strides[0]).cast::<T>().read() })
    }
}

impl<T: Copy> RowPattern<T> for FixedRow<T> {
    #[inline(always)]
    unsafe fn get(self, _: usize) -> T {
        self.0
    }
}

impl<T: Copy> Pattern<T> for Strided<T> {
    type Row = StridedRow<T>;
    #[inline(always)]
    unsafe fn row(self, o: usize) -> StridedRow<T> {
        let start = self.0.ptr.wrapping_offset(o as isize * self.0.strides[0]);
        StridedRow(start, self.0.strides[1], PhantomData)
    }
}

impl<T: Copy> RowPattern<T> for StridedRow<T> {
    #[inline(always)]
    unsafe fn get(self, i: usize) -> T {
        // SAFETY: the operand is valid at `i` by the contract of `Kernels`.
        unsafe { self.0.offset(i as isize * self.1).cast::<T>().read() }
    }
}

impl<M: ScalarOp, A: Pattern<M::T>, B: Pattern<M::T>> Pattern<M::T> for Products<M, A, B> {
    type Row = Products<M, A::Row, B::Row>;
    #[inline(always)]
    unsafe fn row(self, o: usize) -> Self::Row {
        // SAFETY: the caller promises a row `o` below the outer extent of both operands.
        unsafe { products(self.0.row(o), self.1.row(o)) }
    }
}

impl<M: ScalarOp, A: RowPattern<M::T>, B: RowPattern<M::T>> RowPattern<M::T> for Products<M, A, B> {
    #[inline(always)]
    unsafe fn get(self, i: usize) -> M::T {
        // SAFETY: the caller promises a position `i` below the inner extent of both operands.
        unsafe { M::apply(self.0.get(i), self.1.get(i)) }
    }
}
