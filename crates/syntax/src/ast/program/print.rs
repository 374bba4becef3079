//! Displays a program: one statement per line, `Y[seg[n],f:4] += 2*X[n,f] + b[f]`.

use super::{Access, Atom, Expr, ExprKind, Index, IndexTerm, IndexTermKind, Program, Size, SizeOf, Statement};
use crate::ast::Sign;
use std::fmt::{self, Display, Formatter};

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut printer = Printer { program: self, f };
        for (k, statement) in self.statements.iter().enumerate() {
            printer.put(if k == 0 { "" } else { "\n" })?;
            printer.statement(statement)?;
        }
        Ok(())
    }
}

/// The precedence of the context of an expression.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Precedence {
    /// Brackets, or a whole right side.
    Nothing,
    /// A summand.
    Sum,
    /// A factor or a signed expression.
    Product,
}

/// Writes the parts of a program.
struct Printer<'a, 'f, 'b> {
    program: &'a Program,
    f: &'f mut Formatter<'b>,
}

impl Printer<'_, '_, '_> {
    fn put(&mut self, text: &str) -> fmt::Result {
        self.f.write_str(text)
    }

    fn name(&mut self, id: u32) -> fmt::Result {
        self.put(self.program.name(id))
    }

    fn statement(&mut self, s: &Statement) -> fmt::Result {
        self.name(s.name.id)?;
        self.list('[', &s.left, ",", "]", |p, position| {
            p.index(&position.index)?;
            position.size.as_ref().map_or(Ok(()), |size| p.declared(size))
        })?;
        write!(self.f, " {} ", s.assign)?;
        self.expr(&s.right, Precedence::Nothing)?;
        for (k, size) in s.sizes.iter().enumerate() {
            self.put(if k == 0 { " for " } else { ", " })?;
            self.name(size.axis.id)?;
            self.declared(&size.size)?;
        }
        Ok(())
    }

    /// Writes the items between `open` and `close`; nothing for an empty list.
    fn list<T>(
        &mut self,
        open: char,
        items: &[T],
        comma: &str,
        close: &str,
        write: impl Fn(&mut Self, &T) -> fmt::Result,
    ) -> fmt::Result {
        for (k, item) in items.iter().enumerate() {
            if k == 0 {
                write!(self.f, "{open}")?
            } else {
                self.put(comma)?
            }
            write(self, item)?;
        }
        self.put(if items.is_empty() { "" } else { close })
    }

    fn declared(&mut self, size: &Size) -> fmt::Result {
        self.put(":")?;
        match size {
            Size::Integer(integer) => write!(self.f, "{}", integer.value),
            Size::Parameter(name) => self.name(name.id),
            Size::Of(of) => self.size_of(of),
        }
    }

    fn size_of(&mut self, of: &SizeOf) -> fmt::Result {
        self.put("size(")?;
        self.name(of.tensor.id)?;
        write!(self.f, ", {})", of.axis.value)
    }

    fn expr(&mut self, expr: &Expr, around: Precedence) -> fmt::Result {
        let binds = match &expr.kind {
            ExprKind::Sum(_) => Precedence::Sum,
            ExprKind::Product(_) => Precedence::Product,
            _ => return self.operand(expr),
        };
        let parentheses = around >= binds;
        self.put(if parentheses { "(" } else { "" })?;
        self.operand(expr)?;
        self.put(if parentheses { ")" } else { "" })
    }

    /// Writes an expression without surrounding parentheses.
    fn operand(&mut self, expr: &Expr) -> fmt::Result {
        match &expr.kind {
            ExprKind::Sum(terms) => {
                for (k, term) in terms.iter().enumerate() {
                    self.put(match (k, term.sign) {
                        (0, _) => "",
                        (_, Sign::Plus) => " + ",
                        (_, Sign::Minus) => " - ",
                    })?;
                    self.expr(&term.expr, Precedence::Sum)?;
                }
                Ok(())
            }
            ExprKind::Product(factors) => {
                for (k, factor) in factors.iter().enumerate() {
                    self.put(match (k, factor.divides) {
                        (0, _) => "",
                        (_, false) => "*",
                        (_, true) => "/",
                    })?;
                    self.expr(&factor.expr, Precedence::Product)?;
                }
                Ok(())
            }
            ExprKind::Negation(inner) => {
                self.put("-")?;
                self.expr(inner, Precedence::Product)
            }
            ExprKind::Number(_) => self.put(self.program.source(expr.span)),
            ExprKind::Size(of) => self.size_of(of),
            ExprKind::Access(access) => self.access(access),
            ExprKind::Call(call) => {
                self.put(call.function.name())?;
                self.list('(', &call.arguments, ", ", ")", |p, argument| p.expr(argument, Precedence::Nothing))
            }
        }
    }

    fn access(&mut self, access: &Access) -> fmt::Result {
        self.name(access.name.id)?;
        self.list('[', &access.indices, ",", "]", |p, index| p.index(index))
    }

    fn index(&mut self, index: &Index) -> fmt::Result {
        match index {
            Index::Axis(axis) => {
                let program = self.program;
                axis.write(self.f, |id| program.name(id))
            }
            Index::Affine(affine) => affine.parts.iter().enumerate().try_for_each(|(k, part)| self.part(k == 0, part)),
        }
    }

    fn part(&mut self, first: bool, part: &IndexTerm) -> fmt::Result {
        self.put(match (first, part.sign) {
            (_, Sign::Minus) => "-",
            (true, Sign::Plus) => "",
            (false, Sign::Plus) => "+",
        })?;
        match &part.kind {
            IndexTermKind::Constant(integer) => write!(self.f, "{}", integer.value),
            IndexTermKind::Multiple { coefficient, atom } => {
                if let Some(coefficient) = coefficient {
                    write!(self.f, "{}*", coefficient.value)?;
                }
                match atom {
                    Atom::Axis(name) => self.name(name.id),
                    Atom::Gather(access) if access.indices.is_empty() => {
                        self.name(access.name.id)?;
                        self.put("[]")
                    }
                    Atom::Gather(access) => self.access(access),
                }
            }
        }
    }
}
