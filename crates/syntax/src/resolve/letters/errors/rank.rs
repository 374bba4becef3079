//! The rank error, with help for texts in the notation of other tools.

use super::{LettersErrors, is_mark, shape};
use crate::ast::{Spelling, Term};
use crate::edit::Edit;
use crate::error::{Error, ErrorKind};
use crate::span::Span;
use crate::suggest::EinopsText;

/// Small numbers as words.
const WORDS: [&str; 13] =
    ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

impl LettersErrors<'_> {
    /// The error of an operand with too few or too many axes for its term.
    pub(in crate::resolve) fn rank(&self, operand: usize) -> Error {
        let term = &self.s.terms()[operand];
        let (expected, extents) = (self.s.labels(term).len(), &self.inputs[operand].shape);
        let ellipsis = term.ellipsis.is_some();
        let kind = ErrorKind::Rank { operand, expected, given: extents.len(), ellipsis };
        let error = self.error(kind, term.span, format!("operand {} has shape {}", operand + 1, shape(extents)));
        if self.s.spelling() == Spelling::Integers {
            return error.help("write one label for each axis");
        }
        if let Some(help) = self.marks(term) {
            return error.help(help);
        }
        let ranks: Vec<usize> = self.inputs.iter().map(|input| input.shape.len()).collect();
        let words = EinopsText::of(self.s.text());
        if let Some(word) = self.word(term).filter(|_| words.is_some()) {
            return error.help(word);
        }
        if let Some(words) = EinopsText::with_ranks(self.s.text(), &ranks).filter(|_| words.is_none()) {
            let word = self.word(term).into_iter();
            return words.add_candidates(word.fold(error, Error::help));
        }
        if extents.len() > expected {
            let error = error.help("write one label for each axis, or `...` for those without a label");
            let dots = Edit::new(self.s.text()).replace(Span::point(term.span.start), "...");
            let dots = match self.s.output() {
                Some(output) if output.term.ellipsis.is_none() => {
                    dots.replace(Span::point(self.output_span().start), "...")
                }
                _ => dots,
            };
            error.candidate("with `...` in front", dots.finish())
        } else {
            error.help("write one label for each axis; every letter is a label")
        }
    }

    /// How the first word of a term was read.
    fn word(&self, term: &Term) -> Option<String> {
        let words = self.s.text()[term.span.range()].split([' ', '(', ')', ',', '-', '>']);
        let word = words.filter(|word| !word.contains('.')).find(|word| word.chars().nth(1).is_some())?;
        let letters: Vec<String> = word.chars().map(|c| self.s.name(c.into()).to_string()).collect();
        let count = WORDS.get(letters.len()).map_or(letters.len().to_string(), |word| (*word).to_string());
        Some(format!("`{word}` was read as {count} axes {}", letters.join(",")))
    }

    /// The help for a combining mark that was read as a label.
    fn marks(&self, term: &Term) -> Option<String> {
        let mark = self.s.labels(term).iter().find(|label| char::from_u32(label.id).is_some_and(is_mark))?;
        let name = self.s.name(mark.id);
        Some(format!("the combining mark `{name}` was read as a label of its own; write the composed letter (NFC)"))
    }
}
