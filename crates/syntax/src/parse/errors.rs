//! Levels 2 and 3: grammar errors.

use super::corrections::{called_reduction, correct};
use super::expected::Expected;
use super::hint::hint;
use super::letters_errors::arrow_in_pieces;
use super::lex::TokenKind;
use super::parser::Parser;
use super::synonyms::{reduction, similar};
use crate::ast::{Assign, FUNCTIONS, NamedAxis};
use crate::error::{Error, ErrorKind, FoundToken, Level, SyntaxProblem};
use crate::render::Note;
use crate::span::Span;
use einfold_ir::Function;

/// The errors of a parser.
impl Parser<'_> {
    #[cold]
    pub(super) fn expected(&self, expected: Expected) -> Error {
        error(self, expected)
    }

    #[cold]
    pub(super) fn problem(&self, problem: SyntaxProblem, span: Span, note: &str, help: &str) -> Error {
        self::problem(self.text, problem, span, note).help(help)
    }

    #[cold]
    pub(super) fn large_integer(&self, span: Span) -> Error {
        self.problem(SyntaxProblem::LargeInteger, span, "", "positions and sizes are 64-bit integers with a sign")
    }

    /// Refuses a second `...` in one list; `first` is the span of the first.
    pub(super) fn check_ellipsis(&self, axis: &NamedAxis, first: &mut Option<Span>) -> Result<(), Error> {
        match (axis, *first) {
            (NamedAxis::Ellipsis(again), Some(first)) => Err(second_ellipsis(self.text, first, *again)),
            (NamedAxis::Ellipsis(span), None) => {
                *first = Some(*span);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[cold]
    pub(super) fn reserved(&self, span: Span) -> Error {
        reserved(self, span)
    }
}

/// The error of an unexpected token.
pub(super) fn error(p: &Parser<'_>, expected: Expected) -> Error {
    let token = p.token;
    match (token.kind, p.open.last()) {
        (TokenKind::End, Some(_)) => return unclosed(p),
        (TokenKind::CloseParenthesis, None) => return unopened(p, SyntaxProblem::Unopened),
        (TokenKind::CloseBracket, None) => return unopened(p, SyntaxProblem::UnopenedBracket),
        (TokenKind::End, None) if expected == Expected::TermEnd => return no_output(p),
        (TokenKind::NotANumber, _) => return not_a_number(p),
        (TokenKind::Minus | TokenKind::Other('>'), _)
            if matches!(expected, Expected::TermEnd | Expected::SpacedEnd) =>
        {
            return arrow_in_pieces(p.text, token.span.start as usize);
        }
        _ => {}
    }
    if expected == Expected::Assign
        && let Some((assign, span)) = spaced_assign(p)
    {
        let error = problem(p.text, SyntaxProblem::SpacedAssign(assign), span, "");
        return error.help(format!("write `{assign}`"));
    }
    let problem_here = SyntaxProblem::Expected { expected: expected.what(), found: found(p) };
    let error = problem(p.text, problem_here, token.span, "");
    let error = match p.open.last() {
        Some(open) if expected.closes() => error.note(Note::new(open.span, "opened here")),
        _ => error,
    };
    correct(p, expected, error.help(hint(p, expected).unwrap_or_else(|| expected.help().to_string())))
}

fn found(p: &Parser<'_>) -> FoundToken {
    match p.token.kind {
        TokenKind::OpenParenthesis => FoundToken::Symbol("("),
        TokenKind::CloseParenthesis => FoundToken::Symbol(")"),
        TokenKind::OpenBracket => FoundToken::Symbol("["),
        TokenKind::CloseBracket => FoundToken::Symbol("]"),
        TokenKind::Comma => FoundToken::Symbol(","),
        TokenKind::Colon => FoundToken::Symbol(":"),
        TokenKind::Semicolon => FoundToken::Symbol(";"),
        TokenKind::Plus => FoundToken::Symbol("+"),
        TokenKind::Minus => FoundToken::Symbol("-"),
        TokenKind::Star => FoundToken::Symbol("*"),
        TokenKind::Slash => FoundToken::Symbol("/"),
        TokenKind::Arrow => FoundToken::Symbol("->"),
        TokenKind::Ellipsis => FoundToken::Symbol("..."),
        TokenKind::Assign(assign) => FoundToken::Symbol(assign.symbol()),
        TokenKind::Name => FoundToken::Name,
        TokenKind::Integer | TokenKind::Real | TokenKind::NotANumber => FoundToken::Number,
        TokenKind::Newline => FoundToken::EndOfLine,
        TokenKind::Other(c) => FoundToken::Char(c),
        TokenKind::End => FoundToken::EndOfText,
    }
}

/// A grammar error without help.
pub(super) fn problem(text: &str, problem: SyntaxProblem, span: Span, note: &str) -> Error {
    Error::new(ErrorKind::Syntax { problem }, text).note(Note::new(span, note))
}

fn unclosed(p: &Parser<'_>) -> Error {
    let Some(open) = p.open.last() else { return problem(p.text, SyntaxProblem::Unclosed, p.token.span, "") };
    let (what, close) = match open.kind {
        TokenKind::OpenParenthesis => (SyntaxProblem::Unclosed, ')'),
        _ => (SyntaxProblem::UnclosedBracket, ']'),
    };
    problem(p.text, what, open.span, "opened here")
        .note(Note::new(p.token.span, "not closed before this"))
        .help(format!("write `{close}` where it ends"))
}

fn unopened(p: &Parser<'_>, what: SyntaxProblem) -> Error {
    problem(p.text, what, p.token.span, "nothing to close").help("remove it, or write the opening one before it")
}

fn no_output(p: &Parser<'_>) -> Error {
    let found = SyntaxProblem::Expected { expected: "`->` and the output", found: FoundToken::EndOfText };
    problem(p.text, found, p.token.span, "").help("named subscripts need an output, as in `[i j], [j k] -> [i k]`")
}

/// The error of a comma or an arrow after the output.
pub(super) fn second_output(p: &Parser<'_>, arrow: Span) -> Error {
    let (what, here, there) = match p.token.kind {
        TokenKind::Arrow => (SyntaxProblem::SecondArrow, "again here", "first here"),
        _ => (SyntaxProblem::SecondOutput, "a second output would begin here", "the output begins after this"),
    };
    problem(p.text, what, p.token.span, here)
        .note(Note::new(arrow, there))
        .help("write the terms of the operands, `->`, then the output")
}

fn not_a_number(p: &Parser<'_>) -> Error {
    let word = p.word(p.token.span);
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let error = problem(p.text, SyntaxProblem::NotANumber, p.token.span, "");
    match word.chars().next_back() {
        _ if p.level == Level::Named => error.help("an axis is a name, which begins with a letter or `_`"),
        Some('.') | None => error.help("a number is written `2`, `2.5` or `2.5e-3`"),
        Some(_) if word[..digits].matches('.').count() > 1 => error.help("a number has one point at most, as in `2.5`"),
        Some(_) => error.help("a number is written `2`, `2.5` or `2.5e-3`; a product has a sign, as in `2*i`"),
    }
}

/// An assignment with white space in it, and its span.
fn spaced_assign(p: &Parser<'_>) -> Option<(Assign, Span)> {
    let start = p.token.span.start as usize;
    let rest = &p.text[start..];
    let spaced = |assign: &Assign| {
        let after = rest.strip_prefix(assign.symbol().strip_suffix('=')?)?;
        let equals = after.trim_start_matches([' ', '\t']);
        let end = rest.len() - equals.strip_prefix('=')?.len();
        (after.len() > equals.len()).then(|| (*assign, Span::new(start as u32, (start + end) as u32)))
    };
    use Assign::{Add, And, LogSumExp, Max, Mean, Min, Multiply, Or};
    [Add, Multiply, Max, Min, Or, And, LogSumExp, Mean].iter().find_map(spaced)
}

/// The error of a reserved word in the place of a name.
pub(super) fn reserved(p: &Parser<'_>, span: Span) -> Error {
    let word = p.word(span);
    let (note, help) = match word {
        "size" if p.open.last().is_some_and(|open| open.kind == TokenKind::OpenBracket) => (
            "a keyword",
            "an index cannot contain a size: write the number, as in `y[i] = x[i-k+2]*w[k]` for a `w` of size 3".into(),
        ),
        "size" => ("a keyword", "the size of an axis is `size(X, 0)`, after `:` or in an expression".into()),
        "lse" | "mean" => {
            ("a reduction", format!("the reduction is written `{word}=`; choose another name, such as `{word}_x`"))
        }
        _ => (
            "a function",
            format!("a function call has parentheses, `{word}(…)`; choose another name, such as `{word}_x`"),
        ),
    };
    Error::new(ErrorKind::Reserved { name: word.into() }, p.text).note(Note::new(span, note)).help(help)
}

/// The error of a call of an unknown function.
#[cold]
pub(super) fn unknown_function(p: &Parser<'_>, span: Span) -> Error {
    let word = p.word(span);
    let names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name()).collect();
    let help = match (reduction(word), similar(word)) {
        (Some(assign), _) => format!("the assignment names the reduction: `Y[i] {assign} X[i,j]`"),
        (None, Some(name)) => format!("did you mean `{name}`?"),
        (None, None) => "read elements of a tensor with brackets, `X[i,j]`".into(),
    };
    let error = Error::new(ErrorKind::UnknownFunction { name: word.into() }, p.text)
        .note(Note::new(span, "called here"))
        .help(help)
        .help(format!("functions: {}", names.join(", ")));
    match reduction(word) {
        Some(assign) => called_reduction(p.text, span, assign, error),
        None => error,
    }
}

/// The error of a call with the wrong number of arguments.
#[cold]
pub(super) fn arguments(text: &str, function: Function, given: usize, span: Span) -> Error {
    let help = match function {
        Function::Pow => "write `pow(x, 2)`",
        Function::Eq => "write `eq(a, b)`",
        Function::Where => "write `where(condition, a, b)`",
        Function::Max | Function::Min => "the assignment names the reduction: `Y[i] max= X[i,j]`",
        _ => "it is a function of one number; call it for each",
    };
    let error = problem(text, SyntaxProblem::Arguments { function, given }, span, "").help(help);
    let name = Span::new(span.start, span.start + function.name().len() as u32);
    match function {
        Function::Max => called_reduction(text, name, Assign::Max, error),
        Function::Min => called_reduction(text, name, Assign::Min, error),
        _ => error,
    }
}

/// The error of `0*i` in an index.
#[cold]
pub(super) fn zero_coefficient(text: &str, span: Span) -> Error {
    problem(text, SyntaxProblem::ZeroCoefficient, span, "").help("write the position alone, as in `x[0]`")
}

/// The error of a second `...` in one list.
#[cold]
pub(super) fn second_ellipsis(text: &str, first: Span, again: Span) -> Error {
    problem(text, SyntaxProblem::SecondEllipsis, again, "again here")
        .note(Note::new(first, "first here"))
        .help("one `...` covers all axes that are not written")
}

/// The error of a size after `...`.
#[cold]
pub(super) fn size_of_ellipsis(text: &str, dots: Span, colon: Span) -> Error {
    problem(text, SyntaxProblem::SizeOfEllipsis, dots.to(colon), "")
        .help("`...` may stand for several axes; write the axis that has the size by name")
}
