//! Level 1: terms of labels with their spans.

mod builder;
mod print;

pub(crate) use builder::Builder;
pub use print::LabelName;

use crate::span::Span;
use smallvec::SmallVec;
use smol_str::SmolStr;
use std::ops::Range;

/// Input terms and an optional output term: lists of labels with at most one ellipsis each.
///
/// Invariants: each label of the output occurs in it once and in some input; groups are in the order of their opening
/// parentheses, properly nested, with at least two items each, at most [`MAX_DEPTH`](crate::MAX_DEPTH) deep. A group is
/// stored as a range of terms; since no group has a single item, the ranges determine the nesting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscripts {
    text: SmolStr,
    spelling: Spelling,
    labels: SmallVec<[Label; 8]>,
    terms: SmallVec<[Term; 4]>,
    groups: Vec<Group>,
    output: Option<Output>,
}

/// The notation of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// One character; the label's number is the code point.
    Letters,
    /// A decimal number.
    Integers,
}

/// One use of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label as a number: equal labels have equal numbers, and the numbers order the implicit output.
    pub id: u32,
    /// The span of the label.
    pub span: Span,
}

/// The labels of one operand or of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The span from the first symbol to the last; empty for an empty term.
    pub span: Span,
    /// The ellipsis of the term.
    pub ellipsis: Option<Ellipsis>,
    first: u32,
    last: u32,
}

/// `...`: all axes of an operand that the labels of its term leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ellipsis {
    /// The number of labels before it in the term.
    pub before: usize,
    /// The span of the dots.
    pub span: Span,
}

/// Terms in parentheses: contracted first, to the axes that other terms or the output use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The span from the opening to the closing parenthesis.
    pub span: Span,
    /// The positions of the input terms in it, inner groups included.
    pub terms: Range<usize>,
}

/// The arrow and the output term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The span of `->`.
    pub arrow: Span,
    /// The output term.
    pub term: Term,
}

impl Subscripts {
    /// The source: the user's text, or the printed form of integer labels. All spans refer to it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The notation of the labels.
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

    /// The labels of all input terms, in order.
    pub(crate) fn input_labels(&self) -> &[Label] {
        let end = self.output.map_or(self.labels.len(), |output| output.term.first as usize);
        &self.labels[..end]
    }

    /// The groups, in the order of their opening parentheses.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The output term; `None` for an implicit output (no arrow).
    pub fn output(&self) -> Option<&Output> {
        self.output.as_ref()
    }

    /// The label as displayed in messages.
    pub fn name(&self, id: u32) -> LabelName {
        LabelName::new(self.spelling, id)
    }
}
