//! Views of tensors of any element type: a pointer, a dtype, extents and strides.
//!
//! # Why a view is sound
//!
//! A view promises: for every position inside its extents, `ptr + Σ position·stride` is the address of an element of the
//! view's dtype, aligned for it, inside one allocation that outlives the view, valid for reading, or, in an
//! [`AnyViewMut`], for writing by the holder alone. Each constructor derives the promise from safe Rust: an `ndarray`
//! view is such a promise for its element type; for a slice the extreme positions are checked; and the dtype comes from
//! [`Element::dtype`], which no implementation can change. The fields are private and never change afterwards.
//!
//! Distinct positions of an `AnyViewMut` are distinct elements. `ndarray` guarantees that for its mutable views; for
//! slices it is checked. Code that has a view by `&` or `&mut` may thus give disjoint positions to different threads.

use std::marker::PhantomData;
use std::ptr::NonNull;

use einfold_ir::{Dtype, StridedAxis, nesting};
use ndarray::{ArrayRef, ArrayView, ArrayViewMut, Dimension};
use smallvec::SmallVec;

use crate::element::Element;
use crate::memory::MemoryOrder;

/// The number of axes up to which the extents and strides of a view need no allocation.
const INLINE_AXES: usize = 8;
/// The extents of a view; up to eight need no allocation.
pub type Extents = SmallVec<[usize; INLINE_AXES]>;
/// The strides of a view in bytes; up to eight need no allocation.
pub type Strides = SmallVec<[isize; INLINE_AXES]>;

/// Why a slice with this shape and these strides is not a valid tensor.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The number of strides differs from the number of extents.
    #[error("{extents} extents but {strides} strides")]
    Rank {
        /// The number of extents.
        extents: usize,
        /// The number of strides.
        strides: usize,
    },
    /// A position lies outside the slice, or its number overflows.
    #[error("shape and strides reach outside a slice of {len} elements")]
    OutOfBounds {
        /// The number of elements in the slice.
        len: usize,
    },
    /// The address of the first element is null or not aligned for its dtype.
    #[error("the elements are not aligned for {dtype}")]
    Unaligned {
        /// The element type.
        dtype: Dtype,
    },
    /// A stride in bytes is not a multiple of the size of an element.
    #[error("the stride along axis {} is {stride} bytes, not a multiple of the {size} bytes of an element", axis + 1)]
    Stride {
        /// The axis, counted from 0; messages count from 1.
        axis: usize,
        /// The stride.
        stride: isize,
        /// Bytes of an element.
        size: usize,
    },
    /// Two positions of a mutable tensor share an element. Strides that do not nest (each at least the reach of all
    /// smaller ones together) are refused even if no two positions meet.
    #[error("two positions along axis {} and the axes inside it share an element", axis + 1)]
    Overlap {
        /// The axis whose stride is too small, counted from 0; messages count from 1.
        axis: usize,
    },
}

/// A view of a tensor that is read.
#[derive(Clone, Debug)]
pub struct AnyView<'a> {
    raw: RawView,
    memory: PhantomData<&'a [u8]>,
}

/// A view of a tensor that is written.
#[derive(Debug)]
pub struct AnyViewMut<'a> {
    raw: RawView,
    initialised: bool,
    memory: PhantomData<&'a mut [u8]>,
}

#[derive(Clone, Debug)]
struct RawView {
    dtype: Dtype,
    ptr: NonNull<u8>,
    extents: Extents,
    strides: Strides,
}

// SAFETY: a view is a `&[T]` with `T: Element`, and every `Element` is `Send + Sync`.
unsafe impl Send for AnyView<'_> {}
// SAFETY: as above.
unsafe impl Sync for AnyView<'_> {}
// SAFETY: a mutable view is a `&mut [T]` with `T: Element`.
unsafe impl Send for AnyViewMut<'_> {}
// SAFETY: as above; `&AnyViewMut` only reads the description.
unsafe impl Sync for AnyViewMut<'_> {}

macro_rules! accessors {
    ($view:ident) => {
        impl $view<'_> {
            /// The element type.
            pub fn dtype(&self) -> Dtype {
                self.raw.dtype
            }

            /// The extent of each axis.
            pub fn extents(&self) -> &[usize] {
                &self.raw.extents
            }

            /// The stride of each axis in bytes; 0 for an axis with fewer than two positions, and for every axis of a
            /// view without elements.
            pub fn strides(&self) -> &[isize] {
                &self.raw.strides
            }
        }
    };
}
accessors!(AnyView);
accessors!(AnyViewMut);

impl<'a> AnyView<'a> {
    /// The elements of `data` from `offset` on, with strides counted in elements, which may be negative, 0 or overlap.
    ///
    /// # Errors
    /// [`ViewError`] if shape and strides do not match each other or the slice.
    pub fn from_slice<T: Element>(
        data: &'a [T],
        offset: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<AnyView<'a>, ViewError> {
        check_bounds(data.len(), offset, shape, strides)?;
        Ok(AnyView { raw: RawView::new(at(data.as_ptr(), offset), shape, strides), memory: PhantomData })
    }

    /// A single element.
    pub fn scalar<T: Element>(value: &'a T) -> AnyView<'a> {
        AnyView { raw: RawView::new(NonNull::from(value), &[], &[]), memory: PhantomData }
    }

    /// The elements at `start + Σ position·stride`, with strides in bytes, which may be negative, 0 or overlap.
    ///
    /// # Errors
    /// [`ViewError`] if shape and strides do not match each other, if elements are not aligned for their dtype, or if a
    /// stride is not a multiple of their size.
    ///
    /// # Safety
    /// For `'a` each position inside `shape` is an element of this dtype, inside one allocation, with a valid value, and
    /// nobody writes to it.
    pub unsafe fn from_raw_parts(
        start: *const u8,
        dtype: Dtype,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<AnyView<'a>, ViewError> {
        Ok(AnyView { raw: RawView::checked(start.cast_mut(), dtype, shape, strides)?, memory: PhantomData })
    }

    /// Dense memory in the given order.
    ///
    /// # Safety
    /// For `'a` the memory holds a value of this dtype for each position of the shape, aligned for it, and nobody writes
    /// to it.
    pub(crate) unsafe fn dense(start: NonNull<u8>, dtype: Dtype, shape: &[usize], order: MemoryOrder) -> Self {
        AnyView { raw: RawView::dense(start, dtype, shape, order), memory: PhantomData }
    }

    /// The element at position 0 of every axis.
    pub fn ptr(&self) -> *const u8 {
        self.raw.ptr.as_ptr()
    }
}

impl<'a> AnyViewMut<'a> {
    /// The elements of `data` from `offset` on, with strides counted in elements.
    ///
    /// # Errors
    /// [`ViewError`] if shape and strides do not match each other or the slice, or if two positions share an element.
    pub fn from_slice<T: Element>(
        data: &'a mut [T],
        offset: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<AnyViewMut<'a>, ViewError> {
        check_bounds(data.len(), offset, shape, strides)?;
        check_overlap(shape, strides)?;
        let raw = RawView::new(at(data.as_mut_ptr(), offset), shape, strides);
        Ok(AnyViewMut { raw, initialised: true, memory: PhantomData })
    }

    /// The elements at `start + Σ position·stride`, with strides in bytes.
    ///
    /// # Errors
    /// As [`AnyView::from_raw_parts`], and if two positions share an element.
    ///
    /// # Safety
    /// For `'a` each position inside `shape` is an element of this dtype, inside one allocation, with a valid value, and
    /// nobody else reads or writes it.
    pub unsafe fn from_raw_parts(
        start: *mut u8,
        dtype: Dtype,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<AnyViewMut<'a>, ViewError> {
        let raw = RawView::checked(start, dtype, shape, strides)?;
        let elements: Strides = raw.strides.iter().map(|stride| stride / dtype.size().max(1) as isize).collect();
        check_overlap(shape, &elements)?;
        Ok(AnyViewMut { raw, initialised: true, memory: PhantomData })
    }

    /// Dense memory in the given order.
    ///
    /// # Safety
    /// For `'a` the memory has an element of this dtype for each position of the shape, aligned for it, and belongs to
    /// this view alone; the elements hold values if `initialised`.
    pub(crate) unsafe fn dense(
        start: NonNull<u8>,
        dtype: Dtype,
        shape: &[usize],
        order: MemoryOrder,
        initialised: bool,
    ) -> Self {
        AnyViewMut { raw: RawView::dense(start, dtype, shape, order), initialised, memory: PhantomData }
    }

    /// The element at position 0 of every axis.
    pub fn ptr(&mut self) -> *mut u8 {
        self.raw.ptr.as_ptr()
    }

    /// Whether the elements hold values, so that they may be read.
    pub fn is_init(&self) -> bool {
        self.initialised
    }

    /// The same view with a shorter lifetime.
    pub fn reborrow(&mut self) -> AnyViewMut<'_> {
        AnyViewMut { raw: self.raw.clone(), initialised: self.initialised, memory: PhantomData }
    }
}

impl<'a, T: Element, D: Dimension> From<ArrayView<'a, T, D>> for AnyView<'a> {
    fn from(view: ArrayView<'a, T, D>) -> AnyView<'a> {
        AnyView { raw: RawView::new(at(view.as_ptr(), 0), view.shape(), view.strides()), memory: PhantomData }
    }
}

/// Borrows shape and strides, which a view of an array of dynamic rank would copy.
impl<'a, T: Element, D: Dimension> From<&'a ArrayRef<T, D>> for AnyView<'a> {
    #[inline]
    fn from(array: &'a ArrayRef<T, D>) -> AnyView<'a> {
        AnyView { raw: RawView::new(at(array.as_ptr(), 0), array.shape(), array.strides()), memory: PhantomData }
    }
}

impl<'a, T: Element, D: Dimension> From<&'a mut ArrayRef<T, D>> for AnyViewMut<'a> {
    #[inline]
    fn from(array: &'a mut ArrayRef<T, D>) -> AnyViewMut<'a> {
        let ptr = at(array.as_mut_ptr(), 0);
        AnyViewMut { raw: RawView::new(ptr, array.shape(), array.strides()), initialised: true, memory: PhantomData }
    }
}

impl<'a, T: Element, D: Dimension> From<ArrayViewMut<'a, T, D>> for AnyViewMut<'a> {
    fn from(mut view: ArrayViewMut<'a, T, D>) -> AnyViewMut<'a> {
        let ptr = at(view.as_mut_ptr(), 0);
        AnyViewMut { raw: RawView::new(ptr, view.shape(), view.strides()), initialised: true, memory: PhantomData }
    }
}

impl RawView {
    /// `strides` count elements. They become 0 where they are never used, so every other stride leads from one element of
    /// an allocation to another, and its product with the size fits.
    #[inline]
    fn new<T: Element>(ptr: NonNull<T>, shape: &[usize], strides: &[isize]) -> RawView {
        RawView::of(T::dtype(), ptr.cast(), shape, strides, size_of::<T>())
    }

    /// `strides` count `unit` bytes. Inlined, because it is short where the rank is part of the type of an array.
    #[inline(always)]
    fn of(dtype: Dtype, ptr: NonNull<u8>, shape: &[usize], strides: &[isize], unit: usize) -> RawView {
        let unit = if shape.contains(&0) { 0 } else { unit as isize };
        let bytes = move |(&extent, &stride): (&usize, &isize)| if extent < 2 { 0 } else { stride * unit };
        let (rank, axes) = (shape.len(), shape.iter().zip(strides));
        if rank > INLINE_AXES {
            return RawView { dtype, ptr, extents: shape.into(), strides: axes.map(bytes).collect() };
        }
        let (mut e, mut s) = ([0; INLINE_AXES], [0; INLINE_AXES]);
        for ((to, of), axis) in e.iter_mut().zip(&mut s).zip(axes) {
            (*to, *of) = (*axis.0, bytes(axis));
        }
        RawView { dtype, ptr, extents: Extents::from_buf_and_len(e, rank), strides: Strides::from_buf_and_len(s, rank) }
    }

    fn dense(start: NonNull<u8>, dtype: Dtype, shape: &[usize], order: MemoryOrder) -> RawView {
        RawView::of(dtype, start, shape, &dense_strides(shape, order), dtype.size())
    }

    /// `strides` count bytes.
    fn checked(start: *mut u8, dtype: Dtype, shape: &[usize], strides: &[isize]) -> Result<RawView, ViewError> {
        if shape.len() != strides.len() {
            return Err(ViewError::Rank { extents: shape.len(), strides: strides.len() });
        }
        let ptr = NonNull::new(start).filter(|ptr| ptr.addr().get().is_multiple_of(dtype.align()));
        let ptr = ptr.ok_or(ViewError::Unaligned { dtype })?;
        let (view, size) = (RawView::of(dtype, ptr, shape, strides, 1), dtype.size());
        let uneven = |stride: &isize| !stride.unsigned_abs().is_multiple_of(size.max(1));
        match view.strides.iter().position(uneven) {
            Some(axis) => Err(ViewError::Stride { axis, stride: view.strides[axis], size }),
            None => Ok(view),
        }
    }
}

/// `ptr + offset` as bytes; pointers of slices and arrays are never null.
fn at<T>(ptr: *const T, offset: usize) -> NonNull<T> {
    NonNull::new(ptr.wrapping_add(offset).cast_mut()).unwrap_or(NonNull::dangling())
}

/// Row-major or column-major strides in elements, of a shape whose number of elements fits.
pub(crate) fn dense_strides(shape: &[usize], order: MemoryOrder) -> Strides {
    let mut strides = match shape.len() {
        rank @ 0..=INLINE_AXES => Strides::from_buf_and_len([0; INLINE_AXES], rank),
        rank => Strides::from_elem(0, rank),
    };
    let mut step = 1_isize;
    let mut set = |k: usize| {
        strides[k] = step;
        step *= shape[k].max(1) as isize;
    };
    match order {
        MemoryOrder::C => (0..shape.len()).rev().for_each(&mut set),
        MemoryOrder::F => (0..shape.len()).for_each(&mut set),
    }
    strides
}

/// Checks that `offset` and the smallest and largest position are inside `len` elements.
fn check_bounds(len: usize, offset: usize, shape: &[usize], strides: &[isize]) -> Result<(), ViewError> {
    if shape.len() != strides.len() {
        return Err(ViewError::Rank { extents: shape.len(), strides: strides.len() });
    }
    let outside = ViewError::OutOfBounds { len };
    if shape.contains(&0) {
        return if offset <= len { Ok(()) } else { Err(outside) };
    }
    let reach = |wanted: fn(isize) -> bool| {
        let axes = shape.iter().zip(strides).filter(|(_, s)| wanted(**s));
        axes.into_iter().try_fold(0_usize, |sum, (&e, &s)| sum.checked_add(s.unsigned_abs().checked_mul(e - 1)?))
    };
    let (Some(back), Some(forth)) = (reach(|s| s < 0), reach(|s| s > 0)) else { return Err(outside) };
    let fits = back <= offset && forth.checked_add(offset).is_some_and(|last| last < len);
    if fits { Ok(()) } else { Err(outside) }
}

/// Checks that the strides nest: in order of size, each is larger than the reach of all smaller ones.
fn check_overlap(shape: &[usize], strides: &[isize]) -> Result<(), ViewError> {
    if shape.contains(&0) {
        return Ok(());
    }
    let strided = |axis: usize| StridedAxis { stride: strides[axis].unsigned_abs() as u64, extent: shape[axis], axis };
    let mut axes: SmallVec<[StridedAxis<usize>; 8]> = (0..shape.len()).map(strided).collect();
    match nesting(&mut axes).find(|(_, order)| order.is_lt()) {
        Some((axis, _)) => Err(ViewError::Overlap { axis }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{AnyView, AnyViewMut, ViewError};
    use einfold_ir::Dtype;
    use ndarray::{Array2, ArrayView2, ArrayView3, s};

    #[test]
    fn ndarrays_of_any_strides_become_views() {
        let a = Array2::from_shape_fn((3, 4), |(i, j)| (10 * i + j) as f32);
        let read = |view: ArrayView2<f32>| {
            let any = AnyView::from(view);
            // SAFETY: the view is not empty, and has the position 0.
            let first = unsafe { any.ptr().cast::<f32>().read() };
            (any.dtype(), any.extents().to_vec(), any.strides().to_vec(), first)
        };
        assert_eq!(read(a.view()), (Dtype::F32, vec![3, 4], vec![16, 4], 0.0));
        assert_eq!(read(a.t()), (Dtype::F32, vec![4, 3], vec![4, 16], 0.0));
        assert_eq!(read(a.slice(s![..;-1, 1..;2])), (Dtype::F32, vec![3, 2], vec![-16, 8], 21.0));
        assert_eq!(read(a.slice(s![1..2, ..])), (Dtype::F32, vec![1, 4], vec![0, 4], 10.0));
        let wide: ArrayView3<f32> = a.broadcast((5, 3, 4)).unwrap();
        assert_eq!(AnyView::from(wide).strides(), [0, 16, 4]);
        let empty = Array2::<f64>::zeros((0, 4));
        assert_eq!(
            (AnyView::from(empty.view()).extents(), AnyView::from(empty.view()).strides()),
            (&[0, 4][..], &[0, 0][..])
        );
    }

    #[test]
    fn slices_are_checked() {
        let mut data = [0_u8; 10];
        let outside = Err(ViewError::OutOfBounds { len: 10 });
        type Case<'a> = (usize, &'a [usize], &'a [isize], Result<(), ViewError>);
        let cases: &[Case] = &[
            (0, &[2, 5], &[5, 1], Ok(())),
            (9, &[2, 5], &[-5, -1], Ok(())),
            (8, &[2, 5], &[-5, -1], outside.clone()),
            (1, &[2, 5], &[5, 1], outside.clone()),
            (0, &[3], &[0], Ok(())),
            (9, &[], &[], Ok(())),
            (10, &[], &[], outside.clone()),
            (10, &[0, 7], &[100, 100], Ok(())),
            (11, &[0], &[1], outside.clone()),
            (0, &[usize::MAX, usize::MAX], &[isize::MAX, isize::MAX], outside.clone()),
            (0, &[2], &[isize::MIN], outside.clone()),
            (0, &[2, 5], &[1], Err(ViewError::Rank { extents: 2, strides: 1 })),
        ];
        for (offset, shape, strides, want) in cases {
            let got = AnyView::from_slice(&data, *offset, shape, strides).map(|_| ());
            assert_eq!(&got, want, "{offset} {shape:?} {strides:?}");
            let got = AnyViewMut::from_slice(&mut data, *offset, shape, strides).map(|_| ());
            let want = if *strides == [0] { &Err(ViewError::Overlap { axis: 0 }) } else { want };
            assert_eq!(&got, want, "{offset} {shape:?} {strides:?}, to write");
        }
    }

    #[test]
    fn views_to_write_do_not_repeat_elements() {
        let mut data = [0_i64; 100];
        let mut check = |shape: &[usize], strides: &[isize]| {
            AnyViewMut::from_slice(&mut data, 50, shape, strides).err().map(|e| match e {
                ViewError::Overlap { axis } => axis,
                other => panic!("{other}"),
            })
        };
        assert_eq!(check(&[3, 4], &[4, 1]), None);
        assert_eq!(check(&[3, 4], &[-4, 1]), None);
        assert_eq!(check(&[4, 3], &[1, 4]), None);
        assert_eq!(check(&[2, 1, 4], &[4, 0, 1]), None);
        assert_eq!(check(&[0, 4], &[0, 0]), None);
        assert_eq!(check(&[3, 4], &[3, 1]), Some(0));
        assert_eq!(check(&[4, 3], &[1, 1]), Some(1));
        assert_eq!(check(&[4, 3], &[1, 0]), Some(1));
    }

    #[test]
    fn raw_parts_are_checked_as_far_as_they_can_be() {
        let mut data = [1_i32, 2, 3, 4, 5, 6];
        let start = data.as_mut_ptr().cast::<u8>();
        let check = |offset: isize, shape: &[usize], strides: &[isize]| {
            let (at, i32) = (start.wrapping_offset(offset), Dtype::I32);
            // SAFETY: a view that is accepted has elements of `data` only, which nobody else uses at the same time.
            let read = unsafe { AnyView::from_raw_parts(at, i32, shape, strides) }.map(|view| view.strides().to_vec());
            // SAFETY: as above.
            let write =
                unsafe { AnyViewMut::from_raw_parts(at, i32, shape, strides) }.map(|view| view.strides().to_vec());
            (read, write)
        };
        let both = |strides: Result<Vec<isize>, ViewError>| (strides.clone(), strides);
        assert_eq!(check(0, &[2, 3], &[12, 4]), both(Ok(vec![12, 4])));
        assert_eq!(check(20, &[3, 2], &[-4, -12]), both(Ok(vec![-4, -12])));
        assert_eq!(check(0, &[1, 0], &[5, 5]), both(Ok(vec![0, 0])));
        assert_eq!(check(0, &[2, 3], &[4, 4]), (Ok(vec![4, 4]), Err(ViewError::Overlap { axis: 1 })));
        assert_eq!(check(0, &[2], &[]), both(Err(ViewError::Rank { extents: 1, strides: 0 })));
        assert_eq!(check(2, &[2], &[4]), both(Err(ViewError::Unaligned { dtype: Dtype::I32 })));
        assert_eq!(check(0, &[2, 2], &[4, 6]), both(Err(ViewError::Stride { axis: 1, stride: 6, size: 4 })));
        let null = std::ptr::null();
        // SAFETY: the view has no elements.
        let none = unsafe { AnyView::from_raw_parts(null, Dtype::I32, &[0], &[4]) };
        assert_eq!(none.map(|_| ()), Err(ViewError::Unaligned { dtype: Dtype::I32 }));
    }

    #[test]
    fn views_can_go_to_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<AnyView<'_>>();
        shared::<AnyViewMut<'_>>();
    }
}
