//! Level 3: indices.

use super::lex::Kind;
use super::parser::{Parsed, Parser};
use super::unexpected::zero_coefficient;
use super::wanted::Wanted;
use crate::ast::{Access, Affine, Atom, Axis, Index, Integer, Part, PartKind, Sign};
use crate::error::Error;

impl Parser<'_> {
    /// `indices = "[" [ index { "," index } ] "]"`.
    pub(super) fn indices(&mut self) -> Parsed<Vec<Index>> {
        self.bracketed(Wanted::IndexEnd, Self::index, |index| index)
    }

    /// Items in brackets, separated by commas, of which one at most is `...`; `index` is what can be that in an item.
    pub(super) fn bracketed<T>(
        &mut self,
        end: Wanted,
        read: impl Fn(&mut Self) -> Result<T, Error>,
        index: impl Fn(&T) -> &Index,
    ) -> Result<Vec<T>, Error> {
        self.open(Kind::OpenBracket, end)?;
        let (mut items, mut ellipsis) = (Vec::new(), None);
        while !self.at(Kind::CloseBracket) {
            if !items.is_empty() && self.eat(Kind::Comma).is_none() {
                break;
            }
            let item = read(self)?;
            if let Index::Axis(axis) = index(&item) {
                self.check_ellipsis(axis, &mut ellipsis)?;
            }
            items.push(item);
        }
        self.close(Kind::CloseBracket, end)?;
        Ok(items)
    }

    /// `index = axis | affine`; a name alone is an axis.
    pub(super) fn index(&mut self) -> Parsed<Index> {
        match self.token.kind {
            Kind::Ellipsis | Kind::OpenParenthesis => self.axis(Wanted::Index).map(Index::Axis),
            _ => self.affine(),
        }
    }

    /// `affine = [ "-" ] ipart { ( "+" | "-" ) ipart }`.
    fn affine(&mut self) -> Parsed<Index> {
        let start = self.token.span;
        let operator = self.eat(Kind::Minus);
        let sign = if operator.is_some() { Sign::Minus } else { Sign::Plus };
        let kind = self.ipart()?;
        let more = matches!(self.token.kind, Kind::Plus | Kind::Minus);
        if let (false, None, PartKind::Multiple { coefficient: None, atom: Atom::Axis(name) }) = (more, operator, &kind)
        {
            return Ok(Index::Axis(Axis::Name(*name)));
        }
        let mut parts = vec![Part { sign, operator, kind }];
        while let Some((sign, operator)) = self.sign() {
            parts.push(Part { sign, operator: Some(operator), kind: self.ipart()? });
        }
        Ok(Index::Affine(Affine { span: self.since(start), parts }))
    }

    /// `ipart = [ INT "*" ] iatom [ "*" INT ] | INT`.
    fn ipart(&mut self) -> Parsed<PartKind> {
        let start = self.token.span;
        let before = if self.at(Kind::Integer) { Some(self.int(Wanted::Index)?) } else { None };
        if let Some(constant) = before
            && self.eat(Kind::Star).is_none()
        {
            return Ok(PartKind::Constant(constant));
        }
        let atom = self.iatom(before)?;
        let after = if self.eat(Kind::Star).is_some() { Some(self.int(Wanted::Coefficient)?) } else { None };
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
            _ => Ok(PartKind::Multiple { coefficient, atom }),
        }
    }

    /// `iatom = NAME [ indices ]`; `coefficient` stands before it.
    fn iatom(&mut self, coefficient: Option<Integer>) -> Parsed<Atom> {
        let name = self.name(if coefficient.is_some() { Wanted::Atom } else { Wanted::Index })?;
        if !self.at(Kind::OpenBracket) {
            return Ok(Atom::Axis(name));
        }
        let indices = self.indices()?;
        Ok(Atom::Gather(Access { span: self.since(name.span), name, indices }))
    }
}

/// So that indices are small: most are plain axes.
const _: () = assert!(size_of::<Index>() <= 40 && size_of::<Result<Index, Error>>() <= 40);
