use einfold_ir::Ir;

use crate::lower::{Hints, lower};
use crate::pipeline::{Form, PassSet, optimize};
use crate::testing::{expanded, show};

/// The plan of an expression whose last node is expanded along this path, lowered and changed by these passes only,
/// printed.
pub(crate) fn after(passes: &[&str], ir: &Ir, path: &[&[u32]]) -> String {
    let mut before = lower(&expanded(ir, path), &Hints::default()).unwrap();
    let chosen = passes.iter().fold(PassSet::NONE, |set, name| set.with(name).unwrap());
    let plan = optimize(before.clone(), chosen, &mut |stage, changes, draft| {
        if stage.gives == Form::Steps {
            assert_eq!(changes == 0, before == *draft, "{} counts wrongly", stage.name);
            before = draft.clone();
        }
    });
    show(&plan.unwrap())
}
