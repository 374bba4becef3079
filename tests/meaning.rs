//! What an `Ir` means, slow and obvious: every node in order, every point of it one after the other. For IRs that no text
//! gives yet: gathers, scatters, windows, slices, built-in algebras.

use std::collections::BTreeMap;

use einfold_ir::{Access, Algebra, AxisRef, Contraction, Def, Dtype, Index, Ir, NodeId, OutOfRange};

use crate::num::{Num, Tensor, points};

/// The outputs for these inputs.
pub(crate) fn evaluate(ir: &Ir, inputs: &[Tensor]) -> Vec<Tensor> {
    let mut memory = Memory { ir, tensors: BTreeMap::new() };
    let ids: Vec<NodeId> = ir.ids().collect();
    for run in ids.chunk_by(|a, b| ir.node(*a).region == ir.node(*b).region) {
        let loops: Vec<usize> = ir.loops(ir.node(run[0]).region).iter().map(|a| a.extent).collect();
        for turn in points(&loops) {
            run.iter().for_each(|&id| memory.compute(id, inputs, &turn));
        }
    }
    ir.outputs().iter().map(|id| memory.tensors[&memory.home(*id)].clone()).collect()
}

struct Memory<'a> {
    ir: &'a Ir,
    tensors: BTreeMap<NodeId, Tensor>,
}

impl Memory<'_> {
    /// The node in whose memory a node is accumulated.
    fn home(&self, id: NodeId) -> NodeId {
        match &self.ir.node(id).def {
            Def::Contract(Contraction { onto: Some(base), .. }) => self.home(*base),
            _ => id,
        }
    }

    fn compute(&mut self, id: NodeId, inputs: &[Tensor], turn: &[usize]) {
        let node = self.ir.node(id);
        let fresh = |algebra: &Algebra| Tensor::full(node.dtype, &node.shape, identity(algebra, node.dtype));
        match &node.def {
            Def::Input { slot } => drop(self.tensors.insert(id, inputs[*slot as usize].clone())),
            Def::Identity(algebra) => drop(self.tensors.insert(id, fresh(algebra))),
            Def::Contract(c) => {
                if c.onto.is_none() {
                    self.tensors.insert(id, fresh(&c.algebra));
                }
                let extents: Vec<usize> = c.axes.iter().map(|a| a.extent).collect();
                points(&extents).for_each(|point| self.visit(id, c, &point, turn));
            }
            _ => unreachable!(),
        }
    }

    /// One point: nothing where an id drops it.
    fn visit(&mut self, id: NodeId, c: &Contraction, point: &[usize], turn: &[usize]) {
        let Algebra::Builtin { add, mul } = c.algebra else { unreachable!("a user's semiring has no numbers here") };
        let dtype = self.ir.node(id).dtype;
        let mut product = Num::identity(mul, dtype);
        for factor in &c.factors {
            let Some(at) = self.position(&factor.indices, factor.tensor, point, turn) else { return };
            let value = self.tensors[&self.home(factor.tensor)].data[at];
            product = product.apply(mul, if factor.conj { value.conj() } else { value }.to(dtype)).to(dtype);
        }
        let Some(at) = self.position(&c.output, id, point, turn) else { return };
        let target = &mut self.tensors.get_mut(&self.home(id)).unwrap().data[at];
        *target = target.apply(add, product).to(dtype);
    }

    fn position(&self, indices: &[Index<NodeId>], tensor: NodeId, point: &[usize], turn: &[usize]) -> Option<usize> {
        let shape = &self.ir.node(tensor).shape;
        let along = |(index, &extent): (&Index<NodeId>, &usize)| {
            let axis = |a: AxisRef| match a {
                AxisRef::Own(a) => point[a as usize] as i64,
                AxisRef::Loop(a) => turn[a as usize] as i64,
            };
            let mut at = index.offset + index.terms.iter().map(|t| t.coef * axis(t.axis)).sum::<i64>();
            for ids in &index.ids {
                at += ids.coef * self.id(&ids.access, point, turn)?;
                at += if ids.policy == OutOfRange::Wrap && at < 0 { extent as i64 } else { 0 };
                if ids.policy == OutOfRange::Drop && !(0..extent as i64).contains(&at) {
                    return None;
                }
            }
            Some(usize::try_from(at).ok().filter(|&at| at < extent).expect("a position inside"))
        };
        let positions: Vec<usize> = indices.iter().zip(shape).map(along).collect::<Option<_>>()?;
        Some(positions.iter().zip(shape).fold(0, |at, (p, n)| at * n + p))
    }

    fn id(&self, access: &Access<NodeId>, point: &[usize], turn: &[usize]) -> Option<i64> {
        let at = self.position(&access.indices, access.tensor, point, turn)?;
        match self.tensors[&self.home(access.tensor)].data[at] {
            Num::Int(id, _) => Some(id as i64),
            Num::Float(..) => unreachable!("ids are integers"),
        }
    }
}

fn identity(algebra: &Algebra, dtype: Dtype) -> Num {
    match algebra {
        Algebra::Builtin { add, .. } => Num::identity(*add, dtype),
        Algebra::User(u) => unreachable!("{} has no numbers here", u.name),
    }
}
