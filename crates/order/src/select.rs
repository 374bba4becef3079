//! Orders through gathers and scatters.
//!
//! A tensor that is read at positions that ids give, `X[src[e], f]`, is to the search a tensor `X[p, f]` and a *selection*
//! `G[e, p]`: one where `src[e] = p`, zero elsewhere. A result that is written so, `H[dst[e], h]`, is an output `H[q, h]` and
//! a selection `S[e, q]`. No selection is ever built: the step that uses one reads or writes through the ids and visits the
//! points of `e` alone, since they determine `p`. So a tree says where the ids are used: in `X[src[e], f] W[f, h] -> H[dst[e], h]`
//! before the product with `W` or after it, on each side.

use einfold_ir::{Machine, Network, Tree};

use crate::Order;
use crate::graph::{self, Pairs};
use crate::registry::searching;

/// The most tensors, selections among them, of the search, which tries all splits of all sets.
const MOST_TENSORS: usize = 10;
/// The most axes: bits of a set.
const MOST_AXES: usize = u64::BITS as usize;

/// A tensor of a [`Selected`] network that stands for ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The axes on which the ids depend, and those along which the selected tensor is read or written.
    pub by: Vec<u32>,
    /// The positions that the ids give: axes of the selected tensor alone.
    pub determined: Vec<u32>,
    /// The tensor that is read through the ids; `None` for the result, which is written through them.
    pub of: Option<u32>,
}

/// A network some of whose tensors are read through ids, or whose result is written through them.
///
/// Tensors are numbered as in `network`, then follow the selections. An axis that only one tensor has is summed in the first
/// step that uses the tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The tensors without the selections; axes that ids determine are axes like the others.
    pub network: Network,
    /// The selections. At most one is of the result.
    pub selections: Vec<Selection>,
    /// Whether the result may be written through ids before the last step.
    pub early: bool,
    /// Whether positions that no id names have to be told apart afterwards if it is: a step over the result more.
    pub masked: bool,
}

impl Selected {
    /// Whether the network is small enough for the search.
    pub fn is_small(&self) -> bool {
        Search::new(self, &Machine::DEFAULT).is_some()
    }

    /// Whether `tree` is one of a small network, of steps of two tensors that keep the rules of [`order_selected`].
    pub fn accepts(&self, tree: &Tree) -> bool {
        let search = Search::new(self, &Machine::DEFAULT).filter(|search| search.tensors == tree.leaves());
        let Some(search) = search else { return false };
        let mut sets: Vec<usize> = (0..search.tensors).map(|k| 1 << k).collect();
        tree.steps().iter().all(|children| {
            let set = children.iter().fold(0, |all, &id| all | sets[id as usize]);
            sets.push(set);
            children.len() == 2 && search.allows(set)
        })
    }
}

/// The tree of a network with ids, where that takes less than a single step over all points does, by an estimate of the time of
/// its steps on `machine`. What it costs follows from what of it is written out, which is not decided here. `None` if it does not, if the network is
/// too large for the search, or if `how` is a path or a strategy that does not see through ids.
///
/// In the tree a step is of two tensors, and these hold: a tensor is used before the selection of it or with it; no tensor
/// has both the positions and what determines them as axes; at most one tensor whose ids are not used yet is part of an
/// intermediate.
pub fn order_selected(selected: &Selected, how: &Order, machine: &Machine) -> Option<Tree> {
    let Order::Strategy(strategy) = how else { return None };
    if !strategy.sees_ids {
        return None;
    }
    searching();
    let search = Search::new(selected, machine)?;
    let (pairs, weight) = search.best()?;
    if weight >= search.at_once() {
        return None;
    }
    graph::tree(search.tensors, &pairs).ok()
}

/// A set of axes.
type Axes = u64;

/// The search for the best tree: by dynamic programming over sets of tensors, all splits of each.
struct Search<'a> {
    selected: &'a Selected,
    tensors: usize,
    extents: &'a [u64],
    /// By tensor: its axes.
    axes: Vec<Axes>,
    /// By axis: the tensors that have it.
    members: Vec<usize>,
    kept: Axes,
    rates: Rates,
}

/// What work outside of matrix products takes, in multiply-adds of a matrix product.
struct Rates {
    /// A point of a loop nest.
    nest: f64,
    /// A point read or written through ids.
    gather: f64,
    /// Fewest rows and columns of a step that runs as a matrix product.
    least_side: f64,
}

/// The best way to a set of tensors.
#[derive(Clone, Copy)]
struct Best {
    weight: f64,
    /// Elements that would have to be written if a matrix product read them: a product that sums nothing, or a gather, is left
    /// to the step that uses it.
    lazy: f64,
    half: usize,
}

impl<'a> Search<'a> {
    fn new(selected: &'a Selected, machine: &Machine) -> Option<Search<'a>> {
        let Selected { network, selections, .. } = selected;
        let tensors = network.inputs().len() + selections.len();
        let extents = network.extents();
        if !(2..=MOST_TENSORS).contains(&tensors) || extents.len() > MOST_AXES {
            return None;
        }
        let all = |list: &[u32]| list.iter().fold(0, |set: Axes, &axis| set | 1 << axis);
        let mut axes: Vec<Axes> = network.inputs().iter().map(|list| all(list)).collect();
        axes.extend(selections.iter().map(|s| all(&s.by) | all(&s.determined)));
        let holders = |axis: usize| (0..tensors).filter(|&t| axes[t] >> axis & 1 == 1).fold(0, |set, t| set | 1 << t);
        let members = (0..extents.len()).map(holders).collect();
        let rates = Rates {
            nest: machine.nest_ratio() as f64,
            gather: machine.gather_ratio() as f64,
            least_side: machine.least_side() as f64,
        };
        Some(Search { selected, tensors, extents, members, kept: all(network.output()), axes, rates })
    }

    /// The weight of a set once its result is written.
    fn written(&self, best: &Best) -> f64 {
        best.weight + self.rates.nest * best.lazy
    }

    /// The axes of what a set of tensors contracts to; of one tensor all that it has.
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

    /// The selection that a set is, if it is nothing else.
    fn selection(&self, set: usize) -> Option<&'a Selection> {
        let factors = self.selected.network.inputs().len();
        let alone = set.is_power_of_two().then(|| set.trailing_zeros() as usize);
        alone?.checked_sub(factors).map(|k| &self.selected.selections[k])
    }

    fn determined(&self, selection: &Selection) -> Axes {
        selection.determined.iter().fold(0, |set, &axis| set | 1 << axis)
    }

    /// Whether a set of two or more tensors may be an intermediate, or the result.
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

    /// The best tree, and its weight.
    fn best(&self) -> Option<(Pairs, f64)> {
        let all = (1usize << self.tensors) - 1;
        let mut table: Vec<Option<Best>> = vec![None; all + 1];
        (0..self.tensors).for_each(|k| table[1 << k] = Some(Best { weight: 0.0, lazy: 0.0, half: 0 }));
        let legs: Vec<Axes> = (0..=all).map(|set| self.legs(set)).collect();
        for set in (1..=all).filter(|set| !set.is_power_of_two() && self.allows(*set)) {
            // Second halves lack the first tensor, so that each split comes once.
            let rest = set & (set - 1);
            let mut second = rest;
            while second != 0 {
                let first = set ^ second;
                if let (Some(a), Some(b)) = (table[first], table[second])
                    && let Some(found) = self.join([(first, a), (second, b)], &legs)
                    && table[set].is_none_or(|best| self.written(&found) < self.written(&best))
                {
                    table[set] = Some(found);
                }
                second = (second - 1) & rest;
            }
        }
        let weight = self.written(&table[all]?);
        Some((self.pairs(&table), weight))
    }

    /// A step of two sets.
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
                return Some(Best { weight, lazy: points, half });
            }
            let mask = selection.of.is_none() && self.selected.masked && set + 1 != 1 << self.tensors;
            let masking = if mask { self.mask(selection) } else { 0.0 };
            return Some(Best { weight: weight + self.rates.gather * (points + masking), lazy: 0.0, half });
        }
        let points = self.points(union);
        if union == legs[set] {
            return Some(Best { weight, lazy: points, half });
        }
        let shared = legs[first] & legs[second];
        let sides = [legs[set] & legs[first] & !shared, legs[set] & legs[second] & !shared];
        let summed = union & !legs[set];
        let Rates { nest, least_side, .. } = self.rates;
        let matrix = summed != 0 && summed & !shared == 0 && sides.iter().all(|&side| self.points(side) >= least_side);
        let step = if matrix { points + nest * (a.lazy + b.lazy) } else { nest * points };
        Some(Best { weight: weight + step, lazy: 0.0, half })
    }

    /// Points of marking the positions that some id names, and of putting the identity everywhere else.
    fn mask(&self, selection: &Selection) -> f64 {
        let by = selection.by.iter().fold(0, |set: Axes, &axis| set | 1 << axis);
        self.points(by) + self.points(self.kept)
    }

    /// The weight of one step over all points.
    fn at_once(&self) -> f64 {
        let selections = &self.selected.selections;
        let determined = selections.iter().fold(0, |all, selection| all | self.determined(selection));
        let all = self.axes.iter().fold(0, |all, axes| all | axes);
        self.rates.gather * self.points(all & !determined)
    }

    /// The steps of the tree, each after those that it uses.
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

/// The axes in a set.
fn bits(axes: Axes) -> impl Iterator<Item = usize> {
    (0..MOST_AXES).filter(move |axis| axes >> axis & 1 == 1)
}

#[cfg(test)]
mod tests;
