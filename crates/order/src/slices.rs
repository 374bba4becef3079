//! The cost of sliced contractions: less memory for more flops.

use einfold_ir::{Cost, Count, Network, Tree};

use crate::cost::{self, MovingSum, TreeWalk};
use crate::graph::Graph;

/// A sliced axis: the contraction runs once for each of `parts` slices of equal extent, and the results are added, or
/// concatenated if the output has the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlicedAxis {
    /// The axis of the network.
    pub axis: u32,
    /// The number of slices: a divisor of the extent, 2 or more.
    pub parts: u64,
}

/// Returns the cost of all slices of `tree` together, which must be a tree of `network`. The loops are nested in the
/// order of `slices`. A step runs once for each iteration of the loops down to the innermost one that it depends on. A
/// result that a step in an inner loop uses stays alive until that loop ends, and the whole output is alive from the
/// beginning.
pub fn sliced_cost(network: &Network, tree: &Tree, slices: &[SlicedAxis]) -> Cost {
    sliced_cost_with_constants((network, None), tree, slices, &[])
}

/// Returns the cost as [`sliced_cost`] does, without the steps that depend on the tensors `constants` only, whose
/// results exist before the run. `graph` is that of the network, if it exists already.
pub(crate) fn sliced_cost_with_constants(
    (network, graph): (&Network, Option<&Graph>),
    tree: &Tree,
    slices: &[SlicedAxis],
    constants: &[u32],
) -> Cost {
    let special = !slices.is_empty() || !constants.is_empty();
    let Some(one_slice) = special.then(|| one_slice(network, slices)).flatten() else {
        return graph.map_or_else(|| cost::tree_cost(network, tree), |graph| cost::graph_cost(graph, tree));
    };
    let is_constant = constant_only(tree, constants);
    let (graph, depths) = (Graph::of(&one_slice), loop_depths(network, tree, slices));
    let executions = executions(slices);
    let products = tree.steps().iter().map(|step| step.len().saturating_sub(1)).sum::<usize>();
    let mut walk = TreeWalk::new(&graph, tree);
    // The output is the last term of the sum; the last product writes to it.
    let mut alive = MovingSum::of_zeros(products + 1);
    if !slices.is_empty() {
        alive.set(products, network.result().unwrap_or_else(|| output_positions(network)));
    }
    let mut depth_of = vec![0; products];
    let mut total = Cost { peak: alive.total(), ..Cost::default() };
    for (id, children) in (tree.leaves()..).zip(tree.steps()) {
        let depth = depths[id];
        walk.step(children, |product| {
            if is_constant[id] {
                return;
            }
            total.flops += product.flops * executions[depth];
            total.write += product.size * executions[depth];
            total.size = total.size.max(product.size);
            depth_of[product.number] = depth;
            if product.number + 1 < products || slices.is_empty() {
                alive.set(product.number, product.size);
            }
            total.peak = total.peak.max(alive.total());
            let used = product.used.into_iter().flatten().filter(|&used| depth_of[used] == depth);
            used.for_each(|used| alive.set(used, Count::ZERO));
        });
    }
    total
}

/// Returns the network of one slice of each sliced axis; `None` if a slice does not fit the network.
fn one_slice(network: &Network, slices: &[SlicedAxis]) -> Option<Network> {
    let mut extents = network.extents().to_vec();
    for slice in slices {
        let extent = extents.get_mut(slice.axis as usize)?;
        *extent = extent.checked_div(slice.parts)?;
    }
    let one_slice = network.map_extents(|axis, _| extents[axis as usize]);
    Some(match network.result() {
        // An iteration writes at most the elements at the points of its slice.
        Some(elements) if !slices.is_empty() => {
            let written = output_positions(&one_slice).min(elements);
            one_slice.with_result(written)
        }
        _ => one_slice,
    })
}

/// Returns the product of the extents of the output axes.
fn output_positions(network: &Network) -> Count {
    Count::product(network.output().iter().map(|&axis| network.extents()[axis as usize]))
}

/// Returns, by SSA id, whether a tensor depends on `constants` only.
fn constant_only(tree: &Tree, constants: &[u32]) -> Vec<bool> {
    let mut is_constant = vec![false; tree.leaves()];
    for &constant in constants {
        if let Some(leaf) = is_constant.get_mut(constant as usize) {
            *leaf = true;
        }
    }
    for children in tree.steps() {
        is_constant.push(children.iter().all(|&child| is_constant[child as usize]));
    }
    is_constant
}

/// Returns the number of executions of a step by the number of loops around it.
fn executions(slices: &[SlicedAxis]) -> Vec<Count> {
    let turns = slices.iter().scan(Count::ONE, |runs, slice| {
        *runs *= Count::from(slice.parts);
        Some(*runs)
    });
    std::iter::once(Count::ONE).chain(turns).collect()
}

/// Returns, by SSA id, the number of loops around a tensor, counted from the outermost.
fn loop_depths(network: &Network, tree: &Tree, slices: &[SlicedAxis]) -> Vec<usize> {
    let mut loop_of = vec![0; network.extents().len()];
    slices.iter().zip(1..).for_each(|(slice, depth)| loop_of[slice.axis as usize] = depth);
    let deepest = |axes: &Vec<u32>| axes.iter().map(|&axis| loop_of[axis as usize]).max().unwrap_or(0);
    let mut depths: Vec<usize> = network.inputs().iter().map(deepest).collect();
    for children in tree.steps() {
        depths.push(children.iter().map(|&child| depths[child as usize]).max().unwrap_or(0));
    }
    depths
}

/// Orders the loops so that few flops are repeated: the innermost loop is always the one on which the cheapest steps
/// depend, of the loops that remain.
pub(crate) fn nest_loops(network: &Network, tree: &Tree, slices: Vec<SlicedAxis>) -> Vec<SlicedAxis> {
    let Some(graph) = one_slice(network, &slices).map(|one_slice| Graph::of(&one_slice)) else { return slices };
    let mut walk = TreeWalk::new(&graph, tree);
    let flops: Vec<f64> = tree
        .steps()
        .iter()
        .map(|children| {
            let mut flops = Count::ZERO;
            walk.step(children, |product| flops += product.flops);
            flops.log2()
        })
        .collect();
    let max_log2 = flops.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let flops: Vec<f64> = flops.iter().map(|flops| (flops - max_log2).exp2()).collect();
    let depends: Vec<Vec<bool>> = slices
        .iter()
        .map(|&slice| loop_depths(network, tree, &[slice])[tree.leaves()..].iter().map(|&depth| depth > 0).collect())
        .collect();
    let mut order: Vec<usize> = (0..slices.len()).collect();
    let mut counted = vec![false; flops.len()];
    for rest in (1..=order.len()).rev() {
        let weight = |&slice: &usize| -> f64 {
            let steps = flops.iter().zip(&counted).zip(&depends[slice]);
            steps.filter(|((_, counted), depends)| !**counted && **depends).map(|((flops, _), _)| flops).sum()
        };
        let weights: Vec<f64> = order[..rest].iter().map(weight).collect();
        let lightest = (0..rest).min_by(|&a, &b| weights[a].total_cmp(&weights[b])).unwrap_or(0);
        order.swap(lightest, rest - 1);
        counted.iter_mut().zip(&depends[order[rest - 1]]).for_each(|(counted, depends)| *counted |= depends);
    }
    order.into_iter().map(|slice| slices[slice]).collect()
}
