//! What is allowed and perhaps not meant: said to people, on a terminal only.

use crate::report::write_report;
use anstyle::AnsiColor;
use einfold::Plan;
use std::io::{IsTerminal, stderr};

/// Prints the warnings of a plan on standard error, if that is a terminal.
pub(crate) fn warn(plan: &Plan) {
    if !stderr().is_terminal() {
        return;
    }
    for warning in plan.warnings() {
        // Where they cannot be written, nobody reads them.
        let _ = write_report(&warning.to_string(), AnsiColor::Yellow, &mut anstream::stderr().lock());
    }
}
