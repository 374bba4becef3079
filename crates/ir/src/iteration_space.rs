//! Iteration spaces, and the check that accesses stay inside their tensors.

use crate::access::{Access, Axis, AxisRef, Index, IndirectTerm};
use crate::dtype::Dtype;
use crate::error::{Violation, ensure};

/// The deepest nesting of gathers: deeper than any text allows.
const MOST_NESTED: usize = 256;

/// Gives the dtype and shape of a tensor.
type Lookup<'a, T> = dyn Fn(&T) -> Result<(Dtype, &'a [usize]), Violation> + 'a;

/// An iteration space in which accesses are checked: its own axes, loop axes, and the dtype and shape of tensors.
pub(crate) struct IterationSpace<'a, T> {
    axes: &'a [Axis],
    loops: &'a [Axis],
    lookup: &'a Lookup<'a, T>,
    /// Whether the iteration space is empty.
    empty: bool,
    /// How deep gathers may still be nested.
    nested: usize,
}

impl<'a, T> IterationSpace<'a, T> {
    pub(crate) fn new(axes: &'a [Axis], loops: &'a [Axis], lookup: &'a Lookup<'a, T>) -> IterationSpace<'a, T> {
        let empty = axes.iter().chain(loops).any(|a| a.extent == 0);
        IterationSpace { axes, loops, lookup, empty, nested: MOST_NESTED }
    }

    fn extent(&self, axis: AxisRef) -> Option<usize> {
        axis.of(self.axes, self.loops).map(|axis| axis.extent)
    }

    pub(crate) fn check_access(&self, access: &Access<T>) -> Result<(), Violation> {
        let (_, shape) = (self.lookup)(&access.tensor)?;
        self.check_indices(&access.indices, shape)
    }

    /// Checks that positions without indirect terms stay inside the shape; with indirect terms, the whole position is
    /// checked when it is read. Gathers are nested at most as deep as the iteration space allows, so that later
    /// recursions are bounded too.
    pub(crate) fn check_indices(&self, indices: &[Index<T>], shape: &[usize]) -> Result<(), Violation> {
        ensure(indices.len() == shape.len(), || format!("{} indices for {} axes", indices.len(), shape.len()))?;
        for (dim, (index, &extent)) in indices.iter().zip(shape).enumerate() {
            for term in index.terms() {
                ensure(self.extent(term.axis).is_some(), || format!("no axis {}", term.axis))?;
            }
            for IndirectTerm { access, .. } in index.indirect() {
                let (dtype, _) = (self.lookup)(&access.tensor)?;
                ensure(dtype.is_integer(), || "index tensors must have an integer dtype".into())?;
                let nested =
                    self.nested.checked_sub(1).ok_or_else(|| Violation("gathers are nested too deep".into()))?;
                IterationSpace { nested, ..*self }.check_access(access)?;
            }
            if !index.has_indirect() && !self.empty {
                let range = index.range(|a| self.extent(a).unwrap_or(1));
                let inside = range.is_some_and(|(low, high)| low >= 0 && (high as u64) < extent as u64);
                ensure(inside, || format!("positions along axis {dim} leave 0..{extent}"))?;
            }
        }
        Ok(())
    }
}
