//! The contents of a drawing of a contraction tree, for all drawing formats.

use einfold_ir::{Count, Network, Tree, visible};

use crate::FoundOrder;
use crate::cost::step_costs;
use crate::graph::{Graph, contract};

/// The maximal number of leaves of a tree whose nodes show their axes.
const MAX_LABELED: usize = 256;

/// An order to draw.
pub(super) struct Drawing<'a> {
    pub(super) found: &'a FoundOrder,
    /// The nodes by SSA id.
    pub(super) nodes: Vec<Node<'a>>,
}

/// A tensor of the tree: a leaf, or the result of a step.
pub(super) struct Node<'a> {
    pub(super) children: &'a [u32],
    /// The labels of its axes; `None` in a large tree.
    pub(super) axes: Option<String>,
    /// The number of its elements.
    pub(super) size: Count,
    /// The multiply-adds of its step; 0 for a leaf.
    pub(super) flops: Count,
}

impl<'a> Drawing<'a> {
    /// Returns the drawing of an order of `network`, whose axes have these labels. If the order is sliced, it shows one
    /// slice.
    pub(super) fn new(network: &Network, found: &'a FoundOrder, labels: &[impl AsRef<str>]) -> Drawing<'a> {
        let network = &one_slice(network, found);
        let tree = &found.tree;
        let mut axes = (tree.leaves() <= MAX_LABELED).then(|| axis_labels(network, tree, labels).into_iter());
        let mut node =
            |children, size, flops| Node { children, axes: axes.as_mut().and_then(Iterator::next), size, flops };
        let extent = |&axis: &u32| network.extents()[axis as usize];
        let leaf_sizes = network.inputs().iter().map(|legs| Count::product(legs.iter().map(extent)));
        let mut nodes: Vec<Node<'_>> = leaf_sizes.map(|size| node(&[][..], size, Count::ZERO)).collect();
        let steps = tree.steps().iter().zip(step_costs(network, tree));
        nodes.extend(steps.map(|(children, cost)| node(children, cost.size, cost.flops)));
        Drawing { found, nodes }
    }
}

/// Returns the network of one slice.
fn one_slice(network: &Network, found: &FoundOrder) -> Network {
    let parts = |axis: u32| found.slices.iter().find(|slice| slice.axis == axis).map_or(1, |slice| slice.parts);
    network.map_extents(|axis, extent| extent / parts(axis))
}

/// Returns the axes of each node: those of an operand as given, those of a result without axes of extent 1.
fn axis_labels(network: &Network, tree: &Tree, labels: &[impl AsRef<str>]) -> Vec<String> {
    let label =
        |axis: u32| labels.get(axis as usize).map_or_else(|| axis.to_string(), |l| visible(l.as_ref()).into_owned());
    let all: Vec<String> = (0..network.extents().len() as u32).map(label).collect();
    // Labels of one character are concatenated, as in letters notation.
    let between = if all.iter().all(|label| label.chars().count() == 1) { "" } else { " " };
    let name = |legs: &[u32]| legs.iter().map(|&axis| &*all[axis as usize]).collect::<Vec<_>>().join(between);
    let graph = Graph::of(network);
    let mut uses = graph.uses();
    let mut names: Vec<String> = network.inputs().iter().map(|legs| name(legs)).collect();
    let mut legs: Vec<Vec<u32>> = graph.legs.iter().map(<[u32]>::to_vec).collect();
    for children in tree.steps() {
        let mut children = children.iter().map(|&child| std::mem::take(&mut legs[child as usize]));
        let first = children.next().unwrap_or_default();
        let result = children.fold(first, |left, right| contract(&left, &right, &mut uses, |_| ()));
        names.push(name(&result));
        legs.push(result);
    }
    names
}
