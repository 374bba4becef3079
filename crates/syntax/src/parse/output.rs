//! What the text alone says about the output: each of its labels is there once and is in an input.

use crate::ast::{Label, Subscripts};
use crate::error::{Error, ErrorKind};
use crate::render::Note;

/// How many labels the help names at most.
const LISTED: usize = 16;

/// Checks the labels of the output.
///
/// # Errors
/// [`ErrorKind::OutputRepeated`], [`ErrorKind::OutputUnknown`].
pub(crate) fn check_output(s: &Subscripts) -> Result<(), Error> {
    let Some(output) = s.output() else { return Ok(()) };
    let labels = s.labels(&output.term);
    let known = sorted_ids(s.terms().iter().flat_map(|term| s.labels(term)));
    if let Some(unknown) = labels.iter().find(|label| known.binary_search(&label.id).is_err()) {
        return Err(output_unknown(s, unknown, known));
    }
    match first_repeated(labels) {
        Some((first, again)) => Err(output_repeated(s, first, again)),
        None => Ok(()),
    }
}

fn sorted_ids<'a>(labels: impl Iterator<Item = &'a Label>) -> Vec<u32> {
    let mut ids: Vec<u32> = labels.map(|label| label.id).collect();
    ids.sort_unstable();
    ids
}

/// The first label that stands here a second time, after its first use.
fn first_repeated(labels: &[Label]) -> Option<(&Label, &Label)> {
    let mut order: Vec<&Label> = labels.iter().collect();
    order.sort_by_key(|label| (label.id, label.span.start));
    let repeats = order.windows(2).filter(|pair| pair[0].id == pair[1].id);
    repeats.map(|pair| (pair[0], pair[1])).min_by_key(|(_, again)| again.span.start)
}

fn output_repeated(s: &Subscripts, first: &Label, again: &Label) -> Error {
    let label = s.name(first.id).to_string();
    Error::new(ErrorKind::OutputRepeated { label }, s.text())
        .note(Note::new(again.span, "again here"))
        .note(Note::new(first.span, "first here"))
        .help("name each axis of the output once")
}

fn output_unknown(s: &Subscripts, unknown: &Label, mut known: Vec<u32>) -> Error {
    known.dedup();
    let label = s.name(unknown.id).to_string();
    let error =
        Error::new(ErrorKind::OutputUnknown { label }, s.text()).note(Note::new(unknown.span, "not in any operand"));
    if known.is_empty() {
        return error.help("no operand has a label, so the output has none");
    }
    let listed: Vec<String> = known.iter().take(LISTED).map(|&id| format!("`{}`", s.name(id))).collect();
    let more = if known.len() > LISTED { ", …" } else { "" };
    error.help(format!("labels of the operands: {}{more}", listed.join(", ")))
}
