//! Accesses: a tensor with one index function for each of its axes.

mod index;

use std::borrow::Borrow;
use std::fmt;

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::nesting::{StridedAxis, nesting};

pub use self::index::Index;

/// A name for display, of an axis, a tensor or a node: up to 23 bytes without an allocation.
pub type Label = SmolStr;

/// The extents of a tensor: up to four without an allocation.
pub type Shape = SmallVec<[usize; 4]>;

/// One axis of an iteration space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The name for display; two axes may have the same.
    pub label: Label,
    /// The number of positions.
    pub extent: usize,
}

impl Axis {
    /// An axis with a name and an extent.
    pub fn new(label: impl Into<Label>, extent: usize) -> Axis {
        Axis { label: label.into(), extent }
    }
}

/// A reference to an axis from an index function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum AxisRef {
    /// An axis of the iteration space of the node or step itself.
    Own(u32),
    /// A loop of the surrounding region, numbered from the outermost: a sliced axis.
    Loop(u32),
}

impl AxisRef {
    /// The entry for this axis: `own` has one for each axis of the iteration space, `loops` one for each loop of the
    /// region. `None` if the axis does not exist.
    pub fn of<'a, T>(self, own: &'a [T], loops: &'a [T]) -> Option<&'a T> {
        match self {
            AxisRef::Own(axis) => own.get(axis as usize),
            AxisRef::Loop(axis) => loops.get(axis as usize),
        }
    }
}

/// A set of axes of one iteration space, one bit for each; the first 64 axes need no allocation.
#[derive(Clone, Debug, Default)]
pub struct AxisSet {
    first: u64,
    /// The words of the other axes.
    others: Vec<u64>,
}

impl AxisSet {
    /// The set of these axes.
    pub fn of<'a>(axes: impl IntoIterator<Item = &'a u32>) -> AxisSet {
        let mut set = AxisSet::default();
        axes.into_iter().for_each(|&axis| _ = set.insert(axis));
        set
    }

    /// Whether the axis is in the set.
    #[inline]
    pub fn has(&self, axis: u32) -> bool {
        let word = match axis as usize / 64 {
            0 => self.first,
            word => self.others.get(word - 1).copied().unwrap_or(0),
        };
        word >> (axis % 64) & 1 == 1
    }

    /// Adds an axis. Returns whether it was not in the set.
    #[inline]
    pub fn insert(&mut self, axis: u32) -> bool {
        let word = match axis as usize / 64 {
            0 => &mut self.first,
            number => {
                self.others.resize(self.others.len().max(number), 0);
                &mut self.others[number - 1]
            }
        };
        let old = std::mem::replace(word, *word | 1 << (axis % 64));
        old != *word
    }
}

/// The term `coef * axis`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AffineTerm {
    /// The coefficient; with a negative one the positions run backwards. Never 0.
    pub coef: i64,
    /// The axis.
    pub axis: AxisRef,
}

/// An indirect term `coef * access`: a position that an index tensor gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndirectTerm<T> {
    /// The coefficient. Never 0.
    pub coef: i64,
    /// The access to the index tensor, which has an integer dtype.
    pub access: Access<T>,
    /// The out-of-range policy of the gather or scatter index.
    pub policy: OutOfRange,
}

/// The out-of-range policy of a gather or scatter index: its effect outside the axis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OutOfRange {
    /// The run stops with an error that names the index.
    Error,
    /// The point contributes nothing.
    Drop,
    /// A negative index counts from the end, once; an index that is still outside is an error.
    Wrap,
}

impl OutOfRange {
    /// All policies.
    pub const ALL: [OutOfRange; 3] = [OutOfRange::Error, OutOfRange::Drop, OutOfRange::Wrap];

    /// The name of the policy in options.
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

/// One index function for each axis of a tensor; up to four are stored inline.
pub type Indices<T> = SmallVec<[Index<T>; 4]>;

/// Collects a list that is likely to be stored inline: pushing is faster than `collect` then.
#[inline]
pub fn few<A: smallvec::Array>(items: impl IntoIterator<Item = A::Item>) -> SmallVec<A> {
    let mut list = SmallVec::new();
    for item in items {
        list.push(item);
    }
    list
}

/// Whether the index functions are plain axes, each of `axes` exactly once.
pub(crate) fn is_one_to_one<T>(indices: &[Index<T>], axes: &[Axis]) -> bool {
    let mut seen = AxisSet::default();
    let mut is_new = |axis: u32| (axis as usize) < axes.len() && seen.insert(axis);
    indices.len() == axes.len() && indices.iter().all(|index| index.as_axis().is_some_and(&mut is_new))
}

/// A tensor read or written through index functions, one for each of its axes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access<T> {
    /// The tensor: a node of an `Ir`, a buffer of a `Plan`.
    pub tensor: T,
    /// The index function of each axis of the tensor.
    pub indices: Indices<T>,
    /// Whether each element is conjugated when it is read.
    pub conj: bool,
}

impl<T> Access<T> {
    /// An access to `tensor` through `indices`.
    pub fn new(tensor: T, indices: impl IntoIterator<Item = Index<T>>) -> Access<T> {
        Access { tensor, indices: few(indices), conj: false }
    }

    /// An access to `tensor` along plain axes of the iteration space of the node or step itself.
    pub fn plain(tensor: T, axes: impl IntoIterator<Item = u32>) -> Access<T> {
        Access::new(tensor, axes.into_iter().map(Index::axis))
    }

    /// The same access with its tensors mapped by `tensor`, index tensors included.
    pub fn map<U>(&self, tensor: &mut impl FnMut(&T) -> U) -> Access<U> {
        Access {
            tensor: tensor(&self.tensor),
            indices: few(self.indices.iter().map(|i| i.map(tensor))),
            conj: self.conj,
        }
    }

    /// Whether any index function has an indirect term.
    pub fn has_indirect(&self) -> bool {
        self.indices.iter().any(Index::has_indirect)
    }

    /// Calls `f` with every tensor that is read or written, index tensors included.
    pub fn for_each_tensor(&self, f: &mut impl FnMut(&T)) {
        f(&self.tensor);
        self.indices.iter().for_each(|i| i.for_each_tensor(f));
    }

    /// Calls `f` with every axis that any index function uses, those of indirect terms included.
    pub fn for_each_axis(&self, f: &mut impl FnMut(AxisRef)) {
        self.indices.iter().for_each(|i| i.for_each_axis(f));
    }

    /// The number of surrounding loops, outermost first, that the access depends on: up to the innermost that an index
    /// function uses.
    pub fn depth(&self) -> usize {
        let mut depth = 0;
        self.for_each_axis(&mut |axis| {
            if let AxisRef::Loop(number) = axis {
                depth = depth.max(number as usize + 1);
            }
        });
        depth
    }

    /// Whether two points that differ in `axis` certainly have different positions: along some axis of the tensor,
    /// `axis` is a digit of a mixed-radix number. `false` if that is not known. `extent` gives the extent of an axis.
    pub fn is_injective_in(&self, axis: AxisRef, extent: impl Fn(AxisRef) -> usize) -> bool {
        let digit = |index: &Index<T>| {
            let strided =
                |t: &AffineTerm| StridedAxis { stride: t.coef.unsigned_abs(), extent: extent(t.axis), axis: t.axis };
            let mut axes: SmallVec<[StridedAxis<AxisRef>; 4]> = index.terms().iter().map(strided).collect();
            let mut outer = nesting(&mut axes).skip_while(|(a, _)| *a != axis).peekable();
            !index.has_indirect() && outer.peek().is_some() && outer.all(|(_, order)| order.is_ge())
        };
        extent(axis) < 2 || self.indices.iter().any(digit)
    }

    /// The access as text, with the names that `axis` and `tensor` give: `%1[i, 2*j+1, %0[n]]`.
    pub fn show(&self, axis: &impl Fn(AxisRef) -> Label, tensor: &impl Fn(&T) -> Label) -> String {
        let coefficient = |coef: i64| match coef {
            1 => "+".to_string(),
            -1 => "-".to_string(),
            _ => format!("{coef:+}*"),
        };
        let index_function = |index: &Index<T>| {
            let mut text = String::new();
            for term in index.terms() {
                text += &format!("{}{}", coefficient(term.coef), axis(term.axis));
            }
            for term in index.indirect() {
                text += &format!("{}{}", coefficient(term.coef), term.access.show(axis, tensor));
            }
            if text.is_empty() || index.offset() != 0 {
                text += &format!("{:+}", index.offset());
            }
            text.strip_prefix('+').unwrap_or(&text).to_string()
        };
        let mut text = tensor(&self.tensor).to_string();
        if !self.indices.is_empty() {
            text += &format!("[{}]", self.indices.iter().map(index_function).collect::<Vec<_>>().join(", "));
        }
        if self.conj { format!("conj({text})") } else { text }
    }
}

impl<T: Clone> Access<T> {
    /// The access to the same tensor with the own axes replaced by the index functions `of`: see [`Index::compose`].
    pub fn compose<I: Borrow<Index<T>>>(&self, of: &impl Fn(u32) -> Option<I>) -> Access<T> {
        let indices = self.indices.iter().map(|index| index.compose(of)).collect();
        Access { tensor: self.tensor.clone(), indices, conj: self.conj }
    }
}

impl fmt::Display for AxisRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AxisRef::Own(a) => write!(f, "{a}"),
            AxisRef::Loop(a) => write!(f, "L{a}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, AxisRef, Index};

    #[test]
    fn an_access_is_injective_in_an_axis_that_is_a_digit_of_a_position() {
        let [i, j, l] = [AxisRef::Own(0), AxisRef::Own(1), AxisRef::Loop(0)];
        let extent = |axis: AxisRef| match axis {
            AxisRef::Own(0) => 3,
            AxisRef::Own(_) => 4,
            AxisRef::Loop(_) => 5,
        };
        let is_injective_in = |indices: &[&[(i64, AxisRef)]], axis| {
            let indices = indices.iter().map(|terms| Index::affine(7, terms.iter().copied()));
            Access::new((), indices).is_injective_in(axis, extent)
        };
        for (indices, injective) in [
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
            assert_eq!(is_injective_in(indices, l), injective, "{indices:?}");
            // Compare with the positions of all points.
            let mut seen = std::collections::BTreeMap::new();
            let points = (0..5).flat_map(|l| (0..3).flat_map(move |i| (0..4).map(move |j| (l, i, j))));
            let apart = points.into_iter().all(|(l, i, j)| {
                let value = |axis| match axis {
                    AxisRef::Own(0) => i,
                    AxisRef::Own(_) => j,
                    AxisRef::Loop(_) => l,
                };
                let position_along = |terms: &&[(i64, AxisRef)]| terms.iter().map(|(c, a)| c * value(*a)).sum::<i64>();
                let position: Vec<i64> = indices.iter().map(position_along).collect();
                *seen.entry(position).or_insert(l) == l
            });
            assert!(apart || !injective, "{indices:?}");
        }
    }
}
