//! Level 1: terms of labels, with the place of every piece.

mod builder;
mod print;

pub(crate) use builder::Builder;
pub use print::LabelName;

use crate::span::Span;
use std::ops::Range;

/// Input terms and perhaps an output term, each a list of labels with at most one ellipsis.
///
/// Invariants: every label of the output is there once and occurs in an input; the groups are in the order of their opening
/// parentheses, properly nested, each with at least two items, at most [`MAX_DEPTH`](crate::MAX_DEPTH) deep. A group is
/// stored as a range of terms; since no group has a single item, the ranges alone determine the nesting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscripts {
    text: Box<str>,
    spelling: Spelling,
    labels: Vec<Label>,
    terms: Vec<Term>,
    groups: Vec<Group>,
    output: Option<Output>,
}

/// How a label is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As one character; its number is its code point.
    Letters,
    /// As a decimal number.
    Integers,
}

/// One use of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label as a number: equal labels have equal numbers, and numbers give the order of the implicit output.
    pub id: u32,
    /// Where it is written.
    pub span: Span,
}

/// The labels of one operand or of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// From the first symbol to the last; empty if the term is.
    pub span: Span,
    /// The `...`, if the term has one.
    pub ellipsis: Option<Ellipsis>,
    first: u32,
    last: u32,
}

/// `...`: all axes of an operand that its labels do not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ellipsis {
    /// How many labels of the term stand before it.
    pub before: usize,
    /// Where it is written.
    pub span: Span,
}

/// Terms in parentheses: contracted together, to the axes that are used outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// From the opening to the closing parenthesis.
    pub span: Span,
    /// The positions of the input terms inside, those of inner groups included.
    pub terms: Range<usize>,
}

/// What stands after the arrow, and the arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where `->` is written.
    pub arrow: Span,
    /// The output term.
    pub term: Term,
}

impl Subscripts {
    /// The source: the user's text, or for integer labels their printed form. All spans are places in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How the labels are written.
    pub fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// The input terms, one for each operand, in order.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The labels of a term of these subscripts, in order.
    pub fn labels(&self, term: &Term) -> &[Label] {
        &self.labels[term.first as usize..term.last as usize]
    }

    /// The groups, in the order of their opening parentheses.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The output term; `None` if there is no arrow, so that the output is implicit.
    pub fn output(&self) -> Option<&Output> {
        self.output.as_ref()
    }

    /// A label as the user would recognise it in a message.
    pub fn name(&self, id: u32) -> LabelName {
        LabelName::new(self.spelling, id)
    }
}
