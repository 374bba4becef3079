//! Networks of 200,000 tensors: no search takes quadratic time or recurses to a depth of the size of the network.

use einfold_ir::{Count, Network};
use einfold_order::{Budget, FoundOrder, order};

use crate::data::{chain, lattice};

const TENSORS: u32 = 200_000;

fn by(name: &str, network: &Network) -> FoundOrder {
    let found = order(network, &name.parse().unwrap(), &Budget::default()).unwrap();
    assert_eq!(found.tree.leaves(), network.inputs().len());
    found
}

#[test]
fn a_chain() {
    let network = chain(TENSORS, 2);
    for name in ["greedy", "auto"] {
        let cost = by(name, &network).cost;
        assert_eq!((cost.flops, cost.size), (Count::from(8 * u64::from(TENSORS - 1)), Count::from(4_u64)), "{name}");
    }
}

#[test]
fn a_lattice() {
    let network = lattice(450, 2);
    // From left to right, the boundary of the contracted part crosses 451 axes.
    let written = by("left-to-right", &network).cost;
    assert_eq!(written.size.log2(), 451.0);
    assert!(by("auto", &network).cost.flops <= written.flops);
    by("greedy", &network);
}

#[test]
fn a_tensor_with_a_leg_to_each_other() {
    let mut inputs: Vec<Vec<u32>> = (0..TENSORS).map(|axis| vec![axis]).collect();
    inputs.push((0..TENSORS).collect());
    let extents = vec![2; TENSORS as usize];
    let last = Network::new(inputs.clone(), vec![], extents.clone()).unwrap();
    inputs.rotate_right(1);
    let first = Network::new(inputs, vec![], extents).unwrap();
    // In the order of the text, with the large tensor last: 4 + 8 + ... + 2^n for the others, then 2^n again.
    let written = by("left-to-right", &last).cost;
    assert!((written.flops.log2() - (f64::from(TENSORS) + 3_f64.log2())).abs() < 1e-6);
    assert_eq!(written.size.log2(), f64::from(TENSORS));
    for network in [&first, &last] {
        for name in ["greedy", "auto"] {
            // Every step that uses the large tensor visits all of it.
            let flops = by(name, network).cost.flops.log2();
            assert!((f64::from(TENSORS)..=f64::from(TENSORS + 1)).contains(&flops), "{name} {flops}");
        }
    }
}

#[test]
fn an_axis_of_all() {
    let vectors = Network::new(vec![vec![0]; TENSORS as usize], vec![], vec![3]).unwrap();
    let pairs = (0..TENSORS).map(|tensor| vec![0, 1 + tensor / 2]).collect();
    let pairs = Network::new(pairs, vec![0], vec![2; 1 + TENSORS as usize / 2]).unwrap();
    for name in ["greedy", "auto"] {
        assert_eq!(by(name, &vectors).cost.flops, Count::from(3 * u64::from(TENSORS - 1)), "{name}");
        // Four for each pair of the same axis, two for the remaining ones.
        assert_eq!(by(name, &pairs).cost.flops, Count::from(u64::from(3 * TENSORS - 2)), "{name}");
    }
}

#[test]
fn nothing_in_common() {
    let scalars = Network::new(vec![vec![]; TENSORS as usize], vec![], vec![]).unwrap();
    for name in ["greedy", "auto", "dp"] {
        assert_eq!(by(name, &scalars).cost.flops, Count::from(u64::from(TENSORS - 1)), "{name}");
    }
}
