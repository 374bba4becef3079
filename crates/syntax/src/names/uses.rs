//! Where the names of a program are used, and as what.

use crate::ast::{Access, Affine, Atom, Axis, Expr, ExprKind, Index, Name, PartKind, Size, Statement};

/// One use of a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub(super) name: Name,
    pub(super) role: Role,
    /// The position of the statement.
    pub(super) statement: usize,
}

/// As what a name is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Alone in an index, or before `:` after `for`.
    Axis,
    /// As what a statement defines.
    Written,
    /// With indices in an expression.
    Element,
    /// Without indices in an expression: a tensor or a size parameter.
    Bare,
    /// With indices in an index: its elements are indices.
    Ids,
    /// In `size(…)`.
    SizeOf,
    /// After `:`.
    Parameter,
}

impl Role {
    /// Whether a tensor used so is read.
    pub(super) fn reads(self) -> bool {
        matches!(self, Role::Element | Role::Bare | Role::Ids | Role::SizeOf)
    }
}

/// All uses of the names of these statements, in the order of the text: each statement begins with the name it defines.
pub(super) fn uses(statements: &[Statement], names: usize) -> Vec<Use> {
    let mut walk = Walk { statement: 0, uses: Vec::with_capacity(2 * names) };
    for (k, statement) in statements.iter().enumerate() {
        walk.statement = k;
        walk.add(statement.name, Role::Written);
        for position in &statement.left {
            walk.index(&position.index);
            position.size.iter().for_each(|size| walk.size(size));
        }
        walk.expr(&statement.right);
        for size in &statement.sizes {
            walk.add(size.axis, Role::Axis);
            walk.size(&size.size);
        }
    }
    walk.uses
}

/// Goes over trees of bounded depth.
struct Walk {
    statement: usize,
    uses: Vec<Use>,
}

impl Walk {
    fn add(&mut self, name: Name, role: Role) {
        self.uses.push(Use { name, role, statement: self.statement });
    }

    fn size(&mut self, size: &Size) {
        match size {
            Size::Integer(_) => {}
            Size::Parameter(name) => self.add(*name, Role::Parameter),
            Size::Of(of) => self.add(of.tensor, Role::SizeOf),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Sum(terms) => terms.iter().for_each(|term| self.expr(&term.expr)),
            ExprKind::Product(factors) => factors.iter().for_each(|factor| self.expr(&factor.expr)),
            ExprKind::Negation(inner) => self.expr(inner),
            ExprKind::Number(_) => {}
            ExprKind::Size(of) => self.add(of.tensor, Role::SizeOf),
            ExprKind::Access(access) if access.indices.is_empty() => self.add(access.name, Role::Bare),
            ExprKind::Access(access) => self.access(access, Role::Element),
            ExprKind::Call(call) => call.arguments.iter().for_each(|argument| self.expr(argument)),
        }
    }

    fn access(&mut self, access: &Access, role: Role) {
        self.add(access.name, role);
        access.indices.iter().for_each(|index| self.index(index));
    }

    fn index(&mut self, index: &Index) {
        match index {
            Index::Axis(axis) => self.axis(axis),
            Index::Affine(affine) => self.affine(affine),
        }
    }

    fn axis(&mut self, axis: &Axis) {
        axis.names().iter().for_each(|name| self.add(*name, Role::Axis));
    }

    fn affine(&mut self, affine: &Affine) {
        for part in &affine.parts {
            match &part.kind {
                PartKind::Constant(_) => {}
                PartKind::Multiple { atom: Atom::Axis(name), .. } => self.add(*name, Role::Axis),
                PartKind::Multiple { atom: Atom::Gather(access), .. } => self.access(access, Role::Ids),
            }
        }
    }
}
