//! Merges products of products, so that their order is searched as a whole.

use einfold_ir::{Algebra, Axis, AxisSet, Contraction, Index, Ir, Node, NodeId, RegionId};

use super::{Rewritten, merge};
use crate::evaluation::{Evaluation, FlatReason, any_drops, evaluation};
use crate::network::places;

/// The most factors of a merged product, with its selections. Up to this number the order search is exact, so the
/// merged order costs no more than the two separate orders, which are one of its choices.
const MOST_TENSORS: usize = 10;

/// Merges every product that is used once into the product that uses it. Returns the number of merges.
///
/// The law is that ⊗ distributes over ⊕. Both products have the same algebra on the same dtype, so that nothing is
/// rounded or wraps in between; neither is pinned, lacks factors, or drops points.
pub(crate) fn run(ir: &Ir) -> Rewritten {
    let bases: Vec<NodeId> = ir.contractions().filter_map(|(_, c)| c.init).collect();
    merge(ir, is_product, |_, (id, node, outer), k, (from, inner)| {
        // Nodes that accumulate into one result have the same algebra.
        let chained = outer.init.is_some() || bases.contains(&id);
        let whole = reads_whole(outer, k, from, inner);
        let algebra = licensed((node, outer), (from, inner), chained).filter(|_| whole)?;
        merged(outer, k, inner, algebra)
    })
}

/// Whether a node is a product that may be reordered.
fn is_product(node: &Node, c: &Contraction) -> bool {
    let how = evaluation(node, c);
    let product =
        matches!(how, Evaluation::Factored | Evaluation::WithSelections | Evaluation::Flat(FlatReason::FewFactors));
    let exact = c.algebra.accumulator(node.dtype) == node.dtype;
    product && !any_drops(c) && exact && !c.pinned && !c.factors.is_empty() && node.region == RegionId::TOP
}

/// The algebra of the merged product, if a law allows the merge.
fn licensed(
    (node, outer): (&Node, &Contraction),
    (from, inner): (&Node, &Contraction),
    chained: bool,
) -> Option<Algebra> {
    let algebra = joint_algebra(outer, inner, chained)?;
    let law = algebra.laws(node.dtype).distributive;
    (law && from.dtype == node.dtype && inner.init.is_none() && is_product(from, inner)).then_some(algebra)
}

/// Whether a node only moves elements.
fn copies(c: &Contraction) -> bool {
    c.factors.len() == 1 && c.is_map()
}

/// The common algebra, if there is one: an outer contraction that only moves elements takes the algebra of the inner
/// one, and an inner one that reduces nothing takes that of the outer if both have the same ⊗.
fn joint_algebra(outer: &Contraction, inner: &Contraction, chained: bool) -> Option<Algebra> {
    let mul = |c: &Contraction| match c.algebra {
        Algebra::Builtin { mul, .. } => Some(mul),
        Algebra::User(_) => None,
    };
    if outer.algebra == inner.algebra || (copies(outer) && !chained) {
        return Some(inner.algebra);
    }
    (inner.is_map() && mul(outer).is_some() && mul(outer) == mul(inner)).then_some(outer.algebra)
}

/// Whether factor `k` reads the inner product at plain axes and fixed positions; with index tensors all of it, because
/// then every index must be checked.
fn reads_whole(outer: &Contraction, k: usize, from: &Node, inner: &Contraction) -> bool {
    let read = &outer.factors[k].indices;
    let simple = |i: &Index<NodeId>| i.as_axis().is_some() || i.as_constant().is_some();
    let whole = |c: &Contraction, indices: &[Index<NodeId>], fixed: bool| {
        let mut seen = AxisSet::default();
        indices.iter().zip(&from.shape).all(|(index, &extent)| match index.as_axis() {
            Some(a) => c.axes[a as usize].extent == extent && seen.insert(a),
            None => fixed && extent == 1,
        })
    };
    let gathers = inner.factors.iter().any(|f| f.has_indirect());
    let points = outer.axes.iter().chain(&inner.axes).all(|axis| axis.extent > 0);
    // An axis shorter than the result leaves positions to which nothing contributes.
    let complete = whole(inner, &inner.output, false);
    points && complete && read.iter().all(simple) && (!gathers || whole(outer, read, true))
}

/// The outer contraction with the factors of the inner one in place of factor `k`; `None` if there would be too many.
fn merged(outer: &Contraction, k: usize, inner: &Contraction, algebra: Algebra) -> Option<Contraction> {
    let read = &outer.factors[k];
    let mut axes: Vec<Axis> = outer.axes.clone();
    let places = places(&inner.output);
    let mut substitute = |(a, axis): (u32, &Axis)| match places.get(&a) {
        Some(&dim) => read.indices[dim].clone(),
        None => {
            axes.push(axis.clone());
            Index::axis(axes.len() as u32 - 1)
        }
    };
    let substitution: Vec<_> = (0..).zip(&inner.axes).map(&mut substitute).collect();
    let mut factors = outer.factors.clone();
    let parts = inner.factors.iter().map(|factor| {
        let mut factor = factor.compose(&|axis| substitution.get(axis as usize));
        factor.conj ^= read.conj;
        factor
    });
    factors.splice(k..=k, parts);
    let selections = factors.iter().filter(|f| f.has_indirect()).count();
    let scatters = usize::from(outer.output.iter().any(|i| i.has_indirect()));
    let fits = factors.len() + selections + scatters <= MOST_TENSORS;
    fits.then(|| Contraction { axes, factors, algebra, ..outer.clone() })
}
