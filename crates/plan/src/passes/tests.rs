use einfold_ir::{Draft, Ir, Mode, Violation, verify};

use super::{PASSES, Pass, PassSet, run};
use crate::testing::{applied, letters, show};
use crate::{Hints, PlanError, lower};

/// The draft of an expression whose last node has the tree of this path, lowered and changed by these passes only, printed.
pub(super) fn after(passes: &[&str], ir: &Ir, path: &[&[u32]]) -> String {
    let mut draft = lower(&applied(ir, path), &Hints::default()).unwrap();
    for pass in PASSES.iter().filter(|pass| passes.contains(&pass.name)) {
        let before = draft.clone();
        let changes = (pass.run)(&mut draft);
        assert_eq!(changes == 0, before == draft, "{} counts wrongly", pass.name);
        assert_eq!(before.flops(), draft.flops());
        verify(&draft).unwrap();
    }
    show(&draft)
}

fn broken(draft: &mut Draft) -> usize {
    draft.regions[0].steps[0].mode = Mode::Accumulate;
    1
}

fn wasteful(draft: &mut Draft) -> usize {
    let step = draft.regions[0].steps[0].clone();
    draft.regions[0].steps.push(step);
    1
}

#[test]
fn a_guilty_pass_is_named() {
    static BROKEN: Pass = Pass { name: "broken", what: "", why_here: "", run: broken };
    static WASTEFUL: Pass = Pass { name: "wasteful", what: "", why_here: "", run: wasteful };
    let draft = lower(&letters("ij,jk->ik", &[2, 3, 4]), &Hints::default()).unwrap();
    let guilty = |pass| run(pass, &mut draft.clone(), &mut |_, _, _| {});
    let violation = Violation("step 0: adds to what was never written".into());
    assert_eq!(guilty(&BROKEN), Err(PlanError::Pass { name: "broken", violation }));
    let violation = Violation("24 flops became 48".into());
    assert_eq!(guilty(&WASTEFUL), Err(PlanError::Pass { name: "wasteful", violation }));
}

#[test]
fn passes_are_chosen_by_name() {
    let names = |set: PassSet| set.iter().map(|pass| pass.name).collect::<Vec<_>>();
    assert_eq!(names(PassSet::ALL).len(), PASSES.len());
    assert_eq!(PassSet::NONE.with("gemm").map(names), Some(vec!["gemm"]));
    assert_eq!(PassSet::ALL.without("gemm").unwrap().with("gemm"), Some(PassSet::ALL));
    assert_eq!(PassSet::ALL.without("no such pass"), None);
    assert_eq!(PassSet::subsets().count(), 1 << PASSES.len());
}
