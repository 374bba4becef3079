//! Orders of contractions with gathers and scatters.
//!
//! To the search, a tensor with an indirect access, `X[src[e], f]`, is a tensor `X[p, f]` and a *selection* `G[e, p]`:
//! one where `src[e] = p`, zero elsewhere. A result with an indirect access, `H[dst[e], h]`, is an output `H[q, h]` and
//! a selection `S[e, q]`. No selection is ever stored: the step that uses one gathers or scatters, and visits the
//! points of `e` only, since they determine `p`. So a tree determines where the gather and the scatter take place: in
//! `X[src[e], f] W[f, h] -> H[dst[e], h]` before or after the product with `W`, on each side.

use einfold_ir::{Machine, Network, Tree};

use crate::Order;
use crate::graph::{self, Pairs};
use crate::watch::count_search;

/// The maximal number of tensors, selections included; the search tries all splits of all sets.
const MAX_TENSORS: usize = 10;
/// The maximal number of axes: the bits of a set.
const MAX_AXES: usize = u64::BITS as usize;

/// A tensor of a [`SelectionNetwork`] that stands for an index tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The axes of the index tensor, and the axes along which the selected tensor is accessed.
    pub by: Vec<u32>,
    /// The axes of the selected tensor whose positions the index tensor gives; no other tensor has them.
    pub determined: Vec<u32>,
    /// The tensor that is gathered from; `None` if the result is scattered to.
    pub of: Option<u32>,
}

/// A network with gathers from its tensors or a scatter to its result.
///
/// The tensors of `network` come first, then the selections. An axis that only one tensor has is summed in the first
/// step that uses the tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionNetwork {
    /// The tensors without the selections; the determined axes are axes like the others.
    pub network: Network,
    /// The selections; at most one is of the result.
    pub selections: Vec<Selection>,
    /// Whether the scatter may take place before the last step.
    pub early: bool,
    /// Whether a scatter before the last step requires one more step over the result, which masks the positions without
    /// a scatter index.
    pub masked: bool,
}

impl SelectionNetwork {
    /// Returns whether the network is small enough for the search.
    pub fn is_small(&self) -> bool {
        SelectionSearch::new(self, &Machine::DEFAULT).is_some()
    }

    /// Returns whether `tree` is a tree of a small network with steps of two tensors that follow the rules of
    /// [`order_with_selections`].
    pub fn accepts(&self, tree: &Tree) -> bool {
        let search = SelectionSearch::new(self, &Machine::DEFAULT).filter(|search| search.tensors == tree.leaves());
        let Some(search) = search else { return false };
        let mut sets: Vec<usize> = (0..search.tensors).map(|k| 1 << k).collect();
        tree.steps().iter().all(|children| {
            let set = children.iter().fold(0, |all, &id| all | sets[id as usize]);
            sets.push(set);
            children.len() == 2 && search.allows(set)
        })
    }
}

/// Returns the tree of a network with selections, if by an estimate of the time of its steps on `machine` it is faster than a single
/// step over all points. Its cost depends on the intermediates that are stored, which is not decided here. Returns
/// `None` if a single step is faster, if the network is too large for the search, or if `origin` is a path or a
/// strategy that does not search selections.
///
/// Each step of the tree has two tensors, and these rules hold: a tensor is used before its selection or together with
/// it; no tensor has both the determined axes and the axes that determine them; an intermediate contains at most one
/// tensor whose selection is not used yet.
pub fn order_with_selections(selected: &SelectionNetwork, origin: &Order, machine: &Machine) -> Option<Tree> {
    let Order::Strategy(strategy) = origin else { return None };
    if !strategy.searches_selections {
        return None;
    }
    count_search();
    let search = SelectionSearch::new(selected, machine)?;
    let (pairs, weight) = search.best()?;
    if weight >= search.cost_of_one_nest() {
        return None;
    }
    graph::tree(search.tensors, &pairs).ok()
}

/// A set of axes.
type Axes = u64;

/// Finds the best tree by dynamic programming over all splits of all sets of tensors.
struct SelectionSearch<'a> {
    selected: &'a SelectionNetwork,
    tensors: usize,
    extents: &'a [u64],
    /// The axes of each tensor.
    axes: Vec<Axes>,
    /// The tensors that have each axis.
    members: Vec<usize>,
    kept: Axes,
    rates: Rates,
}

/// The cost of work outside of matrix products, in multiply-adds of a matrix product.
struct Rates {
    /// A point of a loop nest.
    nest: f64,
    /// A gathered or scattered element.
    gather: f64,
    /// The minimal number of rows and columns of a step that runs as a matrix product.
    least_side: f64,
}

/// The best tree of a set of tensors.
#[derive(Clone, Copy)]
struct Best {
    weight: f64,
    /// Elements to store if a matrix product reads them: a product without a sum, or a gather, is deferred to the step
    /// that uses it.
    deferred: f64,
    half: usize,
}

impl<'a> SelectionSearch<'a> {
    fn new(selected: &'a SelectionNetwork, machine: &Machine) -> Option<SelectionSearch<'a>> {
        let SelectionNetwork { network, selections, .. } = selected;
        let tensors = network.inputs().len() + selections.len();
        let extents = network.extents();
        if !(2..=MAX_TENSORS).contains(&tensors) || extents.len() > MAX_AXES {
            return None;
        }
        let all = |list: &[u32]| list.iter().fold(0, |set: Axes, &axis| set | 1 << axis);
        let mut axes: Vec<Axes> = network.inputs().iter().map(|list| all(list)).collect();
        axes.extend(selections.iter().map(|s| all(&s.by) | all(&s.determined)));
        let holders = |axis: usize| (0..tensors).filter(|&t| axes[t] >> axis & 1 == 1).fold(0, |set, t| set | 1 << t);
        let members = (0..extents.len()).map(holders).collect();
        let rates = Rates {
            nest: machine.nest.in_units_of(machine.product) as f64,
            gather: machine.gather.in_units_of(machine.product) as f64,
            least_side: machine.least_side() as f64,
        };
        Some(SelectionSearch { selected, tensors, extents, members, kept: all(network.output()), axes, rates })
    }

    /// Returns the weight of a set with its result stored.
    fn stored_cost(&self, best: &Best) -> f64 {
        best.weight + self.rates.nest * best.deferred
    }

    /// Returns the axes of the result of a set of tensors; of a single tensor, all its axes.
    fn legs(&self, set: usize) -> Axes {
        if set.is_power_of_two() {
            return self.axes[set.trailing_zeros() as usize];
        }
        let open = |&axis: &usize| {
            let members = self.members[axis];
            members & set != 0 && (members & !set != 0 || self.kept >> axis & 1 == 1)
        };
        (0..self.extents.len()).filter(open).fold(0, |legs, axis| legs | 1 << axis)
    }

    fn points(&self, axes: Axes) -> f64 {
        bits(axes).map(|axis| self.extents[axis] as f64).product()
    }

    /// Returns the selection of a set that contains nothing else.
    fn selection(&self, set: usize) -> Option<&'a Selection> {
        let factors = self.selected.network.inputs().len();
        let alone = set.is_power_of_two().then(|| set.trailing_zeros() as usize);
        alone?.checked_sub(factors).map(|k| &self.selected.selections[k])
    }

    fn determined(&self, selection: &Selection) -> Axes {
        selection.determined.iter().fold(0, |set, &axis| set | 1 << axis)
    }

    /// Returns whether a set of two or more tensors may be an intermediate or the result.
    fn allows(&self, set: usize) -> bool {
        let factors = self.selected.network.inputs().len();
        let all = (1 << self.tensors) - 1;
        let mut pending = 0;
        for (k, selection) in self.selected.selections.iter().enumerate() {
            let used = set >> (factors + k) & 1 == 1;
            match selection.of {
                Some(tensor) => match (used, set >> tensor & 1 == 1) {
                    (true, false) => return false,
                    (false, true) => pending += 1,
                    _ => {}
                },
                None if used && set != all => {
                    let closed = |&axis: &u32| self.kept >> axis & 1 == 0 && self.members[axis as usize] & !set == 0;
                    if !self.selected.early || !selection.by.iter().all(closed) {
                        return false;
                    }
                    pending += 1;
                }
                None => {}
            }
        }
        pending < 2
    }

    /// Returns the best tree and its weight.
    fn best(&self) -> Option<(Pairs, f64)> {
        let all = (1usize << self.tensors) - 1;
        let mut table: Vec<Option<Best>> = vec![None; all + 1];
        (0..self.tensors).for_each(|k| table[1 << k] = Some(Best { weight: 0.0, deferred: 0.0, half: 0 }));
        let legs: Vec<Axes> = (0..=all).map(|set| self.legs(set)).collect();
        for set in (1..=all).filter(|set| !set.is_power_of_two() && self.allows(*set)) {
            // Second halves exclude the first tensor, so that each split occurs once.
            let rest = set & (set - 1);
            let mut second = rest;
            while second != 0 {
                let first = set ^ second;
                if let (Some(a), Some(b)) = (table[first], table[second])
                    && let Some(found) = self.join([(first, a), (second, b)], &legs)
                    && table[set].is_none_or(|best| self.stored_cost(&found) < self.stored_cost(&best))
                {
                    table[set] = Some(found);
                }
                second = (second - 1) & rest;
            }
        }
        let weight = self.stored_cost(&table[all]?);
        Some((self.pairs(&table), weight))
    }

    /// Returns the cost of the step that joins two sets, or `None` if it is not allowed.
    fn join(&self, [(first, a), (second, b)]: [(usize, Best); 2], legs: &[Axes]) -> Option<Best> {
        let (set, half) = (first | second, first);
        let weight = a.weight + b.weight;
        let union = legs[first] | legs[second];
        let selection = match (self.selection(first), self.selection(second)) {
            (Some(_), Some(_)) => return None,
            (one, other) => one.or(other),
        };
        if let Some(selection) = selection {
            let determined = self.determined(selection);
            let points = self.points(union & !determined);
            if selection.of.is_some() && union & !determined == legs[set] {
                return Some(Best { weight, deferred: points, half });
            }
            let mask = selection.of.is_none() && self.selected.masked && set + 1 != 1 << self.tensors;
            let masking = if mask { self.mask(selection) } else { 0.0 };
            return Some(Best { weight: weight + self.rates.gather * (points + masking), deferred: 0.0, half });
        }
        let points = self.points(union);
        if union == legs[set] {
            return Some(Best { weight, deferred: points, half });
        }
        let shared = legs[first] & legs[second];
        let sides = [legs[set] & legs[first] & !shared, legs[set] & legs[second] & !shared];
        let summed = union & !legs[set];
        let Rates { nest, least_side, .. } = self.rates;
        let matrix = summed != 0 && summed & !shared == 0 && sides.iter().all(|&side| self.points(side) >= least_side);
        let step = if matrix { points + nest * (a.deferred + b.deferred) } else { nest * points };
        Some(Best { weight: weight + step, deferred: 0.0, half })
    }

    /// Returns the points of the mask of positions that have a scatter index, and of the identity at all others.
    fn mask(&self, selection: &Selection) -> f64 {
        let by = selection.by.iter().fold(0, |set: Axes, &axis| set | 1 << axis);
        self.points(by) + self.points(self.kept)
    }

    /// Returns the weight of a single step over all points.
    fn cost_of_one_nest(&self) -> f64 {
        let selections = &self.selected.selections;
        let determined = selections.iter().fold(0, |all, selection| all | self.determined(selection));
        let all = self.axes.iter().fold(0, |all, axes| all | axes);
        self.rates.gather * self.points(all & !determined)
    }

    /// Returns the steps of the tree, each after its operands.
    fn pairs(&self, table: &[Option<Best>]) -> Pairs {
        let mut open = vec![table.len() - 1];
        let mut order = Vec::new();
        while let Some(set) = open.pop() {
            if let Some(best) = table[set].filter(|_| !set.is_power_of_two()) {
                order.push((set, best.half));
                open.extend([best.half, set ^ best.half]);
            }
        }
        let mut ids: Vec<(usize, u32)> = (0..self.tensors).map(|k| (1 << k, k as u32)).collect();
        let mut pairs = Pairs::new();
        for (set, half) in order.into_iter().rev() {
            let id = |of: usize| ids.iter().find(|(set, _)| *set == of).map_or(0, |(_, id)| *id);
            let (a, b) = (id(half), id(set ^ half));
            ids.push((set, (self.tensors + pairs.len()) as u32));
            pairs.push([a.min(b), a.max(b)]);
        }
        pairs
    }
}

/// Returns the axes of a set.
fn bits(axes: Axes) -> impl Iterator<Item = usize> {
    (0..MAX_AXES).filter(move |axis| axes >> axis & 1 == 1)
}

#[cfg(test)]
mod tests;
