//! A slow and simple evaluator of modules: point by point, in the order of the axes.

use crate::element::{Element, Real, call, combine, identity};
use einfold_ir::{
    Access, Algebra, AxisRef, Contraction, Def, Dtype, Expr, Index, Ir, Node, NodeId, OutOfRange, PointOp,
};

#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<Element>,
}

/// A position outside its axis: the number of the indexed node, and the position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outside(pub(crate) u32, pub(crate) i128);

impl Tensor {
    pub(crate) fn full(dtype: Dtype, shape: &[usize], value: Element) -> Tensor {
        Tensor { dtype, shape: shape.to_vec(), data: vec![value; shape.iter().product()] }
    }

    fn offset(&self, position: &[usize]) -> usize {
        position.iter().zip(&self.shape).fold(0, |offset, (p, n)| offset * n + p)
    }
}

/// All positions of a space, in row-major order.
pub(crate) fn points(extents: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    (0..extents.iter().product()).map(move |k: usize| {
        let inner = |axis: usize| extents[axis + 1..].iter().product::<usize>();
        (0..extents.len()).map(|axis| k / inner(axis) % extents[axis]).collect()
    })
}

/// The outputs of a module.
pub(crate) fn evaluate(ir: &Ir, inputs: &[Tensor]) -> Result<Vec<Tensor>, Outside> {
    let mut tensors: Vec<Tensor> = Vec::new();
    for (id, node) in (0..).zip(ir.nodes().iter()) {
        let tensor = match &node.def {
            Def::Input { slot } => inputs[*slot as usize].clone(),
            Def::Identity(_) => panic!("made by slicing"),
            Def::Contraction(c) => contract(id, node, c, &tensors)?,
        };
        assert_eq!((tensor.dtype, &tensor.shape[..]), (node.dtype, &node.shape[..]));
        tensors.push(tensor);
    }
    Ok(ir.outputs().iter().map(|id| tensors[id.0 as usize].clone()).collect())
}

fn contract(id: u32, node: &Node, c: &Contraction, tensors: &[Tensor]) -> Result<Tensor, Outside> {
    let Algebra::Builtin { add, mul } = c.algebra else { panic!("no semirings of users here") };
    let mut result = match c.init {
        Some(init) => tensors[init.0 as usize].clone(),
        None => Tensor::full(node.dtype, &node.shape, identity(add, node.dtype)),
    };
    let extents: Vec<usize> = c.axes.iter().map(|axis| axis.extent).collect();
    for point in points(&extents) {
        let here = Here { point: &point, tensors };
        let mut factors = Vec::new();
        for factor in &c.factors {
            factors.push(here.read(factor)?);
        }
        let to = here.positions(id, &c.output, &result.shape)?;
        // A point with a dropped index in any of its reads contributes nothing.
        let (Some(factors), Some(to)) = (factors.into_iter().collect::<Option<Vec<_>>>(), to) else { continue };
        let value = match &c.expr {
            Some(expr) => pointwise(expr, &factors),
            None => factors
                .iter()
                .map(|factor| factor.fit(node.dtype))
                .reduce(|a, b| combine(mul, a, b, node.dtype))
                .unwrap_or(identity(mul, node.dtype)),
        };
        let offset = result.offset(&to);
        let slot = &mut result.data[offset];
        *slot = if c.is_map() { value } else { combine(add, *slot, value, node.dtype) };
    }
    Ok(result)
}

/// A point of an iteration space.
struct Here<'a> {
    point: &'a [usize],
    tensors: &'a [Tensor],
}

impl Here<'_> {
    /// The element; `None` if an index for it is dropped.
    fn read(&self, access: &Access<NodeId>) -> Result<Option<Element>, Outside> {
        let tensor = &self.tensors[access.tensor.0 as usize];
        let at = self.positions(access.tensor.0, &access.indices, &tensor.shape)?;
        let element = at.map(|at| tensor.data[tensor.offset(&at)]);
        Ok(element.map(|element| if access.conj { element.conj() } else { element }))
    }

    fn positions(&self, of: u32, indices: &[Index<NodeId>], shape: &[usize]) -> Result<Option<Vec<usize>>, Outside> {
        let positions = indices.iter().zip(shape).map(|(index, &size)| self.position(of, index, size as i128));
        Ok(positions.collect::<Result<Vec<_>, _>>()?.into_iter().collect())
    }

    fn position(&self, of: u32, index: &Index<NodeId>, size: i128) -> Result<Option<usize>, Outside> {
        let mut at = i128::from(index.offset());
        for term in index.terms() {
            let AxisRef::Own(axis) = term.axis else { panic!("no loops here") };
            at += i128::from(term.coef) * self.point[axis as usize] as i128;
        }
        for ids in index.indirect() {
            let Some(Element(Real::Int(id), _)) = self.read(&ids.access)? else { return Ok(None) };
            at += i128::from(ids.coef) * id;
        }
        let any = |policy: OutOfRange| index.indirect().iter().any(|ids| ids.policy == policy);
        if at < 0 && any(OutOfRange::Wrap) {
            at += size;
        }
        match usize::try_from(at) {
            Ok(at) if (at as i128) < size => Ok(Some(at)),
            _ if any(OutOfRange::Drop) => Ok(None),
            _ => Err(Outside(of, at)),
        }
    }
}

/// The value of an expression over these elements.
fn pointwise(expr: &Expr, factors: &[Element]) -> Element {
    let mut stack: Vec<Element> = Vec::new();
    for &(op, dtype) in expr.ops() {
        let value = match op {
            PointOp::Read(k) => factors[k as usize].fit(dtype),
            PointOp::Literal(literal) => Element::literal(literal).fit(dtype),
            PointOp::Convert => stack.pop().unwrap().fit(dtype),
            PointOp::Call(function) => {
                let arguments = stack.split_off(stack.len() - function.arity());
                call(function, &arguments, dtype)
            }
        };
        stack.push(value);
    }
    stack.pop().unwrap()
}
