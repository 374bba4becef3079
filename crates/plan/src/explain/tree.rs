//! Reports of contraction trees.

use einfold_ir::{Access, AxisRef, Contraction, Cost, Count, Index, Ir, Label, Network, NodeId, Tree};
use einfold_order::cost::step_costs;
use einfold_order::{FoundOrder, SlicedAxis};

use super::join;
use crate::compile::Compiled;
use crate::cost::node_flops;
use crate::error::shape_text;
use crate::evaluation::Evaluation;
use crate::network::network_of;
use crate::roles::AxisUses;
use crate::selections::SelectionForm;

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
    pub(super) law: String,
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

impl TensorReport {
    /// The report of a tensor in memory with these extents, without children and flops.
    fn new(subscripts: String, extents: &[usize]) -> TensorReport {
        let (children, shape) = (Vec::new(), shape_text(extents));
        TensorReport { subscripts, shape, children, flops: Count::ZERO, runs: Count::ONE, node: None, written: true }
    }
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
    compiled.rewritten.contractions().map(|(id, c)| report(compiled, id, c)).collect()
}

/// The factors, then the steps of a contraction.
fn tensors(compiled: &Compiled, id: NodeId, c: &Contraction) -> Vec<TensorReport> {
    let (ir, expansion, ordered) = (&compiled.rewritten, &compiled.expansions[id], compiled.orders.get(&id));
    let (node, evaluation) = (ir.node(id), expansion.evaluation);
    // Only a tree with selections as leaves belongs to the selection form.
    let ordered_form = ordered.filter(|_| evaluation == Some(Evaluation::WithSelections));
    let form = ordered_form.and_then(|o| SelectionForm::of(ir, node, c).filter(|f| o.tree.leaves() > f.factors()));
    let seen = form.as_ref().map_or(c, |form| &form.c);
    let leaf = |factor: &Access<NodeId>| {
        let report = TensorReport::new(subscripts(ir, id, seen, factor), &ir.node(factor.tensor).shape);
        TensorReport { node: Some(factor.tensor), ..report }
    };
    let mut tensors: Vec<TensorReport> = seen.factors.iter().map(leaf).collect();
    match (ordered, &form) {
        (Some(ordered), Some(form)) => {
            tensors.extend((0..form.positions.len()).map(|k| selection(ir, id, form, k)));
            let legs = (form.leaf_axes(), form.selected.network.output());
            steps(&form.c, legs, &ordered.tree, &mut tensors);
        }
        (Some(ordered), None) => {
            let network = network_of(c, &node.shape);
            let costs = step_costs(&slice_network(&network, &ordered.slices), &ordered.tree);
            steps(c, (network.inputs().to_vec(), network.output()), &ordered.tree, &mut tensors);
            let steps = tensors[c.factors.len()..].iter_mut();
            steps.zip(costs).for_each(|(tensor, cost)| tensor.flops = cost.flops);
            count_iterations(&network, ordered, &mut tensors);
        }
        (None, _) => {
            let children = (0..tensors.len() as u32).collect();
            tensors.push(TensorReport { children, flops: node_flops(ir, id), ..TensorReport::new(String::new(), &[]) });
        }
    }
    // The steps of a tree with index tensors have the cost of their nodes; some are computed in their readers.
    let leaves = tensors.len() - expansion.steps.len();
    for (nodes, tensor) in expansion.steps.iter().zip(&mut tensors[leaves..]) {
        tensor.written = !nodes.is_empty();
        tensor.flops = nodes.iter().map(|&node| node_flops(&compiled.ir, node)).sum();
    }
    if let Some(last) = tensors.last_mut() {
        last.subscripts = subscripts(ir, id, c, &Access::new(id, c.output.clone()));
        last.shape = shape_text(&node.shape);
    }
    tensors
}

fn report(compiled: &Compiled, id: NodeId, c: &Contraction) -> TreeReport {
    let (ir, ordered, tensors) = (&compiled.rewritten, compiled.orders.get(&id), tensors(compiled, id, c));
    let node = ir.node(id);
    let factors: Vec<String> = c.factors.iter().map(|factor| subscripts(ir, id, c, factor)).collect();
    let result = tensors.last().map(|last| &*last.subscripts).unwrap_or_default();
    let slices = ordered.iter().flat_map(|ordered| &ordered.slices);
    TreeReport {
        node: id,
        label: node.label.clone(),
        subscripts: format!("{}->{result}", factors.join(",")),
        strategy: ordered.map(|o| o.strategy),
        law: compiled.expansions[id].evaluation.map(|evaluation| law(evaluation, ordered)).unwrap_or_default(),
        algebra: format!("{} on {}", c.algebra, node.dtype),
        cost: ordered.map(|o| o.cost),
        slices: slices.map(|s| (c.axes[s.axis as usize].label.clone(), s.parts)).collect(),
        path: ordered.map(|o| o.tree.linear_path()),
        tensors,
    }
}

/// The evaluation strategy of the contraction, with the law that allows it.
fn law(evaluation: Evaluation, ordered: Option<&FoundOrder>) -> String {
    match (evaluation, ordered) {
        (Evaluation::WithSelections, Some(_)) => {
            format!("{}, and index tensors are used where it costs least", Evaluation::Factored)
        }
        (Evaluation::WithSelections, None) => "one step: no tree with the index tensors costs less".into(),
        _ => evaluation.to_string(),
    }
}

/// The leaf of a selection: the gathered positions, and the points at which they are read.
fn selection(ir: &Ir, id: NodeId, form: &SelectionForm, k: usize) -> TensorReport {
    let positions = &form.positions[k];
    let by = &form.selected.selections[k].by;
    let extents: Vec<usize> = by.iter().map(|&a| form.c.axes[a as usize].extent).collect();
    let names = positions.iter().map(|p| subscripts(ir, id, &form.c, &Access::new(id, vec![p.index.clone()])));
    let node = positions.iter().flat_map(|p| p.index.indirect()).map(|term| term.access.tensor).next();
    TensorReport { node, ..TensorReport::new(names.collect(), &extents) }
}

/// Adds the steps of a tree over tensors and a result with these axes.
fn steps(c: &Contraction, (inputs, output): (Vec<Vec<u32>>, &[u32]), tree: &Tree, tensors: &mut Vec<TensorReport>) {
    let mut uses = AxisUses::new(c.axes.len());
    inputs.iter().for_each(|axes| uses.add(axes));
    uses.add(output);
    // A leaf is summed over the axes that only it has.
    let mut legs = inputs;
    legs.iter_mut().for_each(|axes| axes.retain(|&a| uses.of(a) > 1));
    for children in tree.steps() {
        let factors: Vec<&[u32]> = children.iter().map(|&id| &legs[id as usize][..]).collect();
        let kept: Vec<u32> = uses.product(&factors).kept().collect();
        uses.add(&kept);
        let labels: Vec<&Label> = kept.iter().map(|&a| &c.axes[a as usize].label).collect();
        let extents: Vec<usize> = kept.iter().map(|&a| c.axes[a as usize].extent).collect();
        tensors.push(TensorReport { children: children.clone(), ..TensorReport::new(join(&labels), &extents) });
        legs.push(kept);
    }
}

/// The network of one slice of a sliced contraction.
fn slice_network(network: &Network, slices: &[SlicedAxis]) -> Network {
    let parts = |axis: u32| slices.iter().find(|slice| slice.axis == axis).map_or(1, |slice| slice.parts);
    network.map_extents(|axis, extent| extent / parts(axis))
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

/// The axes of an access, or its index functions in brackets if they are not all plain axes.
fn subscripts(ir: &Ir, id: NodeId, c: &Contraction, access: &Access<NodeId>) -> String {
    let label = |index: &Index<NodeId>| index.as_axis().map(|a| c.axes[a as usize].label.clone());
    if let Some(labels) = access.indices.iter().map(label).collect::<Option<Vec<_>>>() {
        let labels = join(&labels);
        return if access.conj { format!("conj({labels})") } else { labels };
    }
    let loops = ir.loops(ir.node(id).region);
    let axis = |a: AxisRef| a.of(&c.axes, loops).map(|axis| axis.label.clone()).unwrap_or_default();
    // Only index tensors need a name here; the accessed tensor is named beside it.
    let name = |id: &NodeId| if *id == access.tensor { Label::default() } else { format!("%{}", id.0).into() };
    access.show(&axis, &name)
}
