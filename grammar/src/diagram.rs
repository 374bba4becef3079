//! Draws expressions of the grammar as railroad diagrams.

use crate::ebnf::Expr;
use railroad::{
    Choice, Comment, Diagram, Empty, Link, MultiChoice, Node, NonTerminal, Optional, Repeat, Sequence, SimpleEnd,
    SimpleStart, Stack, Terminal,
};

type Boxed = Box<dyn Node>;

/// The maximal width of a row in pixels; wider sequences continue in another row.
const WIDTH: i64 = 620;

/// The number of alternatives from which on they are shown in columns.
const MANY: usize = 9;

/// An expression as an SVG element, styled by the surrounding page; names link to `#name`.
pub(crate) fn svg(expr: &Expr) -> String {
    let mut track: Vec<Boxed> = vec![Box::new(SimpleStart)];
    match expr {
        Expr::Sequence(parts) => track.push(rows(sequence(parts))),
        _ => track.push(node(expr)),
    }
    track.push(Box::new(SimpleEnd));
    let mut diagram = Diagram::new(Sequence::new(track));
    let width = (&diagram as &dyn Node).width();
    diagram.attr("width".to_string()).or_insert(width.to_string());
    diagram.attr("role".to_string()).or_insert("img".to_string());
    diagram.to_string()
}

fn node(expr: &Expr) -> Boxed {
    match expr {
        Expr::Name(name) => Box::new(Link::new(NonTerminal::new(name.clone()), format!("#{name}"))),
        Expr::Literal(literal) => Box::new(Terminal::new(literal.replace(' ', "␣"))),
        Expr::Words(words) => Box::new(Comment::new(words.clone())),
        Expr::Sequence(parts) if parts.is_empty() => Box::new(Empty),
        Expr::Sequence(parts) => rows(sequence(parts)),
        Expr::Choice(parts) if parts.len() >= MANY && parts.iter().all(is_literal) => columns(parts),
        Expr::Choice(parts) => Box::new(Choice::new(parts.iter().map(node).collect())),
        Expr::Optional(inner) => Box::new(Optional::new(node(inner))),
        Expr::Many(inner) => Box::new(Optional::new(Repeat::new(node(inner), Empty))),
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(_))
}

/// The parts of a sequence; `x { x }` is a loop, and `x { sep x }` a loop with the separator on its way back.
fn sequence(parts: &[Expr]) -> Vec<Boxed> {
    let mut nodes = Vec::with_capacity(parts.len());
    let mut rest = parts;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let separator = tail.first().and_then(|next| again(first, next));
        nodes.push(match separator {
            Some(separator) => {
                rest = &tail[1..];
                Box::new(Repeat::new(node(first), separator))
            }
            None => node(first),
        });
    }
    nodes
}

/// The separator of a repetition: the symbols between `first` and its copy in `next`.
fn again(first: &Expr, next: &Expr) -> Option<Boxed> {
    let Expr::Many(next) = next else { return None };
    match &**next {
        Expr::Sequence(parts) => match &parts[..] {
            [separator, item] if item == first => Some(node(separator)),
            _ => None,
        },
        item if item == first => Some(Box::new(Empty)),
        _ => None,
    }
}

/// A sequence in one or more rows.
fn rows(nodes: Vec<Boxed>) -> Boxed {
    let mut rows: Vec<Vec<Boxed>> = Vec::new();
    let mut width = WIDTH;
    for node in nodes {
        width += node.width();
        match rows.last_mut() {
            Some(row) if width <= WIDTH => row.push(node),
            _ => {
                width = node.width();
                rows.push(vec![node]);
            }
        }
    }
    let mut rows: Vec<Boxed> = rows.into_iter().map(|row| Box::new(Sequence::new(row)) as Boxed).collect();
    match rows.len() {
        1 => rows.remove(0),
        _ => Box::new(Stack::new(rows)),
    }
}

/// Alternatives in columns.
fn columns(parts: &[Expr]) -> Boxed {
    let columns = parts.chunks(parts.len().div_ceil(3)).map(|column| column.iter().map(node).collect());
    Box::new(MultiChoice::new(columns.collect()))
}
