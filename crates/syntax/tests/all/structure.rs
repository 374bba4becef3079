//! The structure of programs and named subscripts, without spans, as text in prefix form.

use einfold_syntax::{
    Access, Atom, Expr, ExprKind, Index, IndexTermKind, Named, NamedAxis, NumberKind, Program, Sign, Size, SizeOf,
    Statement,
};

/// `(head a b)`.
pub(crate) fn node(head: &str, items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| format!(" {item}")).collect();
    format!("({head}{})", items.concat())
}

pub(crate) fn of_named(named: &Named) -> String {
    let name = |id| named.name(id).to_string();
    let terms = named.terms().iter().chain([named.output()]);
    node("named", terms.map(|term| node("term", term.axes.iter().map(|a| axis(a, &name)))))
}

pub(crate) fn of_program(program: &Program) -> String {
    let shape = Shape { program };
    node("program", program.statements().iter().map(|s| shape.statement(s)))
}

fn axis(axis: &NamedAxis, name: &dyn Fn(u32) -> String) -> String {
    match axis {
        NamedAxis::Name(one) => name(one.id),
        NamedAxis::Ellipsis(_) => "...".into(),
        NamedAxis::Merged(merged) => node("merged", merged.names.iter().map(|one| name(one.id))),
    }
}

fn sign(sign: Sign) -> &'static str {
    if sign == Sign::Plus { "+" } else { "-" }
}

struct Shape<'a> {
    program: &'a Program,
}

impl Shape<'_> {
    fn name(&self, id: u32) -> String {
        self.program.name(id).into()
    }

    fn statement(&self, s: &Statement) -> String {
        let left = s.left.iter().map(|p| match &p.size {
            Some(size) => node(":", [self.index(&p.index), self.size(size)]),
            None => self.index(&p.index),
        });
        let sizes = s.sizes.iter().map(|size| node("for", [self.name(size.axis.id), self.size(&size.size)]));
        let items = [node(&self.name(s.name.id), left), self.expr(&s.right)];
        node(s.assign.symbol(), items.into_iter().chain(sizes))
    }

    fn size(&self, size: &Size) -> String {
        match size {
            Size::Integer(integer) => integer.value.to_string(),
            Size::Parameter(name) => self.name(name.id),
            Size::Of(of) => self.size_of(of),
        }
    }

    fn size_of(&self, of: &SizeOf) -> String {
        node("size", [self.name(of.tensor.id), of.axis.value.to_string()])
    }

    fn expr(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Sum(terms) => {
                node("sum", terms.iter().map(|t| format!("{}{}", sign(t.sign), self.expr(&t.expr))))
            }
            ExprKind::Product(factors) => node(
                "product",
                factors.iter().map(|f| format!("{}{}", if f.divides { "/" } else { "*" }, self.expr(&f.expr))),
            ),
            ExprKind::Negation(inner) => node("neg", [self.expr(inner)]),
            ExprKind::Number(NumberKind::Integer) => format!("i{}", self.program.source(expr.span)),
            ExprKind::Number(NumberKind::Real) => format!("r{}", self.program.source(expr.span)),
            ExprKind::Size(of) => self.size_of(of),
            ExprKind::Access(access) => self.access(access),
            ExprKind::Call(call) => {
                let arguments = call.arguments.iter().map(|a| self.expr(a));
                node("call", [call.function.name().to_string()].into_iter().chain(arguments))
            }
        }
    }

    fn access(&self, access: &Access) -> String {
        node(&self.name(access.name.id), access.indices.iter().map(|index| self.index(index)))
    }

    fn index(&self, index: &Index) -> String {
        let affine = match index {
            Index::Axis(a) => return axis(a, &|id| self.name(id)),
            Index::Affine(affine) => affine,
        };
        node("affine", affine.parts.iter().map(|part| format!("{}{}", sign(part.sign), self.part(&part.kind))))
    }

    fn part(&self, part: &IndexTermKind) -> String {
        let (coefficient, atom) = match part {
            IndexTermKind::Constant(integer) => return integer.value.to_string(),
            IndexTermKind::Multiple { coefficient, atom } => (coefficient, atom),
        };
        let atom = match atom {
            Atom::Axis(name) => self.name(name.id),
            Atom::Gather(access) => node("gather", [self.access(access)]),
        };
        coefficient.map_or(atom.clone(), |c| format!("{}{atom}", c.value))
    }
}
