//! Level 2: terms of named axes.

use super::{Name, NameTable};
use crate::span::Span;
use std::fmt::{self, Display, Formatter, Write};

/// Named subscripts, `[batch q d], [batch k d] -> [batch q k]`.
///
/// Invariants: each name of the output occurs in it once, in parentheses or not, and in some input; a term has at most
/// one `...`.
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
    /// The span from bracket to bracket; in the spaced form from the first axis to the last.
    pub span: Span,
    /// The axes in order; empty for a scalar.
    pub axes: Vec<NamedAxis>,
}

/// An item of a term: one axis, or `...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedAxis {
    /// A named axis.
    Name(Name),
    /// `...`: all axes that the term does not name.
    Ellipsis(Span),
    /// `(a b)`: one axis of the tensor for several axes of the expression.
    Merged(Merged),
}

/// Several axes of the expression merged into one axis of a tensor, the last varying fastest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The span from the opening to the closing parenthesis.
    pub span: Span,
    /// The names; at least one.
    pub names: Vec<Name>,
}

impl Named {
    pub(crate) fn new(text: &str, names: NameTable, terms: Vec<NamedTerm>, arrow: Span, output: NamedTerm) -> Named {
        Named { text: text.into(), names, terms, arrow, output }
    }

    /// The source; all spans refer to it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The input terms, one for each operand, in order.
    pub fn terms(&self) -> &[NamedTerm] {
        &self.terms
    }

    /// The span of `->`.
    pub fn arrow(&self) -> Span {
        self.arrow
    }

    /// The output term.
    pub fn output(&self) -> &NamedTerm {
        &self.output
    }

    /// The name with this number.
    pub fn name(&self, id: u32) -> &str {
        self.names.get(&self.text, id)
    }

    /// The number of distinct names; all numbers are below it.
    pub fn names(&self) -> usize {
        self.names.len()
    }
}

impl NamedTerm {
    /// All names of the term in order, merged ones included.
    pub fn names(&self) -> impl Iterator<Item = Name> + '_ {
        self.axes.iter().flat_map(NamedAxis::names).copied()
    }
}

impl NamedAxis {
    /// The span of the item.
    pub fn span(&self) -> Span {
        match self {
            NamedAxis::Name(name) => name.span,
            NamedAxis::Ellipsis(span) => *span,
            NamedAxis::Merged(merged) => merged.span,
        }
    }

    /// Its names; empty for `...`.
    pub fn names(&self) -> &[Name] {
        match self {
            NamedAxis::Name(name) => std::slice::from_ref(name),
            NamedAxis::Ellipsis(_) => &[],
            NamedAxis::Merged(merged) => &merged.names,
        }
    }

    /// Writes the item; `name` gives the name of a number.
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

/// Prints `[i j], [j k] -> [i k]`.
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
