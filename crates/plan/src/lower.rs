//! Lowers the module to steps over buffers: total and naive, one step for each node.

use einfold_ir::{
    Access, Algebra, Buffer, BufferId, Contraction, Def, Draft, Form, IdVec, Index, Indices, Ir, Layout, Node, NodeId,
    Region, RegionId, Step, Storage, WriteMode,
};
use smallvec::SmallVec;

use crate::buffers::BufferAssignment;
use crate::error::PlanError;
use crate::memory;
use crate::network::numbered_axes;

/// The layout hints of the caller's arrays, by position; row-major if none is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hints {
    /// The layouts of the operands.
    pub inputs: Vec<Layout>,
    /// The layouts of the results.
    pub outputs: Vec<Layout>,
}

/// Lowers each node that an output needs to a loop nest, in order. Offsets of intermediates in scratch memory are
/// assigned after the passes, when the steps are final.
///
/// A node that accumulates into an earlier one does so in the earlier one's buffer, or in a copy if the earlier value
/// is still needed. A result that is also read, that is requested twice or that is an operand is computed in scratch
/// memory and copied at the end, because an output buffer is only written.
///
/// # Errors
/// [`PlanError::TooLarge`] if a buffer cannot be addressed.
pub fn lower(ir: &Ir, hints: &Hints) -> Result<Draft, PlanError> {
    let mut lowering = Lowering {
        ir,
        hints,
        assignment: BufferAssignment::of(ir),
        draft: Draft { buffers: IdVec::with_capacity(ir.nodes().len()), ..Draft::default() },
        buffers: ir.per_node(None),
        looped: IdVec::filled(ir.regions(), Vec::new()),
    };
    lowering.run();
    memory::check_addressable(&lowering.draft)?;
    Ok(lowering.draft)
}

struct Lowering<'a> {
    ir: &'a Ir,
    hints: &'a Hints,
    assignment: BufferAssignment,
    draft: Draft,
    /// Each buffer, by the first node that it holds.
    buffers: IdVec<NodeId, Option<BufferId>>,
    /// The steps of each looped region, until its last node is lowered.
    looped: IdVec<RegionId, Vec<Step>>,
}

impl Lowering<'_> {
    fn run(&mut self) {
        self.draft.inputs = self.ir.inputs().iter().map(|&id| self.buffer_of(id)).collect();
        let mut lasts: IdVec<RegionId, Option<NodeId>> = IdVec::filled(self.ir.regions(), None);
        let live: SmallVec<[NodeId; 8]> = self.ir.ids().filter(|&id| self.assignment.live[id]).collect();
        live.iter().for_each(|&id| lasts[self.ir.node(id).region] = Some(id));
        for &id in &live {
            let region = self.ir.node(id).region;
            self.node(id);
            if region != RegionId::TOP && lasts[region] == Some(id) {
                // The memory assignment sets the stride between partitions.
                let partitions = self.ir.has_partitions(region).then_some(0);
                let steps = std::mem::take(&mut self.looped[region]);
                self.draft.regions.push(Region { loops: self.ir.loops(region).to_vec(), steps, partitions });
            }
        }
        self.outputs();
    }

    fn node(&mut self, id: NodeId) {
        let node = self.ir.node(id);
        match &node.def {
            Def::Input { .. } => {}
            Def::Identity(algebra) => {
                let buffer = self.buffer_of(id);
                let write = Access::new(buffer, node.shape.iter().map(|_| Index::constant(0)));
                let (axes, reads) = (Vec::new(), Vec::new());
                let (mode, algebra, form) = (WriteMode::Overwrite, *algebra, Form::Fill);
                self.add(node.region, Step { origin: id, axes, reads, write, mode, algebra, form });
            }
            Def::Contraction(c) => self.contract(id, node, c),
        }
    }

    fn contract(&mut self, id: NodeId, node: &Node, c: &Contraction) {
        if let Some(init) = c.init.filter(|&o| self.assignment.root[o] != self.assignment.root[id]) {
            let (from, to) = (self.buffer_of(init), self.buffer_of(id));
            self.copy(init, node.region, from, to);
        }
        let mut tensor = |id: &NodeId| self.buffer_of(*id);
        let reads = c.factors.iter().map(|f| f.map(&mut tensor)).collect();
        let indices: Indices<_> = c.output.iter().map(|i| i.map(&mut tensor)).collect();
        let write = Access::new(self.buffer_of(id), indices);
        let mode = if c.init.is_some() { WriteMode::Accumulate } else { WriteMode::Overwrite };
        let form = Form::Nest(c.expr.clone());
        let axes = c.axes.clone();
        self.add(node.region, Step { origin: id, axes, reads, write, mode, algebra: c.algebra, form });
    }

    /// The buffer that holds the value of a node.
    fn buffer_of(&mut self, id: NodeId) -> BufferId {
        let root = self.assignment.root[id];
        if let Some(buffer) = self.buffers[root] {
            return buffer;
        }
        let buffer = self.new_buffer(root, self.assignment.storage(root));
        self.buffers[root] = Some(buffer);
        buffer
    }

    fn new_buffer(&mut self, like: NodeId, storage: Storage) -> BufferId {
        let hint = |hints: &[Layout], k: u32| hints.get(k as usize).cloned().unwrap_or(Layout::RowMajor);
        let layout = match storage {
            Storage::Input(k) => hint(&self.hints.inputs, k),
            Storage::Output(k) => hint(&self.hints.outputs, k),
            Storage::Scratch(_) => Layout::RowMajor,
        };
        let Node { label, dtype, shape, .. } = self.ir.node(like);
        self.draft.buffers.push(Buffer { label: label.clone(), dtype: *dtype, extents: shape.clone(), storage, layout })
    }

    /// Finds or adds the buffer of every result, and adds copies of values that were computed elsewhere.
    fn outputs(&mut self) {
        for (k, &id) in self.ir.outputs().iter().enumerate() {
            let computed = self.buffer_of(id);
            let buffer = if self.assignment.storage(id) == Storage::Output(k as u32) {
                computed
            } else {
                let result = self.new_buffer(id, Storage::Output(k as u32));
                self.copy(id, RegionId::TOP, computed, result);
                result
            };
            self.draft.outputs.push(buffer);
        }
    }

    /// Adds a step that copies a whole buffer, which holds the value of `origin`.
    fn copy(&mut self, origin: NodeId, region: RegionId, from: BufferId, to: BufferId) {
        let axes = numbered_axes(&self.draft.buffer(from).extents);
        let plain = |buffer| Access::plain(buffer, 0..axes.len() as u32);
        let (reads, write) = (vec![plain(from)], plain(to));
        let algebra = match &self.ir.node(origin).def {
            Def::Identity(algebra) => *algebra,
            Def::Contraction(c) => c.algebra,
            Def::Input { .. } => Algebra::SUM_PRODUCT,
        };
        let (mode, form) = (WriteMode::Overwrite, Form::Nest(None));
        self.add(region, Step { origin, axes, reads, write, mode, algebra, form });
    }

    fn add(&mut self, region: RegionId, step: Step) {
        if region != RegionId::TOP {
            self.looped[region].push(step);
        } else if let Some(open) = self.draft.regions.last_mut().filter(|r| r.loops.is_empty()) {
            open.steps.push(step);
        } else {
            self.draft.regions.push(Region { loops: Vec::new(), steps: vec![step], partitions: None });
        }
    }
}

#[cfg(test)]
mod tests;
