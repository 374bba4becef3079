//! Builds size queries.

use super::super::SizeQuery;
use super::hir::{AffineForm, Tensor};
use super::iteration_space::{IterationSpace, StatementContext};
use einfold_ir::{
    Access, Algebra, Contraction, Dtype, Expr, Function, Indices, Ir, Literal, Node, NodeId, PointOp, RegionId, Shape,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The query for the greatest sum of the index tensors of an index. `None` if its affine part has an axis of an index
/// tensor: the greatest position is then not the sum of two maxima.
pub(super) fn greatest(context: &StatementContext<'_>, affine: &AffineForm) -> Option<SizeQuery> {
    let axes = affine.axes_of_gathers();
    if affine.terms.iter().any(|(coef, axis)| *coef != 0 && axes.binary_search(axis).is_ok()) {
        return None;
    }
    let space = IterationSpace::new(axes);
    let mut factors: Vec<_> = affine.gathers.iter().map(|(_, read)| context.access(&space, read, false)).collect();
    let dtypes: Vec<Dtype> = affine.gathers.iter().map(|(_, read)| context.tensors[read.tensor].dtype).collect();
    let coefs: Vec<i64> = affine.gathers.iter().map(|(coef, _)| *coef).collect();
    let drops = affine.gathers.iter().any(|(_, read)| context.read_drops(read));
    // A single index tensor keeps its dtype, so the scan converts nothing. If all indices may be dropped, the least
    // value must be below 0, which an unsigned dtype lacks.
    let (dtype, expr) = match (&coefs[..], &dtypes[..]) {
        ([1], [dtype]) if !drops => (*dtype, None),
        // Unsigned indices may exceed `i64`. Rounding begins far above any size that memory can hold.
        (_, dtypes) if dtypes.contains(&Dtype::U64) => (Dtype::F64, Some(Arc::new(sum(&coefs, dtypes, Dtype::F64)))),
        _ => (Dtype::I64, Some(Arc::new(sum(&coefs, &dtypes, Dtype::I64)))),
    };
    let (axes, output, algebra) = (context.axes(&space), Indices::new(), Algebra::MAX_PLUS);
    let (mut ir, operands) = inputs(context.tensors, &mut factors);
    let c = Contraction { axes, factors, output, expr, algebra, init: None, pinned: false };
    let node = Node { label: "greatest".into(), dtype, shape: Shape::new(), region: RegionId::TOP, def: c.into() };
    let node = ir.push(node).expect("index tensors are integers, read inside their shapes");
    ir.output(node).expect("the node is of the top region");
    Some(SizeQuery { ir, operands })
}

/// A module with only the inputs that these reads use, the reads renumbered, and the operands of these inputs: index
/// tensors are inputs, and inputs come first, in the order of the operands.
fn inputs(tensors: &[Tensor], factors: &mut [Access<NodeId>]) -> (Ir, Vec<u32>) {
    let mut read = BTreeSet::new();
    factors.iter().for_each(|factor| factor.for_each_tensor(&mut |id| _ = read.insert(id.0)));
    let operands: Vec<u32> = read.into_iter().collect();
    let mut ir = Ir::new();
    for &operand in &operands {
        let tensor = &tensors[operand as usize];
        ir.input(tensor.name.clone(), tensor.dtype, tensor.shape.as_slice());
    }
    let mut place = |id: &NodeId| NodeId(operands.partition_point(|&operand| operand < id.0) as u32);
    factors.iter_mut().for_each(|factor| *factor = factor.map(&mut place));
    (ir, operands)
}

/// The sum of multiples of index tensors, computed in the dtype `wide`.
fn sum(coefs: &[i64], dtypes: &[Dtype], wide: Dtype) -> Expr {
    let mut ops = Vec::new();
    for (k, (&coef, &dtype)) in coefs.iter().zip(dtypes).enumerate() {
        ops.extend([(PointOp::Read(k as u32), dtype), (PointOp::Convert, wide)]);
        if coef != 1 {
            let coef = PointOp::Literal(Literal::Int(coef.into()));
            ops.extend([(coef, wide), (PointOp::Call(Function::Mul), wide)]);
        }
        if k > 0 {
            ops.push((PointOp::Call(Function::Add), wide));
        }
    }
    Expr::new(ops).expect("every operation has its arguments")
}
