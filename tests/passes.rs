//! Every subset of passes preserves the results of a plan.

use std::cell::RefCell;
use std::collections::BTreeMap;

use einfold_ir::{Draft, Layout};
use einfold_order::{Budget, FoundOrder, Order, order};
use einfold_plan::{Hints, PASSES, PassSet, expand, lower, network, optimize};
use einfold_syntax::{Options, parse, resolve};

use crate::case::Case;
use crate::draw::{Bytes, check};
use crate::num::Tensor;
use crate::ordering::path;
use crate::resolving::types;
use crate::slicing::{chosen_order, slices};
use crate::{meaning, oracle};

/// The number of plans that each pass changed.
type Changes = BTreeMap<&'static str, usize>;

/// The draft of an expression with random paths and random operand layouts; sliced sometimes, or always if `sliced`.
pub(crate) fn draft(case: &Case, operands: &[Tensor], bytes: &mut Bytes<'_>, sliced: bool) -> Result<Draft, String> {
    let ast = parse(&case.text).map_err(|e| e.to_string())?;
    let ir = resolve(&ast, &types(operands), &Options::default()).map_err(|e| e.to_string())?;
    let mut orders = Vec::new();
    for id in ir.ids() {
        let ordered = network(&ir, id).map(|network| {
            let how = match bytes.below(2) {
                0 => Order::default(),
                _ => Order::Linear(path(bytes, network.inputs().len())),
            };
            let slices = if sliced || bytes.once_in(3) { slices(bytes, &network) } else { Vec::new() };
            order(&network, &how, &Budget::default()).map(|found| FoundOrder { slices, ..found })
        });
        orders.push(ordered.transpose().map_err(|e| e.to_string())?);
    }
    let orders: Vec<_> = orders.iter().map(|ordered| ordered.as_ref().map(|o| chosen_order(bytes, o))).collect();
    let steps = expand(&ir, &orders).map_err(|e| e.to_string())?.ir;
    let mut layout = |rank: usize| match bytes.below(3) {
        0 => Layout::RowMajor,
        1 => Layout::ColumnMajor,
        _ => {
            let mut order: Vec<u32> = (0..rank as u32).collect();
            bytes.shuffle(&mut order);
            Layout::Order(order)
        }
    };
    let inputs = operands.iter().map(|o| layout(o.shape.len())).collect();
    let outputs = steps.outputs().iter().map(|&o| layout(steps.node(o).shape.len())).collect();
    lower(&steps, &Hints { inputs, outputs }).map_err(|e| e.to_string())
}

/// A random subset of passes, often all but a few.
pub(crate) fn choice(bytes: &mut Bytes<'_>) -> PassSet {
    let rare = bytes.once_in(2);
    PASSES.iter().fold(PassSet::ALL, |set, pass| {
        let dropped = if rare { bytes.once_in(6) } else { bytes.once_in(2) };
        if dropped { set.without(pass.name).unwrap() } else { set }
    })
}

/// Checks the results of the draft after each pass. Returns how often each pass changed the draft.
fn check_passes(draft: Draft, passes: PassSet, operands: &[Tensor], want: &Tensor) -> Result<Changes, String> {
    let mut guilty = None;
    let mut all = Changes::new();
    let plan = optimize(draft, passes, &mut |pass, changes, draft| {
        all.insert(pass.name, changes);
        if changes > 0 && guilty.is_none() {
            let difference = meaning::run(draft, operands)[0].differs(want, 0.0);
            guilty = difference.map(|d| format!("{}: {d}\n{draft:#?}", pass.name));
        }
    });
    match guilty {
        Some(what) => Err(what),
        None => plan.map(|_| all).map_err(|e| e.to_string()),
    }
}

#[test]
fn each_pass_keeps_the_meaning_and_has_something_to_do() {
    let total = RefCell::new(Changes::new());
    check(10_000, |bytes| {
        let case = Case::draw(bytes);
        let operands = case.tensors();
        let want = oracle::einsum(&case.text, &operands).ok_or("not valid")?;
        let draft = draft(&case, &operands, bytes, false).map_err(|e| format!("{case}\n{e}"))?;
        let changes = check_passes(draft, choice(bytes), &operands, &want).map_err(|e| format!("{case}\n{e}"))?;
        changes.into_iter().for_each(|(name, n)| *total.borrow_mut().entry(name).or_default() += n);
        Ok(())
    });
    let total = total.into_inner();
    assert!(PASSES.iter().all(|p| total[p.name] > 200), "{total:?}");
}

#[test]
fn every_choice_of_passes_keeps_the_meaning() {
    check(30, |bytes| {
        let case = Case::draw(bytes);
        let operands = case.tensors();
        let want = oracle::einsum(&case.text, &operands).ok_or("not valid")?;
        let draft = draft(&case, &operands, bytes, false).map_err(|e| format!("{case}\n{e}"))?;
        for passes in PassSet::subsets() {
            check_passes(draft.clone(), passes, &operands, &want).map_err(|e| format!("{case}\n{e}"))?;
        }
        Ok(())
    });
}
