//! The network in the form that the searches use, and their shared functions: contraction of leg lists, connected
//! components, outer products of components.

mod list_pool;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use einfold_ir::{Count, Network, Tree};
use smallvec::SmallVec;

use crate::OrderError;
pub(crate) use list_pool::ListPool;

/// Steps of two tensors in SSA form: tensors are `0..n`, step `k` yields tensor `n + k`.
pub(crate) type Pairs = Vec<[u32; 2]>;

/// A network after the reductions over axes of single tensors.
///
/// An axis is a *leg* of its tensors only if the cost depends on it: its extent is above 1, and another tensor or the
/// output has it too. The output counts as one more tensor, so that an axis is still needed as long as its use count is
/// above 1.
#[derive(Clone)]
pub(crate) struct Graph {
    /// The legs of each tensor, ascending and distinct.
    pub(crate) legs: ListPool,
    /// The extent of each axis.
    pub(crate) extents: Vec<u64>,
    /// Whether the output has the axis.
    pub(crate) kept: Vec<bool>,
    /// The elements of the result, if they differ from the product of the output extents.
    pub(crate) result: Option<Count>,
}

impl Graph {
    pub(crate) fn of(network: &Network) -> Graph {
        #[cfg(test)]
        tests::BUILT.set(tests::BUILT.get() + 1);
        let extents = network.extents().to_vec();
        let mut kept = vec![false; extents.len()];
        network.output().iter().for_each(|&axis| kept[axis as usize] = true);
        let mut legs = ListPool::with_capacity(network.inputs().len(), network.inputs().iter().map(Vec::len).sum());
        network.inputs().iter().for_each(|list| legs.push_sorted(list));
        let mut graph = Graph { legs, extents, kept, result: network.result() };
        let uses = graph.uses();
        graph.legs.retain(|axis| uses[axis as usize] > 1 && graph.extents[axis as usize] != 1);
        graph
    }

    /// Returns the number of tensors, the output included, that have each axis.
    pub(crate) fn uses(&self) -> SmallVec<[u32; 16]> {
        let mut uses: SmallVec<[u32; 16]> = self.kept.iter().map(|&kept| kept.into()).collect();
        self.legs.items().iter().for_each(|&axis| uses[axis as usize] += 1);
        uses
    }

    /// Returns the connected components, each ascending, in the order of their first tensors.
    pub(crate) fn components(&self) -> ListPool {
        let tensors = self.legs.len();
        let mut parent: Vec<u32> = (0..tensors as u32).collect();
        let mut seen = vec![u32::MAX; self.extents.len()];
        for (tensor, legs) in (0..).zip(self.legs.iter()) {
            for &axis in legs {
                match std::mem::replace(&mut seen[axis as usize], tensor) {
                    u32::MAX => {}
                    other => {
                        let (a, b) = (root(&mut parent, other), root(&mut parent, tensor));
                        parent[a.max(b) as usize] = a.min(b);
                    }
                }
            }
        }
        // A root is the first tensor of its component.
        let mut numbers = vec![0; tensors];
        let (mut components, mut number_of) = (0, ListPool::with_capacity(tensors, tensors));
        for tensor in 0..tensors as u32 {
            let first = root(&mut parent, tensor);
            if first == tensor {
                numbers[tensor as usize] = components;
                components += 1;
            }
            number_of.push([numbers[first as usize]]);
        }
        number_of.transposed(components as usize)
    }

    /// Returns the component `members` as a graph of its own: tensor `i` is `members[i]`, and the axes are renumbered.
    pub(crate) fn component(&self, members: &[u32]) -> Graph {
        let all = || members.iter().map(|&member| &self.legs[member as usize]);
        let mut axes: Vec<u32> = all().flatten().copied().collect();
        axes.sort_unstable();
        axes.dedup();
        let place = |axis: &u32| axes.partition_point(|known| known < axis) as u32;
        let legs = all().map(|legs| legs.iter().map(place)).collect();
        let extents = axes.iter().map(|&axis| self.extents[axis as usize]).collect();
        let kept = axes.iter().map(|&axis| self.kept[axis as usize]).collect();
        Graph { legs, extents, kept, result: None }
    }

    /// Returns the graph with one axis in place of all axes that the same tensors have, the output included: the cost
    /// of an order depends on their product only. The axes are renumbered.
    pub(crate) fn fused(&self) -> Graph {
        let holders = self.legs.transposed(self.extents.len());
        let mut axes: Vec<u32> = (0..holders.len() as u32).filter(|&axis| !holders[axis as usize].is_empty()).collect();
        let key = |axis: u32| (&holders[axis as usize], self.kept[axis as usize]);
        axes.sort_by(|&a, &b| key(a).cmp(&key(b)));
        let (mut extents, mut kept, mut fused_holders) = (Vec::new(), Vec::new(), ListPool::default());
        for same in axes.chunk_by(|&a, &b| key(a) == key(b)) {
            let mut products: Vec<u64> = Vec::new();
            for extent in same.iter().map(|&axis| self.extents[axis as usize]) {
                match products.last_mut().and_then(|product| product.checked_mul(extent).map(|new| (product, new))) {
                    Some((product, new)) => *product = new,
                    None => products.push(extent),
                }
            }
            for product in products {
                fused_holders.push(holders[same[0] as usize].iter().copied());
                extents.push(product);
                kept.push(self.kept[same[0] as usize]);
            }
        }
        Graph { legs: fused_holders.transposed(self.legs.len()), extents, kept, result: self.result }
    }

    /// Returns the elements of the result of the whole graph.
    pub(crate) fn result_size(&self) -> Count {
        let kept = self.extents.iter().zip(&self.kept).filter(|(_, kept)| **kept);
        Count::product(kept.map(|(&extent, _)| extent))
    }
}

/// Returns the representative of `tensor` in a union-find forest and halves its path.
fn root(parent: &mut [u32], mut tensor: u32) -> u32 {
    while parent[tensor as usize] != tensor {
        let above = parent[parent[tensor as usize] as usize];
        parent[tensor as usize] = above;
        tensor = above;
    }
    tensor
}

/// Contracts two leg lists: calls `sum` for each axis that is summed, updates `uses`, and returns the legs of the
/// result, which are the axes with further uses.
pub(crate) fn contract(a: &[u32], b: &[u32], uses: &mut [u32], sum: impl FnMut(u32)) -> Vec<u32> {
    let mut legs = Vec::with_capacity(a.len() + b.len());
    contract_into(&mut legs, [a, b], uses, sum);
    legs
}

/// Contracts two leg lists as [`contract`] does, and stores the result in `legs`.
pub(crate) fn contract_into(legs: &mut Vec<u32>, [a, b]: [&[u32]; 2], uses: &mut [u32], mut sum: impl FnMut(u32)) {
    legs.clear();
    legs.reserve(a.len() + b.len());
    let mut visit = |axis: u32, shared: bool| {
        let uses = &mut uses[axis as usize];
        *uses -= u32::from(shared);
        if *uses > 1 {
            legs.push(axis);
        } else {
            sum(axis);
        }
    };
    let (mut i, mut j) = (0, 0);
    while let (Some(&left), Some(&right)) = (a.get(i), b.get(j)) {
        i += usize::from(left <= right);
        j += usize::from(right <= left);
        visit(left.min(right), left == right);
    }
    a[i..].iter().chain(&b[j..]).for_each(|&axis| visit(axis, false));
}

/// Appends the steps that join `parts` without a common leg, given by size and id, the two smallest first (the
/// algorithm of Huffman 1952 for codes); returns the id of the result.
pub(crate) fn join_by_size(parts: impl Iterator<Item = (Count, u32)>, leaves: usize, pairs: &mut Pairs) -> Option<u32> {
    let mut heap: BinaryHeap<_> = parts.map(Reverse).collect();
    loop {
        let Reverse((size, id)) = heap.pop()?;
        let Some(Reverse((other_size, other))) = heap.pop() else { return Some(id) };
        heap.push(Reverse((size * other_size, (leaves + pairs.len()) as u32)));
        pairs.push([id.min(other), id.max(other)]);
    }
}

/// Returns the steps of a tree as steps of two tensors; a step of more tensors becomes several, from left to right.
pub(crate) fn pairs(tree: &Tree) -> Pairs {
    let leaves = tree.leaves();
    let mut ids: Vec<u32> = (0..leaves as u32).collect();
    let mut pairs = Pairs::with_capacity(leaves);
    for children in tree.steps() {
        let mut result = ids[children[0] as usize];
        for &child in &children[1..] {
            pairs.push([result, ids[child as usize]]);
            result = (leaves + pairs.len() - 1) as u32;
        }
        ids.push(result);
    }
    pairs
}

/// Returns the tree with the given steps.
pub(crate) fn tree(leaves: usize, pairs: &Pairs) -> Result<Tree, OrderError> {
    Ok(Tree::from_ssa(leaves, pairs)?)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use einfold_ir::Network;

    use crate::{Budget, Order, order};

    thread_local! {
        /// The number of graphs built on this thread.
        pub(super) static BUILT: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn a_search_and_its_cost_share_one_graph() {
        for tensors in [2, 3, 5, 12] {
            let inputs = (0..tensors).map(|k| vec![k, k + 1]).collect();
            let chain = Network::new(inputs, vec![0, tensors], vec![3; tensors as usize + 1]).unwrap();
            for strategy in ["auto", "deep", "dp", "greedy", "left-to-right"] {
                BUILT.set(0);
                order(&chain, &strategy.parse::<Order>().unwrap(), &Budget::default()).unwrap();
                assert_eq!(BUILT.get(), 1, "{strategy}, {tensors} tensors");
            }
        }
    }
}
