//! Assigns nodes to buffers and buffers to storage.

use einfold_ir::{IdVec, Ir, NodeId, RegionId, Storage};

/// Which nodes share a buffer: a node that accumulates into an earlier one does so in place, unless the earlier value
/// is still needed. A node in a looped region always accumulates in place into a node outside: after the loop, the
/// outer node is the sum.
pub(crate) struct BufferAssignment {
    /// Whether some output needs each node; operands always count as needed.
    pub(crate) live: IdVec<NodeId, bool>,
    /// The first of the nodes that share the buffer of each node.
    pub(crate) root: IdVec<NodeId, NodeId>,
    storages: IdVec<NodeId, Storage>,
}

impl BufferAssignment {
    pub(crate) fn of(ir: &Ir) -> BufferAssignment {
        let live = live(ir);
        let root = roots(ir, &live);
        let storages = storages(ir, &live, &root);
        BufferAssignment { live, root, storages }
    }

    /// The storage of the buffer of the node; in scratch memory at offset 0 until memory is assigned.
    pub(crate) fn storage(&self, id: NodeId) -> Storage {
        self.storages[self.root[id]]
    }
}

/// Whether `init` is outside the loop that `id` is in.
fn leaves_loop(ir: &Ir, id: NodeId, init: NodeId) -> bool {
    ir.node(id).region != RegionId::TOP && ir.node(init).region == RegionId::TOP
}

fn live(ir: &Ir) -> IdVec<NodeId, bool> {
    let mut live = ir.per_node(false);
    ir.inputs().iter().chain(ir.outputs()).for_each(|id| live[*id] = true);
    for id in ir.ids().rev() {
        let Some(c) = ir.node(id).contraction() else { continue };
        // A contribution from inside a loop has no reader of its own: it is live if the tensor that it accumulates into
        // is.
        live[id] |= c.init.is_some_and(|o| leaves_loop(ir, id, o) && live[o]);
        if live[id] {
            c.for_each_needed(&mut |needed| live[needed] = true);
        }
    }
    live
}

fn roots(ir: &Ir, live: &IdVec<NodeId, bool>) -> IdVec<NodeId, NodeId> {
    let mut last_user: IdVec<NodeId, Option<NodeId>> = ir.per_node(None);
    for id in ir.ids().filter(|&id| live[id]) {
        let Some(c) = ir.node(id).contraction() else { continue };
        c.for_each_needed(&mut |needed| last_user[needed] = Some(id));
    }
    ir.outputs().iter().for_each(|id| last_user[*id] = None);
    let mut root: IdVec<NodeId, NodeId> = IdVec::with_capacity(ir.nodes().len());
    for id in ir.ids() {
        let contraction = ir.node(id).contraction().and_then(|c| Some((c, c.init?)));
        let init = contraction.filter(|&(c, o)| {
            let mut is_read = false;
            c.for_each_read(&mut |read| is_read |= read == o);
            leaves_loop(ir, id, o) || (last_user[o] == Some(id) && !is_read)
        });
        root.push(init.map_or(id, |(_, o)| root[o]));
    }
    root
}

fn storages(ir: &Ir, live: &IdVec<NodeId, bool>, root: &IdVec<NodeId, NodeId>) -> IdVec<NodeId, Storage> {
    let mut read = ir.per_node(false);
    for id in ir.ids().filter(|&id| live[id]) {
        let Some(c) = ir.node(id).contraction() else { continue };
        c.for_each_read(&mut |other| read[root[other]] = true);
        let copied = c.init.filter(|&o| root[o] != root[id]);
        copied.iter().for_each(|o| read[root[*o]] = true);
    }
    let mut storages = ir.per_node(Storage::Scratch(0));
    let mut results = ir.per_node(0);
    for (k, output) in ir.outputs().iter().enumerate() {
        let root = root[*output];
        results[root] += 1;
        storages[root] =
            if results[root] == 1 && !read[root] { Storage::Output(k as u32) } else { Storage::Scratch(0) };
    }
    for (slot, input) in ir.inputs().iter().enumerate() {
        storages[*input] = Storage::Input(slot as u32);
    }
    storages
}
