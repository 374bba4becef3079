//! A product of products is one product, whose order is searched as a whole.

use einfold_ir::{Algebra, Axis, Contraction, Def, IdVec, Index, Ir, Node, NodeId, RegionId, Violation};

use super::module::Module;
use crate::network::{Treatment, Why, treatment};
use crate::network::{any_drops, places};
use crate::roles::AxisSet;

/// The most factors of a joint product, with its ids: so many are ordered exactly, and then the joint order costs no more
/// than that of one after the other, which is one of those it chooses from.
const MOST_TENSORS: usize = 10;

/// Merges every product that is used once into the product that uses it. Returns how many were merged.
///
/// The law is that ⊗ distributes over ⊕; both have the same, on the same dtype, so that nothing is rounded or wraps in
/// between, and neither is pinned, counts groups or drops points.
pub(crate) fn run(ir: &Ir) -> Result<(Ir, usize), Violation> {
    let mut module = Module::of(ir);
    let uses = module.uses();
    let bases: Vec<NodeId> = ir.ids().filter_map(|id| module.contraction(id)?.onto).collect();
    let mut merges = 0;
    for id in ir.ids().filter(|&id| uses[id] > 0) {
        // Nodes that add up to one result have one algebra.
        let chained = bases.contains(&id) || module.contraction(id).is_some_and(|c| c.onto.is_some());
        while let Some(merged) = joint(&module, id, &uses, chained) {
            module.nodes[id].def = Def::Contract(merged);
            merges += 1;
        }
    }
    Ok((module.finish()?.0, merges))
}

/// The contraction of node `id` with one of its factors merged into it.
fn joint(module: &Module, id: NodeId, uses: &IdVec<NodeId, u32>, chained: bool) -> Option<Contraction> {
    let node = module.node(id);
    let outer = module.contraction(id).filter(|c| is_product(node, c))?;
    (0..outer.factors.len()).find_map(|k| {
        let tensor = outer.factors[k].tensor;
        let inner = module.contraction(tensor)?;
        let from = module.node(tensor);
        let fits = uses[tensor] == 1 && reads_whole(outer, k, from, inner);
        let algebra = licensed((node, outer), (from, inner), chained).filter(|_| fits)?;
        merged(outer, k, inner, algebra)
    })
}

/// Whether a node is a product that may be reordered.
fn is_product(node: &Node, c: &Contraction) -> bool {
    let how = treatment(node, c);
    let product = matches!(how, Treatment::Factored | Treatment::ThroughIds | Treatment::Flat(Why::FewFactors));
    let exact = c.algebra.accumulator(node.dtype) == node.dtype;
    product && !any_drops(c) && exact && !c.pinned && !c.factors.is_empty() && node.region == RegionId::TOP
}

/// The algebra of both together, if a law allows it.
fn licensed(
    (node, outer): (&Node, &Contraction),
    (from, inner): (&Node, &Contraction),
    chained: bool,
) -> Option<Algebra> {
    let algebra = joint_algebra(outer, inner, chained)?;
    let law = algebra.laws(node.dtype).distributive;
    (law && from.dtype == node.dtype && inner.onto.is_none() && is_product(from, inner)).then_some(algebra)
}

/// Whether a node only moves elements.
fn copies(c: &Contraction) -> bool {
    c.factors.len() == 1 && c.is_map()
}

/// What sums nothing takes on the algebra of the other, if ⊗ is the same or there is none.
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

/// Whether factor `k` reads the inner product at plain axes and fixed positions; with ids all of it, for then all are looked at.
fn reads_whole(outer: &Contraction, k: usize, from: &Node, inner: &Contraction) -> bool {
    let read = &outer.factors[k].indices;
    let simple = |i: &Index<NodeId>| i.as_axis().is_some() || i.as_constant().is_some();
    let (mut seen, mut inside) = (AxisSet::default(), AxisSet::default());
    let mut whole = |(i, &extent): (&Index<NodeId>, &usize)| match i.as_axis() {
        Some(a) => outer.axes[a as usize].extent == extent && seen.insert(a),
        None => extent == 1,
    };
    // An axis shorter than the result leaves positions to which nothing contributes.
    let mut fresh = |(i, &extent): (&Index<NodeId>, &usize)| {
        i.as_axis().is_some_and(|a| inner.axes[a as usize].extent == extent && inside.insert(a))
    };
    let ids = inner.factors.iter().any(|f| f.has_ids());
    let points = outer.axes.iter().chain(&inner.axes).all(|axis| axis.extent > 0);
    points
        && read.iter().all(simple)
        && inner.output.iter().zip(&from.shape).all(&mut fresh)
        && (!ids || read.iter().zip(&from.shape).all(&mut whole))
}

/// The outer contraction with the factors of the inner one in place of factor `k`; `None` if those are too many.
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
    let selections = factors.iter().filter(|f| f.has_ids()).count();
    let scatters = usize::from(outer.output.iter().any(|i| i.has_ids()));
    let fits = factors.len() + selections + scatters <= MOST_TENSORS;
    fits.then(|| Contraction { axes, factors, algebra, ..outer.clone() })
}
