//! Level 2: terms of named axes.

use super::{Name, NameTable};
use crate::span::Span;
use std::fmt::{self, Display, Formatter, Write};

/// Named subscripts, `[batch q d], [batch k d] -> [batch q k]`.
///
/// Invariants: every name of the output is there once, in parentheses or not, and occurs in an input; a term has at most one
/// `...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    text: Box<str>,
    names: NameTable,
    terms: Vec<NamedTerm>,
    arrow: Span,
    output: NamedTerm,
}

/// The axes of one operand or of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTerm {
    /// From the opening bracket to the closing one; in the spaced form, from the first axis to the last.
    pub span: Span,
    /// The axes, in order; none for a scalar.
    pub axes: Vec<NamedAxis>,
}

/// What stands for an axis, or for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedAxis {
    /// An axis by its name.
    Name(Name),
    /// `...`: all axes that are not written.
    Ellipsis(Span),
    /// `(a b)`: one axis of the tensor that is several axes of the expression.
    Merged(Merged),
}

/// Several axes that are one axis of a tensor, the last running fastest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// From the opening to the closing parenthesis.
    pub span: Span,
    /// The names; at least one.
    pub names: Vec<Name>,
}

impl Named {
    pub(crate) fn new(text: &str, names: NameTable, terms: Vec<NamedTerm>, arrow: Span, output: NamedTerm) -> Named {
        Named { text: text.into(), names, terms, arrow, output }
    }

    /// The source; all spans are places in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The input terms, one for each operand, in order.
    pub fn terms(&self) -> &[NamedTerm] {
        &self.terms
    }

    /// Where `->` is written.
    pub fn arrow(&self) -> Span {
        self.arrow
    }

    /// The output term.
    pub fn output(&self) -> &NamedTerm {
        &self.output
    }

    /// The name with this number, as written.
    pub fn name(&self, id: u32) -> &str {
        self.names.get(&self.text, id)
    }

    /// How many different names there are; their numbers are below this.
    pub fn names(&self) -> usize {
        self.names.len()
    }
}

impl NamedTerm {
    /// All names of the term, those in parentheses included, in order.
    pub fn names(&self) -> impl Iterator<Item = Name> + '_ {
        self.axes.iter().flat_map(NamedAxis::names).copied()
    }
}

impl NamedAxis {
    /// Where it is written.
    pub fn span(&self) -> Span {
        match self {
            NamedAxis::Name(name) => name.span,
            NamedAxis::Ellipsis(span) => *span,
            NamedAxis::Merged(merged) => merged.span,
        }
    }

    /// The names in it; none for `...`.
    pub fn names(&self) -> &[Name] {
        match self {
            NamedAxis::Name(name) => std::slice::from_ref(name),
            NamedAxis::Ellipsis(_) => &[],
            NamedAxis::Merged(merged) => &merged.names,
        }
    }

    /// Writes it, with the names that `name` knows.
    pub(super) fn write<'t>(&self, f: &mut impl Write, name: impl Fn(u32) -> &'t str) -> fmt::Result {
        match self {
            NamedAxis::Name(one) => f.write_str(name(one.id)),
            NamedAxis::Ellipsis(_) => f.write_str("..."),
            NamedAxis::Merged(merged) => {
                for (k, one) in merged.names.iter().enumerate() {
                    f.write_char(if k == 0 { '(' } else { ' ' })?;
                    f.write_str(name(one.id))?;
                }
                f.write_char(')')
            }
        }
    }
}

/// As `[i j], [j k] -> [i k]`.
impl Display for Named {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (k, term) in self.terms.iter().enumerate() {
            f.write_str(if k == 0 { "" } else { ", " })?;
            self.write_term(f, term)?;
        }
        f.write_str(" -> ")?;
        self.write_term(f, &self.output)
    }
}

impl Named {
    fn write_term(&self, f: &mut Formatter<'_>, term: &NamedTerm) -> fmt::Result {
        f.write_char('[')?;
        for (k, axis) in term.axes.iter().enumerate() {
            f.write_str(if k == 0 { "" } else { " " })?;
            axis.write(f, |id| self.name(id))?;
        }
        f.write_char(']')
    }
}
