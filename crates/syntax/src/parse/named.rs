//! Level 2: named subscripts, in brackets or separated by spaces.

use super::lex::Kind;
use super::output::check_names;
use super::parser::{Parsed, Parser};
use super::unexpected;
use super::wanted::Wanted;
use crate::advice;
use crate::ast::{Ast, Axis, Bracket, Merged, Named};
use crate::error::{Error, Level};
use crate::parse::check_length;
use crate::span::Span;

/// Reads named subscripts.
pub(super) fn parse(text: &str) -> Result<Ast, Error> {
    checked(read(text)?)
}

/// Reads named subscripts, whatever axes the output has.
pub(crate) fn read(text: &str) -> Result<Named, Error> {
    let mut p = Parser::new(text, Level::Named);
    let (terms, arrow, output) = p.named()?;
    Ok(Named::new(text, p.into_names(), terms, arrow, output))
}

/// Reads named subscripts without brackets, in the manner of einops: in `batch i, batch j -> i j`, white space separates axes
/// and commas separate operands. The same as `[batch i], [batch j] -> [i j]`.
///
/// [`parse`](crate::parse) reads such a text as letters, `batch` as five axes.
///
/// # Errors
/// As [`parse`](crate::parse) for named subscripts.
///
/// ```
/// let ast = einfold_syntax::parse_spaced("batch i, batch j -> i j")?;
/// assert_eq!(ast.to_string(), "[batch i], [batch j] -> [i j]");
/// # Ok::<(), einfold_syntax::Error>(())
/// ```
pub fn parse_spaced(text: &str) -> Result<Ast, Error> {
    check_length(text)?;
    spaced(text).map_err(advice::of_spaced)
}

fn spaced(text: &str) -> Result<Ast, Error> {
    let mut p = Parser::new(text, Level::Named);
    let (terms, arrow, output) = p.spaced()?;
    checked(Named::new(text, p.into_names(), terms, arrow, output))
}

fn checked(named: Named) -> Result<Ast, Error> {
    check_names(&named)?;
    Ok(Ast::Named(named))
}

impl Parser<'_> {
    /// `named = nterm { "," nterm } ARROW nterm`.
    fn named(&mut self) -> Parsed<(Vec<Bracket>, Span, Bracket)> {
        let mut terms = vec![self.nterm()?];
        while self.eat(Kind::Comma).is_some() {
            terms.push(self.nterm()?);
        }
        let Some(arrow) = self.eat(Kind::Arrow) else { return Err(self.expected(Wanted::TermEnd)) };
        let output = self.nterm()?;
        if self.at(Kind::End) { Ok((terms, arrow, output)) } else { Err(self.after_output(arrow, Wanted::OutputEnd)) }
    }

    /// `nterm = "[" [ axis { [ "," ] axis } ] "]"`.
    fn nterm(&mut self) -> Parsed<Bracket> {
        let start = self.open(Kind::OpenBracket, Wanted::Term)?;
        let (mut axes, mut ellipsis) = (Vec::new(), None);
        while !self.at(Kind::CloseBracket) {
            let comma = !axes.is_empty() && self.eat(Kind::Comma).is_some();
            let axis = self.axis(if comma { Wanted::Axis } else { Wanted::AxisOrClose })?;
            self.check_ellipsis(&axis, &mut ellipsis)?;
            axes.push(axis);
        }
        self.close(Kind::CloseBracket, Wanted::AxisOrClose)?;
        Ok(Bracket { span: self.since(start), axes })
    }

    /// `spaced = sterm { "," sterm } ARROW sterm`.
    fn spaced(&mut self) -> Parsed<(Vec<Bracket>, Span, Bracket)> {
        let mut terms = vec![self.sterm()?];
        while self.eat(Kind::Comma).is_some() {
            terms.push(self.sterm()?);
        }
        let Some(arrow) = self.eat(Kind::Arrow) else { return Err(self.expected(Wanted::SpacedEnd)) };
        let output = self.sterm()?;
        if self.at(Kind::End) { Ok((terms, arrow, output)) } else { Err(self.after_output(arrow, Wanted::OutputEnd)) }
    }

    /// `sterm = { axis }`.
    fn sterm(&mut self) -> Parsed<Bracket> {
        let start = self.token.span;
        let (mut axes, mut ellipsis) = (Vec::new(), None);
        while matches!(self.token.kind, Kind::Name | Kind::Ellipsis | Kind::OpenParenthesis) {
            let axis = self.axis(Wanted::Axis)?;
            self.check_ellipsis(&axis, &mut ellipsis)?;
            axes.push(axis);
        }
        let span = if axes.is_empty() { Span::point(start.start) } else { self.since(start) };
        Ok(Bracket { span, axes })
    }

    /// `axis = NAME | ELLIPSIS | merged`.
    pub(super) fn axis(&mut self, wanted: Wanted) -> Parsed<Axis> {
        match self.token.kind {
            Kind::Ellipsis => Ok(Axis::Ellipsis(self.advance())),
            Kind::OpenParenthesis => self.merged().map(Axis::Merged),
            _ => self.name(wanted).map(Axis::Name),
        }
    }

    /// `merged = "(" NAME { NAME } ")"`.
    fn merged(&mut self) -> Parsed<Merged> {
        let start = self.open(Kind::OpenParenthesis, Wanted::Merged)?;
        let mut names = vec![self.name(Wanted::Merged)?];
        while self.at(Kind::Name) {
            names.push(self.name(Wanted::Merged)?);
        }
        self.close(Kind::CloseParenthesis, Wanted::NameOrClose)?;
        Ok(Merged { span: self.since(start), names })
    }

    #[cold]
    fn after_output(&self, arrow: Span, wanted: Wanted) -> Error {
        match self.token.kind {
            Kind::Comma | Kind::Arrow => unexpected::second_output(self, arrow),
            _ => self.expected(wanted),
        }
    }
}
