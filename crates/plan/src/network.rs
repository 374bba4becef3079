//! Evaluation strategies of contractions, and the network that the order search sees.

use std::collections::HashMap;
use std::fmt;

use einfold_ir::{Access, Axis, AxisRef, AxisSet, Contraction, Count, Index, Ir, Network, Node, NodeId, OutOfRange};

use crate::roles::AxisList;

/// The evaluation strategy of a contraction, decided from its algebra and its shape before any order search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// A reduced axis is empty: no point contributes, and the result is the identity of ⊕. This is decided first,
    /// because an order could multiply the identity of an inner sum by a value that it does not absorb.
    Empty,
    /// One step, for this reason.
    Flat(Why),
    /// Pair by pair, along a contraction tree.
    Factored,
    /// With index tensors: pair by pair along a tree whose selections tell where the gather and scatter indices are
    /// used, or in one step, whichever costs less.
    ThroughIds,
}

/// The reason why a contraction is evaluated in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The contribution of a point is not a plain product.
    Expression,
    /// There are fewer than two factors.
    FewFactors,
    /// The iteration space is empty, and so is the result.
    NoPoints,
    /// ⊗ does not distribute over ⊕ on the dtype, so that no sum may be moved out of the product.
    NotDistributive,
    /// The dtype of the node cannot hold the accumulator, so that no partial sums can be stored.
    NoAccumulator,
    /// An out-of-range index drops the whole point, which only a single step can do.
    Drops,
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Treatment::Empty => "empty: the identity",
            Treatment::Factored => "factored: the product distributes over the sum",
            Treatment::Flat(Why::Expression) => "one step: a pointwise expression",
            Treatment::Flat(Why::FewFactors) => "one step: there is no order to choose",
            Treatment::Flat(Why::NoPoints) => "one step: there are no points",
            Treatment::Flat(Why::NotDistributive) => "flat: the product does not distribute over the sum",
            Treatment::Flat(Why::NoAccumulator) => "flat: sums are not kept in this dtype",
            Treatment::Flat(Why::Drops) => "flat: an id may drop a point",
            Treatment::ThroughIds => "positions come from an integer tensor",
        })
    }
}

/// The evaluation strategy of the contraction of `node`.
pub fn treatment(node: &Node, c: &Contraction) -> Treatment {
    let empty = |a: u32| c.axes[a as usize].extent == 0;
    if c.axes.iter().any(|a| a.extent == 0) {
        let reduced = c.reduced().into_iter().any(empty);
        return if reduced { Treatment::Empty } else { Treatment::Flat(Why::NoPoints) };
    }
    if c.expr.is_some() {
        Treatment::Flat(Why::Expression)
    } else if c.factors.len() < 2 {
        Treatment::Flat(Why::FewFactors)
    } else if !c.algebra.laws(node.dtype).distributive {
        Treatment::Flat(Why::NotDistributive)
    } else if c.algebra.accumulator(node.dtype) != node.dtype {
        Treatment::Flat(Why::NoAccumulator)
    } else if any_drops(c) {
        Treatment::Flat(Why::Drops)
    } else if c.factors.iter().any(Access::has_indirect) || c.output.iter().any(|i| i.has_indirect()) {
        Treatment::ThroughIds
    } else {
        Treatment::Factored
    }
}

/// Whether an out-of-range index of the contraction drops points.
pub(crate) fn any_drops(c: &Contraction) -> bool {
    c.factors.iter().any(drops) || c.output.iter().any(index_drops)
}

/// Whether an out-of-range index of the access drops points. The recursion is as deep as gathers are nested.
pub(crate) fn drops(access: &Access<NodeId>) -> bool {
    access.indices.iter().any(index_drops)
}

fn index_drops(index: &Index<NodeId>) -> bool {
    index.indirect().iter().any(|ids| ids.policy == OutOfRange::Drop || drops(&ids.access))
}

/// The network of a contraction: each factor with the axes that its index functions use, axes numbered as in the
/// contraction. Axes of extent 1 are left out, and so are output axes that no factor has: neither constrains an order.
/// A result whose elements are not the positions of its axes has its number of elements given separately. `None` for a
/// node that is not factored.
pub fn network(ir: &Ir, id: NodeId) -> Option<Network> {
    let node = ir.node(id);
    let factored = node.contraction().filter(|c| treatment(node, c) == Treatment::Factored);
    factored.map(|c| network_of(c, &node.shape))
}

/// The network of a contraction with any evaluation strategy and a result of this shape; see [`network`].
pub(crate) fn network_of(c: &Contraction, shape: &[usize]) -> Network {
    let inputs: Vec<Vec<u32>> = c.factors.iter().map(|f| axes_of(&f.indices, &c.axes).into_vec()).collect();
    let mut output = axes_of(&c.output, &c.axes).into_vec();
    let used = AxisSet::of(inputs.iter().flatten());
    output.retain(|&a| used.has(a));
    let positions = Count::product(output.iter().map(|&a| c.axes[a as usize].extent as u64));
    let elements = Count::elements(shape);
    let extents = c.axes.iter().map(|a| a.extent as u64).collect();
    let network = Network::new(inputs, output, extents).expect("axes of a checked contraction exist");
    if elements == positions { network } else { network.with_result(elements) }
}

/// For each own axis, the first index that is exactly that axis.
pub(crate) fn places<T>(indices: &[Index<T>]) -> HashMap<u32, usize> {
    let mut places = HashMap::new();
    for (place, index) in indices.iter().enumerate() {
        index.as_axis().map(|axis| *places.entry(axis).or_insert(place));
    }
    places
}

/// Whether all indices are plain axes, each another one.
pub(crate) fn are_distinct_axes<T>(indices: &[Index<T>]) -> bool {
    let mut seen = AxisSet::default();
    indices.iter().all(|index| index.as_axis().is_some_and(|axis| seen.insert(axis)))
}

/// The own axes that `indices` use, each once, in order of appearance, without those of extent 1.
pub(crate) fn axes_of<T>(indices: &[Index<T>], axes: &[Axis]) -> AxisList {
    lifted_axes_of(indices, axes, axes.len())
}

/// The axes that [`axes_of`] gives, and those of extent 1 from the axis `first` on, which stand for gathered positions.
pub(crate) fn lifted_axes_of<T>(indices: &[Index<T>], axes: &[Axis], first: usize) -> AxisList {
    let (mut list, mut seen) = (AxisList::new(), AxisSet::default());
    for index in indices {
        index.for_each_axis(&mut |axis| {
            if let AxisRef::Own(a) = axis
                && (axes[a as usize].extent != 1 || a as usize >= first)
                && seen.insert(a)
            {
                list.push(a);
            }
        });
    }
    list
}
