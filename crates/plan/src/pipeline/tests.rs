use einfold_ir::{Draft, Violation, WriteMode};

use super::{Checks, Form, PASSES, PIPELINE, PassSet, Program, Run, Stage, run_stage};
use crate::error::PlanError;
use crate::expand::Expanded;
use crate::lower::{Hints, lower};
use crate::testing::letters;

fn broken(draft: &mut Draft) -> usize {
    draft.regions[0].steps[0].mode = WriteMode::Accumulate;
    1
}

fn wasteful(draft: &mut Draft) -> usize {
    let step = draft.regions[0].steps[0].clone();
    draft.regions[0].steps.push(step);
    1
}

#[test]
fn a_guilty_pass_is_named() {
    const BROKEN: &Stage = &Stage::new("broken", Run::Pass(broken), "", "");
    const WASTEFUL: &Stage = &Stage::new("wasteful", Run::Pass(wasteful), "", "");
    let draft = lower(&letters("ij,jk->ik", &[2, 3, 4]), &Hints::default()).unwrap();
    let run = |stage, mut program| run_stage(stage, true, Checks::Each, &mut program).map(drop);
    let guilty = |stage| run(stage, Program::Steps(Expanded::default(), draft.clone(), false));
    let violation = Violation("step 0: adds to what was never written".into());
    assert_eq!(guilty(BROKEN), Err(PlanError::Pass { name: "broken", violation }));
    let violation = Violation("24 flops became 48".into());
    assert_eq!(guilty(WASTEFUL), Err(PlanError::Pass { name: "wasteful", violation }));
    // A stage in the wrong position is refused as well.
    let refused = run(BROKEN, Program::Module(letters("ij->ji", &[2, 3])));
    assert!(matches!(refused, Err(PlanError::Pass { name: "broken", .. })));
}

#[test]
fn each_stage_takes_what_the_one_before_gives() {
    assert_eq!((PIPELINE[0].takes, PIPELINE[PIPELINE.len() - 1].gives), (Form::Module, Form::Plan));
    assert!(PIPELINE.windows(2).all(|pair| pair[0].gives == pair[1].takes));
    assert!(PASSES.iter().all(|pass| pass.takes == Form::Steps && pass.is_optional()));
    assert_eq!(PIPELINE.iter().filter(|stage| stage.takes == Form::Steps).count(), PASSES.len());
}

#[test]
fn passes_are_chosen_by_name() {
    let names = |set: PassSet| set.iter().map(|pass| pass.name).collect::<Vec<_>>();
    assert_eq!(names(PassSet::ALL).len(), PASSES.len() + 3);
    assert_eq!(PassSet::NONE.with("gemm").map(names), Some(vec!["gemm"]));
    assert_eq!(PassSet::ALL.without("gemm").unwrap().with("gemm"), Some(PassSet::ALL));
    assert_eq!(["no such pass", "lower", "seal"].map(|name| PassSet::ALL.without(name)), [None; 3]);
    assert_eq!(PassSet::subsets().count(), 1 << PASSES.len());
}
