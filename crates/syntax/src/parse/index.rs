//! Level 3: indices.

use super::errors::zero_coefficient;
use super::expected::Expected;
use super::lex::TokenKind;
use super::parser::{Parsed, Parser};
use crate::ast::{Access, Affine, Atom, Index, IndexTerm, IndexTermKind, Integer, NamedAxis, Sign};
use crate::error::Error;

impl Parser<'_> {
    /// `indices = "[" [ index { "," index } ] "]"`.
    pub(super) fn indices(&mut self) -> Parsed<Vec<Index>> {
        self.bracketed(Expected::IndexEnd, Self::index, |index| index)
    }

    /// Reads items in brackets, separated by commas; at most one is `...`. `index` gives the index of an item.
    pub(super) fn bracketed<T>(
        &mut self,
        end: Expected,
        read: impl Fn(&mut Self) -> Result<T, Error>,
        index: impl Fn(&T) -> &Index,
    ) -> Result<Vec<T>, Error> {
        self.open(TokenKind::OpenBracket, end)?;
        let (mut items, mut ellipsis) = (Vec::new(), None);
        while !self.at(TokenKind::CloseBracket) {
            if !items.is_empty() && self.eat(TokenKind::Comma).is_none() {
                break;
            }
            let item = read(self)?;
            if let Index::Axis(axis) = index(&item) {
                self.check_ellipsis(axis, &mut ellipsis)?;
            }
            items.push(item);
        }
        self.close(TokenKind::CloseBracket, end)?;
        Ok(items)
    }

    /// `index = axis | affine`; a name without brackets is an axis.
    pub(super) fn index(&mut self) -> Parsed<Index> {
        match self.token.kind {
            TokenKind::Ellipsis | TokenKind::OpenParenthesis => self.axis(Expected::Index).map(Index::Axis),
            _ => self.affine(),
        }
    }

    /// `affine = [ "-" ] ipart { ( "+" | "-" ) ipart }`.
    fn affine(&mut self) -> Parsed<Index> {
        let start = self.token.span;
        let operator = self.eat(TokenKind::Minus);
        let sign = if operator.is_some() { Sign::Minus } else { Sign::Plus };
        let kind = self.ipart()?;
        let more = matches!(self.token.kind, TokenKind::Plus | TokenKind::Minus);
        if let (false, None, IndexTermKind::Multiple { coefficient: None, atom: Atom::Axis(name) }) =
            (more, operator, &kind)
        {
            return Ok(Index::Axis(NamedAxis::Name(*name)));
        }
        let mut parts = vec![IndexTerm { sign, operator, kind }];
        while let Some((sign, operator)) = self.sign() {
            parts.push(IndexTerm { sign, operator: Some(operator), kind: self.ipart()? });
        }
        Ok(Index::Affine(Affine { span: self.since(start), parts }))
    }

    /// `ipart = [ INT "*" ] iatom [ "*" INT ] | INT`.
    fn ipart(&mut self) -> Parsed<IndexTermKind> {
        let start = self.token.span;
        let before = if self.at(TokenKind::Integer) { Some(self.int(Expected::Index)?) } else { None };
        if let Some(constant) = before
            && self.eat(TokenKind::Star).is_none()
        {
            return Ok(IndexTermKind::Constant(constant));
        }
        let atom = self.iatom(before)?;
        let after = if self.eat(TokenKind::Star).is_some() { Some(self.int(Expected::Coefficient)?) } else { None };
        let coefficient = match (before, after) {
            (Some(a), Some(b)) => {
                let span = self.since(start);
                let value = a.value.checked_mul(b.value).ok_or_else(|| self.large_integer(span))?;
                Some(Integer { value, span })
            }
            (one, other) => one.or(other),
        };
        match coefficient {
            Some(Integer { value: 0, span }) => Err(zero_coefficient(self.text, span)),
            _ => Ok(IndexTermKind::Multiple { coefficient, atom }),
        }
    }

    /// `iatom = NAME [ indices ]`, preceded by `coefficient`.
    fn iatom(&mut self, coefficient: Option<Integer>) -> Parsed<Atom> {
        let name = self.name(if coefficient.is_some() { Expected::Atom } else { Expected::Index })?;
        if !self.at(TokenKind::OpenBracket) {
            return Ok(Atom::Axis(name));
        }
        let indices = self.indices()?;
        Ok(Atom::Gather(Access { span: self.since(name.span), name, indices }))
    }
}

/// Guards the size of an index: most are plain axes.
const _: () = assert!(size_of::<Index>() <= 40 && size_of::<Result<Index, Error>>() <= 40);
