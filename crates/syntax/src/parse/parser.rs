//! Levels 2 and 3: the token parser. The modules `named`, `program`, `expr` and `index` have one function for each
//! production, with its name, that returns [`Parsed`].

use super::expected::Expected;
use super::lex::{Lexer, Token, TokenKind};
use crate::MAX_DEPTH;
use crate::ast::{Integer, Name, NameTable, is_reserved};
use crate::error::{Error, Level, SyntaxProblem};
use crate::span::Span;
use std::collections::HashMap;

/// The result of a production.
pub(super) type Parsed<T> = Result<T, Error>;

/// A parser with one token of lookahead.
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) level: Level,
    lexer: Lexer<'t>,
    /// The next token.
    pub(super) token: Token,
    /// The token before it.
    pub(super) previous: Span,
    /// The spans of the open brackets and parentheses.
    pub(super) open: Vec<Token>,
    /// The number of signs around the next token.
    signs: usize,
    names: Interner<'t>,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, level: Level) -> Parser<'t> {
        let mut lexer = Lexer::new(text, level == Level::Program);
        let token = lexer.next();
        let names = Interner { table: NameTable { first: Vec::with_capacity(8) }, map: HashMap::new() };
        Parser { text, level, lexer, token, previous: Span::default(), open: Vec::new(), signs: 0, names }
    }

    /// The names read so far.
    pub(super) fn into_names(self) -> NameTable {
        self.names.table
    }

    pub(super) fn word(&self, span: Span) -> &'t str {
        &self.text[span.range()]
    }

    pub(super) fn at(&self, kind: TokenKind) -> bool {
        self.token.kind == kind
    }

    /// Skips the next token.
    pub(super) fn advance(&mut self) -> Span {
        self.previous = self.token.span;
        self.token = self.lexer.next();
        self.previous
    }

    /// Skips the next token if it is of this kind.
    pub(super) fn eat(&mut self, kind: TokenKind) -> Option<Span> {
        self.at(kind).then(|| self.advance())
    }

    /// The span from `start` to the end of the last token.
    pub(super) fn since(&self, start: Span) -> Span {
        start.to(self.previous)
    }

    /// Skips an opening bracket or parenthesis.
    pub(super) fn open(&mut self, kind: TokenKind, expected: Expected) -> Result<Span, Error> {
        if !self.at(kind) {
            return Err(self.expected(expected));
        }
        self.check_depth()?;
        self.open.push(self.token);
        Ok(self.advance())
    }

    /// Skips the closing bracket or parenthesis.
    pub(super) fn close(&mut self, kind: TokenKind, expected: Expected) -> Result<Span, Error> {
        if !self.at(kind) {
            return Err(self.expected(expected));
        }
        self.open.pop();
        Ok(self.advance())
    }

    /// Runs `read` after a sign, which counts as a nesting level.
    pub(super) fn signed<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.check_depth()?;
        self.signs += 1;
        self.advance();
        let result = read(self);
        self.signs -= 1;
        result
    }

    fn check_depth(&self) -> Result<(), Error> {
        if self.open.len() + self.signs < MAX_DEPTH {
            return Ok(());
        }
        let help = match self.level {
            Level::Program => "define the intermediate results by separate statements",
            _ => "remove some of them",
        };
        Err(self.problem(SyntaxProblem::TooDeep, self.token.span, "beyond the limit", help))
    }

    /// `NAME`; in a program not a reserved word.
    pub(super) fn name(&mut self, expected: Expected) -> Parsed<Name> {
        match self.eat(TokenKind::Name) {
            Some(span) => self.known(span),
            None => Err(self.expected(expected)),
        }
    }

    /// The name at `span`.
    pub(super) fn known(&mut self, span: Span) -> Result<Name, Error> {
        let word = self.word(span);
        if self.level == Level::Program && is_reserved(word) {
            return Err(self.reserved(span));
        }
        Ok(Name { id: self.names.number(self.text, word, span), span })
    }

    /// `INT`.
    pub(super) fn int(&mut self, expected: Expected) -> Parsed<Integer> {
        let Some(span) = self.eat(TokenKind::Integer) else { return Err(self.expected(expected)) };
        match self.word(span).parse() {
            Ok(value) => Ok(Integer { value, span }),
            // A number of digits only fails to parse by overflow.
            Err(_) => Err(self.large_integer(span)),
        }
    }
}

/// Assigns numbers to the names of a text.
struct Interner<'t> {
    table: NameTable,
    /// The numbers by name, used for more than [`Interner::FEW`] names.
    map: HashMap<&'t str, u32>,
}

impl<'t> Interner<'t> {
    /// Up to this number of names a linear search is faster than hashing.
    const FEW: usize = 16;

    fn number(&mut self, text: &'t str, word: &'t str, span: Span) -> u32 {
        let first = &mut self.table.first;
        let new = first.len() as u32;
        if first.len() < Self::FEW {
            // Compares bytes, which needs no check of character boundaries.
            let (text, word) = (text.as_bytes(), word.as_bytes());
            let known = first.iter().position(|known| &text[known.range()] == word);
            if let Some(id) = known {
                return id as u32;
            }
        } else {
            if self.map.is_empty() {
                self.map.extend((0..).zip(first.iter()).map(|(id, span)| (&text[span.range()], id)));
            }
            let id = *self.map.entry(word).or_insert(new);
            if id != new {
                return id;
            }
        }
        first.push(span);
        new
    }
}
