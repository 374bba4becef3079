//! The points of one kernel call.

use crate::kernels::{Dst, FillFn, Src};

/// The points of one kernel call: two extents, and for every operand an address and two strides.
pub(super) struct Tile<'t> {
    pub(super) n: [usize; 2],
    pub(super) ptrs: &'t [*mut u8],
    /// The strides of all operands in the outer loop and in the inner loop.
    pub(super) strides: [&'t [isize]; 2],
}

impl Tile<'_> {
    pub(super) fn strides(&self, operand: usize) -> [isize; 2] {
        self.strides.map(|strides| strides[operand])
    }

    pub(super) fn dst(&self) -> Dst {
        Dst { ptr: self.ptrs[0], strides: self.strides(0) }
    }

    pub(super) fn src(&self, operand: usize) -> Src {
        Src { ptr: self.ptrs[operand], strides: self.strides(operand) }
    }

    /// Writes a constant to each element of the target, once.
    ///
    /// # Safety
    /// All positions of the target are elements of the kernel's type, and nothing else touches them during the call.
    pub(super) unsafe fn clear(&self, clear: FillFn) {
        let dst = self.dst();
        let kept = [0, 1].map(|l| if dst.strides[l] == 0 { 1 } else { self.n[l] });
        // SAFETY: the caller promises that the target's positions are elements and exclusive; each is written once.
        unsafe { clear(kept, dst) }
    }
}
