//! Checks an output against the inputs of the same text.

use crate::ast::{Label, Named, Subscripts};
use crate::error::{Error, ErrorKind};
use crate::render::Note;
use smallvec::SmallVec;

/// The maximal number of axes that the help lists.
const LISTED: usize = 16;
/// The largest number of labels of an output that are searched for one by one.
const FEW: usize = 4;

/// Checks the labels of the output.
///
/// # Errors
/// [`ErrorKind::OutputRepeated`], [`ErrorKind::OutputUnknown`].
pub(crate) fn check_output(s: &Subscripts) -> Result<(), Error> {
    let Some(output) = s.output() else { return Ok(()) };
    let inputs = s.input_labels().iter().map(|label| label.id);
    OutputCheck { text: s.text(), nouns: ("a label", "labels"), name: &|id| s.name(id).to_string() }
        .run(s.labels(&output.term), inputs)
}

/// Checks the names of the output, merged ones included.
///
/// # Errors
/// [`ErrorKind::OutputRepeated`], [`ErrorKind::OutputUnknown`].
pub(super) fn check_names(named: &Named) -> Result<(), Error> {
    let output: Vec<Label> = named.output().names().map(|name| Label { id: name.id, span: name.span }).collect();
    let inputs: Vec<u32> = named.terms().iter().flat_map(|term| term.names()).map(|name| name.id).collect();
    OutputCheck { text: named.text(), nouns: ("an axis", "axes"), name: &|id| named.name(id).to_string() }
        .run(&output, inputs.into_iter())
}

/// The words for the items of an expression.
struct OutputCheck<'a> {
    text: &'a str,
    /// The noun for an item of a term, singular and plural.
    nouns: (&'static str, &'static str),
    name: &'a dyn Fn(u32) -> String,
}

impl OutputCheck<'_> {
    fn run(&self, output: &[Label], inputs: impl Iterator<Item = u32> + Clone) -> Result<(), Error> {
        let is_new = |(k, label): (usize, &Label)| output[..k].iter().all(|other| other.id != label.id);
        let is_known = |label: &Label| inputs.clone().any(|id| id == label.id);
        if output.len() <= FEW && output.iter().enumerate().all(is_new) && output.iter().all(is_known) {
            return Ok(());
        }
        let mut known: SmallVec<[u32; 16]> = inputs.collect();
        known.sort_unstable();
        if let Some(unknown) = output.iter().find(|label| known.binary_search(&label.id).is_err()) {
            return Err(self.unknown(unknown, known.into_vec()));
        }
        match first_repeated(output) {
            Some((first, again)) => Err(self.repeated(first, again)),
            None => Ok(()),
        }
    }

    fn repeated(&self, first: &Label, again: &Label) -> Error {
        let label = (self.name)(first.id);
        Error::new(ErrorKind::OutputRepeated { label }, self.text)
            .note(Note::new(again.span, "again here"))
            .note(Note::new(first.span, "first here"))
            .help("name each axis of the output once")
    }

    fn unknown(&self, unknown: &Label, mut known: Vec<u32>) -> Error {
        known.dedup();
        let label = (self.name)(unknown.id);
        let error = Error::new(ErrorKind::OutputUnknown { label }, self.text)
            .note(Note::new(unknown.span, "not in any operand"));
        if known.is_empty() {
            return error.help(format!("no operand has {}, so the output has none", self.nouns.0));
        }
        let listed: Vec<String> = known.iter().take(LISTED).map(|&id| format!("`{}`", (self.name)(id))).collect();
        let more = if known.len() > LISTED { ", …" } else { "" };
        error.help(format!("{} of the operands: {}{more}", self.nouns.1, listed.join(", ")))
    }
}

/// The first label that occurs a second time, after its first use.
fn first_repeated(labels: &[Label]) -> Option<(&Label, &Label)> {
    let mut order: SmallVec<[&Label; 16]> = labels.iter().collect();
    order.sort_by_key(|label| (label.id, label.span.start));
    let repeats = order.windows(2).filter(|pair| pair[0].id == pair[1].id);
    repeats.map(|pair| (pair[0], pair[1])).min_by_key(|(_, again)| again.span.start)
}
