//! Builds [`Subscripts`] in the order of the text.

use super::{Ellipsis, Group, Label, Output, Spelling, Subscripts, Term};
use crate::span::Span;
use smallvec::SmallVec;
use std::sync::Arc;

/// The subscripts read so far. The caller checks the grammar.
pub(crate) struct Builder {
    /// The output is the last term until they are finished.
    subscripts: Subscripts,
    text_len: usize,
    /// Positions in `groups` of the open groups.
    open: Vec<usize>,
    arrow: Option<Span>,
}

impl Builder {
    pub(crate) fn new(text: &str, spelling: Spelling) -> Builder {
        let (labels, terms, groups) = (SmallVec::new(), SmallVec::new(), Vec::new());
        let subscripts = Subscripts { text: text.into(), spelling, labels, terms, groups, output: None };
        Builder { subscripts, text_len: text.len(), open: Vec::new(), arrow: None }
    }

    /// The byte position of `rest`, a suffix of the text.
    pub(crate) fn at(&self, rest: &str) -> u32 {
        (self.text_len - rest.len()) as u32
    }

    /// Begins the next term (after the arrow: the output) at `at`.
    pub(crate) fn begin_term(&mut self, at: u32) {
        let count = self.subscripts.labels.len() as u32;
        self.subscripts.terms.push(Term { span: Span::point(at), ellipsis: None, first: count, last: count });
    }

    /// Adds a label to the current term, which [`end_labels`](Builder::end_labels) or [`end_term`](Builder::end_term)
    /// then extends.
    pub(crate) fn label(&mut self, id: u32, span: Span) {
        self.subscripts.labels.push(Label { id, span });
    }

    pub(crate) fn ellipsis(&mut self, span: Span) {
        if let Some(term) = self.subscripts.terms.last_mut() {
            let before = (term.last - term.first) as usize;
            term.ellipsis = Some(Ellipsis { before, span });
            term.span.end = span.end;
        }
    }

    /// Extends the current term to the last label.
    pub(crate) fn end_labels(&mut self) {
        if let Some(label) = self.subscripts.labels.last() {
            self.end_term(label.span.end);
        }
    }

    /// Extends the current term to `end`, with the labels so far.
    pub(crate) fn end_term(&mut self, end: u32) {
        let last = self.subscripts.labels.len() as u32;
        if let Some(term) = self.subscripts.terms.last_mut() {
            (term.last, term.span.end) = (last, end);
        }
    }

    pub(crate) fn open_group(&mut self, parenthesis: Span) {
        self.open.push(self.subscripts.groups.len());
        self.subscripts
            .groups
            .push(Group { span: parenthesis, terms: self.subscripts.terms.len()..self.subscripts.terms.len() });
    }

    pub(crate) fn close_group(&mut self, parenthesis: Span) {
        if let Some(group) = self.open.pop().and_then(|g| self.subscripts.groups.get_mut(g)) {
            group.span.end = parenthesis.end;
            group.terms.end = self.subscripts.terms.len();
        }
    }

    pub(crate) fn arrow(&mut self, span: Span) {
        self.arrow = Some(span);
    }

    /// The span of the arrow, once read.
    pub(crate) fn arrow_span(&self) -> Option<Span> {
        self.arrow
    }

    /// The span of the innermost open parenthesis.
    pub(crate) fn open_parenthesis(&self) -> Option<Span> {
        self.open.last().and_then(|&g| self.subscripts.groups.get(g)).map(|group| group.span)
    }

    /// The number of open parentheses.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The current term.
    pub(crate) fn current_term(&self) -> Option<&Term> {
        self.subscripts.terms.last()
    }

    /// The finished subscripts.
    pub(crate) fn finish(mut self) -> Arc<Subscripts> {
        let output = self.arrow.and_then(|arrow| Some(Output { arrow, term: self.subscripts.terms.pop()? }));
        Arc::new(Subscripts { output, ..self.subscripts })
    }
}
