//! All contraction orders give the same value, and the exact search finds the least cost.

use einfold_ir::{Ir, Tree};
use einfold_order::{Budget, Order, STRATEGIES, order};
use einfold_plan::{ChosenOrder, Hints, expand, lower, network};
use einfold_syntax::{Options, parse, resolve};

use crate::case::Case;
use crate::draw::{Bytes, check};
use crate::resolving::types;
use crate::{meaning, oracle};

/// A random path in linear form, mostly of pairs.
pub(crate) fn path(bytes: &mut Bytes<'_>, leaves: usize) -> Vec<Vec<u32>> {
    let mut live = leaves;
    let mut path = Vec::new();
    while live > 1 {
        let taken = if live > 2 && bytes.once_in(6) { 3 } else { 2 };
        let mut positions: Vec<u32> = (0..live as u32).collect();
        bytes.shuffle(&mut positions);
        positions.truncate(taken);
        path.push(positions);
        live -= taken - 1;
    }
    path
}

/// A tree for each contraction that has a choice of order: by each strategy, and by two random paths.
fn forests(ir: &Ir, bytes: &mut Bytes<'_>) -> Result<Vec<Vec<Option<Tree>>>, String> {
    let networks: Vec<_> = ir.ids().map(|id| network(ir, id)).collect();
    let mut forests = vec![Vec::new(); STRATEGIES.len() + 2];
    for network in networks {
        let Some(network) = network else {
            forests.iter_mut().for_each(|f| f.push(None));
            continue;
        };
        let mut flops = Vec::new();
        for (k, forest) in forests.iter_mut().enumerate() {
            let how = match STRATEGIES.get(k) {
                Some(strategy) => Order::Strategy(strategy),
                None => Order::Linear(path(bytes, network.inputs().len())),
            };
            let found = order(&network, &how, &Budget::default()).map_err(|e| e.to_string())?;
            flops.push(found.cost.flops);
            forest.push(Some(found.tree));
        }
        let exact = STRATEGIES.iter().position(|s| s.name == "dp").ok_or("dp is gone")?;
        if flops.iter().any(|&f| f < flops[exact]) {
            return Err(format!("dp is not the best of {flops:?} on {network:?}"));
        }
    }
    Ok(forests)
}

#[test]
fn every_order_gives_the_same_value_and_dp_costs_least() {
    check(2000, |bytes| {
        let case = Case::draw(bytes);
        let operands = case.tensors();
        let want = oracle::einsum(&case.text, &operands).ok_or("not valid")?;
        let ast = parse(&case.text).map_err(|e| e.to_string())?;
        let ir = resolve(&ast, &types(&operands), &Options::default()).map_err(|e| e.to_string())?;
        for trees in forests(&ir, bytes)? {
            let orders: Vec<_> = trees.iter().map(|tree| tree.as_ref().map(ChosenOrder::from)).collect();
            let steps = expand(&ir, &orders).map_err(|e| format!("{case}\n{e}"))?.ir;
            let draft = lower(&steps, &Hints::default()).map_err(|e| format!("{case}\n{e}"))?;
            for value in [meaning::evaluate(&steps, &operands), meaning::run(&draft, &operands)] {
                if let Some(difference) = value[0].differs(&want, 0.0) {
                    return Err(format!("{case}\n{steps}{difference}"));
                }
            }
        }
        Ok(())
    });
}
