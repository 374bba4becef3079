//! Level 3: statements.
//!
//! Expressions and indices are trees. The parser bounds their depth by [`MAX_DEPTH`](crate::MAX_DEPTH), so that dropping,
//! comparing and walking them may recurse; what can be long, sums, products and lists, is flat.

mod print;

use super::{Assign, Name, NameTable, NamedAxis, Sign};
use crate::names::Names;
use crate::span::Span;
use einfold_ir::Function;

/// A program, such as `Y[seg[n],f] += X[n,f]`: one statement or more.
///
/// Invariants: trees are at most [`MAX_DEPTH`](crate::MAX_DEPTH) deep; a list of indices has at most one `...`, without a
/// size; integers are at most `i64::MAX`, coefficients are not 0; calls have as many arguments as the function takes; what
/// [`Names`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    text: Box<str>,
    table: NameTable,
    statements: Vec<Statement>,
    names: Names,
}

/// `Y[seg[n]:K, f] += X[n, f] for n:10`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// All of it.
    pub span: Span,
    /// What it contributes to.
    pub name: Name,
    /// The positions it writes; none for a scalar.
    pub left: Vec<LeftIndex>,
    /// How contributions are combined.
    pub assign: Assign,
    /// Where the assignment sign is written.
    pub operator: Span,
    /// What each point contributes.
    pub right: Expr,
    /// The sizes after `for`.
    pub sizes: Vec<AxisSize>,
}

/// An index on the left, and perhaps the size of the axis it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftIndex {
    /// The index.
    pub index: Index,
    /// What stands after `:`.
    pub size: Option<Size>,
}

/// `n:10` after `for`: the size of an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxisSize {
    /// The axis.
    pub axis: Name,
    /// Its size.
    pub size: Size,
}

/// A size as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// As a number.
    Integer(Integer),
    /// As a parameter, which has its value later.
    Parameter(Name),
    /// As that of an axis of a tensor.
    Of(SizeOf),
}

/// `size(X, 0)`: the size of an axis of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeOf {
    /// From `size` to the closing parenthesis.
    pub span: Span,
    /// The tensor.
    pub tensor: Name,
    /// Which of its axes, from 0.
    pub axis: Integer,
}

/// An integer in an index or a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integer {
    /// Its value, not negative.
    pub value: i64,
    /// Where it is written.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    /// Where it is written, without parentheses around it.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExprKind {
    /// Two terms or more, added and subtracted.
    Sum(Vec<Summand>),
    /// Two factors or more, multiplied and divided from left to right.
    Product(Vec<Factor>),
    /// The negative of something.
    Negation(Box<Expr>),
    /// A number; its digits are the source at its span.
    Number(NumberKind),
    /// `size(X, 0)` as a number.
    Size(SizeOf),
    /// An element of a tensor, or a size parameter by its bare name.
    Access(Access),
    /// A function of expressions.
    Call(Call),
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// By digits alone.
    Integer,
    /// With a point or an exponent.
    Real,
}

/// A term of a sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summand {
    /// Whether it is subtracted.
    pub sign: Sign,
    /// Where the sign is written; nowhere for the first term.
    pub operator: Option<Span>,
    /// The term.
    pub expr: Expr,
}

/// A factor of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Whether it is divided by.
    pub divides: bool,
    /// Where `*` or `/` is written; nowhere for the first factor.
    pub operator: Option<Span>,
    /// The factor.
    pub expr: Expr,
}

/// `max(a, b)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The function.
    pub function: Function,
    /// Where its name is written.
    pub name: Span,
    /// The arguments, as many as the function takes; two or more for `max` and `min`.
    pub arguments: Vec<Expr>,
}

/// `X[n, f]`: an element of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// From the name to the closing bracket.
    pub span: Span,
    /// The tensor.
    pub name: Name,
    /// One index for each axis, or `...` for several; none for a scalar.
    pub indices: Vec<Index>,
}

/// An index: a plain axis, `...` or a group, or else a window or a gather.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Index {
    /// A bare name, `...` or `(a b)`.
    Axis(NamedAxis),
    /// Anything else, such as `2*i+k`, `3` or `seg[n]`.
    Affine(Affine),
}

/// A sum of integers, axes and gathered ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affine {
    /// Where it is written.
    pub span: Span,
    /// Its parts; at least one.
    pub parts: Vec<IndexTerm>,
}

/// A part of an affine index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexTerm {
    /// Whether it is subtracted.
    pub sign: Sign,
    /// Where the sign is written; perhaps nowhere for the first part.
    pub operator: Option<Span>,
    /// What is added or subtracted.
    pub kind: IndexTermKind,
}

/// What a part of an affine index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexTermKind {
    /// An integer.
    Constant(Integer),
    /// A multiple of something that runs.
    Multiple {
        /// How many times, if that is written: not 0. With integers on both sides, their product and the place of all three.
        coefficient: Option<Integer>,
        /// Of what.
        atom: Atom,
    },
}

/// What runs in an affine index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Atom {
    /// An axis.
    Axis(Name),
    /// The elements of an index tensor.
    Gather(Access),
}

impl Program {
    pub(crate) fn new(text: &str, table: NameTable, statements: Vec<Statement>, names: Names) -> Program {
        Program { text: text.into(), table, statements, names }
    }

    /// The source; all spans are places in it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The source at a span; of a number, its digits.
    pub fn source(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The statements, in order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The name with this number, as written.
    pub fn name(&self, id: u32) -> &str {
        self.table.get(&self.text, id)
    }

    /// Where the name with this number is written first.
    pub fn first(&self, id: u32) -> Span {
        self.table.first.get(id as usize).copied().unwrap_or_default()
    }

    /// What the names stand for.
    pub fn names(&self) -> &Names {
        &self.names
    }
}

impl Index {
    /// Where it is written.
    pub fn span(&self) -> Span {
        match self {
            Index::Axis(axis) => axis.span(),
            Index::Affine(affine) => affine.span,
        }
    }
}

impl IndexTerm {
    /// From its sign, if it has one, to its end.
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
    /// Where it is written.
    pub fn span(&self) -> Span {
        match self {
            Atom::Axis(name) => name.span,
            Atom::Gather(access) => access.span,
        }
    }
}

impl Size {
    /// Where it is written.
    pub fn span(&self) -> Span {
        match self {
            Size::Integer(integer) => integer.span,
            Size::Parameter(name) => name.span,
            Size::Of(of) => of.span,
        }
    }
}
