//! The tree of a contraction, for people.

use einfold_ir::{Access, AxisRef, Contraction, Cost, Count, Def, Index, Ir, Label, NodeId, ShowAccess};
use einfold_order::Ordered;
use einfold_order::cost::evaluate_steps;

use super::{join, shape};
use crate::compile::points;
use crate::legs::Uses;
use crate::network::network_of;
use crate::{Treatment, treatment};

/// How a contraction is evaluated.
#[derive(Clone, Debug)]
pub(super) struct TreeReport {
    pub(super) node: NodeId,
    pub(super) label: Label,
    /// `ij,jk->ik`.
    pub(super) subscripts: String,
    /// The name of the order; `None` where there was none to choose.
    pub(super) strategy: Option<&'static str>,
    pub(super) treatment: Treatment,
    /// ⊕ and ⊗, and the dtype.
    pub(super) algebra: String,
    pub(super) cost: Option<Cost>,
    /// The order in NumPy's linear form; `None` where there was none to choose.
    pub(super) path: Option<Vec<Vec<u32>>>,
    /// Factors, then steps, by SSA id; the last is the result.
    pub(super) tensors: Vec<TensorReport>,
}

/// A factor or a step of a tree.
#[derive(Clone, Debug)]
pub(super) struct TensorReport {
    pub(super) subscripts: String,
    pub(super) shape: String,
    /// What it is made of; empty for a factor.
    pub(super) children: Vec<u32>,
    /// Scalar multiply-adds of the step.
    pub(super) flops: Count,
    /// The node of a factor.
    pub(super) node: Option<NodeId>,
}

/// The trees of all contractions.
pub(super) fn reports(ir: &Ir, orders: &[(NodeId, Ordered)]) -> Vec<TreeReport> {
    let contraction = |id| match &ir.node(id).def {
        Def::Contract(c) => Some((id, c)),
        _ => None,
    };
    let ordered = |id| orders.iter().find(|(node, _)| *node == id).map(|(_, ordered)| ordered);
    ir.ids().filter_map(contraction).map(|(id, c)| report(ir, id, c, ordered(id))).collect()
}

fn report(ir: &Ir, id: NodeId, c: &Contraction, ordered: Option<&Ordered>) -> TreeReport {
    let node = ir.node(id);
    let mut tensors: Vec<TensorReport> = c.factors.iter().map(|factor| leaf(ir, id, c, factor)).collect();
    match ordered {
        Some(ordered) => steps(c, ordered, &mut tensors),
        None => {
            let flops = if c.factors.len() < 2 { Count::ZERO } else { points(&c.axes) };
            let children = (0..tensors.len() as u32).collect();
            tensors.push(TensorReport { subscripts: String::new(), shape: String::new(), children, flops, node: None });
        }
    }
    let result = subscripts(ir, id, c, &Access::new(id, c.output.clone()));
    if let Some(last) = tensors.last_mut() {
        (last.subscripts, last.shape) = (result.clone(), shape(&node.shape));
    }
    let factors: Vec<&str> = tensors[..c.factors.len()].iter().map(|t| &t.subscripts[..]).collect();
    TreeReport {
        node: id,
        label: node.label.clone(),
        subscripts: format!("{}->{result}", factors.join(",")),
        strategy: ordered.map(|o| o.strategy),
        treatment: treatment(node, c),
        algebra: format!("{} on {}", c.algebra, node.dtype),
        cost: ordered.map(|o| o.cost),
        path: ordered.map(|o| o.tree.linear_path()),
        tensors,
    }
}

/// Adds the steps of a tree.
fn steps(c: &Contraction, ordered: &Ordered, tensors: &mut Vec<TensorReport>) {
    let network = network_of(c);
    let mut uses = Uses::new(c.axes.len());
    network.inputs().iter().chain([&network.output().to_vec()]).for_each(|axes| uses.add(axes));
    let mut legs: Vec<Vec<u32>> = network.inputs().iter().map(|axes| uses.shared(axes)).collect();
    let costs = evaluate_steps(&network, &ordered.tree);
    for (children, cost) in ordered.tree.steps().iter().zip(costs) {
        let factors: Vec<&[u32]> = children.iter().map(|&id| &legs[id as usize][..]).collect();
        let kept: Vec<u32> = uses.product(&factors).kept().collect();
        uses.add(&kept);
        let labels: Vec<&Label> = kept.iter().map(|&a| &c.axes[a as usize].label).collect();
        let extents: Vec<usize> = kept.iter().map(|&a| c.axes[a as usize].extent).collect();
        tensors.push(TensorReport {
            subscripts: join(&labels),
            shape: shape(&extents),
            children: children.clone(),
            flops: cost.flops,
            node: None,
        });
        legs.push(kept);
    }
}

fn leaf(ir: &Ir, id: NodeId, c: &Contraction, factor: &Access<NodeId>) -> TensorReport {
    TensorReport {
        subscripts: subscripts(ir, id, c, factor),
        shape: shape(&ir.node(factor.tensor).shape),
        children: Vec::new(),
        flops: Count::ZERO,
        node: Some(factor.tensor),
    }
}

/// The axes of an access; its positions in brackets where they are more than axes.
fn subscripts(ir: &Ir, id: NodeId, c: &Contraction, access: &Access<NodeId>) -> String {
    let label = |index: &Index<NodeId>| index.as_axis().map(|a| c.axes[a as usize].label.clone());
    if let Some(labels) = access.indices.iter().map(label).collect::<Option<Vec<_>>>() {
        let labels = join(&labels);
        return if access.conj { format!("conj({labels})") } else { labels };
    }
    let axis = |a: AxisRef| match a {
        AxisRef::Own(a) => c.axes[a as usize].label.clone(),
        AxisRef::Loop(a) => ir.loops(ir.node(id).region)[a as usize].label.clone(),
    };
    // Only the tensors of ids need a name here; the accessed one is told beside it.
    let name = |id: &NodeId| if *id == access.tensor { Label::default() } else { format!("%{}", id.0).into() };
    ShowAccess { access, axis, tensor: name }.to_string()
}
