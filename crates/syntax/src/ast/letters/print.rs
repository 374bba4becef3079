//! Displays [`Subscripts`], and labels in messages.

use super::{Spelling, Subscripts, Term};
use crate::render::Visible;
use smol_str::{SmolStr, ToSmolStr};
use std::fmt::{self, Display, Formatter, Write};

/// A label in a message: combining marks stand on a dotted circle, invisible characters are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelName {
    spelling: Spelling,
    id: u32,
}

impl LabelName {
    pub(super) fn new(spelling: Spelling, id: u32) -> LabelName {
        LabelName { spelling, id }
    }

    /// The name as text.
    pub(crate) fn label(self) -> SmolStr {
        match (self.spelling, char::from_u32(self.id)) {
            (Spelling::Letters, Some(c)) if c.is_ascii() => SmolStr::new_inline(c.encode_utf8(&mut [0; 4])),
            _ => self.to_smolstr(),
        }
    }
}

impl Display for LabelName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.spelling, char::from_u32(self.id)) {
            (Spelling::Letters, Some(c)) => Visible(c).fmt(f),
            _ => write!(f, "{}", self.id),
        }
    }
}

/// Prints letters without white space, `ij,jk->ik`, and integers as `[0 1], [1 2] -> [0 2]`.
impl Display for Subscripts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (comma, arrow) = match self.spelling {
            Spelling::Letters => (",", "->"),
            Spelling::Integers => (", ", " -> "),
        };
        let mut groups = self.groups.iter().peekable();
        let mut ends = Vec::new();
        for (t, term) in self.terms.iter().enumerate() {
            if t > 0 {
                f.write_str(comma)?;
            }
            while let Some(group) = groups.next_if(|g| g.terms.start == t) {
                f.write_char('(')?;
                ends.push(group.terms.end);
            }
            self.write_term(f, term)?;
            while ends.pop_if(|end| *end == t + 1).is_some() {
                f.write_char(')')?;
            }
        }
        if let Some(output) = &self.output {
            f.write_str(arrow)?;
            self.write_term(f, &output.term)?;
        }
        Ok(())
    }
}

impl Subscripts {
    fn write_term(&self, f: &mut Formatter<'_>, term: &Term) -> fmt::Result {
        let before = term.ellipsis.map(|e| e.before);
        let labels = self.labels(term);
        if self.spelling == Spelling::Integers {
            let ids: Vec<String> = labels.iter().map(|label| label.id.to_string()).collect();
            return write!(f, "[{}]", ids.join(" "));
        }
        for (k, label) in labels.iter().enumerate() {
            if before == Some(k) {
                f.write_str("...")?;
            }
            // A letter's number is a code point by construction.
            f.write_char(char::from_u32(label.id).unwrap_or(char::REPLACEMENT_CHARACTER))?;
        }
        if before == Some(labels.len()) {
            f.write_str("...")?;
        }
        Ok(())
    }
}
