//! Level 3: programs and statements.

use super::errors::size_of_ellipsis;
use super::expected::Expected;
use super::lex::TokenKind;
use super::parser::{Parsed, Parser};
use crate::ast::{Assign, Ast, AxisSize, Index, LeftIndex, NamedAxis, Program, Size, SizeOf, Statement};
use crate::error::{Error, Level};
use crate::names;
use crate::span::Span;

/// Parses a program.
pub(super) fn parse(text: &str) -> Result<Ast, Error> {
    let mut p = Parser::new(text, Level::Program);
    let statements = p.program()?;
    let table = p.into_names();
    let names = names::analyse(text, &table, &statements)?;
    Ok(Ast::Program(Program::new(text, table, statements, names).into()))
}

impl Parser<'_> {
    /// `program = [ stmt ] { ( ";" | NEWLINE ) [ stmt ] }`.
    fn program(&mut self) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            match self.token.kind {
                TokenKind::End => return Ok(statements),
                TokenKind::Semicolon | TokenKind::Newline => _ = self.advance(),
                _ => {
                    statements.push(self.stmt()?);
                    if !matches!(self.token.kind, TokenKind::Semicolon | TokenKind::Newline | TokenKind::End) {
                        return Err(self.expected(Expected::StatementEnd));
                    }
                }
            }
        }
    }

    /// `stmt = NAME [ "[" [ lpos { "," lpos } ] "]" ] assign expr [ "for" declared { "," declared } ]`.
    fn stmt(&mut self) -> Parsed<Statement> {
        let name = self.name(Expected::Statement)?;
        let left = match self.token.kind {
            TokenKind::OpenBracket => self.bracketed(Expected::PositionEnd, Self::lpos, |position| &position.index)?,
            _ => Vec::new(),
        };
        let (assign, operator) = self.assign()?;
        let right = self.expr()?;
        let mut sizes = Vec::new();
        if self.at(TokenKind::Name) && self.word(self.token.span) == "for" {
            self.advance();
            sizes.push(self.declared()?);
            while self.eat(TokenKind::Comma).is_some() {
                sizes.push(self.declared()?);
            }
        }
        Ok(Statement { span: self.since(name.span), name, left, assign, operator, right, sizes })
    }

    /// `lpos = ELLIPSIS | index [ ":" size ]`.
    fn lpos(&mut self) -> Parsed<LeftIndex> {
        let index = self.index()?;
        let Some(colon) = self.eat(TokenKind::Colon) else { return Ok(LeftIndex { index, size: None }) };
        match index {
            Index::Axis(NamedAxis::Ellipsis(dots)) => Err(size_of_ellipsis(self.text, dots, colon)),
            _ => Ok(LeftIndex { index, size: Some(self.size()?) }),
        }
    }

    /// `assign = "=" | "+=" | "*=" | "max=" | "min=" | "|=" | "&=" | "lse=" | "mean="`.
    fn assign(&mut self) -> Parsed<(Assign, Span)> {
        match self.token.kind {
            TokenKind::Assign(assign) => Ok((assign, self.advance())),
            _ => Err(self.expected(Expected::Assign)),
        }
    }

    /// `declared = NAME ":" size`.
    fn declared(&mut self) -> Parsed<AxisSize> {
        let axis = self.name(Expected::Axis)?;
        if self.eat(TokenKind::Colon).is_none() {
            return Err(self.expected(Expected::Colon));
        }
        Ok(AxisSize { axis, size: self.size()? })
    }

    /// `size = INT | NAME | sizeof`.
    fn size(&mut self) -> Parsed<Size> {
        if !self.at(TokenKind::Name) {
            return self.int(Expected::Size).map(Size::Integer);
        }
        let word = self.advance();
        if self.at(TokenKind::OpenParenthesis) && self.word(word) == "size" {
            return self.sizeof(word).map(Size::Of);
        }
        self.known(word).map(Size::Parameter)
    }

    /// `sizeof = "size" "(" NAME "," INT ")"`; the word has been read.
    pub(super) fn sizeof(&mut self, word: Span) -> Parsed<SizeOf> {
        self.open(TokenKind::OpenParenthesis, Expected::Size)?;
        let tensor = self.name(Expected::Tensor)?;
        if self.eat(TokenKind::Comma).is_none() {
            return Err(self.expected(Expected::SizeComma));
        }
        let axis = self.int(Expected::Integer)?;
        self.close(TokenKind::CloseParenthesis, Expected::SizeClose)?;
        Ok(SizeOf { span: self.since(word), tensor, axis })
    }
}
