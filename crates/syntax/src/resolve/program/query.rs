//! Sizes that only the ids tell.

use super::super::SizeQuery;
use super::form::{Affine, Tensor};
use super::shape::axes_of_ids;
use super::space::{Ground, Space};
use einfold_ir::{Algebra, Contraction, Def, Dtype, Expr, Function, Index, Ir, Literal, Node, PointOp, RegionId};
use std::sync::Arc;

/// The greatest sum of the ids of an index. `None` where its plain part runs along an axis of the ids: then the position is
/// more than the sum of two maxima.
pub(super) fn greatest(ground: &Ground<'_>, affine: &Affine) -> Option<SizeQuery> {
    let axes = axes_of_ids(affine);
    if affine.terms.iter().any(|(coef, axis)| *coef != 0 && axes.binary_search(axis).is_ok()) {
        return None;
    }
    let space = Space::new(axes);
    let factors: Vec<_> = affine.ids.iter().map(|(_, read)| ground.access(&space, read, false)).collect();
    let dtypes: Vec<Dtype> = affine.ids.iter().map(|(_, read)| ground.tensors[read.tensor].dtype).collect();
    let coefs: Vec<i64> = affine.ids.iter().map(|(coef, _)| *coef).collect();
    let drops = affine.ids.iter().any(|(_, read)| ground.read_drops(read));
    // One id as it is stays in its own dtype: nothing is converted in the scan. Where all ids may be dropped, none must be less
    // than 0, the least of an unsigned one.
    let (dtype, expr) = match (&coefs[..], &dtypes[..]) {
        ([1], [dtype]) if !drops => (*dtype, None),
        // Unsigned ones may be beyond `i64`. Rounding begins far above what memory can hold.
        (_, dtypes) if dtypes.contains(&Dtype::U64) => (Dtype::F64, Some(Arc::new(sum(&coefs, dtypes, Dtype::F64)))),
        _ => (Dtype::I64, Some(Arc::new(sum(&coefs, &dtypes, Dtype::I64)))),
    };
    let (axes, output, algebra) = (ground.axes(&space), Vec::<Index<_>>::new(), Algebra::MAX_PLUS);
    let c = Contraction { axes, factors, output, expr, algebra, onto: None, pinned: false };
    let mut ir = inputs(ground.tensors);
    let node =
        Node { label: "greatest".into(), dtype, shape: Vec::new(), region: RegionId::TOP, def: Def::Contract(c) };
    let node = ir.push(node).expect("ids are integers that are read inside their tensors");
    ir.output(node).expect("the node is of the top region");
    Some(SizeQuery { ir })
}

/// A module with these inputs alone: ids are inputs, and inputs come first.
fn inputs(tensors: &[Tensor]) -> Ir {
    let mut ir = Ir::new();
    for tensor in tensors.iter().filter(|tensor| tensor.input) {
        ir.input(tensor.name.clone(), tensor.dtype, tensor.shape.as_slice());
    }
    ir
}

/// The sum of multiples of ids, computed in the dtype `wide`.
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
