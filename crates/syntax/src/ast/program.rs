//! Level 3: statements.
//!
//! Expressions and indices are trees whose depth the parser limits to [`MAX_DEPTH`](crate::MAX_DEPTH), so recursive
//! traversal is safe. Lists that can be long (sums, products, indices) are flat.

mod print;

use super::names::Names;
use super::{Assign, Name, NameTable, NamedAxis, Sign};
use crate::span::Span;
use einfold_ir::Function;

/// A program, such as `Y[seg[n],f] += X[n,f]`: one or more statements.
///
/// Invariants: trees are at most [`MAX_DEPTH`](crate::MAX_DEPTH) deep; a list of indices has at most one `...`, without
/// a size; integers are at most `i64::MAX`, coefficients are not 0; calls have the number of arguments of their
/// function; and the invariants of [`Names`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    text: Box<str>,
    table: NameTable,
    statements: Vec<Statement>,
    names: Names,
}

/// A statement, `Y[seg[n]:K, f] += X[n, f] for n:10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The span of the statement.
    pub span: Span,
    /// The tensor that it contributes to.
    pub name: Name,
    /// The indices of the left side; empty for a scalar.
    pub left: Vec<LeftIndex>,
    /// The assignment.
    pub assign: Assign,
    /// The span of the assignment operator.
    pub operator: Span,
    /// The right side.
    pub right: Expr,
    /// The sizes after `for`.
    pub sizes: Vec<AxisSize>,
}

/// An index of the left side with an optional size of the axis that it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftIndex {
    /// The index.
    pub index: Index,
    /// The size after `:`.
    pub size: Option<Size>,
}

/// The size of an axis after `for`: `n:10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxisSize {
    /// The axis.
    pub axis: Name,
    /// Its size.
    pub size: Size,
}

/// A size as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// An integer.
    Integer(Integer),
    /// A size parameter, whose value the caller gives.
    Parameter(Name),
    /// The size of an axis of a tensor.
    Of(SizeOf),
}

/// `size(X, 0)`: the size of an axis of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeOf {
    /// The span from `size` to the closing parenthesis.
    pub span: Span,
    /// The tensor.
    pub tensor: Name,
    /// The axis, from 0.
    pub axis: Integer,
}

/// An integer in an index or a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer {
    /// Its value, not negative.
    pub value: i64,
    /// Its span.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    /// Its span without surrounding parentheses.
    pub span: Span,
    /// Its kind and operands.
    pub kind: ExprKind,
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExprKind {
    /// Two or more summands.
    Sum(Vec<Summand>),
    /// Two or more factors, multiplied and divided from left to right.
    Product(Vec<Factor>),
    /// A negated expression.
    Negation(Box<Expr>),
    /// A number; the source at its span has the digits.
    Number(NumberKind),
    /// `size(X, 0)` as a number.
    Size(SizeOf),
    /// An element of a tensor, or a size parameter without indices.
    Access(Access),
    /// A function call.
    Call(Call),
}

/// The notation of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// Digits only.
    Integer,
    /// With a point or an exponent.
    Real,
}

/// A term of a sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summand {
    /// The sign.
    pub sign: Sign,
    /// The span of the sign; `None` for a first term without one.
    pub operator: Option<Span>,
    /// The term.
    pub expr: Expr,
}

/// A factor of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Whether the product is divided by it.
    pub divides: bool,
    /// The span of `*` or `/`; `None` for the first factor.
    pub operator: Option<Span>,
    /// The factor.
    pub expr: Expr,
}

/// A function call, `max(a, b)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The function.
    pub function: Function,
    /// The span of its name.
    pub name: Span,
    /// The arguments: the number that the function takes; two or more for `max` and `min`.
    pub arguments: Vec<Expr>,
}

/// An element of a tensor, `X[n, f]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The span from the name to the closing bracket.
    pub span: Span,
    /// The tensor.
    pub name: Name,
    /// One index for each axis, or `...` for several; empty for a scalar.
    pub indices: Vec<Index>,
}

/// An index of an access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Index {
    /// One axis, `...` or `(a b)`.
    Axis(NamedAxis),
    /// Any other index, such as `2*i+k`, `3` or `seg[n]`.
    Affine(Affine),
}

/// An affine index: a sum of integers, axes and elements of index tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affine {
    /// Its span.
    pub span: Span,
    /// Its terms; at least one.
    pub parts: Vec<IndexTerm>,
}

/// A term of an affine index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexTerm {
    /// The sign.
    pub sign: Sign,
    /// The span of the sign; `None` for a first term without one.
    pub operator: Option<Span>,
    /// The kind of term.
    pub kind: IndexTermKind,
}

/// The kinds of terms of an affine index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexTermKind {
    /// An integer.
    Constant(Integer),
    /// A multiple of an axis or of a gathered index.
    Multiple {
        /// The coefficient, if written: not 0. With integers on both sides, their product and the span of the whole
        /// term.
        coefficient: Option<Integer>,
        /// The multiplied axis or access.
        atom: Atom,
    },
}

/// The variable part of a term of an affine index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Atom {
    /// An axis.
    Axis(Name),
    /// An element of an index tensor.
    Gather(Access),
}

impl Access {
    /// The span of `...` among the indices.
    pub(crate) fn ellipsis(&self) -> Option<Span> {
        self.indices.iter().find_map(|index| match index {
            Index::Axis(NamedAxis::Ellipsis(span)) => Some(*span),
            _ => None,
        })
    }
}

impl Program {
    pub(crate) fn new(text: &str, table: NameTable, statements: Vec<Statement>, names: Names) -> Program {
        Program { text: text.into(), table, statements, names }
    }

    /// The source; all spans refer to it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The source at a span.
    pub fn source(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The statements, in order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The name with this number.
    pub fn name(&self, id: u32) -> &str {
        self.table.get(&self.text, id)
    }

    /// The span of the first use of the name with this number.
    pub fn first(&self, id: u32) -> Span {
        self.table.first.get(id as usize).copied().unwrap_or_default()
    }

    /// The classes and definitions of the names.
    pub fn names(&self) -> &Names {
        &self.names
    }
}

impl Index {
    /// Its span.
    pub fn span(&self) -> Span {
        match self {
            Index::Axis(axis) => axis.span(),
            Index::Affine(affine) => affine.span,
        }
    }
}

impl IndexTerm {
    /// The span from its sign, if any, to its end.
    pub fn span(&self) -> Span {
        let span = match &self.kind {
            IndexTermKind::Constant(integer) => integer.span,
            IndexTermKind::Multiple { coefficient, atom } => {
                let atom = atom.span();
                coefficient.map_or(atom, |c| Span::new(c.span.start.min(atom.start), c.span.end.max(atom.end)))
            }
        };
        self.operator.map_or(span, |operator| operator.to(span))
    }
}

impl Atom {
    /// Its span.
    pub fn span(&self) -> Span {
        match self {
            Atom::Axis(name) => name.span,
            Atom::Gather(access) => access.span,
        }
    }
}

impl Size {
    /// Its span.
    pub fn span(&self) -> Span {
        match self {
            Size::Integer(integer) => integer.span,
            Size::Parameter(name) => name.span,
            Size::Of(of) => of.span,
        }
    }
}
