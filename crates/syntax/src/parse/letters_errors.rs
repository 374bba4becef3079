//! Level 1: grammar errors with their help.

use super::{MAX_DEPTH, Note, Span};
use crate::ast::Builder;
use crate::error::{Error, ErrorKind, SyntaxProblem};
use crate::labels::{is_label, meant_by};

/// The error of a text that parses only up to byte `at`; `b` has the part before.
pub(super) fn diagnose(text: &str, at: usize, b: &Builder) -> Error {
    let stop = StopPlace { text, at, b };
    match text[at..].chars().next() {
        None => stop.unclosed(),
        Some('-' | '>') => stop.arrow(),
        Some('.') => stop.dots(),
        Some(',') => stop.second_output(),
        Some('(') => stop.opening(),
        Some(')') => stop.closing(),
        Some(c) if is_label(c) => stop.beside_group(),
        Some(c) => stop.not_a_label(c),
    }
}

/// The position of the failure and its context.
struct StopPlace<'a> {
    text: &'a str,
    at: usize,
    b: &'a Builder,
}

impl StopPlace<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// The span of the next `len` bytes.
    fn next(&self, len: usize) -> Span {
        Span::new(self.at as u32, (self.at + len) as u32)
    }

    fn error(&self, problem: SyntaxProblem, span: Span, note: &str) -> Error {
        Error::new(ErrorKind::Syntax { problem }, self.text).note(Note::new(span, note))
    }

    fn unclosed(&self) -> Error {
        let opening = self.b.open_parenthesis().unwrap_or_default();
        self.error(SyntaxProblem::Unclosed, opening, "opened here")
            .note(Note::new(self.next(0), "not closed before this"))
            .help("write `)` after the last term of the group")
    }

    fn arrow(&self) -> Error {
        let rest = self.rest();
        if rest.starts_with("->") {
            return match self.b.arrow_span() {
                None => self.unclosed(),
                Some(first) => self
                    .error(SyntaxProblem::SecondArrow, self.next(2), "again here")
                    .note(Note::new(first, "first here"))
                    .help("write the terms of the operands, `->`, then the output"),
            };
        }
        arrow_in_pieces(self.text, self.at)
    }

    fn dots(&self) -> Error {
        let rest = self.rest();
        let three = rest.starts_with("...");
        if three && self.text[..self.at].trim_end_matches(' ').ends_with(')') {
            return self.beside_group();
        }
        let before = self.b.current_term().and_then(|term| term.ellipsis).map(|ellipsis| ellipsis.span);
        let touching = before.filter(|dots| dots.end as usize == self.at);
        match (before, touching) {
            (Some(first), None) if three => self
                .error(SyntaxProblem::SecondEllipsis, self.next(3), "again here")
                .note(Note::new(first, "first here"))
                .help("one `...` covers all axes without a label"),
            _ => {
                let run = rest.len() - rest.trim_start_matches(['.', ' ']).len();
                let run = self.next(rest[..run].trim_end().len());
                self.error(SyntaxProblem::Dots, touching.map_or(run, |dots| dots.to(run)), "")
                    .help("write `...` without spaces")
            }
        }
    }

    fn second_output(&self) -> Error {
        let arrow = self.b.arrow_span().unwrap_or_default();
        self.error(SyntaxProblem::SecondOutput, self.next(1), "a second output would begin here")
            .note(Note::new(arrow, "the output begins after this"))
            .help("write the terms of the operands before `->`")
    }

    fn opening(&self) -> Error {
        if self.b.depth() == MAX_DEPTH {
            return self
                .error(SyntaxProblem::TooDeep, self.next(1), "beyond the limit")
                .help("name the intermediate results and contract them in separate calls");
        }
        if self.b.arrow_span().is_some() {
            return self
                .error(SyntaxProblem::GroupInOutput, self.next(1), "")
                .help("parentheses group operands; write the labels of the output alone");
        }
        self.beside_group()
    }

    fn closing(&self) -> Error {
        match self.b.open_parenthesis() {
            None => self
                .error(SyntaxProblem::Unopened, self.next(1), "nothing to close")
                .help("remove it, or write `(` before the first term of the group"),
            Some(opening) => self
                .error(SyntaxProblem::SmallGroup, opening.to(self.next(1)), "only one term")
                .help("remove the parentheses: a single term has no order to fix"),
        }
    }

    /// The error of a label or an ellipsis next to a group.
    fn beside_group(&self) -> Error {
        let error = self.error(SyntaxProblem::GroupInTerm, Span::point(self.at as u32), "a `,` is missing here");
        error.help("parentheses hold whole terms; separate them by `,`")
    }

    fn not_a_label(&self, c: char) -> Error {
        let span = self.next(c.len_utf8());
        let error = self.error(SyntaxProblem::NotALabel(c), span, "");
        match (meant_by(c), c) {
            (Some(meant), _) => error.help(format!("write `{meant}`")),
            (None, '0'..='9') => {
                error.help("labels are letters; integer labels are given as lists of integers, not as text")
            }
            (None, '#') => error.help("subscript strings have no comments"),
            (None, '+') => error.help("a sum is a program, as in `y[i,j] = a[i,j] + b[i,j]`"),
            (None, '*' | '/' | ';') => error.help("separate the operands by `,`; their product is summed"),
            (None, c) if c.is_whitespace() => error.help("white space in subscripts is the ordinary space, U+0020"),
            _ => error.help("labels are letters, as in `ij,jk->ik`"),
        }
    }
}

/// The error of a `-` or `>` at byte `at` whose other half is missing or separate.
pub(super) fn arrow_in_pieces(text: &str, at: usize) -> Error {
    let rest = &text[at..];
    let error = |problem: SyntaxProblem, len: usize, note: &str| {
        let span = Span::new(at as u32, (at + len) as u32);
        Error::new(ErrorKind::Syntax { problem }, text).note(Note::new(span, note))
    };
    let blank = |c: char| c.is_whitespace();
    let spaced = rest.strip_prefix('-').and_then(|after| after.trim_start_matches(blank).strip_prefix('>'));
    match spaced {
        Some(after) => {
            error(SyntaxProblem::SpacedArrow, rest.len() - after.len(), "read as `-` and `>`").help("write `->`")
        }
        None => {
            let half = if rest.starts_with('-') { '-' } else { '>' };
            error(SyntaxProblem::HalfArrow(half), 1, "").help("the arrow is written `->`")
        }
    }
}
