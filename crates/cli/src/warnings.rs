//! Warnings about texts that are valid and probably not meant; shown on a terminal only.

use crate::report::write_report;
use anstyle::AnsiColor;
use einfold::Plan;
use std::io::{IsTerminal, stderr};

/// Prints the warnings of a plan on standard error, if that is a terminal.
pub(crate) fn print(plan: &Plan) {
    if !stderr().is_terminal() {
        return;
    }
    for warning in plan.warnings() {
        // If standard error is closed, warnings are lost.
        let _ = write_report(&warning.to_string(), AnsiColor::Yellow, &mut anstream::stderr().lock());
    }
}
