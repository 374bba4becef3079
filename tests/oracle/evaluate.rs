//! The value of a name: evaluates every point of the iteration space of every contribution in sequence.

use std::collections::BTreeSet;

use einfold_ir::{Dtype, Function, OutOfRange};
use einfold_syntax::Assign;

use super::bounded::Bounded;
use super::model::{Access, Expr, Index, Statement, once};
use super::sizes::Sizes;
use super::types::work;
use super::value::{identity, number};
use super::{Env, OUTSIDE, Refusal, TOO_MANY, sums};
use crate::num::{Num, Tensor, points};

/// An expression whose axes are coordinates of a point.
enum Node<'a> {
    Value(Num),
    /// An element without conversion, and the bounds of all elements of a computed tensor.
    Read(&'a Tensor, Option<&'a [f64]>, Vec<Place<'a>>),
    /// A conversion to a dtype.
    Convert(Box<Node<'a>>, Dtype),
    /// A function of values of a dtype.
    Call(Function, Vec<Node<'a>>, Dtype),
    /// Values combined by the ⊗ of an algebra, which is the ⊕ of this assignment.
    Joined(Assign, Vec<Node<'a>>, Dtype),
}

/// A position along an axis.
struct Place<'a> {
    size: usize,
    offset: i128,
    /// Coefficients of the coordinates of the point.
    axes: Vec<(i128, usize)>,
    ids: Vec<(i128, Node<'a>)>,
    wraps: bool,
    drops: bool,
}

/// One term with the points it is summed over.
struct Space<'a> {
    axes: Vec<&'a str>,
    extents: Vec<usize>,
    env: &'a Env<'a>,
    sizes: &'a Sizes,
}

impl<'a> Space<'a> {
    fn new(env: &'a Env<'a>, axes: Vec<&'a str>, sizes: &'a Sizes) -> Result<Space<'a>, Refusal> {
        let extents: Vec<usize> = axes.iter().map(|a| sizes[*a]).collect();
        bounded(env, &extents)?;
        Ok(Space { extents, axes, env, sizes })
    }

    fn at(&self, axis: &str) -> usize {
        self.axes.iter().position(|a| *a == axis).unwrap()
    }

    fn place(&self, index: &Index, size: usize) -> Place<'a> {
        let mut place = Place { size, offset: 0, axes: Vec::new(), ids: Vec::new(), wraps: false, drops: false };
        match index {
            Index::Dots => unreachable!("an axis for each it covers"),
            // Size 1 broadcasts.
            Index::Axis(axis) => place.axes.push((i128::from(size != 1), self.at(axis))),
            Index::Group(axes) => {
                let mut stride = 1;
                for axis in axes.iter().rev() {
                    place.axes.push((stride, self.at(axis)));
                    stride *= self.sizes[axis] as i128;
                }
            }
            Index::Affine(affine) => {
                place.offset = affine.offset;
                place.axes = affine.axes.iter().map(|(coef, axis)| (*coef, self.at(axis))).collect();
                for (coef, ids) in &affine.ids {
                    place.ids.push((*coef, self.read(ids)));
                    let policy = self.env.policy(&ids.tensor);
                    place.wraps |= policy == OutOfRange::Wrap;
                    place.drops |= policy == OutOfRange::Drop;
                }
            }
        }
        place
    }

    fn read(&self, access: &Access) -> Node<'a> {
        let tensor = self.env.tensor(&access.tensor);
        let errors = self.env.errors.get(&access.tensor).map(Vec::as_slice);
        Node::Read(tensor, errors, access.indices.iter().zip(&tensor.shape).map(|(i, &n)| self.place(i, n)).collect())
    }

    /// Converts the expression as part of a promotion region that computes in `dtype`.
    fn node(&self, e: &Expr, dtype: Dtype) -> Result<Node<'a>, Refusal> {
        let converted = |node| Node::Convert(Box::new(node), dtype);
        let all = |list: &[Expr], dtype| list.iter().map(|e| self.node(e, dtype)).collect::<Result<Vec<_>, _>>();
        let chain = |list: &[(bool, Expr)], plain, other| {
            let mut node = self.node(&list[0].1, dtype)?;
            if list[0].0 {
                node = Node::Call(Function::Neg, vec![node], dtype);
            }
            for (is_other, e) in &list[1..] {
                node = Node::Call(if *is_other { other } else { plain }, vec![node, self.node(e, dtype)?], dtype);
            }
            Ok(node)
        };
        match e {
            Expr::Number(literal) => Ok(Node::Value(number(*literal, dtype)?)),
            Expr::Size(_) => Err("a size is a number by now"),
            Expr::Read(access) => Ok(converted(self.read(access))),
            Expr::Negation(inner) => Ok(Node::Call(Function::Neg, vec![self.node(inner, dtype)?], dtype)),
            Expr::Sum(list) => chain(list, Function::Add, Function::Sub),
            Expr::Product(list) => chain(list, Function::Mul, Function::Div),
            Expr::Joined(op, list) => Ok(Node::Joined(super::read::reduction(*op), all(list, dtype)?, dtype)),
            Expr::Call(function, arguments) => {
                let together = work(self.env.call(*function, arguments)?.0);
                let argument = |(k, e): (usize, &Expr)| -> Result<Node<'a>, Refusal> {
                    let own = match e {
                        Expr::Number(_) => together,
                        _ => work(self.env.dtype_of(e)?),
                    };
                    let is_condition = k == 0 && *function == Function::Where;
                    let node = self.node(e, own)?;
                    Ok(if is_condition { node } else { Node::Convert(Box::new(node), together) })
                };
                let arguments = arguments.iter().enumerate().map(argument).collect::<Result<Vec<_>, _>>()?;
                Ok(converted(Node::Call(*function, arguments, together)))
            }
        }
    }
}

impl Node<'_> {
    /// The value at a point; `None` if an index drops the point.
    fn value(&self, env: &Env<'_>, point: &[usize]) -> Result<Option<Bounded>, Refusal> {
        let all = |list: &[Node<'_>]| all(list.iter().map(|n| n.value(env, point)));
        Ok(match self {
            Node::Value(value) => Some((*value).into()),
            Node::Read(tensor, errors, places) => positions(env, places, point)?.map(|at| {
                let at = tensor.offset(at);
                Bounded { number: tensor.data[at], error: errors.map_or(0.0, |errors| errors[at]) }
            }),
            Node::Convert(inner, dtype) => {
                inner.value(env, point)?.map(|x| Bounded { number: x.number.to(*dtype), ..x })
            }
            Node::Call(function, list, dtype) => all(list)?.map(|a| env.trace.call(*function, &a, *dtype)),
            Node::Joined(op, list, dtype) => {
                all(list)?.and_then(|a| a.into_iter().reduce(|a, b| env.trace.combine(*op, a, b, *dtype)))
            }
        })
    }
}

impl Place<'_> {
    /// The position that is written, which may be out of range.
    fn sum(&self, env: &Env<'_>, point: &[usize]) -> Result<Option<i128>, Refusal> {
        let mut at = self.offset + self.axes.iter().map(|(coef, k)| coef * point[*k] as i128).sum::<i128>();
        let Some(ids) = all(self.ids.iter().map(|(_, ids)| ids.value(env, point)))? else { return Ok(None) };
        for ((coef, _), id) in self.ids.iter().zip(ids) {
            if let Num::Int(id, _) = id.number {
                at += coef * id;
            }
        }
        Ok(Some(at))
    }

    /// Checks that positions without index tensors are in range, whether or not points are dropped.
    fn inside(&self, extents: &[usize]) -> Result<(), Refusal> {
        let reach = |(coef, k): &(i128, usize)| coef * (extents[*k] as i128 - 1);
        let sum = |sign: i128| -> i128 { self.axes.iter().filter(|(c, _)| c * sign > 0).map(reach).sum() };
        let outside = self.offset + sum(-1) < 0 || self.offset + sum(1) >= self.size as i128;
        if self.ids.is_empty() && outside { Err("index-out-of-range") } else { Ok(()) }
    }

    fn position(&self, env: &Env<'_>, point: &[usize]) -> Result<Option<usize>, Refusal> {
        let Some(mut at) = self.sum(env, point)? else { return Ok(None) };
        let size = self.size as i128;
        if at < 0 && self.wraps {
            at += size;
        }
        match usize::try_from(at) {
            Ok(at) if at < self.size => Ok(Some(at)),
            _ if self.drops => Ok(None),
            _ if self.ids.is_empty() => Err("index-out-of-range"),
            _ => Err(OUTSIDE),
        }
    }
}

fn positions(env: &Env<'_>, places: &[Place<'_>], point: &[usize]) -> Result<Option<Vec<usize>>, Refusal> {
    all(places.iter().map(|p| p.position(env, point)))
}

/// Collects all items. One that is dropped drops the point, whatever the others are.
fn all<T>(parts: impl Iterator<Item = Result<Option<T>, Refusal>>) -> Result<Option<Vec<T>>, Refusal> {
    let parts: Vec<_> = parts.collect();
    if parts.iter().any(|part| matches!(part, Ok(None))) {
        return Ok(None);
    }
    parts.into_iter().collect::<Result<Option<Vec<T>>, _>>()
}

/// The greatest position that a contribution writes along axis `k` of its left side plus 1; 0 if it writes none.
pub(crate) fn reach(env: &Env<'_>, statement: &Statement, sizes: &Sizes, k: usize) -> Result<usize, Refusal> {
    let space = Space::new(env, statement.axes(), sizes)?;
    let place = space.place(&statement.left[k].index, usize::MAX);
    let mut reach = 0;
    for point in points(&space.extents) {
        if let Some(at) = place.sum(env, &point)? {
            reach = reach.max(at + 1);
        }
    }
    Ok(reach as usize)
}

/// The terms of a statement that are reduced on their own, each with whether it is subtracted.
fn terms(statement: &Statement) -> Vec<(bool, Expr)> {
    if statement.assign == Assign::Equal {
        sums::terms(&statement.right)
    } else {
        vec![(false, statement.right.clone())]
    }
}

/// The axes of the points of a term.
fn axes<'a>(statement: &'a Statement, term: &'a Expr) -> Vec<&'a str> {
    let own = || once(statement.kept().into_iter().chain(term.axes()));
    if statement.assign == Assign::Equal { own() } else { statement.axes() }
}

/// The tensors, apart from index tensors, to which the points of the contributions refer.
pub(crate) fn refers(contributions: &[Statement], sizes: &[Sizes]) -> BTreeSet<String> {
    let mut refers = BTreeSet::new();
    for (statement, sizes) in contributions.iter().zip(sizes) {
        for (_, term) in terms(statement) {
            if axes(statement, &term).iter().all(|axis| sizes[*axis] > 0) {
                refers.extend(term.reads().into_iter().map(|access| access.tensor.clone()));
            }
        }
    }
    refers
}

/// Evaluates a name of this dtype and shape; returns the bounds of its elements too.
pub(crate) fn evaluate(
    env: &Env<'_>,
    contributions: &[Statement],
    (dtype, shape): (Dtype, &[usize]),
    sizes: &[Sizes],
) -> Result<(Tensor, Vec<f64>), Refusal> {
    bounded(env, shape)?;
    let assign = contributions[0].assign;
    let wide = work(dtype);
    let mut result = Tensor::full(dtype, shape, Num::ZERO);
    let mut values = vec![Bounded::from(identity(assign, wide)); result.data.len()];
    let mut counts = vec![0_usize; values.len()];
    for (statement, sizes) in contributions.iter().zip(sizes) {
        for (minus, term) in &terms(statement) {
            let space = Space::new(env, axes(statement, term), sizes)?;
            let left: Vec<Place<'_>> =
                statement.left.iter().zip(shape).map(|(l, &n)| space.place(&l.index, n)).collect();
            let mut node = space.node(term, wide)?;
            if *minus {
                node = Node::Call(Function::Neg, vec![node], wide);
            }
            let first = points(&space.extents).next().map_or(0, |_| left.len());
            left[..first].iter().try_for_each(|place| place.inside(&space.extents))?;
            for point in points(&space.extents) {
                let (value, to) = (node.value(env, &point), positions(env, &left, &point));
                if matches!(value, Ok(None)) || matches!(to, Ok(None)) {
                    continue;
                }
                let (Some(value), Some(to)) = (value?, to?) else { continue };
                let at = result.offset(to);
                values[at] = env.trace.combine(assign, values[at], value, wide);
                counts[at] += 1;
            }
        }
    }
    finish(env, contributions, &mut values, &counts, dtype)?;
    result.data = values.iter().map(|x| x.number).collect();
    Ok((result, values.iter().map(|x| x.error).collect()))
}

/// Checks that the iteration space and the tensor are small.
fn bounded(env: &Env<'_>, extents: &[usize]) -> Result<(), Refusal> {
    let all = extents.iter().try_fold(1, |all: usize, &n| all.checked_mul(n.max(1)).filter(|&n| n <= env.most));
    if all.is_some() { Ok(()) } else { Err(TOO_MANY) }
}

/// Divides means, fills groups without points, and rounds.
fn finish(
    env: &Env<'_>,
    contributions: &[Statement],
    values: &mut [Bounded],
    counts: &[usize],
    dtype: Dtype,
) -> Result<(), Refusal> {
    let wide = work(dtype);
    let fill = env.options.fill.get(&contributions[0].name).map(|&l| number(l, dtype)).transpose()?;
    for (x, &count) in values.iter_mut().zip(counts) {
        if contributions[0].assign == Assign::Mean {
            *x = match count {
                0 => Num::Float(f64::NAN, if dtype.is_complex() { f64::NAN } else { 0.0 }).into(),
                _ => env.trace.call(Function::Div, &[*x, Num::Int(count as i128, 0).to(wide).into()], wide),
            };
        }
        let value = fill.filter(|_| count == 0).map_or(*x, Bounded::from);
        *x = env.trace.round(value, dtype);
    }
    Ok(())
}
