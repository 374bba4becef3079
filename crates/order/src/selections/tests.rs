use einfold_ir::{Machine, Network, Time, Tree};

use super::{Selection, SelectionNetwork, SelectionSearch, order_with_selections};
use crate::{Order, STRATEGIES};

/// Returns the network of `X[src[e], f] · W[f, h] -> H[dst[e], h]` for these numbers of nodes, edges, groups, inputs
/// and outputs of a layer. Axes: e f h p q.
fn layer([nodes, edges, groups, inputs, hidden]: [u64; 5]) -> SelectionNetwork {
    let [e, f, h, p, q] = [0, 1, 2, 3, 4];
    let extents = vec![edges, inputs, hidden, nodes, groups];
    SelectionNetwork {
        network: Network::new(vec![vec![p, f], vec![f, h]], vec![q, h], extents).unwrap(),
        selections: vec![
            Selection { by: vec![e], determined: vec![p], of: Some(0) },
            Selection { by: vec![e], determined: vec![q], of: None },
        ],
        early: true,
        masked: true,
    }
}

fn steps(selected: &SelectionNetwork) -> Option<Vec<Vec<u32>>> {
    steps_on(selected, &Machine::DEFAULT)
}

fn steps_on(selected: &SelectionNetwork, machine: &Machine) -> Option<Vec<Vec<u32>>> {
    order_with_selections(selected, &Order::default(), machine).map(|tree| {
        assert!(selected.accepts(&tree));
        tree.steps().to_vec()
    })
}

/// Tensors: 0 is X, 1 is W, 2 gathers from X, 3 scatters to the result.
#[test]
fn selections_are_used_where_they_cost_least() {
    let nodes_first = vec![vec![0, 1], vec![2, 4], vec![3, 5]];
    assert_eq!(steps(&layer([100, 5000, 100, 64, 32])), Some(nodes_first));
    let edges_first = vec![vec![0, 2], vec![1, 4], vec![3, 5]];
    assert_eq!(steps(&layer([100_000, 500, 1000, 64, 32])), Some(edges_first));
    let groups_first = vec![vec![0, 2], vec![3, 4], vec![1, 5]];
    assert_eq!(steps(&layer([1000, 5000, 10, 32, 64])), Some(groups_first));
    let late = SelectionNetwork { early: false, ..layer([1000, 5000, 10, 32, 64]) };
    assert_eq!(steps(&late), Some(vec![vec![0, 1], vec![2, 4], vec![3, 5]]));
    assert_eq!(steps(&layer([5, 4, 3, 1, 1])), None);
}

#[test]
fn the_machine_decides_where_ids_are_used() {
    let layer = layer([1000, 900, 1000, 64, 32]);
    let (nodes_first, edges_first) =
        (vec![vec![0, 1], vec![2, 4], vec![3, 5]], vec![vec![0, 2], vec![1, 4], vec![3, 5]]);
    assert_eq!(steps_on(&layer, &Machine::DEFAULT), Some(nodes_first));
    // Where products are hardly faster than loops, fewer multiply-adds are worth a gather that is written out.
    let machine = Machine { product: Time::from_ns(0.088).unwrap(), ..Machine::DEFAULT };
    assert_eq!(steps_on(&layer, &machine), Some(edges_first));
}

#[test]
fn rules_of_trees() {
    let selected = layer([10; 5]);
    let accepts = |steps: &[[u32; 2]]| {
        let steps: Vec<Vec<u32>> = steps.iter().map(|s| s.to_vec()).collect();
        selected.accepts(&Tree::from_ssa(4, &steps).unwrap())
    };
    assert!(accepts(&[[0, 1], [2, 4], [3, 5]]));
    assert!(accepts(&[[0, 2], [3, 4], [1, 5]]));
    // A selection without its tensor; a scatter while some tensor still has the edges.
    assert!(!accepts(&[[1, 2], [0, 4], [3, 5]]));
    assert!(!accepts(&[[2, 3], [0, 4], [1, 5]]));
    assert!(!accepts(&[[0, 3], [2, 4], [1, 5]]));
}

#[test]
fn strategies_without_search_ignore_selections() {
    for strategy in STRATEGIES {
        let found =
            order_with_selections(&layer([100, 5000, 100, 64, 32]), &Order::Strategy(strategy), &Machine::DEFAULT);
        assert_eq!(found.is_some(), strategy.searches_selections, "{}", strategy.name);
    }
}

/// Returns all trees by plain recursion, with the costs of the search.
fn least(search: &SelectionSearch<'_>, set: usize, legs: &[u64]) -> Vec<super::Best> {
    if set.is_power_of_two() {
        return vec![super::Best { weight: 0.0, deferred: 0.0, half: 0 }];
    }
    if !search.allows(set) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for first in (1..set).filter(|&first| first & !set == 0 && first < set ^ first) {
        for a in least(search, first, legs) {
            for b in least(search, set ^ first, legs) {
                all.extend(search.join([(first, a), (set ^ first, b)], legs));
            }
        }
    }
    all
}

#[test]
fn no_tree_weighs_less_than_the_one_found() {
    for sizes in [[100, 5000, 100, 64, 32], [1000, 300, 7, 5, 64], [3, 50, 3, 9, 9], [400, 20, 400, 4, 4]] {
        let selected = layer(sizes);
        let search = SelectionSearch::new(&selected, &Machine::DEFAULT).unwrap();
        let all = (1 << search.tensors) - 1;
        let legs: Vec<u64> = (0..=all).map(|set| search.legs(set)).collect();
        let best = least(&search, all, &legs).iter().map(|best| search.stored_cost(best)).fold(f64::INFINITY, f64::min);
        assert_eq!(search.best().unwrap().1, best);
    }
}
