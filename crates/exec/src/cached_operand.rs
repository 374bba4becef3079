//! Cached operands: the results of a constant plan, which runs of the main plan read as operands.

use einfold_ir::{BufferId, Dtype, Plan};

use crate::bind::{BindOptions, Scratch, bind};
use crate::control::Control;
use crate::evaluate::RunError;
use crate::memory::{AlignedMemory, MemoryOrder, OutOfMemory};
use crate::view::{AnyView, AnyViewMut, Extents};

/// A result of [`compute_constants`]: dense elements of any dtype, in C order, with their memory.
#[derive(Debug)]
pub struct CachedOperand {
    memory: AlignedMemory,
    dtype: Dtype,
    shape: Extents,
}

impl CachedOperand {
    /// Allocates memory for the result that the plan writes to `output`.
    fn new(plan: &Plan, output: BufferId) -> Result<CachedOperand, OutOfMemory> {
        let buffer = plan.buffer(output);
        let mut memory = AlignedMemory::new();
        memory.ensure(buffer.bytes().unwrap_or(usize::MAX))?;
        Ok(CachedOperand { memory, dtype: buffer.dtype, shape: buffer.extents[..].into() })
    }

    fn view_mut(&mut self) -> AnyViewMut<'_> {
        // SAFETY: `new` allocated the bytes of the dense elements, aligned for every dtype that `bind` accepts; `&mut
        // self` makes them exclusive.
        unsafe { AnyViewMut::dense(self.memory.start(), self.dtype, &self.shape, MemoryOrder::C, false) }
    }

    /// The operand as a view.
    pub fn view(&self) -> AnyView<'_> {
        // SAFETY: as in `view_mut`; `compute_constants` returns only results that a completed run has written.
        unsafe { AnyView::dense(self.memory.start(), self.dtype, &self.shape, MemoryOrder::C) }
    }

    /// The size of its memory in bytes.
    pub fn bytes(&self) -> usize {
        self.memory.len()
    }
}

/// Binds a constant plan to its operands, runs it and returns its results, which are operands of the main plan.
///
/// # Errors
/// As [`bind`] and [`Bound::run`](crate::Bound::run), and if memory for the results cannot be allocated.
pub fn compute_constants(
    plan: &Plan,
    ins: &[AnyView<'_>],
    options: &BindOptions<'_>,
    scratch: &mut Scratch,
    control: &Control<'_>,
) -> Result<Vec<CachedOperand>, RunError> {
    let allocated = plan.outputs.iter().map(|&output| CachedOperand::new(plan, output));
    let mut cached: Vec<CachedOperand> = allocated.collect::<Result<_, _>>().map_err(crate::BindError::from)?;
    let mut outs: Vec<AnyViewMut<'_>> = cached.iter_mut().map(CachedOperand::view_mut).collect();
    bind(plan, ins, &mut outs, options, scratch)?.run(control)?;
    drop(outs);
    Ok(cached)
}
