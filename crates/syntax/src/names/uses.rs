//! The uses of names in a program.

use crate::ast::{Access, Affine, Atom, Expr, ExprKind, Index, IndexTermKind, Name, NamedAxis, Size, Statement};

/// One use of a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameUse {
    pub(super) name: Name,
    pub(super) role: NameRole,
    /// The position of the statement.
    pub(super) statement: usize,
}

/// The kind of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameRole {
    /// An index without brackets, or the axis of a size after `for`.
    Axis,
    /// The defined tensor of a statement.
    Written,
    /// With indices in an expression.
    Element,
    /// Without indices in an expression: a tensor or a size parameter.
    Bare,
    /// With indices in an index: an index tensor.
    IndexTensor,
    /// In `size(…)`.
    SizeOf,
    /// After `:`.
    Parameter,
}

impl NameRole {
    /// Whether this use reads a tensor.
    pub(super) fn reads(self) -> bool {
        matches!(self, NameRole::Element | NameRole::Bare | NameRole::IndexTensor | NameRole::SizeOf)
    }
}

/// All uses of names in these statements, in the order of the text; each statement begins with the name that it
/// defines.
pub(super) fn uses(statements: &[Statement], names: usize) -> Vec<NameUse> {
    let mut walk = UseWalk { statement: 0, uses: Vec::with_capacity(2 * names) };
    for (k, statement) in statements.iter().enumerate() {
        walk.statement = k;
        walk.add(statement.name, NameRole::Written);
        for position in &statement.left {
            walk.index(&position.index);
            position.size.iter().for_each(|size| walk.size(size));
        }
        walk.expr(&statement.right);
        for size in &statement.sizes {
            walk.add(size.axis, NameRole::Axis);
            walk.size(&size.size);
        }
    }
    walk.uses
}

/// Traverses trees of bounded depth.
struct UseWalk {
    statement: usize,
    uses: Vec<NameUse>,
}

impl UseWalk {
    fn add(&mut self, name: Name, role: NameRole) {
        self.uses.push(NameUse { name, role, statement: self.statement });
    }

    fn size(&mut self, size: &Size) {
        match size {
            Size::Integer(_) => {}
            Size::Parameter(name) => self.add(*name, NameRole::Parameter),
            Size::Of(of) => self.add(of.tensor, NameRole::SizeOf),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Sum(terms) => terms.iter().for_each(|term| self.expr(&term.expr)),
            ExprKind::Product(factors) => factors.iter().for_each(|factor| self.expr(&factor.expr)),
            ExprKind::Negation(inner) => self.expr(inner),
            ExprKind::Number(_) => {}
            ExprKind::Size(of) => self.add(of.tensor, NameRole::SizeOf),
            ExprKind::Access(access) if access.indices.is_empty() => self.add(access.name, NameRole::Bare),
            ExprKind::Access(access) => self.access(access, NameRole::Element),
            ExprKind::Call(call) => call.arguments.iter().for_each(|argument| self.expr(argument)),
        }
    }

    fn access(&mut self, access: &Access, role: NameRole) {
        self.add(access.name, role);
        access.indices.iter().for_each(|index| self.index(index));
    }

    fn index(&mut self, index: &Index) {
        match index {
            Index::Axis(axis) => self.axis(axis),
            Index::Affine(affine) => self.affine(affine),
        }
    }

    fn axis(&mut self, axis: &NamedAxis) {
        axis.names().iter().for_each(|name| self.add(*name, NameRole::Axis));
    }

    fn affine(&mut self, affine: &Affine) {
        for part in &affine.parts {
            match &part.kind {
                IndexTermKind::Constant(_) => {}
                IndexTermKind::Multiple { atom: Atom::Axis(name), .. } => self.add(*name, NameRole::Axis),
                IndexTermKind::Multiple { atom: Atom::Gather(access), .. } => {
                    self.access(access, NameRole::IndexTensor)
                }
            }
        }
    }
}
