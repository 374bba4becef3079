//! Assembles [`Subscripts`] in the order of the text.

use super::{Ellipsis, Group, Label, Output, Spelling, Subscripts, Term};
use crate::span::Span;

/// What has been read so far. Whoever drives it sees to the grammar; it only keeps the books.
pub(crate) struct Builder {
    text_len: usize,
    spelling: Spelling,
    labels: Vec<Label>,
    terms: Vec<Term>,
    groups: Vec<Group>,
    /// Positions in `groups` of those not closed yet.
    open: Vec<usize>,
    arrow: Option<Span>,
}

impl Builder {
    pub(crate) fn new(text: &str, spelling: Spelling) -> Builder {
        Builder {
            text_len: text.len(),
            spelling,
            labels: Vec::with_capacity(text.len().min(64)),
            terms: Vec::with_capacity(4),
            groups: Vec::new(),
            open: Vec::new(),
            arrow: None,
        }
    }

    /// The byte position at which `rest`, a suffix of the text, begins.
    pub(crate) fn at(&self, rest: &str) -> u32 {
        (self.text_len - rest.len()) as u32
    }

    /// Begins the next term (after the arrow: the output) at `at`.
    pub(crate) fn begin_term(&mut self, at: u32) {
        let count = self.labels.len() as u32;
        self.terms.push(Term { span: Span::point(at), ellipsis: None, first: count, last: count });
    }

    pub(crate) fn label(&mut self, id: u32, span: Span) {
        self.labels.push(Label { id, span });
        if let Some(term) = self.terms.last_mut() {
            term.last += 1;
            term.span.end = span.end;
        }
    }

    pub(crate) fn ellipsis(&mut self, span: Span) {
        if let Some(term) = self.terms.last_mut() {
            let before = (term.last - term.first) as usize;
            term.ellipsis = Some(Ellipsis { before, span });
            term.span.end = span.end;
        }
    }

    /// Stretches the current term to `end`, for terms that have brackets of their own.
    pub(crate) fn end_term(&mut self, end: u32) {
        if let Some(term) = self.terms.last_mut() {
            term.span.end = end;
        }
    }

    pub(crate) fn open_group(&mut self, parenthesis: Span) {
        self.open.push(self.groups.len());
        self.groups.push(Group { span: parenthesis, terms: self.terms.len()..self.terms.len() });
    }

    pub(crate) fn close_group(&mut self, parenthesis: Span) {
        if let Some(group) = self.open.pop().and_then(|g| self.groups.get_mut(g)) {
            group.span.end = parenthesis.end;
            group.terms.end = self.terms.len();
        }
    }

    pub(crate) fn arrow(&mut self, span: Span) {
        self.arrow = Some(span);
    }

    /// The arrow, once read.
    pub(crate) fn arrow_span(&self) -> Option<Span> {
        self.arrow
    }

    /// The innermost parenthesis that is still open.
    pub(crate) fn open_parenthesis(&self) -> Option<Span> {
        self.open.last().and_then(|&g| self.groups.get(g)).map(|group| group.span)
    }

    /// How many parentheses are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The term that is being read.
    pub(crate) fn current_term(&self) -> Option<&Term> {
        self.terms.last()
    }

    /// The finished subscripts of `text`.
    pub(crate) fn finish(mut self, text: &str) -> Subscripts {
        let output = self.arrow.and_then(|arrow| Some(Output { arrow, term: self.terms.pop()? }));
        Subscripts {
            text: text.into(),
            spelling: self.spelling,
            labels: self.labels,
            terms: self.terms,
            groups: self.groups,
            output,
        }
    }
}
