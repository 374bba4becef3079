//! Index functions: the position along one axis of a tensor, and their algebra.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::slice;

use smallvec::SmallVec;

use super::{Access, AffineTerm, AxisRef, IndirectTerm, OutOfRange};

/// The position along one axis of a tensor: `offset + Σ coef·axis + Σ coef·ids[…]`.
///
/// A plain axis is one term with coefficient 1; a broadcast axis of size 1 is the constant 0; a merged axis `(a b)` has
/// the terms `extent(b)·a + b`; a window is any other affine function; a gather or scatter has indirect terms.
///
/// An affine function has a unique representation up to the order of its terms: each axis has at most one term, and no
/// coefficient is 0. Constants and multiples of one axis allocate no memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Index<T>(Repr<T>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Repr<T> {
    Constant(i64),
    AffineTerm(AffineTerm),
    /// Any other function.
    Sum(Box<Sum<T>>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sum<T> {
    offset: i64,
    terms: Vec<AffineTerm>,
    ids: Vec<IndirectTerm<T>>,
}

impl<T> Index<T> {
    /// A fixed position.
    pub fn constant(offset: i64) -> Index<T> {
        Index(Repr::Constant(offset))
    }

    /// The plain axis `axis` of the own iteration space.
    pub fn axis(axis: u32) -> Index<T> {
        Index(Repr::AffineTerm(AffineTerm { coef: 1, axis: AxisRef::Own(axis) }))
    }

    /// `offset + Σ coef·axis`.
    pub fn affine(offset: i64, terms: impl IntoIterator<Item = (i64, AxisRef)>) -> Index<T> {
        Index::new(offset, terms.into_iter().map(|(coef, axis)| AffineTerm { coef, axis }), Vec::new())
    }

    /// `ids[…]`: a gather when read, a scatter when written.
    pub fn gather(access: Access<T>, policy: OutOfRange) -> Index<T> {
        Index::new(0, [], vec![IndirectTerm { coef: 1, access, policy }])
    }

    /// `offset + Σ coef·axis + Σ coef·ids[…]`. Coefficients of the same axis are added, saturating.
    pub fn new(offset: i64, terms: impl IntoIterator<Item = AffineTerm>, ids: Vec<IndirectTerm<T>>) -> Index<T> {
        let mut terms = terms.into_iter().filter(|term| term.coef != 0);
        let (first, second) = (terms.next(), terms.next());
        if ids.is_empty() && second.is_none() && (offset == 0 || first.is_none()) {
            return Index(first.map_or(Repr::Constant(offset), Repr::AffineTerm));
        }
        let terms = combine(first.into_iter().chain(second).chain(terms).collect());
        Index(match (&terms[..], &ids[..]) {
            ([], []) => Repr::Constant(offset),
            (&[term], []) if offset == 0 => Repr::AffineTerm(term),
            _ => Repr::Sum(Box::new(Sum { offset, terms: terms.into_vec(), ids })),
        })
    }

    /// The constant part, the affine part and the indirect terms.
    fn parts(&self) -> (i64, &[AffineTerm], &[IndirectTerm<T>]) {
        match &self.0 {
            Repr::Constant(offset) => (*offset, &[], &[]),
            Repr::AffineTerm(term) => (0, slice::from_ref(term), &[]),
            Repr::Sum(sum) => (sum.offset, &sum.terms, &sum.ids),
        }
    }

    /// The constant part.
    pub fn offset(&self) -> i64 {
        self.parts().0
    }

    /// The affine part: each axis at most once.
    pub fn terms(&self) -> &[AffineTerm] {
        self.parts().1
    }

    /// The indirect terms.
    pub fn indirect(&self) -> &[IndirectTerm<T>] {
        self.parts().2
    }

    /// Whether any part of the position comes from an index tensor.
    pub fn has_indirect(&self) -> bool {
        matches!(&self.0, Repr::Sum(sum) if !sum.ids.is_empty())
    }

    /// The axis of the own iteration space that this index equals, if it is a plain axis.
    pub fn as_axis(&self) -> Option<u32> {
        match self.0 {
            Repr::AffineTerm(AffineTerm { coef: 1, axis: AxisRef::Own(axis) }) => Some(axis),
            _ => None,
        }
    }

    /// Whether the position is the same at every point.
    pub fn is_constant(&self) -> bool {
        matches!(self.0, Repr::Constant(_))
    }

    /// The least and the greatest position over all points, without indirect terms; `None` on overflow of `i64`.
    /// `extent` gives the extent of an axis, which must not be 0.
    pub fn range(&self, extent: impl Fn(AxisRef) -> usize) -> Option<(i64, i64)> {
        let (mut low, terms, _) = self.parts();
        let mut high = low;
        for term in terms {
            let last = i64::try_from(extent(term.axis)).ok()?.checked_sub(1)?;
            let reach = term.coef.checked_mul(last)?;
            low = low.checked_add(reach.min(0))?;
            high = high.checked_add(reach.max(0))?;
        }
        Some((low, high))
    }

    /// Calls `f` with every axis that the index uses, those of indirect terms included.
    pub fn for_each_axis(&self, f: &mut impl FnMut(AxisRef)) {
        let (_, terms, indirect) = self.parts();
        terms.iter().for_each(|t| f(t.axis));
        indirect.iter().for_each(|i| i.access.for_each_axis(f));
    }

    /// Calls `f` with every index tensor.
    pub fn for_each_tensor(&self, f: &mut impl FnMut(&T)) {
        self.indirect().iter().for_each(|i| i.access.for_each_tensor(f));
    }

    /// The same index with its index tensors mapped.
    pub fn map<U>(&self, tensor: &mut impl FnMut(&T) -> U) -> Index<U> {
        Index(match &self.0 {
            Repr::Constant(offset) => Repr::Constant(*offset),
            Repr::AffineTerm(term) => Repr::AffineTerm(*term),
            Repr::Sum(sum) => {
                let ids = sum.ids.iter().map(|term| term.with(term.access.map(tensor))).collect();
                Repr::Sum(Box::new(Sum { offset: sum.offset, terms: sum.terms.clone(), ids }))
            }
        })
    }
}

impl<T> IndirectTerm<T> {
    /// The term with another access.
    fn with<U>(&self, access: Access<U>) -> IndirectTerm<U> {
        IndirectTerm { coef: self.coef, access, policy: self.policy }
    }
}

impl<T: Clone> Index<T> {
    /// Replaces every own axis, also in indirect terms, by another. An axis without a replacement has only position 0,
    /// and its term is dropped.
    pub fn renumber(&mut self, to: &impl Fn(u32) -> Option<u32>) {
        *self = self.compose(&|axis| to(axis).map(Index::axis));
    }

    /// Replaces each own axis, also in indirect terms, by the index `of` that axis, which has no indirect terms. An
    /// axis without an index has only position 0. Coefficients saturate, which does not happen if all positions are
    /// inside a tensor.
    pub fn compose<I: Borrow<Index<T>>>(&self, of: &impl Fn(u32) -> Option<I>) -> Index<T> {
        if let Some(axis) = self.as_axis() {
            return of(axis).map_or(Index::constant(0), |inner| inner.borrow().clone());
        }
        let (mut offset, mut terms) = (self.offset(), Terms::new());
        for term in self.terms() {
            match term.axis {
                AxisRef::Loop(_) => terms.push(*term),
                AxisRef::Own(axis) => {
                    let Some(inner) = of(axis) else { continue };
                    let inner = inner.borrow();
                    offset = offset.saturating_add(term.coef.saturating_mul(inner.offset()));
                    terms.extend(inner.terms().iter().map(|t| t.times(term.coef)));
                }
            }
        }
        Index::new(offset, terms, self.indirect().iter().map(|term| term.with(term.access.compose(of))).collect())
    }
}

impl AffineTerm {
    /// The term times another factor, saturating.
    fn times(&self, coef: i64) -> AffineTerm {
        AffineTerm { coef: self.coef.saturating_mul(coef), axis: self.axis }
    }
}

/// The largest number of terms that are compared pairwise.
const FEW: usize = 8;

type Terms = SmallVec<[AffineTerm; FEW]>;

/// Adds, saturating, the terms of each axis, in the order in which the axes first appear; terms that cancel are
/// removed.
fn combine(terms: Terms) -> Terms {
    let repeats = |(k, term): (usize, &AffineTerm)| terms[..k].iter().any(|other| other.axis == term.axis);
    if terms.len() <= FEW && !terms.iter().enumerate().any(repeats) {
        return terms;
    }
    let mut places: HashMap<AxisRef, usize> = HashMap::with_capacity(terms.len());
    let mut sums = Terms::with_capacity(terms.len());
    for term in terms {
        let place = *places.entry(term.axis).or_insert(sums.len());
        match sums.get_mut(place) {
            Some(known) => known.coef = known.coef.saturating_add(term.coef),
            None => sums.push(term),
        }
    }
    sums.retain(|term| term.coef != 0);
    sums
}

#[cfg(test)]
mod tests;
