//! Reference semantics of an `Ir` and a `Plan`: every node or step in order, every point in sequence. They test modules
//! that no text leads to, and distinguish a wrong plan from a wrong run.

use std::collections::BTreeMap;

use einfold_ir::{
    Access, Algebra, Axis, AxisRef, Def, Draft, Dtype, Form, Index, Ir, NodeId, OutOfRange, Storage, WriteMode,
};

use crate::num::{Num, Tensor, points};

/// Evaluates the outputs of a module for these inputs.
pub(crate) fn evaluate(ir: &Ir, inputs: &[Tensor]) -> Vec<Tensor> {
    let mut home = |id: &NodeId| home(ir, *id);
    let mut memory = Memory::default();
    let ids: Vec<NodeId> = ir.ids().collect();
    for run in ids.chunk_by(|a, b| ir.node(*a).region == ir.node(*b).region) {
        for turn in turns(ir.loops(ir.node(run[0]).region)) {
            for &id in run {
                let node = ir.node(id);
                let fresh = |algebra| Tensor::full(node.dtype, &node.shape, identity(algebra, node.dtype));
                let first = match &node.def {
                    Def::Input { slot } => Some(inputs[*slot as usize].clone()),
                    Def::Identity(algebra) => Some(fresh(algebra)),
                    Def::Contraction(c) if c.init.is_none() => Some(fresh(&c.algebra)),
                    _ => None,
                };
                first.into_iter().for_each(|tensor| drop(memory.0.insert(id, tensor)));
                if let Def::Contraction(c) = &node.def {
                    let factors: Vec<_> = c.factors.iter().map(|f| f.map(&mut home)).collect();
                    let target = Access::new(id, c.output.clone()).map(&mut home);
                    memory.accumulate(&c.axes, &factors, &target, &c.algebra, &turn);
                }
            }
        }
    }
    ir.outputs().iter().map(|id| memory.0[&home(id)].clone()).collect()
}

/// Evaluates the outputs of a plan for these inputs.
pub(crate) fn run(plan: &Draft, inputs: &[Tensor]) -> Vec<Tensor> {
    let mut memory = Memory::default();
    for (k, buffer) in plan.buffers.iter().enumerate() {
        // Initialises buffers with 99, which is not a value of any result, so that missing writes are detected.
        let unwritten = Tensor::full(buffer.dtype, &buffer.extents, Num::Int(99, 0));
        let given = |k: u32| inputs[k as usize].clone();
        memory.0.insert(k as u32, if let Storage::Input(k) = buffer.storage { given(k) } else { unwritten });
    }
    for region in &plan.regions {
        for turn in turns(&region.loops) {
            for step in &region.steps {
                let tensor = memory.0.get_mut(&step.write.tensor.0).unwrap();
                if step.mode == WriteMode::Overwrite {
                    *tensor = Tensor::full(tensor.dtype, &tensor.shape, identity(&step.algebra, tensor.dtype));
                }
                if step.form != Form::Fill {
                    let reads: Vec<_> = step.reads.iter().map(|r| r.map(&mut |b| b.0)).collect();
                    memory.accumulate(&step.axes, &reads, &step.write.map(&mut |b| b.0), &step.algebra, &turn);
                }
            }
        }
    }
    plan.outputs.iter().map(|b| memory.0[&b.0].clone()).collect()
}

/// The node whose memory a node accumulates into.
fn home(ir: &Ir, id: NodeId) -> NodeId {
    ir.node(id).contraction().and_then(|c| c.init).map_or(id, |init| home(ir, init))
}

fn turns(loops: &[Axis]) -> impl Iterator<Item = Vec<usize>> {
    points(&loops.iter().map(|a| a.extent).collect::<Vec<_>>())
}

fn identity(algebra: &Algebra, dtype: Dtype) -> Num {
    match algebra {
        Algebra::Builtin { add, .. } => Num::identity(*add, dtype),
        Algebra::User(u) => unreachable!("{} has no numbers here", u.name),
    }
}

/// Tensors by node or by buffer.
struct Memory<T>(BTreeMap<T, Tensor>);

impl<T> Default for Memory<T> {
    fn default() -> Memory<T> {
        Memory(BTreeMap::new())
    }
}

impl<T: Ord> Memory<T> {
    /// Computes `target ⊕= factor ⊗ …` for every point, except points that an index drops.
    fn accumulate(
        &mut self,
        axes: &[Axis],
        factors: &[Access<T>],
        target: &Access<T>,
        algebra: &Algebra,
        turn: &[usize],
    ) {
        let Algebra::Builtin { add, mul } = *algebra else { unreachable!("a user's semiring has no numbers here") };
        let dtype = self.0[&target.tensor].dtype;
        for point in turns(axes) {
            let value = |product: Option<Num>, factor: &Access<T>| {
                let value = self.0[&factor.tensor].data[self.position(factor, &point, turn)?];
                let value = if factor.conj { value.conj() } else { value }.to(dtype);
                Some(product?.apply(mul, value).to(dtype))
            };
            let product = factors.iter().fold(Some(Num::identity(mul, dtype)), value);
            if let (Some(product), Some(at)) = (product, self.position(target, &point, turn)) {
                let element = &mut self.0.get_mut(&target.tensor).unwrap().data[at];
                *element = element.apply(add, product).to(dtype);
            }
        }
    }

    /// The element that an access refers to; `None` if an index drops the point.
    fn position(&self, access: &Access<T>, point: &[usize], turn: &[usize]) -> Option<usize> {
        let along = |(index, &extent): (&Index<T>, &usize)| {
            let axis = |a: AxisRef| match a {
                AxisRef::Own(a) => point[a as usize] as i128,
                AxisRef::Loop(a) => turn[a as usize] as i128,
            };
            let terms = index.terms().iter().map(|t| i128::from(t.coef) * axis(t.axis));
            let (mut at, extent) = (i128::from(index.offset()) + terms.sum::<i128>(), extent as i128);
            for ids in index.indirect() {
                let id = self.0[&ids.access.tensor].data[self.position(&ids.access, point, turn)?];
                let Num::Int(id, _) = id else { unreachable!("ids are integers") };
                at += i128::from(ids.coef) * id;
                at += if ids.policy == OutOfRange::Wrap && at < 0 { extent } else { 0 };
                if ids.policy == OutOfRange::Drop && !(0..extent).contains(&at) {
                    return None;
                }
            }
            Some(usize::try_from(at).ok().filter(|_| at < extent).expect("a position inside"))
        };
        let shape = &self.0[&access.tensor].shape;
        let positions: Vec<usize> = access.indices.iter().zip(shape).map(along).collect::<Option<_>>()?;
        Some(positions.iter().zip(shape).fold(0, |at, (p, n)| at * n + p))
    }
}
