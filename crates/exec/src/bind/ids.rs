//! Ids as a program: which are read in which order, and what they add to the offsets of the operands.
//!
//! The recursion is as deep as gathers are nested in the plan.

use einfold_ir::{Access, AxisRef, BufferId, Index, OutOfRange, Term};
use smallvec::SmallVec;

use super::Binder;
use super::step::Work;
use crate::program::{Factor, Id, Indexed, Lookup, Loops, Position, Span, Times};

/// Whether a position that ids have a part in depends on `axis`.
pub(super) fn depend(access: &Access<BufferId>, axis: AxisRef) -> bool {
    let mut found = false;
    for index in access.indices.iter().filter(|i| !i.ids.is_empty()) {
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
    pub(super) fn bind_ids(&mut self, work: Work<'_>, loops: Loops) -> Span {
        let start = self.program.ids.len();
        let mut scope = Scope { work, loops, lookups: 0 };
        let accesses = [&work.step.write].into_iter().chain(&work.step.reads);
        for (operand, access) in accesses.enumerate() {
            self.positions(&mut scope, Indexed::Operand(operand), access);
        }
        Span::since(start, &self.program.ids)
    }

    /// Checks every position of `access` that ids have a part in; the numbers of the lookups, in order.
    fn positions(&mut self, scope: &mut Scope<'_>, of: Indexed, access: &Access<BufferId>) -> Numbers {
        let mut all = Numbers::new();
        for (axis, index) in access.indices.iter().enumerate().filter(|(_, i)| !i.ids.is_empty()) {
            let numbers: Numbers = index.ids.iter().map(|i| self.lookup(scope, &i.access)).collect();
            let terms = self.terms(index);
            let ids = self.program.terms.len();
            self.push_read(index, &numbers);
            let ids = Span::since(ids, &self.program.terms);
            let has = |policy| index.ids.iter().any(|i| i.policy == policy);
            self.program.ids.push(Id::At(Position {
                of,
                stride: self.buffer_stride(access.tensor, axis),
                extent: self.plan.buffer(access.tensor).extents[axis],
                offset: index.offset,
                terms,
                ids,
                wrap: has(OutOfRange::Wrap),
                drop: has(OutOfRange::Drop),
                buffer: access.tensor.0,
                axis,
            }));
            all.extend(numbers);
        }
        all
    }

    /// The part of an index function that the loops decide.
    fn terms(&mut self, index: &Index<BufferId>) -> Span {
        let start = self.program.terms.len();
        for &Term { coef, axis } in &index.terms {
            let what = match axis {
                AxisRef::Own(a) => self.work.places.get(a as usize).copied().flatten().map(Factor::Loop),
                AxisRef::Loop(a) => Some(Factor::Turn(a as usize)),
            };
            // An axis without a loop has one position, 0.
            self.program.terms.extend(what.map(|what| Times { coef, what }));
        }
        Span::since(start, &self.program.terms)
    }

    /// The part of an index function that ids decide, which the lookups of these numbers read.
    fn push_read(&mut self, index: &Index<BufferId>, numbers: &[usize]) {
        let read = index.ids.iter().zip(numbers).map(|(i, &n)| Times { coef: i.coef, what: Factor::Id(n) });
        self.program.terms.extend(read);
    }

    /// Reads an id through `access`; the number of the lookup.
    fn lookup(&mut self, scope: &mut Scope<'_>, access: &Access<BufferId>) -> usize {
        let number = scope.lookups;
        scope.lookups += 1;
        let numbers = self.positions(scope, Indexed::Lookup(number), access);
        let operand = self.push_access(access, scope.work.loops, None);
        let strides = self.program.strides.len();
        self.program.strides.resize(strides + scope.loops.kept + scope.loops.reduced, 0);
        for axis in 0..self.work.places.len() {
            if let Some(place) = self.work.places[axis] {
                self.program.strides[strides + place] = self.stride(access, AxisRef::Own(axis as u32));
            }
        }
        let start = self.program.terms.len();
        let mut numbers = &numbers[..];
        for index in &access.indices {
            self.program.terms.push(Times { coef: index.offset, what: Factor::Axis });
            self.terms(index);
            let (own, rest) = numbers.split_at(index.ids.len());
            self.push_read(index, own);
            numbers = rest;
        }
        let place = Span::since(start, &self.program.terms);
        let (dtype, buffer) = (self.plan.buffer(access.tensor).dtype, access.tensor.0);
        self.program.ids.push(Id::Read(Lookup { operand, dtype, strides, number, buffer, place }));
        number
    }
}
