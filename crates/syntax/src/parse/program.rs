//! Level 3: programs and their statements.

use super::lex::Kind;
use super::parser::{Parsed, Parser};
use super::unexpected::size_of_ellipsis;
use super::wanted::Wanted;
use crate::ast::{Assign, Ast, Axis, AxisSize, Index, Position, Program, Size, SizeOf, Statement};
use crate::error::{Error, Level};
use crate::names::Names;
use crate::span::Span;

/// Reads a program.
pub(super) fn parse(text: &str) -> Result<Ast, Error> {
    let mut p = Parser::new(text, Level::Program);
    let statements = p.program()?;
    let table = p.into_names();
    let names = Names::new(text, &table, &statements)?;
    Ok(Ast::Program(Program::new(text, table, statements, names)))
}

impl Parser<'_> {
    /// `program = [ stmt ] { ( ";" | NEWLINE ) [ stmt ] }`.
    fn program(&mut self) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            match self.token.kind {
                Kind::End => return Ok(statements),
                Kind::Semicolon | Kind::Newline => _ = self.advance(),
                _ => {
                    statements.push(self.stmt()?);
                    if !matches!(self.token.kind, Kind::Semicolon | Kind::Newline | Kind::End) {
                        return Err(self.expected(Wanted::StatementEnd));
                    }
                }
            }
        }
    }

    /// `stmt = NAME [ "[" [ lpos { "," lpos } ] "]" ] assign expr [ "for" declared { "," declared } ]`.
    fn stmt(&mut self) -> Parsed<Statement> {
        let name = self.name(Wanted::Statement)?;
        let left = match self.token.kind {
            Kind::OpenBracket => self.bracketed(Wanted::PositionEnd, Self::lpos, |position| &position.index)?,
            _ => Vec::new(),
        };
        let (assign, operator) = self.assign()?;
        let right = self.expr()?;
        let mut sizes = Vec::new();
        if self.at(Kind::Name) && self.word(self.token.span) == "for" {
            self.advance();
            sizes.push(self.declared()?);
            while self.eat(Kind::Comma).is_some() {
                sizes.push(self.declared()?);
            }
        }
        Ok(Statement { span: self.since(name.span), name, left, assign, operator, right, sizes })
    }

    /// `lpos = ELLIPSIS | index [ ":" size ]`.
    fn lpos(&mut self) -> Parsed<Position> {
        let index = self.index()?;
        let Some(colon) = self.eat(Kind::Colon) else { return Ok(Position { index, size: None }) };
        match index {
            Index::Axis(Axis::Ellipsis(dots)) => Err(size_of_ellipsis(self.text, dots, colon)),
            _ => Ok(Position { index, size: Some(self.size()?) }),
        }
    }

    /// `assign = "=" | "+=" | "*=" | "max=" | "min=" | "|=" | "&=" | "lse=" | "mean="`.
    fn assign(&mut self) -> Parsed<(Assign, Span)> {
        match self.token.kind {
            Kind::Assign(assign) => Ok((assign, self.advance())),
            _ => Err(self.expected(Wanted::Assign)),
        }
    }

    /// `declared = NAME ":" size`.
    fn declared(&mut self) -> Parsed<AxisSize> {
        let axis = self.name(Wanted::Axis)?;
        if self.eat(Kind::Colon).is_none() {
            return Err(self.expected(Wanted::Colon));
        }
        Ok(AxisSize { axis, size: self.size()? })
    }

    /// `size = INT | NAME | sizeof`.
    fn size(&mut self) -> Parsed<Size> {
        if !self.at(Kind::Name) {
            return self.int(Wanted::Size).map(Size::Integer);
        }
        let word = self.advance();
        if self.at(Kind::OpenParenthesis) && self.word(word) == "size" {
            return self.sizeof(word).map(Size::Of);
        }
        self.known(word).map(Size::Parameter)
    }

    /// `sizeof = "size" "(" NAME "," INT ")"`, of which the word has been passed.
    pub(super) fn sizeof(&mut self, word: Span) -> Parsed<SizeOf> {
        self.open(Kind::OpenParenthesis, Wanted::Size)?;
        let tensor = self.name(Wanted::Tensor)?;
        if self.eat(Kind::Comma).is_none() {
            return Err(self.expected(Wanted::SizeComma));
        }
        let axis = self.int(Wanted::Integer)?;
        self.close(Kind::CloseParenthesis, Wanted::SizeClose)?;
        Ok(SizeOf { span: self.since(word), tensor, axis })
    }
}
