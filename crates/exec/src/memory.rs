//! Memory that the executor owns: scratch bytes that grow and stay, and outputs that are not written yet.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use einfold_ir::Plan;
use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use crate::element::Element;
use crate::view::AnyViewMut;

/// Memory that could not be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{bytes} bytes of memory could not be allocated")]
pub struct OutOfMemory {
    /// How many bytes were asked for; `usize::MAX` where their number does not fit.
    pub bytes: usize,
}

/// A block of bytes, aligned to [`Plan::ALIGN`], that grows on demand and is reused. Every byte is initialised: the block
/// starts as zeros and afterwards holds whatever was last written.
#[derive(Debug)]
pub struct AlignedMemory {
    /// The allocation, and its layout.
    block: Option<(NonNull<u8>, Layout)>,
    /// The first aligned byte.
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the block is owned and holds plain bytes; `&self` gives no access to them.
unsafe impl Send for AlignedMemory {}
// SAFETY: as above.
unsafe impl Sync for AlignedMemory {}

impl AlignedMemory {
    /// No memory yet.
    pub const fn new() -> AlignedMemory {
        AlignedMemory { block: None, start: NonNull::dangling(), len: 0 }
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// At least `bytes` bytes. A block that is large enough already is kept with what it holds; otherwise it is replaced by
    /// zeros.
    ///
    /// # Errors
    /// [`OutOfMemory`]; what was there before is then gone.
    pub fn ensure(&mut self, bytes: usize) -> Result<&mut [MaybeUninit<u8>], OutOfMemory> {
        if bytes > self.len {
            self.release();
            self.allocate(bytes)?;
        }
        // SAFETY: `start` heads `len` bytes of a live allocation, or is dangling with `len` 0; `&mut self` makes it unique.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len) })
    }

    fn allocate(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        let failed = OutOfMemory { bytes };
        // Aligned by hand: an allocator asked for zeros with a large alignment writes them, one asked for zeros with a small
        // one gets untouched pages from the system.
        let padded = bytes.checked_add(Plan::ALIGN).ok_or(failed)?;
        let layout = Layout::from_size_align(padded, align_of::<u128>()).map_err(|_| failed)?;
        // SAFETY: `layout` has at least `ALIGN` bytes, so its size is not 0.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(failed)?;
        self.block = Some((block, layout));
        // SAFETY: `align_offset` for bytes is below ALIGN, and the block has ALIGN bytes more than asked for.
        self.start = unsafe { block.add(block.as_ptr().align_offset(Plan::ALIGN)) };
        self.len = bytes;
        Ok(())
    }

    fn release(&mut self) {
        self.len = 0;
        self.start = NonNull::dangling();
        if let Some((block, layout)) = self.block.take() {
            // SAFETY: allocated with this layout, and taken out so that it is freed once.
            unsafe { dealloc(block.as_ptr(), layout) }
        }
    }
}

impl Default for AlignedMemory {
    fn default() -> AlignedMemory {
        AlignedMemory::new()
    }
}

impl Drop for AlignedMemory {
    fn drop(&mut self) {
        self.release();
    }
}

/// The order of the elements of a new array in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MemoryOrder {
    /// Row-major: the last axis is contiguous.
    #[default]
    C,
    /// Column-major: the first axis is contiguous.
    F,
}

/// An array that has memory but no values yet. It becomes an array only through [`UninitOutput::assume_init`]; a run that
/// stops half way drops it, so that memory never written is never seen.
#[derive(Debug)]
pub struct UninitOutput<T> {
    data: Vec<MaybeUninit<T>>,
    shape: Vec<usize>,
    order: MemoryOrder,
}

impl<T: Element> UninitOutput<T> {
    /// Memory for an array of this shape.
    ///
    /// # Errors
    /// [`OutOfMemory`] when it cannot be had or its size does not fit.
    pub fn new(shape: &[usize], order: MemoryOrder) -> Result<UninitOutput<T>, OutOfMemory> {
        let failed = |bytes: Option<usize>| OutOfMemory { bytes: bytes.unwrap_or(usize::MAX) };
        // As ndarray: the product of the extents that are not 0 must fit too.
        let spanned = shape.iter().filter(|&&e| e != 0).try_fold(1_usize, |n, &e| n.checked_mul(e));
        let bytes = spanned.and_then(|n| n.checked_mul(size_of::<T>().max(1))).filter(|&n| isize::try_from(n).is_ok());
        let (Some(spanned), Some(_)) = (spanned, bytes) else { return Err(failed(None)) };
        let len = if shape.contains(&0) { 0 } else { spanned };
        let mut data = Vec::new();
        data.try_reserve_exact(len).map_err(|_| failed(bytes))?;
        // SAFETY: `len` elements are reserved, and `MaybeUninit` needs no initialisation.
        unsafe { data.set_len(len) };
        Ok(UninitOutput { data, shape: shape.to_vec(), order })
    }

    /// A view to write through; it says of itself that it holds no values yet.
    pub fn view_mut(&mut self) -> AnyViewMut<'_> {
        AnyViewMut::uninit(&mut self.data, &self.shape, self.order)
    }

    /// The array.
    ///
    /// # Safety
    /// Every element has been written with a value of `T`.
    pub unsafe fn assume_init(self) -> ArrayD<T> {
        let mut data = std::mem::ManuallyDrop::new(self.data);
        // SAFETY: `MaybeUninit<T>` has the layout of `T`, the caller promises the values, and the old vector is not dropped.
        let data = unsafe { Vec::from_raw_parts(data.as_mut_ptr().cast::<T>(), data.len(), data.capacity()) };
        let shape = IxDyn(&self.shape).set_f(self.order == MemoryOrder::F);
        ArrayD::from_shape_vec(shape, data).expect("the length is the product of the extents, checked by `new`")
    }
}

#[cfg(test)]
mod tests {
    use super::{AlignedMemory, MemoryOrder, OutOfMemory, UninitOutput};
    use einfold_ir::{Dtype, Plan};
    use std::mem::MaybeUninit;

    #[test]
    fn scratch_is_aligned_zero_and_kept() {
        let mut memory = AlignedMemory::new();
        assert!(memory.is_empty() && memory.ensure(0).unwrap().is_empty());
        for bytes in [1, 63, 64, 65, 1000, 1 << 20] {
            let block = memory.ensure(bytes).unwrap();
            assert_eq!(block.len(), bytes);
            assert_eq!(block.as_ptr().addr() % Plan::ALIGN, 0);
            // SAFETY: scratch memory is initialised from the start.
            assert!(block.iter().all(|b| unsafe { b.assume_init() } == 0));
            block[bytes - 1] = MaybeUninit::new(7);
        }
        let block = memory.ensure(10).unwrap();
        // SAFETY: as above.
        assert_eq!((block.len(), unsafe { block[(1 << 20) - 1].assume_init() }), (1 << 20, 7));
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        let mut memory = AlignedMemory::new();
        memory.ensure(100).unwrap();
        for bytes in [isize::MAX as usize - 100, isize::MAX as usize, usize::MAX] {
            assert_eq!(memory.ensure(bytes).err(), Some(OutOfMemory { bytes }));
            assert_eq!(memory.len(), 0);
        }
        assert!(memory.ensure(100).is_ok());
        let failed = |shape: &[usize]| UninitOutput::<f64>::new(shape, MemoryOrder::C).err();
        assert_eq!(failed(&[1 << 40, 1 << 40]), Some(OutOfMemory { bytes: usize::MAX }));
        assert_eq!(failed(&[0, 1 << 40, 1 << 40]), Some(OutOfMemory { bytes: usize::MAX }));
        assert_eq!(failed(&[1 << 58]), Some(OutOfMemory { bytes: 1 << 61 }));
    }

    #[test]
    fn outputs_become_arrays_in_the_order_asked_for() {
        for (order, strides, bytes) in [(MemoryOrder::C, [3, 1], [24, 8]), (MemoryOrder::F, [1, 2], [8, 16])] {
            let mut output = UninitOutput::<i64>::new(&[2, 3], order).unwrap();
            let mut view = output.view_mut();
            assert_eq!((view.dtype(), view.extents(), view.strides()), (Dtype::I64, &[2, 3][..], &bytes[..]));
            assert!(!view.is_init());
            for k in 0..6 {
                // SAFETY: the view is dense and has six elements.
                unsafe { view.ptr().cast::<i64>().add(k).write(k as i64) };
            }
            // SAFETY: all six have been written.
            let array = unsafe { output.assume_init() };
            assert_eq!((array.shape(), array.strides()), (&[2, 3][..], &strides[..]));
            assert_eq!(array[[1, 2]], 5);
        }
        let empty = UninitOutput::<f32>::new(&[3, 0, 2], MemoryOrder::C).unwrap();
        // SAFETY: there is nothing to write.
        assert_eq!(unsafe { empty.assume_init() }.shape(), [3, 0, 2]);
        let mut scalar = UninitOutput::<u8>::new(&[], MemoryOrder::C).unwrap();
        // SAFETY: the view has one element.
        unsafe { scalar.view_mut().ptr().write(9) };
        // SAFETY: it has been written.
        assert_eq!(unsafe { scalar.assume_init() }[[]], 9);
    }
}
