//! Output arrays: allocated uninitialised, and marked as initialised after a successful run.

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;

use einfold_ir::Dtype;
use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use crate::element::Element;
use crate::memory::{MemoryOrder, OutOfMemory, ask_for_huge_pages};
use crate::view::{AnyView, AnyViewMut, Extents};

/// An array of any element type that [`evaluate`](crate::evaluate) initialises. If the run fails, the array stays
/// uninitialised, and its memory is never read.
#[derive(Debug)]
pub struct NewArray {
    start: NonNull<u8>,
    /// The capacity in elements of the vector that allocated the memory.
    capacity: usize,
    /// Frees the memory of such a vector.
    free: unsafe fn(NonNull<u8>, usize),
    dtype: Dtype,
    shape: Extents,
    order: MemoryOrder,
    written: bool,
}

// SAFETY: the memory is owned, and elements are `Send + Sync`.
unsafe impl Send for NewArray {}
// SAFETY: as above; `&NewArray` only reads.
unsafe impl Sync for NewArray {}

impl NewArray {
    /// Allocates an array of this shape.
    ///
    /// # Errors
    /// [`OutOfMemory`] if the allocation fails or the number of bytes does not fit.
    pub fn new<T: Element>(shape: &[usize], order: MemoryOrder) -> Result<NewArray, OutOfMemory> {
        let failed = |bytes: Option<usize>| OutOfMemory { bytes: bytes.unwrap_or(usize::MAX) };
        // As in ndarray, the product of the extents that are not 0 must fit too.
        let spanned = shape.iter().filter(|&&e| e != 0).try_fold(1_usize, |n, &e| n.checked_mul(e));
        let bytes = spanned.and_then(|n| n.checked_mul(size_of::<T>().max(1))).filter(|&n| isize::try_from(n).is_ok());
        let (Some(spanned), Some(_)) = (spanned, bytes) else { return Err(failed(None)) };
        let mut data = ManuallyDrop::new(Vec::<T>::new());
        let len = if shape.contains(&0) { 0 } else { spanned };
        data.try_reserve_exact(len).map_err(|_| failed(bytes))?;
        let start = NonNull::new(data.as_mut_ptr().cast()).unwrap_or(NonNull::dangling());
        ask_for_huge_pages(start.as_ptr(), len * size_of::<T>());
        let (capacity, dtype, shape) = (data.capacity(), T::dtype(), shape.into());
        Ok(NewArray { start, capacity, free: free::<T>, dtype, shape, order, written: false })
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
        // SAFETY: the memory is that of a vector of elements of this dtype, which have the size and alignment of `T`;
        // `len` of them are initialised; `ManuallyDrop` keeps `self` from freeing it.
        let data = unsafe { Vec::from_raw_parts(this.start.as_ptr().cast::<T>(), len, this.capacity) };
        let shape = IxDyn(&this.shape).set_f(this.order == MemoryOrder::F);
        ArrayD::from_shape_vec(shape, data).ok()
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
        // SAFETY: `new` stored the function for the vector that allocated the memory, and nothing else frees it.
        unsafe { (self.free)(self.start, self.capacity) }
    }
}

/// Frees the memory of a vector.
///
/// # Safety
/// The memory is that of a `Vec<T>` of this capacity, and is not used again.
unsafe fn free<T>(start: NonNull<u8>, capacity: usize) {
    // SAFETY: the caller promises the memory of a `Vec<T>` of this capacity; the new vector has length 0, so it drops no
    // elements.
    drop(unsafe { Vec::<MaybeUninit<T>>::from_raw_parts(start.as_ptr().cast(), 0, capacity) });
}

#[cfg(test)]
mod tests {
    use super::NewArray;
    use crate::memory::{MemoryOrder, OutOfMemory};
    use einfold_ir::Dtype;

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let failed = |shape: &[usize]| NewArray::new::<f64>(shape, MemoryOrder::C).err();
        assert_eq!(failed(&[1 << 40, 1 << 40]), Some(OutOfMemory { bytes: usize::MAX }));
        assert_eq!(failed(&[0, 1 << 40, 1 << 40]), Some(OutOfMemory { bytes: usize::MAX }));
        assert_eq!(failed(&[1 << 58]), Some(OutOfMemory { bytes: 1 << 61 }));
    }

    #[test]
    fn values_are_seen_in_the_order_asked_for_and_only_when_there() {
        for (order, strides, bytes) in [(MemoryOrder::C, [3, 1], [24, 8]), (MemoryOrder::F, [1, 2], [8, 16])] {
            let fresh = || NewArray::new::<i64>(&[2, 3], order).unwrap();
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
        let mut empty = NewArray::new::<f32>(&[3, 0, 2], MemoryOrder::C).unwrap();
        // SAFETY: there is nothing to write.
        unsafe { empty.assume_written() };
        assert!(empty.view().is_some_and(|view| view.extents() == [3, 0, 2]));
        assert_eq!(empty.into_array::<f32>().unwrap().shape(), [3, 0, 2]);
        let mut scalar = NewArray::new::<u8>(&[], MemoryOrder::C).unwrap();
        // SAFETY: the view has one element.
        unsafe { scalar.view_mut().ptr().write(9) };
        // SAFETY: it has been written.
        unsafe { scalar.assume_written() };
        assert!(NewArray::new::<u8>(&[], MemoryOrder::C).unwrap().into_array::<i8>().is_none());
        assert_eq!(scalar.into_array::<u8>().unwrap()[[]], 9);
    }
}
