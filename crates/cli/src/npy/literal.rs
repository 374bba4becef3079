//! The Python literals that a header contains.

use super::NpyError;

/// Parses Python literals from the bytes of a header. There is no recursion, so that nesting cannot exhaust the stack.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8]) -> Scanner<'a> {
        Scanner { text, at: 0 }
    }

    /// Returns the error `what` at the current position.
    pub(super) fn fail<T>(&self, what: &'static str) -> Result<T, NpyError> {
        Err(NpyError::Header { what, at: self.at })
    }

    /// Skips white space and returns the next byte without consuming it.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    /// Consumes the byte if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Consumes the byte, or returns the error `what`.
    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), NpyError> {
        if self.take(byte) { Ok(()) } else { self.fail(what) }
    }

    /// Parses a string in either kind of quotes. Escapes are not decoded: no name of a plain array has any.
    pub(super) fn string(&mut self) -> Result<&'a [u8], NpyError> {
        let Some(quote @ (b'\'' | b'"')) = self.peek() else { return self.fail("a string was expected") };
        self.at += 1;
        let start = self.at;
        while let Some(&byte) = self.text.get(self.at) {
            if byte == quote {
                self.at += 1;
                return Ok(&self.text[start..self.at - 1]);
            }
            self.at += 1 + usize::from(byte == b'\\');
        }
        self.fail("a string does not end")
    }

    /// Parses `True` or `False`.
    pub(super) fn boolean(&mut self) -> Result<bool, NpyError> {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("True or False was expected")
    }

    /// Parses a tuple of sizes. A number that does not fit `usize` becomes `usize::MAX`, which no file can satisfy.
    pub(super) fn sizes(&mut self) -> Result<Vec<usize>, NpyError> {
        self.expect(b'(', "the shape must be a tuple")?;
        let mut sizes = Vec::new();
        while !self.take(b')') {
            if !sizes.is_empty() {
                self.expect(b',', "a comma was expected in the shape")?;
                if self.take(b')') {
                    break;
                }
            }
            sizes.push(self.size()?);
        }
        Ok(sizes)
    }

    fn size(&mut self) -> Result<usize, NpyError> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return self.fail("an extent must be a non-negative integer");
        }
        let mut size = 0_usize;
        while let Some(digit) = self.text.get(self.at).filter(|b| b.is_ascii_digit()) {
            size = size.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
            self.at += 1;
        }
        // Python 2 wrote its long integers as `3L`.
        self.at += usize::from(self.text.get(self.at) == Some(&b'L'));
        Ok(size)
    }
}
