//! How a tensor is read or written: one index function for each of its axes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

/// An opaque name that only people read: of an axis, a tensor, a node.
pub type Label = Arc<str>;

/// One axis of an iteration space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The name shown to people; two axes may share it.
    pub label: Label,
    /// How many positions it has.
    pub extent: usize,
}

impl Axis {
    /// An axis with a name and an extent.
    pub fn new(label: impl Into<Label>, extent: usize) -> Axis {
        Axis { label: label.into(), extent }
    }
}

/// Which axis an index function speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum AxisRef {
    /// Axis of the iteration space of the node or step itself.
    Own(u32),
    /// Loop axis of the region around it: a sliced axis.
    Loop(u32),
}

/// `coef * axis`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Term {
    /// The factor; negative reads backwards. Never 0.
    pub coef: i64,
    /// The axis.
    pub axis: AxisRef,
}

/// The position along one axis of a tensor: `offset + Σ coef·axis + Σ coef·ids[…]`.
///
/// A plain axis is one term with coefficient 1; a stretched size-1 axis is the constant 0; a merged pair `(a b)` has the
/// terms `extent(b)·a + b`; a window is any other affine function; a gather or scatter has `ids`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index<T> {
    /// The constant part.
    pub offset: i64,
    /// The affine part; each axis at most once.
    pub terms: Vec<Term>,
    /// The data-dependent part.
    pub ids: Vec<Ids<T>>,
}

/// `coef * ids[…]`: a position read from an integer tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids<T> {
    /// The factor. Never 0.
    pub coef: i64,
    /// Where the integer is read; its tensor has an integer dtype.
    pub access: Access<T>,
    /// What happens where the position is outside the indexed axis.
    pub policy: OutOfRange,
}

/// What an id outside its axis does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutOfRange {
    /// The run stops with an error that names the id.
    Error,
    /// The point contributes nothing.
    Drop,
    /// Negative ids count from the end, once; what is still outside is an error.
    Wrap,
}

impl OutOfRange {
    /// All policies.
    pub const ALL: [OutOfRange; 3] = [OutOfRange::Error, OutOfRange::Drop, OutOfRange::Wrap];

    /// Its name in options.
    pub fn name(self) -> &'static str {
        match self {
            OutOfRange::Error => "error",
            OutOfRange::Drop => "drop",
            OutOfRange::Wrap => "wrap",
        }
    }

    /// The policy with this name.
    pub fn from_name(name: &str) -> Option<OutOfRange> {
        OutOfRange::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

/// A tensor read or written through index functions, one for each of its axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access<T> {
    /// The tensor: a node of an `Ir`, a buffer of a `Plan`.
    pub tensor: T,
    /// The position along each axis of the tensor.
    pub indices: Vec<Index<T>>,
    /// Whether each element is conjugated when it is read.
    pub conj: bool,
}

impl<T> Index<T> {
    /// A fixed position.
    pub fn constant(offset: i64) -> Index<T> {
        Index { offset, terms: Vec::new(), ids: Vec::new() }
    }

    /// The plain axis `axis` of the own iteration space.
    pub fn axis(axis: u32) -> Index<T> {
        Index::affine(0, [(1, AxisRef::Own(axis))])
    }

    /// `offset + Σ coef·axis`.
    pub fn affine(offset: i64, terms: impl IntoIterator<Item = (i64, AxisRef)>) -> Index<T> {
        let terms = terms.into_iter().map(|(coef, axis)| Term { coef, axis }).collect();
        Index { offset, terms, ids: Vec::new() }
    }

    /// `ids[…]`, a gather when read and a scatter when written.
    pub fn gather(access: Access<T>, policy: OutOfRange) -> Index<T> {
        Index { offset: 0, terms: Vec::new(), ids: vec![Ids { coef: 1, access, policy }] }
    }

    /// The axis of the own iteration space that this index is, if it is nothing but that.
    pub fn as_axis(&self) -> Option<u32> {
        match (self.offset, &self.terms[..], &self.ids[..]) {
            (0, &[Term { coef: 1, axis: AxisRef::Own(axis) }], []) => Some(axis),
            _ => None,
        }
    }

    /// The least and the greatest position over all points, ids left out; `None` on overflow of `i64`.
    /// `extent` gives the extent of an axis, which must not be 0.
    pub fn range(&self, extent: impl Fn(AxisRef) -> usize) -> Option<(i64, i64)> {
        let (mut low, mut high) = (self.offset, self.offset);
        for term in &self.terms {
            let last = i64::try_from(extent(term.axis)).ok()?.checked_sub(1)?;
            let reach = term.coef.checked_mul(last)?;
            low = low.checked_add(reach.min(0))?;
            high = high.checked_add(reach.max(0))?;
        }
        Some((low, high))
    }

    /// Calls `f` with every axis that it uses, those of ids included.
    pub fn for_each_axis(&self, f: &mut impl FnMut(AxisRef)) {
        self.terms.iter().for_each(|t| f(t.axis));
        self.ids.iter().for_each(|i| i.access.for_each_axis(f));
    }

    /// The same index over another kind of tensor.
    pub fn map<U>(&self, tensor: &impl Fn(&T) -> U) -> Index<U> {
        let ids = |i: &Ids<T>| Ids { coef: i.coef, access: i.access.map(tensor), policy: i.policy };
        Index { offset: self.offset, terms: self.terms.clone(), ids: self.ids.iter().map(ids).collect() }
    }
}

impl<T> Access<T> {
    /// Reads or writes `tensor` through `indices`.
    pub fn new(tensor: T, indices: Vec<Index<T>>) -> Access<T> {
        Access { tensor, indices, conj: false }
    }

    /// Reads or writes `tensor` along plain axes of the own iteration space.
    pub fn plain(tensor: T, axes: impl IntoIterator<Item = u32>) -> Access<T> {
        Access::new(tensor, axes.into_iter().map(Index::axis).collect())
    }

    /// The same access over another kind of tensor.
    pub fn map<U>(&self, tensor: &impl Fn(&T) -> U) -> Access<U> {
        Access {
            tensor: tensor(&self.tensor),
            indices: self.indices.iter().map(|i| i.map(tensor)).collect(),
            conj: self.conj,
        }
    }

    /// The axes of each index when all are plain and of the own iteration space.
    pub fn as_plain(&self) -> Option<Vec<u32>> {
        self.indices.iter().map(Index::as_axis).collect()
    }

    /// Whether any position comes from an integer tensor.
    pub fn has_ids(&self) -> bool {
        self.indices.iter().any(|i| !i.ids.is_empty())
    }

    /// Calls `f` with every tensor that is read or written, those of ids included.
    pub fn for_each_tensor(&self, f: &mut impl FnMut(&T)) {
        f(&self.tensor);
        self.indices.iter().flat_map(|i| &i.ids).for_each(|i| i.access.for_each_tensor(f));
    }

    /// Calls `f` with every axis that any index function uses, those of ids included.
    pub fn for_each_axis(&self, f: &mut impl FnMut(AxisRef)) {
        self.indices.iter().for_each(|i| i.for_each_axis(f));
    }

    /// How many of the loops around it the access depends on, outermost first: up to the last that moves it.
    pub fn depth(&self) -> usize {
        let mut depth = 0;
        self.for_each_axis(&mut |axis| {
            if let AxisRef::Loop(turn) = axis {
                depth = depth.max(turn as usize + 1);
            }
        });
        depth
    }

    /// Whether two points that differ in `axis` never have the same position: along some axis of the tensor it is a digit of
    /// a number of mixed base. `extent` gives the extent of an axis.
    pub fn tells(&self, axis: AxisRef, extent: impl Fn(AxisRef) -> usize) -> bool {
        let digit = |index: &Index<T>| {
            let mut terms: Vec<&Term> = index.terms.iter().filter(|t| extent(t.axis) > 1).collect();
            terms.sort_by_key(|t| t.coef.unsigned_abs());
            let Some(at) = terms.iter().position(|t| t.axis == axis).filter(|_| index.ids.is_empty()) else {
                return false;
            };
            let mut reach = 0u64;
            terms.iter().enumerate().all(|(k, term)| {
                let beyond = k < at || term.coef.unsigned_abs() > reach;
                let more = term.coef.unsigned_abs().saturating_mul(extent(term.axis) as u64 - 1);
                reach = reach.saturating_add(more);
                beyond
            })
        };
        extent(axis) < 2 || self.indices.iter().any(digit)
    }
}

/// Adds up, saturating, the terms of each axis, in the order in which the axes come first; those that cancel go.
pub fn add_up(terms: &mut Vec<Term>) {
    if terms.len() < 2 {
        terms.retain(|term| term.coef != 0);
        return;
    }
    let mut places: HashMap<AxisRef, usize> = HashMap::with_capacity(terms.len());
    let mut sums: Vec<Term> = Vec::with_capacity(terms.len());
    for term in terms.drain(..) {
        match places.entry(term.axis) {
            Entry::Occupied(place) => {
                let known = &mut sums[*place.get()];
                known.coef = known.coef.saturating_add(term.coef);
            }
            Entry::Vacant(place) => {
                place.insert(sums.len());
                sums.push(term);
            }
        }
    }
    sums.retain(|term| term.coef != 0);
    *terms = sums;
}

impl fmt::Display for AxisRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AxisRef::Own(a) => write!(f, "{a}"),
            AxisRef::Loop(a) => write!(f, "L{a}"),
        }
    }
}

/// Shows an access with names for its axes and tensors: `%1[i, 2*j+1, %0[n]]`.
pub struct ShowAccess<'a, T, A, N> {
    /// What is shown.
    pub access: &'a Access<T>,
    /// The name of an axis.
    pub axis: A,
    /// The name of a tensor.
    pub tensor: N,
}

impl<T, A: Fn(AxisRef) -> Label, N: Fn(&T) -> Label> fmt::Display for ShowAccess<'_, T, A, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_access(self.access, &self.axis, &self.tensor, f)
    }
}

fn show_access<T>(
    access: &Access<T>,
    axis: &impl Fn(AxisRef) -> Label,
    tensor: &impl Fn(&T) -> Label,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let (open, close) = if access.conj { ("conj(", ")") } else { ("", "") };
    write!(f, "{open}{}", tensor(&access.tensor))?;
    for (k, index) in access.indices.iter().enumerate() {
        f.write_str(if k == 0 { "[" } else { ", " })?;
        show_index(index, axis, tensor, f)?;
    }
    write!(f, "{}{close}", if access.indices.is_empty() { "" } else { "]" })
}

fn show_index<T>(
    index: &Index<T>,
    axis: &impl Fn(AxisRef) -> Label,
    tensor: &impl Fn(&T) -> Label,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut first = true;
    let sign = |coef: i64, first: &mut bool, f: &mut fmt::Formatter<'_>| {
        let sign = if coef < 0 { "-" } else { "+" };
        if !(*first && coef >= 0) {
            f.write_str(sign)?;
        }
        *first = false;
        if coef.unsigned_abs() == 1 { Ok(()) } else { write!(f, "{}*", coef.unsigned_abs()) }
    };
    for term in &index.terms {
        sign(term.coef, &mut first, f)?;
        f.write_str(&axis(term.axis))?;
    }
    for ids in &index.ids {
        sign(ids.coef, &mut first, f)?;
        show_access(&ids.access, axis, tensor, f)?;
    }
    match (first, index.offset) {
        (true, offset) => write!(f, "{offset}"),
        (false, 0) => Ok(()),
        (false, offset) => write!(f, "{offset:+}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, AxisRef, Index, Term, add_up};

    #[test]
    fn terms_of_one_axis_are_added_up() {
        let term = |coef, axis| Term { coef, axis: AxisRef::Own(axis) };
        let sum = |terms: &[Term]| {
            let mut terms = terms.to_vec();
            add_up(&mut terms);
            terms
        };
        assert_eq!(sum(&[term(2, 1), term(1, 0), term(3, 1), term(4, 2), term(-4, 2)]), [term(5, 1), term(1, 0)]);
        assert_eq!((sum(&[term(0, 1)]), sum(&[term(1, 1)])), (vec![], vec![term(1, 1)]));
        assert_eq!(sum(&[term(i64::MAX, 0), term(1, 0)]), [term(i64::MAX, 0)]);
        // A search among the terms for each of them would take minutes.
        let many: Vec<Term> = (0..1_000_000).map(|axis| term(1, axis)).collect();
        assert_eq!(sum(&many), many);
    }

    #[test]
    fn an_axis_is_told_from_positions_if_it_is_a_digit_of_them() {
        let [i, j, l] = [AxisRef::Own(0), AxisRef::Own(1), AxisRef::Loop(0)];
        let extent = |axis: AxisRef| match axis {
            AxisRef::Own(0) => 3,
            AxisRef::Own(_) => 4,
            AxisRef::Loop(_) => 5,
        };
        let tells = |indices: &[&[(i64, AxisRef)]], axis| {
            let indices = indices.iter().map(|terms| Index::affine(7, terms.iter().copied())).collect();
            Access::new((), indices).tells(axis, extent)
        };
        for (indices, told) in [
            (&[&[(3, l), (1, i)][..]][..], true),
            (&[&[(-3, l), (1, i)]], true),
            (&[&[(2, l), (1, i)]], false),
            (&[&[(1, l), (5, i)]], true),
            (&[&[(1, l), (4, i)]], false),
            (&[&[(3, l), (1, i), (15, j)]], true),
            (&[&[(3, l), (1, i), (14, j)]], false),
            (&[&[(1, i)], &[(1, j)]], false),
            (&[&[(1, l), (1, i)], &[(1, l)]], true),
        ] {
            assert_eq!(tells(indices, l), told, "{indices:?}");
            // As counting says.
            let mut seen = std::collections::BTreeMap::new();
            let points = (0..5).flat_map(|l| (0..3).flat_map(move |i| (0..4).map(move |j| (l, i, j))));
            let apart = points.into_iter().all(|(at, i, j)| {
                let value = |axis| match axis {
                    AxisRef::Own(0) => i,
                    AxisRef::Own(_) => j,
                    AxisRef::Loop(_) => at,
                };
                let place = |terms: &&[(i64, AxisRef)]| terms.iter().map(|(c, a)| c * value(*a)).sum::<i64>();
                let position: Vec<i64> = indices.iter().map(place).collect();
                *seen.entry(position).or_insert(at) == at
            });
            assert!(apart || !told, "{indices:?}");
        }
    }
}
