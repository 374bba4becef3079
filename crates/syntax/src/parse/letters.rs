//! Level 1: one function for each production of `grammar/einfold.ebnf`, with its name.
//!
//! Each function also reads the white space after its symbols. The [`Builder`] collects the result;
//! [`super::letters_errors`] explains failures.

use super::letters_errors::diagnose;
use super::{MAX_DEPTH, Span};
use crate::ast::{Builder, Spelling, Subscripts};
use crate::error::Error;
use crate::labels::is_label;
use nom::bytes::complete::tag;
use nom::character::complete::char;
use nom::combinator::{cut, opt};
use nom::error::ParseError;
use nom::sequence::terminated;
use nom::{IResult, Parser};
use std::sync::Arc;

/// The position of a failure, as the number of bytes that remain.
pub(super) struct StoppedAt {
    pub(super) rest: usize,
}

impl ParseError<&str> for StoppedAt {
    fn from_error_kind(rest: &str, _: nom::error::ErrorKind) -> StoppedAt {
        StoppedAt { rest: rest.len() }
    }

    fn append(_: &str, _: nom::error::ErrorKind, first: StoppedAt) -> StoppedAt {
        first
    }
}

type Parsed<'t, T = ()> = IResult<&'t str, T, StoppedAt>;

/// Parses a subscript string.
pub(crate) fn parse(text: &str) -> Result<Arc<Subscripts>, Error> {
    let mut b = Builder::new(text, Spelling::Letters);
    let rest = match letters(text, &mut b) {
        Ok((rest, ())) => rest.len(),
        Err(nom::Err::Error(stop) | nom::Err::Failure(stop)) => stop.rest,
        // Complete parsers never return `Incomplete`.
        Err(nom::Err::Incomplete(_)) => text.len(),
    };
    if rest == 0 && b.open_parenthesis().is_none() {
        return Ok(b.finish());
    }
    Err(diagnose(text, text.len() - rest, &b))
}

/// `letters = litem { "," litem } [ ARROW lterm ]`.
fn letters<'t>(text: &'t str, b: &mut Builder) -> Parsed<'t> {
    let (rest, _) = space(text)?;
    let (mut rest, ()) = litem(rest, b, 0)?;
    while let Ok((after, ())) = symbol(',').parse(rest) {
        (rest, ()) = litem(after, b, 0)?;
    }
    let (rest, output) = opt(|rest| arrow(rest, b)).parse(rest)?;
    if output.is_some() { lterm(rest, b) } else { Ok((rest, ())) }
}

/// `litem = lterm | group`, inside `depth` groups.
fn litem<'t>(rest: &'t str, b: &mut Builder, depth: usize) -> Parsed<'t> {
    if rest.starts_with('(') { group(rest, b, depth) } else { lterm(rest, b) }
}

/// `group = "(" litem "," litem { "," litem } ")"`; `depth` bounds the recursion.
fn group<'t>(rest: &'t str, b: &mut Builder, depth: usize) -> Parsed<'t> {
    if depth == MAX_DEPTH {
        return Err(nom::Err::Failure(StoppedAt { rest: rest.len() }));
    }
    let (after, _) = char('(')(rest)?;
    b.open_group(Span::new(b.at(rest), b.at(after)));
    let (rest, _) = space(after)?;
    let (rest, ()) = litem(rest, b, depth + 1)?;
    let (rest, _) = cut(symbol(',')).parse(rest)?;
    let (mut rest, ()) = litem(rest, b, depth + 1)?;
    while let Ok((after, ())) = symbol(',').parse(rest) {
        (rest, ()) = litem(after, b, depth + 1)?;
    }
    let (after, _) = cut(char(')')).parse(rest)?;
    b.close_group(Span::new(b.at(rest), b.at(after)));
    space(after)
}

/// `lterm = { LABEL } [ ELLIPSIS { LABEL } ]`.
fn lterm<'t>(rest: &'t str, b: &mut Builder) -> Parsed<'t> {
    b.begin_term(b.at(rest));
    let rest = labels(rest, b);
    Ok((ellipsis(rest, b).map_or(rest, |(after, ())| labels(after, b)), ()))
}

/// All labels up to the next other symbol.
fn labels<'t>(text: &'t str, b: &mut Builder) -> &'t str {
    let mut rest = text;
    while let Ok((after, ())) = label(rest, b) {
        rest = after;
    }
    if rest.len() < text.len() {
        b.end_labels();
    }
    rest
}

/// `LABEL`: see [`is_label`].
#[inline]
fn label<'t>(rest: &'t str, b: &mut Builder) -> Parsed<'t> {
    let mut chars = rest.chars();
    let Some(c) = chars.next().filter(|&c| is_label(c)) else {
        return Err(nom::Err::Error(StoppedAt { rest: rest.len() }));
    };
    let after = chars.as_str();
    b.label(c.into(), Span::new(b.at(rest), b.at(after)));
    space(after)
}

/// `ELLIPSIS = "..."`.
fn ellipsis<'t>(rest: &'t str, b: &mut Builder) -> Parsed<'t> {
    let (after, _) = tag("...")(rest)?;
    b.ellipsis(Span::new(b.at(rest), b.at(after)));
    space(after)
}

/// `ARROW = "->"`.
fn arrow<'t>(rest: &'t str, b: &mut Builder) -> Parsed<'t> {
    let (after, _) = tag("->")(rest)?;
    b.arrow(Span::new(b.at(rest), b.at(after)));
    space(after)
}

/// `SPACE = { " " }`: U+0020 only.
#[inline]
fn space(rest: &str) -> Parsed<'_> {
    Ok((if rest.starts_with(' ') { rest.trim_start_matches(' ') } else { rest }, ()))
}

/// The symbol `c` and the white space after it.
fn symbol<'t>(c: char) -> impl Parser<&'t str, Output = (), Error = StoppedAt> {
    terminated(char(c), space).map(|_| ())
}
