//! Plans for the built-in machine and for other machines.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use einfold::errors::RecipeProblem;
use einfold::ndarray::{Array, Array3, IxDyn};
use einfold::order::{Machine, machine_from_json};
use einfold::{AnyArray, Error, ErrorKind, Expression, Plan, spec};
use einfold_ir::Time;

type Result = std::result::Result<(), Error>;

fn time(ns: f64) -> Time {
    Time::from_ns(ns).unwrap()
}

fn plan(text: &str, shapes: &[&[usize]], machine: Machine) -> std::result::Result<Plan, Error> {
    let types: Vec<_> = shapes.iter().map(spec::<f64>).collect();
    Expression::new(text)?.machine(machine).plan(types)
}

/// The form of each step.
fn forms(plan: &Plan) -> std::result::Result<Vec<String>, Error> {
    let json = plan.explain()?.json();
    let form = |step: &serde_json::Value| step["form"]["kind"].as_str().unwrap().to_string();
    Ok(json["plan"].as_array().unwrap().iter().map(form).collect())
}

const BATCH: (&str, [&[usize]; 2]) = ("bij,bjk->bik", [&[1000, 4, 4], &[1000, 4, 4]]);
const BROKEN: (&str, [&[usize]; 2]) = ("aibj,icj->abc", [&[8, 8, 8, 8], &[8, 200, 8]]);

#[test]
fn the_machine_decides_which_steps_are_products() -> Result {
    let default = Machine::default();
    let forms = |(text, shapes): (&str, [&[usize]; 2]), machine| forms(&plan(text, &shapes, machine)?);
    assert_eq!(forms(BATCH, default)?, ["nest"]);
    assert_eq!(forms(BATCH, Machine { product_setup: time(1.0), ..default })?, ["gemm"]);
    assert_eq!(forms(BROKEN, default)?, ["gemm"]);
    assert_eq!(forms(BROKEN, Machine { product_setup: time(1e9), ..default })?, ["nest"]);
    Ok(())
}

#[test]
fn every_machine_leads_to_the_same_result() -> Result {
    let default = Machine::default();
    let machines = [
        default,
        Machine { product_setup: time(1e9), ..default },
        Machine { fork: time(1e-6), cache_bytes: [0; 3], partitions: 1, ..default },
        Machine { product: time(1.0), nest: time(1.0), half_speed: [0; 2], ..default },
    ];
    for (text, shapes) in [BATCH, BROKEN, ("ij,jk->ik", [&[200, 300], &[300, 200]])] {
        let operands: Vec<AnyArray> = shapes
            .iter()
            .map(|shape| {
                let mut k = 0;
                Array::from_shape_simple_fn(IxDyn(shape), || {
                    k = (k + 5) % 17;
                    f64::from(k)
                })
                .into()
            })
            .collect();
        let run = |machine| plan(text, &shapes, machine)?.run::<Array<f64, IxDyn>>(&operands);
        let want = run(default)?;
        for machine in machines {
            assert_eq!(run(machine)?, want, "{text} {machine:?}");
        }
    }
    Ok(())
}

#[test]
fn a_plan_states_its_machine_and_its_recipe_has_it() -> Result {
    let (text, shapes) = BROKEN;
    let measured = Machine { gather: time(100.0), ..Machine::default() };
    let (default, other) = (plan(text, &shapes, Machine::default())?, plan(text, &shapes, measured)?);
    assert_eq!((default.machine(), other.machine()), (Machine::default(), measured));
    assert!(!default.to_recipe().contains("machine") && !default.explain()?.to_string().contains("machine"));
    assert!(default.explain()?.json().get("machine").is_none());
    let explained = other.explain()?;
    assert!(explained.to_string().contains("machine measured: product 0.022 ns, loops 0.176 ns\n"));
    assert_eq!(machine_from_json(&explained.json()["machine"].to_string()), Ok(measured));
    let recipe = other.to_recipe();
    let again = Plan::from_recipe(&recipe)?;
    assert_eq!((again.machine(), forms(&again)?, again.to_recipe()), (measured, forms(&other)?, recipe.clone()));
    let refused = |recipe: &str| Plan::from_recipe(recipe).map(|_| ()).unwrap_err();
    let wrong = refused(&recipe.replace("\"partitions\":16", "\"partitions\":0"));
    let at_least_one = "`partitions` is 0; at least 1 was expected";
    assert!(matches!(wrong.kind(), ErrorKind::Recipe(RecipeProblem::Malformed(what)) if what == at_least_one));
    let later = refused(&recipe.replace("einfold.machine/1", "einfold.machine/9"));
    assert!(matches!(later.kind(), ErrorKind::Recipe(RecipeProblem::Malformed(_))), "{later}");
    Ok(())
}

#[test]
fn plans_with_constants_are_for_the_same_machine() -> Result {
    let measured = Machine { product_setup: time(1.0), ..Machine::default() };
    let (a, b) = (Array3::<f64>::ones((9, 4, 4)), Array3::<f64>::ones((9, 4, 4)));
    let shapes: [&[usize]; 3] = [&[9, 4, 4], &[9, 4, 4], &[9, 4, 4]];
    let constants = |machine| plan("bij,bjk,bkl->bil", &shapes, machine)?.bind_constants(&[1, 2], (&b, &b));
    assert_eq!(forms(&constants(Machine::default())?)?, ["nest"]);
    let bound = constants(measured)?;
    assert_eq!((bound.machine(), forms(&bound)?), (measured, vec!["gemm".to_string()]));
    assert_eq!(bound.run::<Array3<f64>>(&a)?, Array3::from_elem((9, 4, 4), 16.0));
    Ok(())
}
