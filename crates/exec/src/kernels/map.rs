//! Kernels that write each element of the target once.

use std::marker::PhantomData;

use super::access_pattern::{Fixed, Pattern, RowPattern, Strided, Unit, products};
use super::op::ScalarOp;
use super::{Dst, Src, fuse};

/// `c = value`.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states, for elements of type `T`.
#[inline(always)]
pub(super) unsafe fn fill<T: Copy>(n: [usize; 2], c: Dst, value: T) {
    let n = fuse(n, [c.strides]);
    let value = FixedValue(value);
    // SAFETY: the caller upholds the contract of `Kernels`; `value` reads no memory.
    unsafe {
        if c.strides[1] == size_of::<T>() as isize {
            write::<T, _, true>(n, c, value)
        } else {
            write::<T, _, false>(n, c, value)
        }
    }
}

/// `c = f(a)`.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states, for elements of type `T` in `c` and `U` in `a`.
#[inline(always)]
pub(super) unsafe fn unary<T: Copy, U: Copy>(n: [usize; 2], c: Dst, a: Src, f: impl Fn(U) -> T + Copy) {
    let n = fuse(n, [c.strides, a.strides]);
    let unit = c.strides[1] == size_of::<T>() as isize && a.strides[1] == size_of::<U>() as isize;
    // SAFETY: the caller upholds the contract of `Kernels`; the strides are checked above.
    unsafe {
        if unit {
            write::<T, _, true>(n, c, Applied(Unit::<U>::of(a), f, PhantomData));
        } else {
            write::<T, _, false>(n, c, Applied(Strided::<U>::of(a), f, PhantomData));
        }
    }
}

/// `c = a ⊗ b`.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states.
#[inline(always)]
pub(super) unsafe fn mul<M: ScalarOp>(n: [usize; 2], c: Dst, a: Src, b: Src) {
    let n = fuse(n, [c.strides, a.strides, b.strides]);
    let size = size_of::<M::T>() as isize;
    // ⊗ commutes: a factor with inner stride 0 goes last.
    let (a, b) = if a.strides[1] == 0 { (b, a) } else { (a, b) };
    // SAFETY: the caller upholds the contract of `Kernels`; the patterns of the match check the strides.
    unsafe {
        match [c.strides[1], a.strides[1], b.strides[1]] {
            s if s == [size; 3] => write::<M::T, _, true>(n, c, products::<M, _, _>(Unit::of(a), Unit::of(b))),
            s if s == [size, size, 0] => write::<M::T, _, true>(n, c, products::<M, _, _>(Unit::of(a), Fixed::of(b))),
            _ => strided_mul::<M>(n, c, a, b),
        }
    }
}

/// `c = c ⊗ a`.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states.
#[inline(always)]
pub(super) unsafe fn scale<M: ScalarOp>(n: [usize; 2], c: Dst, a: Src) {
    let n = fuse(n, [c.strides, a.strides]);
    let unit = c.strides[1] == size_of::<M::T>() as isize && a.strides[1] == 0;
    // Each element of the target is read just before it is written, through the same pointer.
    let target = Src { ptr: c.ptr, strides: c.strides };
    // SAFETY: the caller upholds the contract of `Kernels`; the strides are checked above.
    unsafe {
        if unit {
            write::<M::T, _, true>(n, c, products::<M, _, _>(Unit::of(target), Fixed::of(a)));
        } else {
            strided_mul::<M>(n, c, target, a);
        }
    }
}

/// `c = a ⊗ b` element by element.
#[inline(never)]
unsafe fn strided_mul<M: ScalarOp>(n: [usize; 2], c: Dst, a: Src, b: Src) {
    // SAFETY: the caller upholds the contract of `Kernels`.
    unsafe { write::<M::T, _, false>(n, c, products::<M, _, _>(Strided::of(a), Strided::of(b))) }
}

/// Writes the values of a pattern.
#[inline(always)]
unsafe fn write<T: Copy, G: Pattern<T>, const UNIT: bool>(n: [usize; 2], c: Dst, pattern: G) {
    if n[1] == 0 {
        return;
    }
    let stride = if UNIT { size_of::<T>() as isize } else { c.strides[1] };
    for o in 0..n[0] {
        // SAFETY: `o` and `i` are below `n`, for which the caller promises all operands.
        unsafe {
            let row = pattern.row(o);
            let target = c.ptr.wrapping_offset(o as isize * c.strides[0]);
            for i in 0..n[1] {
                target.offset(i as isize * stride).cast::<T>().write(row.get(i));
            }
        }
    }
}

#[derive(Clone, Copy)]
struct FixedValue<T>(T);

impl<T: Copy> Pattern<T> for FixedValue<T> {
    type Row = FixedValue<T>;
    #[inline(always)]
    unsafe fn row(self, _: usize) -> FixedValue<T> {
        self
    }
}

impl<T: Copy> RowPattern<T> for FixedValue<T> {
    #[inline(always)]
    unsafe fn get(self, _: usize) -> T {
        self.0
    }
}

/// A function of the values of pattern `A`.
struct Applied<A, F, U>(A, F, PhantomData<U>);

impl<A: Copy, F: Copy, U> Clone for Applied<A, F, U> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<A: Copy, F: Copy, U> Copy for Applied<A, F, U> {}

impl<T: Copy, U: Copy, A: Pattern<U>, F: Fn(U) -> T + Copy> Pattern<T> for Applied<A, F, U> {
    type Row = Applied<A::Row, F, U>;
    #[inline(always)]
    unsafe fn row(self, o: usize) -> Self::Row {
        // SAFETY: the caller upholds the contract of `Kernels`.
        Applied(unsafe { self.0.row(o) }, self.1, PhantomData)
    }
}

impl<T: Copy, U: Copy, A: RowPattern<U>, F: Fn(U) -> T + Copy> RowPattern<T> for Applied<A, F, U> {
    #[inline(always)]
    unsafe fn get(self, i: usize) -> T {
        // SAFETY: the caller upholds the contract of `Kernels`.
        (self.1)(unsafe { self.0.get(i) })
    }
}
