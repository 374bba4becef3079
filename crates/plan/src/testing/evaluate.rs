//! A slow and simple evaluator of modules in `f64`: every node in order, and every point of it one after the other.

use einfold_ir::{
    Access, Algebra, AxisRef, BinaryOp, Contraction, Def, Dtype, DtypeKind, Expr, Function, IdVec, Index, Ir, Literal,
    Node, NodeId, OutOfRange, PointOp,
};

/// The elements of a tensor in row-major order.
pub(crate) type Values = Vec<f64>;

/// A gather or scatter index outside its axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outside;

/// The results of a module without loops for these operands.
pub(crate) fn evaluate(ir: &Ir, inputs: &[Values]) -> Result<Vec<Values>, Outside> {
    let mut tensors: IdVec<NodeId, Values> = IdVec::default();
    for (id, node) in ir.nodes().entries() {
        let size = node.shape.iter().product();
        let tensor = match &node.def {
            Def::Input { slot } => inputs[*slot as usize].clone(),
            Def::Identity(algebra) => vec![identity(algebra, node.dtype); size],
            Def::Contraction(c) => contract(ir, id, node, c, &tensors)?,
        };
        assert_eq!(tensor.len(), size);
        tensors.push(tensor);
    }
    Ok(ir.outputs().iter().map(|id| tensors[*id].clone()).collect())
}

/// All positions of an iteration space, in row-major order.
fn points(extents: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<'_> {
    let inner = |axis: usize| extents[axis + 1..].iter().product::<usize>();
    (0..extents.iter().product()).map(move |k| (0..extents.len()).map(|a| k / inner(a) % extents[a]).collect())
}

fn contract(
    ir: &Ir,
    id: NodeId,
    node: &Node,
    c: &Contraction,
    tensors: &IdVec<NodeId, Values>,
) -> Result<Values, Outside> {
    let Algebra::Builtin { add, mul } = c.algebra else { panic!("no semirings of users here") };
    let mut result = match c.init {
        Some(init) => tensors[init].clone(),
        None => vec![identity(&c.algebra, node.dtype); node.shape.iter().product()],
    };
    let extents: Vec<usize> = c.axes.iter().map(|axis| axis.extent).collect();
    for point in points(&extents) {
        let here = Here { ir, tensors, point: &point };
        let read = |factor: &Access<NodeId>| here.element(factor);
        let factors: Vec<Option<f64>> = c.factors.iter().map(read).collect::<Result<_, _>>()?;
        let at = here.offset(&c.output, &ir.node(id).shape)?;
        // A point with a dropped index contributes nothing.
        let (Some(factors), Some(at)) = (factors.into_iter().collect::<Option<Vec<f64>>>(), at) else { continue };
        let fit = |x: f64| fit(x, node.dtype);
        let value = match &c.expr {
            Some(expr) => pointwise(expr, &factors),
            None => factors.iter().copied().map(fit).reduce(|a, b| fit(combine(mul, a, b))).unwrap_or(one(mul)),
        };
        result[at] = if c.is_map() { fit(value) } else { fit(combine(add, result[at], value)) };
    }
    Ok(result)
}

/// A point of an iteration space.
struct Here<'a> {
    ir: &'a Ir,
    tensors: &'a IdVec<NodeId, Values>,
    point: &'a [usize],
}

impl Here<'_> {
    /// The element of an access; `None` if an index on the way to it is dropped.
    fn element(&self, access: &Access<NodeId>) -> Result<Option<f64>, Outside> {
        let at = self.offset(&access.indices, &self.ir.node(access.tensor).shape)?;
        Ok(at.map(|at| self.tensors[access.tensor][at]))
    }

    fn offset(&self, indices: &[Index<NodeId>], shape: &[usize]) -> Result<Option<usize>, Outside> {
        let mut offset = Some(0);
        for (index, &extent) in indices.iter().zip(shape) {
            let position = self.position(index, extent as i64)?;
            offset = offset.zip(position).map(|(offset, at)| offset * extent + at);
        }
        Ok(offset)
    }

    fn position(&self, index: &Index<NodeId>, extent: i64) -> Result<Option<usize>, Outside> {
        let mut at = index.offset();
        for term in index.terms() {
            let AxisRef::Own(axis) = term.axis else { panic!("no loops here") };
            at += term.coef * self.point[axis as usize] as i64;
        }
        for term in index.indirect() {
            let Some(id) = self.element(&term.access)? else { return Ok(None) };
            at += term.coef * id as i64;
        }
        let any = |policy: OutOfRange| index.indirect().iter().any(|term| term.policy == policy);
        if at < 0 && any(OutOfRange::Wrap) {
            at += extent;
        }
        match (0..extent).contains(&at) {
            true => Ok(Some(at as usize)),
            false if any(OutOfRange::Drop) => Ok(None),
            false => Err(Outside),
        }
    }
}

fn pointwise(expr: &Expr, factors: &[f64]) -> f64 {
    let mut stack: Vec<f64> = Vec::new();
    for &(op, dtype) in expr.ops() {
        let value = match op {
            PointOp::Read(k) => factors[k as usize],
            PointOp::Literal(Literal::Int(i)) => i as f64,
            PointOp::Literal(Literal::Float(x)) => x,
            PointOp::Convert => stack.pop().unwrap(),
            PointOp::Call(function) => {
                let arguments = stack.split_off(stack.len() - function.arity());
                call(function, &arguments)
            }
        };
        stack.push(fit(value, dtype));
    }
    stack.pop().unwrap()
}

fn call(function: Function, x: &[f64]) -> f64 {
    match function {
        Function::Neg => -x[0],
        Function::Exp => x[0].exp(),
        Function::Log => x[0].ln(),
        Function::Sqrt => x[0].sqrt(),
        Function::Abs => x[0].abs(),
        Function::Conj | Function::Re => x[0],
        Function::Add => x[0] + x[1],
        Function::Sub => x[0] - x[1],
        Function::Mul => x[0] * x[1],
        Function::Div => x[0] / x[1],
        Function::Max => combine(BinaryOp::Max, x[0], x[1]),
        Function::Min => combine(BinaryOp::Min, x[0], x[1]),
        Function::Eq => f64::from(u8::from(x[0] == x[1])),
        Function::Where => x[if x[0] != 0.0 { 1 } else { 2 }],
        other => panic!("{other:?}"),
    }
}

fn combine(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Mul => a * b,
        _ if a.is_nan() || b.is_nan() => f64::NAN,
        BinaryOp::Max => a.max(b),
        BinaryOp::Min => a.min(b),
        BinaryOp::LogAddExp if a.max(b).is_infinite() => a.max(b),
        BinaryOp::LogAddExp => a.max(b) + ((a - a.max(b)).exp() + (b - a.max(b)).exp()).ln(),
        other => panic!("{other:?}"),
    }
}

/// The identity of ⊗.
fn one(mul: BinaryOp) -> f64 {
    f64::from(u8::from(mul == BinaryOp::Mul))
}

fn identity(algebra: &Algebra, dtype: Dtype) -> f64 {
    let Algebra::Builtin { add, .. } = algebra else { panic!("no semirings of users here") };
    let least = match dtype.kind() {
        DtypeKind::Bool | DtypeKind::Unsigned => 0.0,
        DtypeKind::Signed => -(2f64.powi(8 * dtype.size() as i32 - 1)),
        _ => f64::NEG_INFINITY,
    };
    match add {
        BinaryOp::Add => 0.0,
        BinaryOp::Mul => 1.0,
        BinaryOp::Max | BinaryOp::LogAddExp => least,
        BinaryOp::Min if least == f64::NEG_INFINITY => f64::INFINITY,
        BinaryOp::Min => -least - 1.0,
        other => panic!("{other:?}"),
    }
}

/// The number converted to this dtype, in whose range it is.
fn fit(x: f64, dtype: Dtype) -> f64 {
    match dtype {
        Dtype::Bool => f64::from(u8::from(x != 0.0)),
        Dtype::F32 => f64::from(x as f32),
        _ => x,
    }
}
