//! Ids as a program: which are read in which order, and what they add to the offsets of the operands.
//!
//! The recursion is as deep as gathers are nested in the plan.

use einfold_ir::{Access, AxisRef, BufferId, Dtype, Index, OutOfRange, Term};
use smallvec::SmallVec;

use super::Binder;
use super::step::Work;
use crate::error::BindError;
use crate::kernels::ReadIds;
use crate::program::{Factor, Id, Indexed, Lookup, Loops, Position, Span, Times};

/// Whether a position that ids have a part in depends on `axis`.
pub(super) fn depend(access: &Access<BufferId>, axis: AxisRef) -> bool {
    let mut found = false;
    for index in access.indices.iter().filter(|i| i.has_ids()) {
        index.for_each_axis(&mut |a| found |= a == axis);
    }
    found
}

/// Numbers of lookups.
type Numbers = SmallVec<[usize; 4]>;

/// What is known while the ids of one nest are bound.
struct Scope<'p> {
    work: Work<'p>,
    loops: Loops,
    lookups: usize,
}

impl Binder<'_> {
    /// The program for the ids of a step whose loops are placed.
    pub(super) fn bind_ids(&mut self, work: Work<'_>, loops: Loops) -> Result<Span, BindError> {
        let start = self.program.ids.len();
        let mut scope = Scope { work, loops, lookups: 0 };
        let accesses = [&work.step.write].into_iter().chain(&work.step.reads);
        for (operand, access) in accesses.enumerate() {
            self.positions(&mut scope, Indexed::Operand(operand), access)?;
        }
        Ok(Span::since(start, &self.program.ids))
    }

    /// Checks every position of `access` that ids have a part in; the numbers of the lookups, in order.
    fn positions(
        &mut self,
        scope: &mut Scope<'_>,
        of: Indexed,
        access: &Access<BufferId>,
    ) -> Result<Numbers, BindError> {
        let mut all = Numbers::new();
        for (axis, index) in access.indices.iter().enumerate().filter(|(_, i)| i.has_ids()) {
            let numbers: Numbers =
                index.ids().iter().map(|i| self.lookup(scope, &i.access)).collect::<Result<_, _>>()?;
            let terms = self.terms(index);
            let ids = self.program.terms.len();
            self.push_read(index, &numbers);
            let ids = Span::since(ids, &self.program.terms);
            let has = |policy| index.ids().iter().any(|i| i.policy == policy);
            self.program.ids.push(Id::At(Position {
                of,
                stride: self.buffer_stride(access.tensor, axis),
                extent: self.plan.buffer(access.tensor).extents[axis],
                offset: index.offset(),
                terms,
                ids,
                wrap: has(OutOfRange::Wrap),
                drop: has(OutOfRange::Drop),
                buffer: access.tensor.0,
                axis,
            }));
            all.extend(numbers);
        }
        Ok(all)
    }

    /// The part of an index function that the loops decide.
    fn terms(&mut self, index: &Index<BufferId>) -> Span {
        let start = self.program.terms.len();
        for &Term { coef, axis } in index.terms() {
            let what = match axis {
                AxisRef::Own(a) => self.work.places.get(a as usize).copied().flatten().map(|l| self.factor_of(a, l)),
                AxisRef::Loop(a) => Some(Factor::Turn(a as usize)),
            };
            // An axis without a loop has one position, 0.
            self.program.terms.extend(what.map(|what| Times { coef, what }));
        }
        Span::since(start, &self.program.terms)
    }

    /// The position of an axis, of which loop `place` runs.
    fn factor_of(&self, axis: u32, place: usize) -> Factor {
        match self.work.cut {
            Some((cut_axis, cut)) if cut_axis == axis as usize => Factor::Cut(cut),
            _ => Factor::Loop(place),
        }
    }

    /// The part of an index function that ids decide, which the lookups of these numbers read.
    fn push_read(&mut self, index: &Index<BufferId>, numbers: &[usize]) {
        let read = index.ids().iter().zip(numbers).map(|(i, &n)| Times { coef: i.coef, what: Factor::Id(n) });
        self.program.terms.extend(read);
    }

    /// Reads an id through `access`; the number of the lookup.
    fn lookup(&mut self, scope: &mut Scope<'_>, access: &Access<BufferId>) -> Result<usize, BindError> {
        let number = scope.lookups;
        scope.lookups += 1;
        let numbers = self.positions(scope, Indexed::Lookup(number), access)?;
        let operand = self.push_access(access, scope.work.loops, None);
        let strides = self.program.strides.len();
        self.program.strides.resize(strides + scope.loops.kept + scope.loops.reduced, 0);
        for axis in 0..self.work.places.len() {
            let along = self.stride(access, AxisRef::Own(axis as u32));
            match (self.work.places[axis], self.work.cut) {
                (Some(_), Some((cut_axis, cut))) if cut_axis == axis => {
                    self.program.strides[strides + cut.inner] = along;
                    if let Some(outer) = cut.outer {
                        self.program.strides[strides + outer] = along.wrapping_mul(cut.len as isize);
                    }
                    let offset = &mut self.program.operands[operand].offset;
                    *offset = offset.wrapping_add(along.wrapping_mul(cut.start as isize));
                }
                (Some(place), _) => self.program.strides[strides + place] = along,
                (None, _) => {}
            }
        }
        let start = self.program.terms.len();
        let mut numbers = &numbers[..];
        for index in &access.indices {
            self.program.terms.push(Times { coef: index.offset(), what: Factor::Axis });
            self.terms(index);
            let (own, rest) = numbers.split_at(index.ids().len());
            self.push_read(index, own);
            numbers = rest;
        }
        let place = Span::since(start, &self.program.terms);
        let (dtype, buffer) = (self.plan.buffer(access.tensor).dtype, access.tensor.0);
        let no_ids = || BindError::Conversion { step: self.step, from: dtype.into(), to: Dtype::I64.into() };
        let read = ReadIds::of(dtype, self.isa).ok_or_else(no_ids)?;
        self.program.ids.push(Id::Read(Lookup { operand, dtype, read, strides, number, buffer, place }));
        Ok(number)
    }
}
