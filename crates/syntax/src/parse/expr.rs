//! Level 3: right sides. Loops read chains of operators; recursion of bounded depth reads nested expressions.

use super::errors::{arguments, unknown_function};
use super::expected::Expected;
use super::lex::TokenKind;
use super::parser::{Parsed, Parser};
use crate::ast::{Access, Call, Expr, ExprKind, Factor, NumberKind, Sign, Summand, accepts, function};
use crate::error::Error;
use crate::span::Span;
use einfold_ir::Function;

impl Parser<'_> {
    /// `expr = term { ( "+" | "-" ) term }`.
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        let start = self.token.span;
        let first = self.term()?;
        if !matches!(self.token.kind, TokenKind::Plus | TokenKind::Minus) {
            return Ok(first);
        }
        let mut terms = vec![Summand { sign: Sign::Plus, operator: None, expr: first }];
        while let Some((sign, operator)) = self.sign() {
            terms.push(Summand { sign, operator: Some(operator), expr: self.term()? });
        }
        Ok(Expr { span: self.since(start), kind: ExprKind::Sum(terms) })
    }

    /// Skips a `+` or `-`.
    pub(super) fn sign(&mut self) -> Option<(Sign, Span)> {
        let sign = match self.token.kind {
            TokenKind::Plus => Sign::Plus,
            TokenKind::Minus => Sign::Minus,
            _ => return None,
        };
        Some((sign, self.advance()))
    }

    /// `term = unary { ( "*" | "/" ) unary }`.
    fn term(&mut self) -> Parsed<Expr> {
        let start = self.token.span;
        let first = self.unary()?;
        if !matches!(self.token.kind, TokenKind::Star | TokenKind::Slash) {
            return Ok(first);
        }
        let mut factors = vec![Factor { divides: false, operator: None, expr: first }];
        while matches!(self.token.kind, TokenKind::Star | TokenKind::Slash) {
            let divides = self.at(TokenKind::Slash);
            let operator = Some(self.advance());
            factors.push(Factor { divides, operator, expr: self.unary()? });
        }
        Ok(Expr { span: self.since(start), kind: ExprKind::Product(factors) })
    }

    /// `unary = "-" unary | NUMBER | sizeof | call | access | "(" expr ")"`.
    fn unary(&mut self) -> Parsed<Expr> {
        let start = self.token.span;
        let kind = match self.token.kind {
            TokenKind::Minus => ExprKind::Negation(Box::new(self.signed(Self::unary)?)),
            TokenKind::OpenParenthesis => {
                self.open(TokenKind::OpenParenthesis, Expected::Expression)?;
                let inner = self.expr()?;
                self.close(TokenKind::CloseParenthesis, Expected::ParenthesisEnd)?;
                return Ok(inner);
            }
            TokenKind::Name => {
                let word = self.advance();
                match (self.at(TokenKind::OpenParenthesis), self.word(word)) {
                    (true, "size") => ExprKind::Size(self.sizeof(word)?),
                    (true, _) => ExprKind::Call(self.call(word)?),
                    (false, _) => ExprKind::Access(self.access(word)?),
                }
            }
            _ => ExprKind::Number(self.number()?),
        };
        Ok(Expr { span: self.since(start), kind })
    }

    /// `NUMBER`.
    fn number(&mut self) -> Parsed<NumberKind> {
        let kind = match self.token.kind {
            TokenKind::Integer => NumberKind::Integer,
            TokenKind::Real => NumberKind::Real,
            _ => return Err(self.expected(Expected::Expression)),
        };
        self.advance();
        Ok(kind)
    }

    /// `call = FUNC "(" expr { "," expr } ")"`; the word has been read.
    fn call(&mut self, name: Span) -> Parsed<Call> {
        let function = self.func(name)?;
        self.open(TokenKind::OpenParenthesis, Expected::Expression)?;
        let mut list = vec![self.expr()?];
        while self.eat(TokenKind::Comma).is_some() {
            list.push(self.expr()?);
        }
        self.close(TokenKind::CloseParenthesis, Expected::ArgumentEnd)?;
        if accepts(function, list.len()) {
            return Ok(Call { function, name, arguments: list });
        }
        Err(arguments(self.text, function, list.len(), self.since(name)))
    }

    /// `FUNC`: one of the words in [`FUNCTIONS`](crate::ast::FUNCTIONS).
    fn func(&self, name: Span) -> Parsed<Function> {
        function(self.word(name)).ok_or_else(|| unknown_function(self, name))
    }

    /// `access = NAME [ indices ]`; the name has been read.
    fn access(&mut self, name: Span) -> Parsed<Access> {
        let tensor = self.known(name)?;
        let indices = if self.at(TokenKind::OpenBracket) { self.indices()? } else { Vec::new() };
        Ok(Access { span: self.since(name), name: tensor, indices })
    }
}

/// Guards the size of an expression: sums and products hold many.
const _: () = assert!(size_of::<Expr>() <= 64 && size_of::<Error>() == size_of::<usize>());
