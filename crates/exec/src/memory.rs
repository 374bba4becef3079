//! Memory that the executor owns: bytes that grow on demand and are reused.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use einfold_ir::{Bytes, Count, Plan};

/// An allocation that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{} of memory could not be allocated", Bytes(Count::from(*bytes as u64)))]
pub struct OutOfMemory {
    /// The number of bytes that was requested; `usize::MAX` if it overflowed.
    pub bytes: usize,
}

/// A block of bytes, aligned to [`Plan::ALIGN`], that grows on demand and is reused. Every byte is initialised: the block
/// starts as zeros and then holds the last values written.
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
    /// An empty block.
    pub const fn new() -> AlignedMemory {
        AlignedMemory { block: None, start: NonNull::dangling(), len: 0 }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the block is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first byte; dangling if the block is empty.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Ensures at least `bytes` bytes and returns all of them. A block that is large enough keeps its values; otherwise a
    /// block of zeros replaces it.
    ///
    /// # Errors
    /// [`OutOfMemory`]; the old block is then freed.
    pub fn ensure(&mut self, bytes: usize) -> Result<&mut [MaybeUninit<u8>], OutOfMemory> {
        if bytes > self.len {
            self.release();
            self.allocate(bytes)?;
        }
        // SAFETY: `start` is the first of `len` bytes of a live allocation, or dangling with `len` 0; `&mut self` makes
        // them exclusive.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.len) })
    }

    fn allocate(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        let failed = OutOfMemory { bytes };
        // The start is aligned by hand: allocators write zeros if the alignment is large, and take untouched pages from
        // the system if it is small.
        let padded = bytes.checked_add(Plan::ALIGN).ok_or(failed)?;
        let layout = Layout::from_size_align(padded, align_of::<u128>()).map_err(|_| failed)?;
        // SAFETY: `layout` has at least `ALIGN` bytes, so its size is not 0.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or(failed)?;
        self.block = Some((block, layout));
        // SAFETY: `align_offset` for bytes is below ALIGN, and the block has ALIGN bytes more than asked for.
        self.start = unsafe { block.add(block.as_ptr().align_offset(Plan::ALIGN)) };
        ask_for_huge_pages(self.start.as_ptr(), bytes);
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

/// Asks the system for pages of two megabytes for large new memory: one page fault instead of 512, which makes work that
/// is bound by memory several times faster. A refusal has no effect.
#[cfg(target_os = "linux")]
pub(crate) fn ask_for_huge_pages(start: *mut u8, bytes: usize) {
    const HUGE: usize = 1 << 21;
    let ahead = start.align_offset(HUGE);
    let whole = bytes.saturating_sub(ahead) / HUGE * HUGE;
    if whole > HUGE {
        // SAFETY: these whole pages are part of a block that the caller owns; the advice does not change their contents.
        _ = unsafe { rustix::mm::madvise(start.wrapping_add(ahead).cast(), whole, rustix::mm::Advice::LinuxHugepage) };
    }
}

/// Other systems have no such advice.
#[cfg(not(target_os = "linux"))]
pub(crate) fn ask_for_huge_pages(_start: *mut u8, _bytes: usize) {}

/// The order of the elements of a new array in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MemoryOrder {
    /// Row-major: the last axis is contiguous.
    #[default]
    C,
    /// Column-major: the first axis is contiguous.
    F,
}

#[cfg(test)]
mod tests {
    use super::{AlignedMemory, OutOfMemory};
    use einfold_ir::Plan;
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
            // An allocation that nobody looks at may be optimised away, and then it never fails.
            assert_eq!(std::hint::black_box(memory.ensure(bytes)).err(), Some(OutOfMemory { bytes }));
            assert_eq!(memory.len(), 0);
        }
        assert!(memory.ensure(100).is_ok());
    }
}
