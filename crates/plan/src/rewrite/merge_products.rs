//! Merges products of products, so that their order is searched as a whole.

use einfold_ir::{Algebra, Axis, AxisSet, Contraction, Index, Ir, Node, NodeId, RegionId};

use super::{Rewritten, merge};
use crate::evaluation::{Evaluation, FlatReason, any_drops, evaluation};
use crate::network::dims_of_axes;

/// The most tensors of the network of a merged product: its factors and its selections. Up to this number the order
/// search is exact, so the order of the merged product costs no more than those of the two products, which together are
/// one of its orders.
const MOST_TENSORS: usize = 10;

/// Merges every product that is used once into the product that uses it.
///
/// The law is that ⊗ distributes over ⊕. Both products have the same algebra on the same dtype, so that nothing is
/// rounded or wraps in between; neither is pinned, lacks factors, or drops points.
pub(crate) fn run(ir: &Ir) -> Rewritten {
    let inits: Vec<NodeId> = ir.contractions().filter_map(|(_, c)| c.init).collect();
    merge(ir, is_product, |_, (id, node, outer), k, (inner_node, inner)| {
        // Nodes that accumulate into one result have the same algebra.
        let keeps_algebra = outer.init.is_some() || inits.contains(&id);
        let algebra = joint_algebra(outer, inner, keeps_algebra)?;
        let lawful = algebra.laws(node.dtype).distributive && inner_node.dtype == node.dtype && inner.init.is_none();
        let fits = lawful && is_product(inner_node, inner) && is_substitutable(outer, k, inner_node, inner);
        fits.then(|| merged(outer, k, inner, algebra)).flatten()
    })
}

/// Whether a node is a product that may be reordered.
fn is_product(node: &Node, c: &Contraction) -> bool {
    let strategy = evaluation(node, c);
    let product = matches!(
        strategy,
        Evaluation::Factored | Evaluation::WithSelections | Evaluation::Flat(FlatReason::FewFactors)
    );
    let exact = c.algebra.accumulator(node.dtype) == node.dtype;
    product && !any_drops(c) && exact && !c.pinned && !c.factors.is_empty() && node.region == RegionId::TOP
}

/// The common algebra, if there is one: an outer contraction that only moves elements takes the algebra of the inner
/// one unless it keeps its own, and an inner one that reduces nothing takes that of the outer if both have the same ⊗.
fn joint_algebra(outer: &Contraction, inner: &Contraction, keeps_algebra: bool) -> Option<Algebra> {
    let mul = |c: &Contraction| match c.algebra {
        Algebra::Builtin { mul, .. } => Some(mul),
        Algebra::User(_) => None,
    };
    let only_moves = outer.factors.len() == 1 && outer.is_map();
    if outer.algebra == inner.algebra || (only_moves && !keeps_algebra) {
        return Some(inner.algebra);
    }
    (inner.is_map() && mul(outer).is_some() && mul(outer) == mul(inner)).then_some(outer.algebra)
}

/// Whether factor `k` reads the inner product at plain axes and constant positions, and points contribute to all of its
/// elements. If the inner product gathers, the factor must read all elements, because every gather index is checked.
fn is_substitutable(outer: &Contraction, k: usize, inner_node: &Node, inner: &Contraction) -> bool {
    let read = &outer.factors[k].indices;
    let is_axis = |i: &Index<NodeId>| i.as_axis().is_some();
    // Whether the points of `c` reach all elements of the inner result through `indices`.
    let covers = |c: &Contraction, indices: &[Index<NodeId>]| {
        let mut seen = AxisSet::default();
        indices.iter().zip(&inner_node.shape).all(|(index, &extent)| match index.as_axis() {
            Some(a) => c.axes[a as usize].extent == extent && seen.insert(a),
            None => extent == 1,
        })
    };
    let gathers = inner.factors.iter().any(|f| f.has_indirect());
    let has_points = outer.axes.iter().chain(&inner.axes).all(|axis| axis.extent > 0);
    // An axis shorter than the result leaves positions to which nothing contributes.
    let complete = inner.output.iter().all(is_axis) && covers(inner, &inner.output);
    let plain_or_constant = read.iter().all(|i| is_axis(i) || i.is_constant());
    has_points && complete && plain_or_constant && (!gathers || covers(outer, read))
}

/// The outer contraction with the factors of the inner one in place of factor `k`; `None` if the network would have too
/// many tensors.
fn merged(outer: &Contraction, k: usize, inner: &Contraction, algebra: Algebra) -> Option<Contraction> {
    let read = &outer.factors[k];
    let mut axes: Vec<Axis> = outer.axes.clone();
    let dims = dims_of_axes(&inner.output);
    let mut substitute = |(a, axis): (u32, &Axis)| match dims.get(&a) {
        Some(&dim) => read.indices[dim].clone(),
        None => {
            axes.push(axis.clone());
            Index::axis(axes.len() as u32 - 1)
        }
    };
    let substitution: Vec<_> = (0..).zip(&inner.axes).map(&mut substitute).collect();
    let mut factors = outer.factors.clone();
    let inner_factors = inner.factors.iter().map(|factor| {
        let mut factor = factor.compose(&|axis| substitution.get(axis as usize));
        factor.conj ^= read.conj;
        factor
    });
    factors.splice(k..=k, inner_factors);
    let selections = factors.iter().filter(|f| f.has_indirect()).count();
    let scatters = usize::from(outer.output.iter().any(|i| i.has_indirect()));
    let fits = factors.len() + selections + scatters <= MOST_TENSORS;
    fits.then(|| Contraction { axes, factors, algebra, ..outer.clone() })
}
