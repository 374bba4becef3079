//! Converts syntax trees of named subscripts and programs to statements. The meaning of names is determined
//! independently.

use std::collections::BTreeSet;

use einfold_ir::{BinaryOp, Literal};
use einfold_syntax::{
    self as syntax, Assign, Atom, ExprKind, IndexTermKind, Named, NamedAxis, NumberKind, Program, Sign,
};

use super::model::{Access, Affine, Expr, Index, Left, Size, Statement};

/// The name of the operand of a term in letters or named subscripts.
pub(crate) fn operand(k: usize) -> String {
    format!("operand {k}")
}

/// The reduction by ⊕.
pub(crate) fn reduction(add: BinaryOp) -> Assign {
    match add {
        BinaryOp::Add => Assign::Add,
        BinaryOp::Mul => Assign::Multiply,
        BinaryOp::Max => Assign::Max,
        BinaryOp::Min => Assign::Min,
        BinaryOp::Or => Assign::Or,
        BinaryOp::And => Assign::And,
        _ => Assign::LogSumExp,
    }
}

/// A statement that reduces by ⊕ the factors combined by ⊗.
pub(crate) fn named(named: &Named, add: BinaryOp, mul: BinaryOp) -> Statement {
    let name = |name: &syntax::Name| named.name(name.id).to_string();
    let bracket = |b: &syntax::NamedTerm| -> Vec<Index> { b.axes.iter().map(|axis| index_of(axis, &name)).collect() };
    let term = |(k, b)| Expr::Read(Access { tensor: operand(k), indices: bracket(b) });
    let left = bracket(named.output()).into_iter().map(|index| Left { index, size: None }).collect();
    let right = Expr::Joined(mul, named.terms().iter().enumerate().map(term).collect());
    Statement { name: String::new(), left, assign: reduction(add), right, sizes: Vec::new() }
}

fn index_of(axis: &NamedAxis, name: &impl Fn(&syntax::Name) -> String) -> Index {
    match axis {
        NamedAxis::Name(one) => Index::Axis(name(one)),
        NamedAxis::Ellipsis(_) => Index::Dots,
        NamedAxis::Merged(merged) => Index::Group(merged.names.iter().map(name).collect()),
    }
}

/// The statements of a program.
pub(crate) fn program(program: &Program) -> Vec<Statement> {
    let sizes = program.statements().iter().flat_map(parameters).map(|id| program.name(id).to_string()).collect();
    let reader = Reader { program, sizes };
    program.statements().iter().map(|s| reader.statement(s)).collect()
}

/// The names after `:`.
fn parameters(statement: &syntax::Statement) -> Vec<u32> {
    let left = statement.left.iter().filter_map(|l| l.size.as_ref());
    let all = left.chain(statement.sizes.iter().map(|s| &s.size));
    all.filter_map(|s| if let syntax::Size::Parameter(name) = s { Some(name.id) } else { None }).collect()
}

struct Reader<'a> {
    program: &'a Program,
    /// The names of size parameters.
    sizes: BTreeSet<String>,
}

impl Reader<'_> {
    fn name(&self, name: &syntax::Name) -> String {
        self.program.name(name.id).to_string()
    }

    fn statement(&self, s: &syntax::Statement) -> Statement {
        let left = |l: &syntax::LeftIndex| Left {
            index: self.index(&l.index),
            size: l.size.as_ref().map(|size| self.size(size)),
        };
        Statement {
            name: self.name(&s.name),
            left: s.left.iter().map(left).collect(),
            assign: s.assign,
            right: self.expr(&s.right),
            sizes: s.sizes.iter().map(|s| (self.name(&s.axis), self.size(&s.size))).collect(),
        }
    }

    fn size(&self, size: &syntax::Size) -> Size {
        match size {
            syntax::Size::Integer(integer) => Size::Number(integer.value as usize),
            syntax::Size::Parameter(name) => Size::Parameter(self.name(name)),
            syntax::Size::Of(of) => Size::Of(self.name(&of.tensor), of.axis.value as usize),
        }
    }

    fn index(&self, index: &syntax::Index) -> Index {
        match index {
            syntax::Index::Axis(axis) => index_of(axis, &|name| self.name(name)),
            syntax::Index::Affine(affine) => {
                let mut sum = Affine::default();
                affine.parts.iter().for_each(|part| self.add(&mut sum, part));
                Index::Affine(sum)
            }
        }
    }

    fn add(&self, sum: &mut Affine, part: &syntax::IndexTerm) {
        let sign = if part.sign == Sign::Minus { -1 } else { 1 };
        match &part.kind {
            IndexTermKind::Constant(integer) => sum.offset += sign * i128::from(integer.value),
            IndexTermKind::Multiple { coefficient, atom } => {
                let coef = sign * coefficient.map_or(1, |c| i128::from(c.value));
                match atom {
                    Atom::Axis(name) => {
                        let name = self.name(name);
                        match sum.axes.iter_mut().find(|(_, other)| *other == name) {
                            Some((total, _)) => *total += coef,
                            None => sum.axes.push((coef, name)),
                        }
                    }
                    Atom::Gather(access) => sum.ids.push((coef, self.access(access))),
                }
            }
        }
    }

    fn access(&self, access: &syntax::Access) -> Access {
        let indices = access.indices.iter().map(|i| self.index(i)).collect();
        Access { tensor: self.name(&access.name), indices }
    }

    fn expr(&self, e: &syntax::Expr) -> Expr {
        match &e.kind {
            ExprKind::Sum(terms) => {
                Expr::Sum(terms.iter().map(|t| (t.sign == Sign::Minus, self.expr(&t.expr))).collect())
            }
            ExprKind::Product(factors) => {
                Expr::Product(factors.iter().map(|f| (f.divides, self.expr(&f.expr))).collect())
            }
            ExprKind::Negation(inner) => Expr::Negation(Box::new(self.expr(inner))),
            ExprKind::Number(kind) => Expr::Number(self.number(*kind, self.program.source(e.span))),
            ExprKind::Size(of) => Expr::Size(Size::Of(self.name(&of.tensor), of.axis.value as usize)),
            ExprKind::Access(access) if access.indices.is_empty() && self.sizes.contains(&self.name(&access.name)) => {
                Expr::Size(Size::Parameter(self.name(&access.name)))
            }
            ExprKind::Access(access) => Expr::Read(self.access(access)),
            ExprKind::Call(call) => Expr::Call(call.function, call.arguments.iter().map(|a| self.expr(a)).collect()),
        }
    }

    /// A number that does not parse is too large for every dtype.
    fn number(&self, kind: NumberKind, digits: &str) -> Literal {
        match kind {
            NumberKind::Integer => Literal::Int(digits.parse().unwrap_or(i128::MAX)),
            NumberKind::Real => Literal::Float(digits.parse().unwrap()),
        }
    }
}
