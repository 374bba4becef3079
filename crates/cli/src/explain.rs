//! `einfold explain`: shows the stages of an expression.

use crate::args::{ExplainArgs, Format};
use crate::error::Failure;
use crate::language;
use crate::operands;
use crate::output::{print, visible_json};
use einfold::{Explain, Plan, explain::Stage};
use serde_json::Value;

/// Plans for the given types and prints the stages.
pub(crate) fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    if args.format == Format::Dot && args.stage.is_some() {
        return Err(Failure::Usage {
            verb: "explain",
            what: "`--format dot` draws the plan as a whole; leave out `--stage`",
        });
    }
    let source = language::expression_text(&args.text, &args.files)?;
    let expression = args.language.apply(args.text.parse(&source.text)?, "explain")?;
    let expression = args.plan.apply(expression)?;
    let plan = match (&args.shapes, &source.files[..]) {
        (Some(shapes), []) => expression.plan(&shapes.0[..])?,
        (None, files) if !files.is_empty() || expression.operands() == 0 => {
            operands::plan(&expression, operands::open(files)?)?.0
        }
        _ => {
            let what = "give the types of the operands by files or by `--shapes`";
            return Err(Failure::Usage { verb: "explain", what });
        }
    };
    let explained = plan.explain()?;
    match args.format {
        Format::Text => print(&explained.text(args.stage.as_ref().map_or(&Stage::ALL, std::slice::from_ref))),
        Format::Json => print(&visible_json(&format!("{:#}\n", json(&plan, &explained, args.stage)))),
        Format::Dot => print(&explained.dot()),
    }
}

/// Returns all stages, or one of them with the fields common to all; and the order in the form that `--path` reads.
fn json(plan: &Plan, explained: &Explain, only: Option<Stage>) -> Value {
    let mut value = explained.json();
    value["order"] = plan.order().to_json();
    if let (Some(only), Value::Object(fields)) = (only, &mut value) {
        fields.retain(|key, _| Stage::ALL.iter().all(|stage| stage.name() != key || *stage == only));
    }
    value
}
