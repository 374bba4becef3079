//! The networks and costs in `data/costs.txt`, and generated networks.

use einfold_ir::Network;
use einfold_order::Order;

/// A line of the file; costs in decimal digits.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) network: Network,
    pub(crate) path: Order,
    pub(crate) flops: &'static str,
    pub(crate) size: &'static str,
    pub(crate) write: &'static str,
    pub(crate) peak: &'static str,
}

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    include_str!("../data/costs.txt").lines().map(case)
}

/// Returns each network once, by name.
pub(crate) fn networks() -> impl Iterator<Item = (&'static str, Network)> {
    let mut last = "";
    cases()
        .filter(move |case| std::mem::replace(&mut last, case.name) != case.name)
        .map(|case| (case.name, case.network))
}

/// Returns the network with this name.
pub(crate) fn network(name: &str) -> Network {
    networks().find(|found| found.0 == name).unwrap().1
}

fn case(line: &'static str) -> Case {
    let fields: [&str; 10] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
    let [name, inputs, output, extents, form, path, flops, size, write, peak] = fields;
    let network = Network::new(rows(inputs), rows(output).remove(0), rows(extents).remove(0)).unwrap();
    let steps = if path.is_empty() { vec![] } else { rows(path) };
    let path = if form == "ssa" { Order::Ssa(steps) } else { Order::Linear(steps) };
    Case { name, network, path, flops, size, write, peak }
}

fn rows<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Vec<Vec<T>> {
    let row = |row: &str| row.split('.').filter(|item| !item.is_empty()).map(|item| item.parse().unwrap()).collect();
    text.split(';').map(row).collect()
}

/// Returns a chain of `n` matrices whose two end axes are output axes.
pub(crate) fn chain(n: u32, extent: u64) -> Network {
    let matrix = |i| vec![i, i + 1];
    Network::new((0..n).map(matrix).collect(), vec![0, n], vec![extent; n as usize + 1]).unwrap()
}

/// Returns a square lattice of `side * side` tensors, contracted to a scalar.
pub(crate) fn lattice(side: u32, extent: u64) -> Network {
    let sites = side * side;
    let (right, down) = (|site: u32| site, |site: u32| sites + site);
    let legs = |site: u32| {
        let (row, column) = (site / side, site % side);
        let right_legs =
            (column + 1 < side).then(|| right(site)).into_iter().chain((column > 0).then(|| right(site - 1)));
        let down_legs = (row + 1 < side).then(|| down(site)).into_iter().chain((row > 0).then(|| down(site - side)));
        right_legs.chain(down_legs).collect()
    };
    Network::new((0..sites).map(legs).collect(), vec![], vec![extent; 2 * sites as usize]).unwrap()
}
