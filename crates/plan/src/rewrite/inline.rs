//! Merges chains of elementwise expressions into one expression.

use std::sync::Arc;

use einfold_ir::{
    Access, Algebra, BinaryOp, Contraction, Count, Dtype, Expr, Function, Ir, Node, NodeId, PointOp, RegionId, Rewriter,
};

use super::{Rewritten, merge};
use crate::cost::points;
use crate::evaluation::{any_drops, drops};
use crate::network::{are_distinct_axes, dims_of_axes};

/// The most operations of a merged expression, so that its temporaries stay in the cache and its operands fit into the
/// executor's lists.
const MOST_OPERATIONS: usize = 64;
const MOST_FACTORS: usize = 8;
const MOST_DEPTH: usize = 8;

/// Inlines every elementwise node that is used once into its reader, if the reader reads each of its elements once.
/// Returns the number of inlined nodes. A conversion stays an operation of the expression, so that rounding is the
/// same.
pub(crate) fn run(ir: &Ir) -> Rewritten {
    let open = |node: &Node, c: &Contraction| !c.pinned && node.region == RegionId::TOP;
    merge(ir, open, |rewriter, (_, node, outer), k, (from, inner)| {
        let pointwise = outer.expr.is_some() || inner.expr.is_some();
        // Gather indices are checked for every element, so no point may be dropped before.
        let all_checked = !inner.factors.iter().any(Access::has_indirect) || !any_drops(outer);
        let fits = pointwise && all_checked && is_elementwise(from, inner) && reads_once(outer, k, from);
        fits.then(|| join((rewriter, node, outer), k, (from, inner))).flatten()
    })
}

/// Whether a node computes each element independently and drops no points.
fn is_elementwise(node: &Node, c: &Contraction) -> bool {
    let whole = points(&c.axes) == Count::elements(&node.shape);
    c.is_map() && whole && !c.pinned && !c.factors.iter().any(drops) && node.region == RegionId::TOP
}

/// Whether the points of a contraction and the elements that factor `k` reads are one to one.
fn reads_once(outer: &Contraction, k: usize, from: &Node) -> bool {
    let read = &outer.factors[k].indices;
    are_distinct_axes(read) && points(&outer.axes) == Count::elements(&from.shape)
}

type Ops = Vec<(PointOp, Dtype)>;

/// The two expressions as one; `None` if they cannot be merged or the result is too large.
fn join(
    (rewriter, node, outer): (&Rewriter<'_>, &Node, &Contraction),
    k: usize,
    (from, inner): (&Node, &Contraction),
) -> Option<Contraction> {
    let read = &outer.factors[k];
    let (outer_ops, inner_ops) = (operations(rewriter, node, outer)?, operations(rewriter, from, inner)?);
    let of = |op: &PointOp| *op == PointOp::Read(k as u32);
    if outer_ops.iter().filter(|(op, _)| of(op)).count() != 1 {
        return None;
    }
    let dims = dims_of_axes(&inner.output);
    if (0..inner.axes.len() as u32).any(|axis| !dims.contains_key(&axis)) {
        return None;
    }
    let at = |axis: u32| dims.get(&axis).map(|&dim| &read.indices[dim]);
    let mut factors = Vec::new();
    let mut ops: Ops = Vec::with_capacity(outer_ops.len() + inner_ops.len());
    for (op, dtype) in outer_ops {
        match op {
            op if of(&op) => {
                ops.extend(inner_ops.iter().map(|&(op, dtype)| match op {
                    PointOp::Read(j) => (self::read(&mut factors, inner.factors[j as usize].compose(&at)), dtype),
                    op => (op, dtype),
                }));
                if read.conj && from.dtype.is_complex() {
                    ops.push((PointOp::Call(Function::Conj), from.dtype));
                }
                if from.dtype != dtype {
                    ops.push((PointOp::Convert, dtype));
                }
            }
            PointOp::Read(j) => ops.push((self::read(&mut factors, outer.factors[j as usize].clone()), dtype)),
            op => ops.push((op, dtype)),
        }
    }
    // Factors that the expression does not read may drop points; those of the inner one cannot.
    outer.factors.iter().filter(|factor| drops(factor)).for_each(|factor| _ = self::read(&mut factors, factor.clone()));
    let fits = ops.len() <= MOST_OPERATIONS && factors.len() <= MOST_FACTORS;
    let expr = Expr::new(ops).ok().filter(|expr| fits && expr.depth() <= MOST_DEPTH)?;
    Some(Contraction { factors, expr: Some(Arc::new(expr)), ..outer.clone() })
}

/// Reads a factor, which is added to the list if it is not in it.
fn read(factors: &mut Vec<Access<NodeId>>, access: Access<NodeId>) -> PointOp {
    let known = factors.iter().position(|factor| *factor == access);
    if known.is_none() {
        factors.push(access);
    }
    PointOp::Read(known.unwrap_or(factors.len() - 1) as u32)
}

/// The operations that compute the contribution of a point; for a product, the multiplications of its factors from left
/// to right.
fn operations(rewriter: &Rewriter<'_>, node: &Node, c: &Contraction) -> Option<Ops> {
    if let Some(expr) = &c.expr {
        return Some(expr.ops().to_vec());
    }
    let dtype = node.dtype;
    let multiply = multiplication(c.algebra, dtype)?;
    // A product of 16-bit floats is rounded once, at the end.
    if c.factors.is_empty() || (c.factors.len() > 1 && dtype.accumulator() != dtype) {
        return None;
    }
    let mut ops = Ops::new();
    for (k, factor) in (0..).zip(&c.factors) {
        let (own, read) = (rewriter.node(factor.tensor).dtype, PointOp::Read(k));
        if Dtype::promote(&[own, dtype]) == Some(dtype) {
            ops.push((read, dtype));
        } else {
            ops.extend([(read, own), (PointOp::Convert, dtype)]);
        }
        if k > 0 {
            ops.push((PointOp::Call(multiply), dtype));
        }
    }
    Some(ops)
}

/// ⊗ as a function.
fn multiplication(algebra: Algebra, dtype: Dtype) -> Option<Function> {
    let Algebra::Builtin { mul, .. } = algebra else { return None };
    match mul {
        BinaryOp::Mul => Some(Function::Mul),
        BinaryOp::Add => Some(Function::Add),
        BinaryOp::Max => Some(Function::Max),
        BinaryOp::Min => Some(Function::Min),
        BinaryOp::And if dtype == Dtype::Bool => Some(Function::Mul),
        BinaryOp::Or if dtype == Dtype::Bool => Some(Function::Add),
        _ => None,
    }
}
