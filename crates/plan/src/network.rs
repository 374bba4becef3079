//! The network of a contraction, which the order search sees.

use std::collections::HashMap;

use einfold_ir::{Axis, AxisRef, AxisSet, Contraction, Count, Index, Ir, Network, NodeId};

use crate::evaluation::{Evaluation, evaluation};
use crate::roles::AxisList;

/// The network of a contraction: each factor with the axes that its index functions use, axes numbered as in the
/// contraction. Axes of extent 1 are left out, and so are output axes that no factor has: neither constrains an order.
/// A result whose elements are not the positions of its axes has its number of elements given separately. `None` for a
/// node that is not factored.
pub fn network(ir: &Ir, id: NodeId) -> Option<Network> {
    let node = ir.node(id);
    let factored = node.contraction().filter(|c| evaluation(node, c) == Evaluation::Factored);
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

/// For each own axis, the first axis of the tensor whose index function is exactly that axis.
pub(crate) fn dims_of_axes<T>(indices: &[Index<T>]) -> HashMap<u32, usize> {
    let mut dims = HashMap::new();
    for (dim, index) in indices.iter().enumerate() {
        index.as_axis().map(|axis| *dims.entry(axis).or_insert(dim));
    }
    dims
}

/// An axis for each extent, with its number as its name.
pub(crate) fn numbered_axes(extents: &[usize]) -> Vec<Axis> {
    extents.iter().enumerate().map(|(k, &extent)| Axis::new(format!("d{k}"), extent)).collect()
}

/// Makes `space`, a list of some of the axes `axes`, the iteration space of a contraction whose indices use `axes`; terms
/// of other axes are dropped. `places` has an entry for each axis, `None` before and after.
pub(crate) fn restrict(c: &mut Contraction, axes: &[Axis], space: &[u32], places: &mut [Option<u32>]) {
    (0..).zip(space).for_each(|(at, &axis)| places[axis as usize] = Some(at));
    let indices = c.factors.iter_mut().flat_map(|factor| &mut factor.indices).chain(&mut c.output);
    indices.for_each(|index| index.renumber(&|axis| places[axis as usize]));
    c.axes = space.iter().map(|&axis| axes[axis as usize].clone()).collect();
    space.iter().for_each(|&axis| places[axis as usize] = None);
}

/// Whether all indices are plain axes, each another one.
pub(crate) fn are_distinct_axes<T>(indices: &[Index<T>]) -> bool {
    let mut seen = AxisSet::default();
    indices.iter().all(|index| index.as_axis().is_some_and(|axis| seen.insert(axis)))
}

/// The own axes that `indices` use, each once, in order of appearance, without those of extent 1.
pub(crate) fn axes_of<T>(indices: &[Index<T>], axes: &[Axis]) -> AxisList {
    axes_of_from(indices, axes, axes.len())
}

/// The axes that [`axes_of`] gives, and those of extent 1 from the axis `first` on, which stand for gathered positions.
pub(crate) fn axes_of_from<T>(indices: &[Index<T>], axes: &[Axis], first: usize) -> AxisList {
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
