//! Levels 2 and 3: the lexer, which reads one token at a time.
//!
//! A line end is a token or white space depending on its neighbours, and errors name the token that was found, so these
//! levels have tokens where letters have characters. Functions have the names of the productions of
//! `grammar/einfold.ebnf`.

use crate::ast::Assign;
use crate::span::Span;
use unicode_ident::{is_xid_continue, is_xid_start};

/// A result that is absent if the text does not match.
type Parsed<T = ()> = Option<T>;

/// A token with its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    Comma,
    Colon,
    Semicolon,
    Plus,
    Minus,
    Star,
    Slash,
    Arrow,
    Ellipsis,
    Assign(Assign),
    Name,
    Integer,
    Real,
    /// Digits directly followed by a letter or a point.
    NotANumber,
    /// A line end that separates statements.
    Newline,
    /// A character that begins no token.
    Other(char),
    End,
}

/// Reads tokens from left to right.
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Whether line ends separate statements.
    lines: bool,
    /// The number of open brackets and parentheses.
    open: usize,
    /// Whether the last token continues on the next line: an operator, a comma, an assignment, or the start of the
    /// text.
    goes_on: bool,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str, lines: bool) -> Lexer<'t> {
        Lexer { text, at: 0, lines, open: 0, goes_on: true }
    }

    /// The next token; `End` at the end of the text, any number of times.
    pub(super) fn next(&mut self) -> Token {
        if let Some(span) = self.newline() {
            return Token { kind: TokenKind::Newline, span };
        }
        let start = self.at;
        let kind = self.token();
        self.goes_on = matches!(
            kind,
            TokenKind::Plus
                | TokenKind::Minus
                | TokenKind::Star
                | TokenKind::Slash
                | TokenKind::Comma
                | TokenKind::Assign(_)
        );
        Token { kind, span: Span::new(start as u32, self.at as u32) }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn char(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, bytes: usize, kind: TokenKind) -> TokenKind {
        self.at += bytes;
        kind
    }

    fn token(&mut self) -> TokenKind {
        let Some(byte) = self.byte(0) else { return TokenKind::End };
        let equals = self.byte(1) == Some(b'=');
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            b'0'..=b'9' => self.numeral(),
            b'.' if self.text[self.at..].starts_with("...") => self.take(3, TokenKind::Ellipsis),
            b'.' if self.byte(1).is_some_and(|b| b.is_ascii_digit()) => self.numeral(),
            b'(' | b'[' => {
                self.open += 1;
                self.take(1, if byte == b'(' { TokenKind::OpenParenthesis } else { TokenKind::OpenBracket })
            }
            b')' | b']' => {
                self.open = self.open.saturating_sub(1);
                self.take(1, if byte == b')' { TokenKind::CloseParenthesis } else { TokenKind::CloseBracket })
            }
            b',' => self.take(1, TokenKind::Comma),
            b':' => self.take(1, TokenKind::Colon),
            b';' => self.take(1, TokenKind::Semicolon),
            b'=' => self.take(1, TokenKind::Assign(Assign::Equal)),
            b'+' if equals => self.take(2, TokenKind::Assign(Assign::Add)),
            b'*' if equals => self.take(2, TokenKind::Assign(Assign::Multiply)),
            b'|' if equals => self.take(2, TokenKind::Assign(Assign::Or)),
            b'&' if equals => self.take(2, TokenKind::Assign(Assign::And)),
            b'-' if self.byte(1) == Some(b'>') => self.take(2, TokenKind::Arrow),
            b'+' => self.take(1, TokenKind::Plus),
            b'-' => self.take(1, TokenKind::Minus),
            b'*' => self.take(1, TokenKind::Star),
            b'/' => self.take(1, TokenKind::Slash),
            _ => match self.char() {
                Some(c) if is_xid_start(c) => self.word(),
                Some(c) => self.take(c.len_utf8(), TokenKind::Other(c)),
                None => TokenKind::End,
            },
        }
    }

    /// A name, or an assignment that begins with a word.
    fn word(&mut self) -> TokenKind {
        let start = self.at;
        self.name();
        match Assign::from_word(&self.text[start..self.at]) {
            Some(assign) if self.byte(0) == Some(b'=') => self.take(1, TokenKind::Assign(assign)),
            _ => TokenKind::Name,
        }
    }

    /// A number, or a malformed one.
    fn numeral(&mut self) -> TokenKind {
        let kind = self.number();
        let runs_on = |lexer: &Self| match lexer.char() {
            Some('.') => !lexer.text[lexer.at..].starts_with("..."),
            Some(c) => is_xid_continue(c),
            None => false,
        };
        match kind {
            Some(kind) if !runs_on(self) => kind,
            _ => {
                while let Some(c) = self.char().filter(|_| runs_on(self)) {
                    self.at += c.len_utf8();
                }
                TokenKind::NotANumber
            }
        }
    }

    /// `NEWLINE`: skips white space and gives the span of a line end in it that separates statements.
    fn newline(&mut self) -> Parsed<Span> {
        let at = self.blank()? as u32;
        (self.lines && self.open == 0 && !self.goes_on).then(|| {
            self.goes_on = true;
            Span::new(at, at + 1)
        })
    }

    /// `BLANK`: skips white space and comments and gives the span of the first line end.
    fn blank(&mut self) -> Parsed<usize> {
        let mut line_end = None;
        while let Some(byte) = self.byte(0) {
            match byte {
                b' ' => self.at += 1,
                b'\n' => {
                    line_end = line_end.or(Some(self.at));
                    self.at += 1;
                }
                b'#' => _ = self.comment(),
                b'!'..=b'~' => break,
                _ => match self.char() {
                    Some(c) if c.is_whitespace() => self.at += c.len_utf8(),
                    _ => break,
                },
            }
        }
        line_end
    }

    /// `COMMENT`: `#` and the rest of its line.
    fn comment(&mut self) -> Parsed {
        self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at);
        Some(())
    }

    /// `NAME`, after its first character.
    fn name(&mut self) -> Parsed {
        while let Some(byte) = self.byte(0) {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => self.at += 1,
                0..=0x7F => break,
                _ => match self.char() {
                    Some(c) if is_xid_continue(c) => self.at += c.len_utf8(),
                    _ => break,
                },
            }
        }
        Some(())
    }

    /// `NUMBER = DIGITS [ "." [ DIGITS ] ] [ EXPONENT ] | "." DIGITS [ EXPONENT ]`; fails on an exponent without
    /// digits.
    fn number(&mut self) -> Parsed<TokenKind> {
        let whole = self.digits();
        let point = self.byte(0) == Some(b'.') && !self.text[self.at..].starts_with("...");
        if point {
            self.at += 1;
            let fraction = self.digits();
            whole.or(fraction)?;
        }
        let exponent = matches!(self.byte(0), Some(b'e' | b'E'));
        if exponent {
            self.exponent()?;
        }
        Some(if point || exponent { TokenKind::Real } else { TokenKind::Integer })
    }

    /// `EXPONENT = ( "e" | "E" ) [ "+" | "-" ] DIGITS`.
    fn exponent(&mut self) -> Parsed {
        self.at += 1;
        if matches!(self.byte(0), Some(b'+' | b'-')) && self.byte(1).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.digits()
    }

    /// `DIGITS`: one or more of `0` to `9`.
    fn digits(&mut self) -> Parsed {
        let digits = self.text.as_bytes()[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += digits;
        (digits > 0).then_some(())
    }
}
