//! Chains of elementwise expressions are one expression.

use std::sync::Arc;

use einfold_ir::{
    Access, Algebra, BinaryOp, Contraction, Count, Def, Dtype, Expr, Function, IdVec, Index, Ir, Node, NodeId, PointOp,
    RegionId, Violation,
};

use super::module::Module;
use crate::cost::points;
use crate::network::{any_drops, drops, places};

/// The largest expression that is made, so that its slots stay in the cache and its operands fit into the executor's lists.
const MOST_OPERATIONS: usize = 64;
const MOST_FACTORS: usize = 8;
const MOST_DEPTH: usize = 8;

/// Computes every elementwise node that is used once where it is read, if it is read at each of its points once. Returns how
/// many were. A conversion stays an operation of the expression, so that nothing is rounded less.
pub(crate) fn run(ir: &Ir) -> Result<(Ir, usize), Violation> {
    let mut module = Module::of(ir);
    let uses = module.uses();
    let mut count = 0;
    for id in ir.ids().filter(|&id| uses[id] > 0) {
        while let Some(inlined) = inlined(&module, id, &uses) {
            module.nodes[id].def = Def::Contract(inlined);
            count += 1;
        }
    }
    Ok((module.finish()?.0, count))
}

/// The contraction of node `id` with one of its factors computed in it.
fn inlined(module: &Module, id: NodeId, uses: &IdVec<NodeId, u32>) -> Option<Contraction> {
    let node = module.node(id);
    let outer = module.contraction(id).filter(|c| !c.pinned && node.region == RegionId::TOP)?;
    (0..outer.factors.len()).find_map(|k| {
        let tensor = outer.factors[k].tensor;
        let (from, inner) = (module.node(tensor), module.contraction(tensor)?);
        let pointwise = outer.expr.is_some() || inner.expr.is_some();
        // Ids are looked at for every element, so that no point may be dropped before.
        let looks = !inner.factors.iter().any(Access::has_ids) || !any_drops(outer);
        let fits = uses[tensor] == 1 && pointwise && looks && is_elementwise(from, inner);
        (fits && reads_once(outer, k, from)).then(|| join((module, node, outer), k, (from, inner))).flatten()
    })
}

/// Whether a node computes every element by itself, and no id can drop one.
fn is_elementwise(node: &Node, c: &Contraction) -> bool {
    let whole = points(&c.axes) == elements(node);
    c.is_map() && whole && !c.pinned && !c.factors.iter().any(drops) && node.region == RegionId::TOP
}

/// Whether the points of a contraction and the elements that factor `k` reads are one to one.
fn reads_once(outer: &Contraction, k: usize, from: &Node) -> bool {
    let read = &outer.factors[k].indices;
    let fresh = |(at, i): (usize, &Index<NodeId>)| i.as_axis().is_some() && !read[..at].contains(i);
    read.iter().enumerate().all(fresh) && points(&outer.axes) == elements(from)
}

fn elements(node: &Node) -> Count {
    Count::product(node.shape.iter().map(|&e| e as u64))
}

type Ops = Vec<(PointOp, Dtype)>;

/// Both as one expression; `None` if it cannot be told or is too large.
fn join(
    (module, node, outer): (&Module, &Node, &Contraction),
    k: usize,
    (from, inner): (&Node, &Contraction),
) -> Option<Contraction> {
    let read = &outer.factors[k];
    let (outer_ops, inner_ops) = (operations(module, node, outer)?, operations(module, from, inner)?);
    let of = |op: &PointOp| *op == PointOp::Read(k as u32);
    if outer_ops.iter().filter(|(op, _)| of(op)).count() != 1 {
        return None;
    }
    let places = places(&inner.output);
    if (0..inner.axes.len() as u32).any(|axis| !places.contains_key(&axis)) {
        return None;
    }
    let at = |axis: u32| places.get(&axis).map(|&dim| &read.indices[dim]);
    let mut factors = Factors::default();
    let mut ops: Ops = Vec::with_capacity(outer_ops.len() + inner_ops.len());
    for (op, dtype) in outer_ops {
        match op {
            op if of(&op) => {
                ops.extend(inner_ops.iter().map(|&(op, dtype)| match op {
                    PointOp::Read(j) => (factors.read(inner.factors[j as usize].compose(&at)), dtype),
                    op => (op, dtype),
                }));
                if read.conj && from.dtype.is_complex() {
                    ops.push((PointOp::Call(Function::Conj), from.dtype));
                }
                if from.dtype != dtype {
                    ops.push((PointOp::Convert, dtype));
                }
            }
            PointOp::Read(j) => ops.push((factors.read(outer.factors[j as usize].clone()), dtype)),
            op => ops.push((op, dtype)),
        }
    }
    // Factors that are not read may drop points; those of the inner one cannot.
    outer.factors.iter().filter(|factor| drops(factor)).for_each(|factor| _ = factors.read(factor.clone()));
    let fits = ops.len() <= MOST_OPERATIONS && factors.0.len() <= MOST_FACTORS;
    let expr = Expr::new(ops).ok().filter(|expr| fits && expr.depth() <= MOST_DEPTH)?;
    Some(Contraction { factors: factors.0, expr: Some(Arc::new(expr)), ..outer.clone() })
}

/// Factors, each once.
#[derive(Default)]
struct Factors(Vec<Access<NodeId>>);

impl Factors {
    fn read(&mut self, access: Access<NodeId>) -> PointOp {
        let known = self.0.iter().position(|factor| *factor == access);
        if known.is_none() {
            self.0.push(access);
        }
        PointOp::Read(known.unwrap_or(self.0.len() - 1) as u32)
    }
}

/// What a point contributes, as operations; of a product those that multiply its factors from left to right.
fn operations(module: &Module, node: &Node, c: &Contraction) -> Option<Ops> {
    if let Some(expr) = &c.expr {
        return Some(expr.ops().to_vec());
    }
    let dtype = node.dtype;
    let multiply = multiplication(c.algebra, dtype)?;
    // A product of 16-bit floats is rounded once, as a whole.
    if c.factors.is_empty() || (c.factors.len() > 1 && dtype.accumulator() != dtype) {
        return None;
    }
    let mut ops = Ops::new();
    for (k, factor) in c.factors.iter().enumerate() {
        let own = module.node(factor.tensor).dtype;
        let read = PointOp::Read(k as u32);
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
