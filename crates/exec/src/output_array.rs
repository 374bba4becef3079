//! Output arrays: allocated uninitialised, and marked as initialised after a successful run.

use std::alloc::{Layout, alloc, dealloc};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use einfold_ir::Dtype;
use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use crate::element::Element;
use crate::memory::{MemoryOrder, OutOfMemory, ask_for_huge_pages};
use crate::view::{AnyView, AnyViewMut, Extents, Strides, dense_strides};

/// An array of any element type that [`evaluate`](crate::evaluate) initialises. If the run fails, the array stays
/// uninitialised, and its memory is never read.
#[derive(Debug)]
pub struct NewArray {
    start: NonNull<u8>,
    /// The layout of the allocation at `start`; of size 0 if there is no allocation.
    layout: Layout,
    dtype: Dtype,
    shape: Extents,
    order: MemoryOrder,
    written: bool,
}

/// The memory of an initialised array and its description; see [`NewArray::into_raw`].
#[derive(Clone, Debug)]
pub struct RawArray {
    /// The address of the element at position 0 of every axis.
    pub start: NonNull<u8>,
    /// The layout to free the memory at `start` with, by [`dealloc`]; a layout of size 0 has no memory to free.
    pub layout: Layout,
    /// The element type.
    pub dtype: Dtype,
    /// The extent of each axis.
    pub shape: Extents,
    /// The stride of each axis in bytes.
    pub strides: Strides,
}

// SAFETY: the memory is owned, and elements are `Send + Sync`.
unsafe impl Send for NewArray {}
// SAFETY: as above; `&NewArray` only reads.
unsafe impl Sync for NewArray {}

impl NewArray {
    /// Allocates an array of this element type and shape.
    ///
    /// # Errors
    /// [`OutOfMemory`] if the allocation fails or the number of bytes does not fit.
    pub fn new(dtype: Dtype, shape: &[usize], order: MemoryOrder) -> Result<NewArray, OutOfMemory> {
        // As in ndarray, the product of the extents that are not 0 must fit too.
        let spanned = shape.iter().filter(|&&e| e != 0).try_fold(1_usize, |n, &e| n.checked_mul(e));
        let bytes = spanned.and_then(|n| n.checked_mul(dtype.size().max(1))).filter(|&n| isize::try_from(n).is_ok());
        let (Some(spanned), Some(_)) = (spanned, bytes) else { return Err(OutOfMemory { bytes: usize::MAX }) };
        let bytes = if shape.contains(&0) { 0 } else { spanned * dtype.size() };
        let failed = OutOfMemory { bytes };
        let layout = Layout::from_size_align(bytes, dtype.align()).map_err(|_| failed)?;
        let start = match bytes {
            0 => NonNull::new(std::ptr::without_provenance_mut(dtype.align())),
            // SAFETY: the size of the layout is not 0.
            _ => NonNull::new(unsafe { alloc(layout) }),
        };
        let start = start.ok_or(failed)?;
        ask_for_huge_pages(start.as_ptr(), bytes);
        Ok(NewArray { start, layout, dtype, shape: Extents::from_slice(shape), order, written: false })
    }

    /// The element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The extents.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// A view to write through, which knows whether the array is initialised.
    pub fn view_mut(&mut self) -> AnyViewMut<'_> {
        // SAFETY: `new` allocated memory for all elements of this shape and dtype, and `&mut self` makes it exclusive.
        unsafe { AnyViewMut::dense(self.start, self.dtype, &self.shape, self.order, self.written) }
    }

    /// A view of the values, if the array is initialised.
    pub fn view(&self) -> Option<AnyView<'_>> {
        // SAFETY: as in `view_mut`; the array is initialised, so every element has a value.
        self.written.then(|| unsafe { AnyView::dense(self.start, self.dtype, &self.shape, self.order) })
    }

    /// The array, if it is initialised and its elements are of this type.
    pub fn into_array<T: Element>(self) -> Option<ArrayD<T>> {
        if !self.written || self.dtype != T::dtype() {
            return None;
        }
        let this = ManuallyDrop::new(self);
        let len = this.shape.iter().product();
        // SAFETY: the memory is from the global allocator, with the size of `len` elements of this dtype and their
        // alignment, which are those of `T`. All are initialised, and `ManuallyDrop` keeps `self` from freeing them. If
        // the size is 0, nothing was allocated, and the vector frees nothing.
        let data = unsafe { Vec::from_raw_parts(this.start.as_ptr().cast::<T>(), len, len) };
        let shape = IxDyn(&this.shape).set_f(this.order == MemoryOrder::F);
        // SAFETY: `data` has an element for each position of the dense array, and `new` checked that the numbers fit.
        Some(unsafe { ArrayD::from_shape_vec_unchecked(shape, data) })
    }

    /// Transfers the memory, which the caller then frees; `None` if the array is not initialised.
    pub fn into_raw(self) -> Option<RawArray> {
        let size = self.dtype.size() as isize;
        let strides = dense_strides(&self.shape, self.order).into_iter().map(|stride| stride * size).collect();
        let mut this = self.written.then(|| ManuallyDrop::new(self))?;
        let shape = std::mem::take(&mut this.shape);
        Some(RawArray { start: this.start, layout: this.layout, dtype: this.dtype, shape, strides })
    }

    /// Marks the array as initialised.
    ///
    /// # Safety
    /// Every element has been written with a value of the dtype.
    pub(crate) unsafe fn assume_written(&mut self) {
        self.written = true;
    }
}

impl Drop for NewArray {
    fn drop(&mut self) {
        if self.layout.size() > 0 {
            // SAFETY: `new` allocated the memory with this layout, and nothing else frees it. Elements have no
            // destructors.
            unsafe { dealloc(self.start.as_ptr(), self.layout) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NewArray;
    use crate::memory::{MemoryOrder, OutOfMemory};
    use einfold_ir::Dtype;
    use std::alloc::dealloc;

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let failed = |shape: &[usize]| NewArray::new(Dtype::F64, shape, MemoryOrder::C).err();
        assert_eq!(failed(&[1 << 40, 1 << 40]), Some(OutOfMemory { bytes: usize::MAX }));
        assert_eq!(failed(&[0, 1 << 40, 1 << 40]), Some(OutOfMemory { bytes: usize::MAX }));
        assert_eq!(failed(&[1 << 58]), Some(OutOfMemory { bytes: 1 << 61 }));
    }

    #[test]
    fn values_are_seen_in_the_order_asked_for_and_only_when_there() {
        for (order, strides, bytes) in [(MemoryOrder::C, [3, 1], [24, 8]), (MemoryOrder::F, [1, 2], [8, 16])] {
            let fresh = || NewArray::new(Dtype::I64, &[2, 3], order).unwrap();
            assert!(fresh().view().is_none() && fresh().into_array::<i64>().is_none());
            let mut array = fresh();
            let mut view = array.view_mut();
            assert_eq!((view.dtype(), view.extents(), view.strides()), (Dtype::I64, &[2, 3][..], &bytes[..]));
            assert!(!view.is_init());
            for k in 0..6 {
                // SAFETY: the view is dense and has six elements.
                unsafe { view.ptr().cast::<i64>().add(k).write(k as i64) };
            }
            // SAFETY: all six have been written.
            unsafe { array.assume_written() };
            assert_eq!(array.view().unwrap().strides(), bytes);
            assert!(array.view_mut().is_init());
            let array = array.into_array::<isize>().unwrap();
            assert_eq!((array.shape(), array.strides(), array[[1, 2]]), (&[2, 3][..], &strides[..], 5));
        }
    }

    #[test]
    fn another_type_empty_arrays_and_scalars() {
        let mut empty = NewArray::new(Dtype::F32, &[3, 0, 2], MemoryOrder::C).unwrap();
        // SAFETY: there is nothing to write.
        unsafe { empty.assume_written() };
        assert!(empty.view().is_some_and(|view| view.extents() == [3, 0, 2]));
        assert_eq!(empty.into_array::<f32>().unwrap().shape(), [3, 0, 2]);
        let mut scalar = NewArray::new(Dtype::U8, &[], MemoryOrder::C).unwrap();
        // SAFETY: the view has one element.
        unsafe { scalar.view_mut().ptr().write(9) };
        // SAFETY: it has been written.
        unsafe { scalar.assume_written() };
        assert!(NewArray::new(Dtype::U8, &[], MemoryOrder::C).unwrap().into_array::<i8>().is_none());
        assert_eq!(scalar.into_array::<u8>().unwrap()[[]], 9);
    }

    #[test]
    fn memory_is_given_away_with_what_is_in_it() {
        for (order, strides) in [(MemoryOrder::C, [24, 8]), (MemoryOrder::F, [8, 16])] {
            let mut array = NewArray::new(Dtype::I64, &[2, 3], order).unwrap();
            for k in 0..6 {
                // SAFETY: the view is dense and has six elements.
                unsafe { array.view_mut().ptr().cast::<i64>().add(k).write(k as i64) };
            }
            // SAFETY: all six have been written.
            unsafe { array.assume_written() };
            let raw = array.into_raw().unwrap();
            assert_eq!((raw.dtype, &raw.shape[..], &raw.strides[..]), (Dtype::I64, &[2, 3][..], &strides[..]));
            // SAFETY: the last of six elements.
            assert_eq!(unsafe { raw.start.cast::<i64>().add(5).read() }, 5);
            // SAFETY: the memory is ours, and was allocated with this layout.
            unsafe { dealloc(raw.start.as_ptr(), raw.layout) };
        }
        assert!(NewArray::new(Dtype::I64, &[2], MemoryOrder::C).unwrap().into_raw().is_none());
        let none = Dtype::custom::<()>();
        let mut empty = [(none, 3), (Dtype::F64, 0)].map(|(d, n)| NewArray::new(d, &[n], MemoryOrder::C).unwrap());
        // SAFETY: there is nothing to write.
        empty.iter_mut().for_each(|array| unsafe { array.assume_written() });
        let [none, empty] = empty;
        assert_eq!(none.into_array::<()>().unwrap().len(), 3);
        assert_eq!(empty.into_raw().unwrap().layout.size(), 0);
    }
}
