//! Translates indirect terms into instructions: which indices are read in which order, and which offsets they add to the
//! operands.
//!
//! The recursion is as deep as gathers are nested in the plan.

use einfold_ir::{Access, AffineTerm, AxisRef, BufferId, Dtype, Index, OutOfRange};
use smallvec::SmallVec;

use super::Binder;
use super::step::StepContext;
use crate::bound_program::{
    CheckedPosition, DisplacedAccess, IndexOp, IndexRead, ListRange, LoopNest, PositionTerm, TermVariable,
};
use crate::error::BindError;
use crate::kernels::IndexReaders;

/// Whether an indirect position of the access depends on `axis`.
pub(super) fn depends(access: &Access<BufferId>, axis: AxisRef) -> bool {
    let mut found = false;
    for index in access.indices.iter().filter(|i| i.has_indirect()) {
        index.for_each_axis(&mut |a| found |= a == axis);
    }
    found
}

/// Numbers of index reads.
type ReadNumbers = SmallVec<[usize; 4]>;

/// The state while the indirect terms of one nest are translated.
struct Scope<'p> {
    context: StepContext<'p>,
    loops: LoopNest,
    reads: usize,
}

impl Binder<'_> {
    /// The instructions for the indirect positions of a step whose loops are ordered.
    pub(super) fn bind_indices(&mut self, context: StepContext<'_>, loops: LoopNest) -> Result<ListRange, BindError> {
        let start = self.program.index_ops.len();
        let mut scope = Scope { context, loops, reads: 0 };
        let accesses = [&context.step.write].into_iter().chain(&context.step.reads);
        for (operand, access) in accesses.enumerate() {
            self.push_positions(&mut scope, DisplacedAccess::Operand(operand), access)?;
        }
        Ok(ListRange::since(start, &self.program.index_ops))
    }

    /// Appends a check of every indirect position of `access`, and the index reads before it. Returns the numbers of the
    /// reads, in order.
    fn push_positions(
        &mut self,
        scope: &mut Scope<'_>,
        displaced: DisplacedAccess,
        access: &Access<BufferId>,
    ) -> Result<ReadNumbers, BindError> {
        let mut all = ReadNumbers::new();
        for (axis, index) in access.indices.iter().enumerate().filter(|(_, i)| i.has_indirect()) {
            let reads: ReadNumbers =
                index.indirect().iter().map(|i| self.push_index_read(scope, &i.access)).collect::<Result<_, _>>()?;
            let terms = self.terms(index);
            let index_terms = self.program.terms.len();
            self.push_index_terms(index, &reads);
            let index_terms = ListRange::since(index_terms, &self.program.terms);
            let has = |policy| index.indirect().iter().any(|i| i.policy == policy);
            self.program.index_ops.push(IndexOp::Check(CheckedPosition {
                access: displaced,
                stride: self.buffer_stride(access.tensor, axis),
                extent: self.plan.buffer(access.tensor).extents[axis],
                offset: index.offset(),
                terms,
                index_terms,
                wrap: has(OutOfRange::Wrap),
                drop: has(OutOfRange::Drop),
                buffer: access.tensor.0,
                axis,
            }));
            all.extend(reads);
        }
        Ok(all)
    }

    /// Appends the affine terms of an index function.
    fn terms(&mut self, index: &Index<BufferId>) -> ListRange {
        let start = self.program.terms.len();
        for &AffineTerm { coef, axis } in index.terms() {
            let variable = match axis {
                AxisRef::Own(a) => {
                    self.lists.loop_of_axis.get(a as usize).copied().flatten().map(|l| self.variable_of(a, l))
                }
                AxisRef::Loop(a) => Some(TermVariable::RegionLoop(a as usize)),
            };
            // An axis without a loop has one position, 0.
            self.program.terms.extend(variable.map(|variable| PositionTerm { coef, variable }));
        }
        ListRange::since(start, &self.program.terms)
    }

    /// The variable for the position along an axis that loop `l` runs over.
    fn variable_of(&self, axis: u32, l: usize) -> TermVariable {
        match self.lists.chunked {
            Some((chunked_axis, chunked)) if chunked_axis == axis as usize => TermVariable::Chunked(chunked),
            _ => TermVariable::Loop(l),
        }
    }

    /// Appends the indirect terms of an index function, whose indices the given reads return.
    fn push_index_terms(&mut self, index: &Index<BufferId>, reads: &[usize]) {
        let read = index
            .indirect()
            .iter()
            .zip(reads)
            .map(|(i, &n)| PositionTerm { coef: i.coef, variable: TermVariable::Index(n) });
        self.program.terms.extend(read);
    }

    /// Appends the read of an index through `access`, and returns its number.
    fn push_index_read(&mut self, scope: &mut Scope<'_>, access: &Access<BufferId>) -> Result<usize, BindError> {
        let number = scope.reads;
        scope.reads += 1;
        let reads = self.push_positions(scope, DisplacedAccess::Read(number), access)?;
        let operand = self.push_access(access, scope.context.loops, None);
        let strides = self.program.strides.len();
        self.program.strides.resize(strides + scope.loops.kept + scope.loops.reduced, 0);
        for axis in 0..self.lists.loop_of_axis.len() {
            let along = self.stride(access, AxisRef::Own(axis as u32));
            match (self.lists.loop_of_axis[axis], self.lists.chunked) {
                (Some(_), Some((chunked_axis, chunked))) if chunked_axis == axis => {
                    self.program.strides[strides + chunked.inner] = along;
                    if let Some(outer) = chunked.outer {
                        self.program.strides[strides + outer] = along.wrapping_mul(chunked.len as isize);
                    }
                    let offset = &mut self.program.operands[operand].offset;
                    *offset = offset.wrapping_add(along.wrapping_mul(chunked.start as isize));
                }
                (Some(l), _) => self.program.strides[strides + l] = along,
                (None, _) => {}
            }
        }
        let start = self.program.terms.len();
        let mut reads = &reads[..];
        for index in &access.indices {
            self.program.terms.push(PositionTerm { coef: index.offset(), variable: TermVariable::NextAxis });
            self.terms(index);
            let (own, rest) = reads.split_at(index.indirect().len());
            self.push_index_terms(index, own);
            reads = rest;
        }
        let position_terms = ListRange::since(start, &self.program.terms);
        let (dtype, buffer) = (self.plan.buffer(access.tensor).dtype, access.tensor.0);
        let not_an_index = || BindError::Conversion { step: self.step, from: dtype.into(), to: Dtype::I64.into() };
        let read = IndexReaders::of(dtype, self.isa).ok_or_else(not_an_index)?;
        self.program.index_ops.push(IndexOp::Read(IndexRead {
            operand,
            dtype,
            read,
            strides,
            number,
            buffer,
            position_terms,
        }));
        Ok(number)
    }
}
