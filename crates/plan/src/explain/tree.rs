//! Reports of contraction trees.

use std::collections::HashMap;

use einfold_ir::{Access, AxisRef, Contraction, Cost, Count, Index, Ir, Label, Network, NodeId, Tree};
use einfold_order::cost::step_costs;
use einfold_order::{FoundOrder, SlicedAxis};

use super::{join, shape};
use crate::apply::Made;
use crate::compile::Compiled;
use crate::cost::node_flops;
use crate::legs::Uses;
use crate::lift::Lifted;
use crate::network::{Treatment, network_of, treatment};

/// The evaluation of a contraction.
#[derive(Clone, Debug)]
pub(super) struct TreeReport {
    pub(super) node: NodeId,
    pub(super) label: Label,
    /// `ij,jk->ik`.
    pub(super) subscripts: String,
    /// The strategy that found the order; `None` if there was no choice.
    pub(super) strategy: Option<&'static str>,
    /// The law that allows this evaluation.
    pub(super) treatment: String,
    /// ⊕ and ⊗, and the dtype.
    pub(super) algebra: String,
    pub(super) cost: Option<Cost>,
    /// The sliced axes, outermost first, and the number of slices of each.
    pub(super) slices: Vec<(Label, u64)>,
    /// The path in NumPy's linear form; `None` if there was no choice.
    pub(super) path: Option<Vec<Vec<u32>>>,
    /// The factors, then the steps, by SSA number; the last is the result.
    pub(super) tensors: Vec<TensorReport>,
}

/// A factor or a step of a tree.
#[derive(Clone, Debug)]
pub(super) struct TensorReport {
    pub(super) subscripts: String,
    pub(super) shape: String,
    /// The children of a step; empty for a factor.
    pub(super) children: Vec<u32>,
    /// The flops of the step, over all iterations.
    pub(super) flops: Count,
    /// The number of iterations of loops over slices in which it is computed.
    pub(super) runs: Count,
    /// The node of a factor.
    pub(super) node: Option<NodeId>,
    /// Whether it is a tensor in memory. A step that is computed in its reader is not.
    pub(super) written: bool,
}

impl TreeReport {
    /// The tensors in memory that a tensor is computed from: a child that is not in memory is replaced by its own
    /// sources.
    pub(super) fn sources(&self, id: usize) -> Vec<u32> {
        let (mut open, mut sources) = (self.tensors[id].children.clone(), Vec::new());
        open.reverse();
        while let Some(child) = open.pop() {
            match &self.tensors[child as usize] {
                tensor if tensor.written => sources.push(child),
                tensor => open.extend(tensor.children.iter().rev()),
            }
        }
        sources
    }
}

/// The reports of all contractions.
pub(super) fn reports(compiled: &Compiled) -> Vec<TreeReport> {
    let ir = &compiled.rewritten;
    let orders: HashMap<NodeId, &FoundOrder> = compiled.orders.iter().map(|(id, ordered)| (*id, ordered)).collect();
    let all = ir.contractions();
    all.map(|(id, c)| {
        let mut tree = report(ir, id, c, orders.get(&id).copied());
        show_written(&mut tree, &compiled.made[id], &compiled.ir);
        tree
    })
    .collect()
}

/// Marks the steps of a tree with index tensors that are tensors in memory, with the cost of the nodes of each.
fn show_written(tree: &mut TreeReport, made: &Made, ir: &Ir) {
    let leaves = tree.tensors.len() - made.steps.len();
    for (step, tensor) in tree.tensors[leaves..].iter_mut().enumerate() {
        tensor.written = made.is_written(step);
        tensor.flops = made.steps[step].iter().map(|&node| node_flops(ir, node)).sum();
    }
}

fn report(ir: &Ir, id: NodeId, c: &Contraction, ordered: Option<&FoundOrder>) -> TreeReport {
    let node = ir.node(id);
    // Only a tree with selections as leaves belongs to the lifted contraction.
    let selects = |lifted: &Lifted, o: &FoundOrder| o.tree.leaves() > lifted.factors();
    let lifted = match (treatment(node, c), ordered) {
        (Treatment::ThroughIds, Some(o)) => Lifted::of(ir, node, c).filter(|lifted| selects(lifted, o)),
        _ => None,
    };
    let seen = lifted.as_ref().map_or(c, |lifted| &lifted.c);
    let mut tensors: Vec<TensorReport> = seen.factors.iter().map(|factor| leaf(ir, id, seen, factor)).collect();
    match (ordered, &lifted) {
        (Some(ordered), Some(lifted)) => {
            tensors.extend((0..lifted.positions.len()).map(|k| selection(ir, id, lifted, k)));
            let legs = (lifted.leaf_axes(), lifted.selected.network.output());
            steps(&lifted.c, legs, &ordered.tree, &mut tensors);
        }
        (Some(ordered), None) => {
            let network = network_of(c, &node.shape);
            let costs = step_costs(&piece(&network, &ordered.slices), &ordered.tree);
            steps(c, (network.inputs().to_vec(), network.output()), &ordered.tree, &mut tensors);
            let steps = tensors[c.factors.len()..].iter_mut();
            steps.zip(costs).for_each(|(tensor, cost)| tensor.flops = cost.flops);
            count_iterations(&network, ordered, &mut tensors);
        }
        (None, _) => {
            let children = (0..tensors.len() as u32).collect();
            tensors.push(TensorReport {
                subscripts: String::new(),
                shape: String::new(),
                children,
                flops: node_flops(ir, id),
                runs: Count::ONE,
                node: None,
                written: true,
            });
        }
    }
    let result = subscripts(ir, id, c, &Access::new(id, c.output.clone()));
    if let Some(last) = tensors.last_mut() {
        (last.subscripts, last.shape) = (result.clone(), shape(&node.shape));
    }
    let factors: Vec<String> = c.factors.iter().map(|factor| subscripts(ir, id, c, factor)).collect();
    TreeReport {
        node: id,
        label: node.label.clone(),
        subscripts: format!("{}->{result}", factors.join(",")),
        strategy: ordered.map(|o| o.strategy),
        treatment: law(treatment(node, c), ordered),
        algebra: format!("{} on {}", c.algebra, node.dtype),
        cost: ordered.map(|o| o.cost),
        slices: ordered
            .iter()
            .flat_map(|o| &o.slices)
            .map(|s| (c.axes[s.axis as usize].label.clone(), s.parts))
            .collect(),
        path: ordered.map(|o| o.tree.linear_path()),
        tensors,
    }
}

/// The evaluation strategy of the contraction, with the law that allows it.
fn law(treatment: Treatment, ordered: Option<&FoundOrder>) -> String {
    match (treatment, ordered) {
        (Treatment::ThroughIds, Some(_)) => {
            format!("{}, and ids are used where it costs least", Treatment::Factored)
        }
        (Treatment::ThroughIds, None) => "one step: no order through the ids costs less".into(),
        _ => treatment.to_string(),
    }
}

/// The leaf of a selection: the gathered positions, and the points at which they are read.
fn selection(ir: &Ir, id: NodeId, lifted: &Lifted, k: usize) -> TensorReport {
    let positions = &lifted.positions[k];
    let by = &lifted.selected.selections[k].by;
    let extents: Vec<usize> = by.iter().map(|&a| lifted.c.axes[a as usize].extent).collect();
    let ids = positions.iter().map(|p| subscripts(ir, id, &lifted.c, &Access::new(id, vec![p.index.clone()])));
    let node = positions.iter().flat_map(|p| p.index.indirect()).map(|ids| ids.access.tensor).next();
    TensorReport {
        subscripts: ids.collect(),
        shape: shape(&extents),
        children: Vec::new(),
        flops: Count::ZERO,
        runs: Count::ONE,
        node,
        written: true,
    }
}

/// Adds the steps of a tree over tensors and a result with these axes.
fn steps(c: &Contraction, (inputs, output): (Vec<Vec<u32>>, &[u32]), tree: &Tree, tensors: &mut Vec<TensorReport>) {
    let mut uses = Uses::new(c.axes.len());
    inputs.iter().for_each(|axes| uses.add(axes));
    uses.add(output);
    let mut legs: Vec<Vec<u32>> = inputs.iter().map(|axes| uses.shared(axes).into_vec()).collect();
    for children in tree.steps() {
        let factors: Vec<&[u32]> = children.iter().map(|&id| &legs[id as usize][..]).collect();
        let kept: Vec<u32> = uses.product(&factors).kept().collect();
        uses.add(&kept);
        let labels: Vec<&Label> = kept.iter().map(|&a| &c.axes[a as usize].label).collect();
        let extents: Vec<usize> = kept.iter().map(|&a| c.axes[a as usize].extent).collect();
        tensors.push(TensorReport {
            subscripts: join(&labels),
            shape: shape(&extents),
            children: children.clone(),
            flops: Count::ZERO,
            runs: Count::ONE,
            node: None,
            written: true,
        });
        legs.push(kept);
    }
}

/// The network of one slice of a sliced contraction.
fn piece(network: &Network, slices: &[SlicedAxis]) -> Network {
    let mut extents = network.extents().to_vec();
    slices.iter().for_each(|slice| extents[slice.axis as usize] /= slice.parts);
    network.with_extents(extents)
}

/// Multiplies the flops of each step by its number of iterations: those of the loops up to the last slice that it
/// depends on.
fn count_iterations(network: &Network, ordered: &FoundOrder, tensors: &mut [TensorReport]) {
    let place = |axis: &u32| ordered.slices.iter().position(|slice| slice.axis == *axis);
    let depth = |axes: &Vec<u32>| axes.iter().filter_map(place).map(|k| k + 1).max().unwrap_or(0);
    let mut depths: Vec<usize> = network.inputs().iter().map(depth).collect();
    for (children, tensor) in ordered.tree.steps().iter().zip(&mut tensors[network.inputs().len()..]) {
        let depth = children.iter().map(|&id| depths[id as usize]).max().unwrap_or(0);
        depths.push(depth);
        tensor.runs = Count::product(ordered.slices[..depth].iter().map(|slice| slice.parts));
        tensor.flops *= tensor.runs;
    }
}

fn leaf(ir: &Ir, id: NodeId, c: &Contraction, factor: &Access<NodeId>) -> TensorReport {
    TensorReport {
        subscripts: subscripts(ir, id, c, factor),
        shape: shape(&ir.node(factor.tensor).shape),
        children: Vec::new(),
        flops: Count::ZERO,
        runs: Count::ONE,
        node: Some(factor.tensor),
        written: true,
    }
}

/// The axes of an access, or its index functions in brackets if they are not all plain axes.
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
    // Only index tensors need a name here; the accessed tensor is named beside it.
    let name = |id: &NodeId| if *id == access.tensor { Label::default() } else { format!("%{}", id.0).into() };
    access.show(&axis, &name)
}
