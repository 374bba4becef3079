//! Level 2: named subscripts, in brackets or separated by spaces.

use super::errors;
use super::expected::Expected;
use super::lex::TokenKind;
use super::output::check_names;
use super::parser::{Parsed, Parser};
use crate::ast::{Ast, Merged, Named, NamedAxis, NamedTerm};
use crate::error::{Error, Level};
use crate::span::Span;

/// Parses named subscripts.
pub(super) fn parse(text: &str) -> Result<Ast, Error> {
    checked(read(text)?)
}

/// Parses named subscripts without checking the output.
pub(crate) fn read(text: &str) -> Result<Named, Error> {
    let mut p = Parser::new(text, Level::Named);
    let (terms, arrow, output) = p.named()?;
    Ok(Named::new(text, p.into_names(), terms, arrow, output))
}

/// Parses named subscripts without brackets, without suggestions in the error.
pub(crate) fn spaced(text: &str) -> Result<Ast, Error> {
    let mut p = Parser::new(text, Level::Named);
    let (terms, arrow, output) = p.spaced()?;
    checked(Named::new(text, p.into_names(), terms, arrow, output))
}

fn checked(named: Named) -> Result<Ast, Error> {
    check_names(&named)?;
    Ok(Ast::Named(named.into()))
}

impl Parser<'_> {
    /// `named = nterm { "," nterm } ARROW nterm`.
    fn named(&mut self) -> Parsed<(Vec<NamedTerm>, Span, NamedTerm)> {
        let mut terms = vec![self.nterm()?];
        while self.eat(TokenKind::Comma).is_some() {
            terms.push(self.nterm()?);
        }
        let Some(arrow) = self.eat(TokenKind::Arrow) else { return Err(self.expected(Expected::TermEnd)) };
        let output = self.nterm()?;
        if self.at(TokenKind::End) {
            Ok((terms, arrow, output))
        } else {
            Err(self.after_output(arrow, Expected::OutputEnd))
        }
    }

    /// `nterm = "[" [ axis { [ "," ] axis } ] "]"`.
    fn nterm(&mut self) -> Parsed<NamedTerm> {
        let start = self.open(TokenKind::OpenBracket, Expected::Term)?;
        let (mut axes, mut ellipsis) = (Vec::new(), None);
        while !self.at(TokenKind::CloseBracket) {
            let comma = !axes.is_empty() && self.eat(TokenKind::Comma).is_some();
            let axis = self.axis(if comma { Expected::Axis } else { Expected::AxisOrClose })?;
            self.check_ellipsis(&axis, &mut ellipsis)?;
            axes.push(axis);
        }
        self.close(TokenKind::CloseBracket, Expected::AxisOrClose)?;
        Ok(NamedTerm { span: self.since(start), axes })
    }

    /// `spaced = sterm { "," sterm } ARROW sterm`.
    fn spaced(&mut self) -> Parsed<(Vec<NamedTerm>, Span, NamedTerm)> {
        let mut terms = vec![self.sterm()?];
        while self.eat(TokenKind::Comma).is_some() {
            terms.push(self.sterm()?);
        }
        let Some(arrow) = self.eat(TokenKind::Arrow) else { return Err(self.expected(Expected::SpacedEnd)) };
        let output = self.sterm()?;
        if self.at(TokenKind::End) {
            Ok((terms, arrow, output))
        } else {
            Err(self.after_output(arrow, Expected::OutputEnd))
        }
    }

    /// `sterm = { axis }`.
    fn sterm(&mut self) -> Parsed<NamedTerm> {
        let start = self.token.span;
        let (mut axes, mut ellipsis) = (Vec::new(), None);
        while matches!(self.token.kind, TokenKind::Name | TokenKind::Ellipsis | TokenKind::OpenParenthesis) {
            let axis = self.axis(Expected::Axis)?;
            self.check_ellipsis(&axis, &mut ellipsis)?;
            axes.push(axis);
        }
        let span = if axes.is_empty() { Span::point(start.start) } else { self.since(start) };
        Ok(NamedTerm { span, axes })
    }

    /// `axis = NAME | ELLIPSIS | merged`.
    pub(super) fn axis(&mut self, expected: Expected) -> Parsed<NamedAxis> {
        match self.token.kind {
            TokenKind::Ellipsis => Ok(NamedAxis::Ellipsis(self.advance())),
            TokenKind::OpenParenthesis => self.merged().map(NamedAxis::Merged),
            _ => self.name(expected).map(NamedAxis::Name),
        }
    }

    /// `merged = "(" NAME { NAME } ")"`.
    fn merged(&mut self) -> Parsed<Merged> {
        let start = self.open(TokenKind::OpenParenthesis, Expected::Merged)?;
        let mut names = vec![self.name(Expected::Merged)?];
        while self.at(TokenKind::Name) {
            names.push(self.name(Expected::Merged)?);
        }
        self.close(TokenKind::CloseParenthesis, Expected::NameOrClose)?;
        Ok(Merged { span: self.since(start), names })
    }

    #[cold]
    fn after_output(&self, arrow: Span, expected: Expected) -> Error {
        match self.token.kind {
            TokenKind::Comma | TokenKind::Arrow => errors::second_output(self, arrow),
            _ => self.expected(expected),
        }
    }
}
