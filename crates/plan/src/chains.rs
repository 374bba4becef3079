//! Which nodes share a buffer, and where it lives.

use einfold_ir::{Access, Contraction, Def, IdVec, Ir, NodeId, RegionId};

/// Where the buffer of a chain lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In the operand of this position.
    Input(u32),
    /// In the result of this position.
    Output(u32),
    /// In scratch memory.
    Scratch,
}

/// Chains of nodes in one buffer: a node that adds to an earlier one adds in place, unless the earlier value is still
/// needed. A node in a looped region always adds in place to one outside: after the loop, that one is the sum.
pub(crate) struct Chains {
    live: IdVec<NodeId, bool>,
    root: IdVec<NodeId, NodeId>,
    homes: IdVec<NodeId, Home>,
}

impl Chains {
    pub(crate) fn of(ir: &Ir) -> Chains {
        let live = live(ir);
        let root = roots(ir, &live);
        let homes = homes(ir, &live, &root);
        Chains { live, root, homes }
    }

    /// Whether some output needs the node; operands always count.
    pub(crate) fn is_live(&self, id: NodeId) -> bool {
        self.live[id]
    }

    /// The first node of the chain.
    pub(crate) fn root(&self, id: NodeId) -> NodeId {
        self.root[id]
    }

    /// Where the chain of the node lives.
    pub(crate) fn home(&self, id: NodeId) -> Home {
        self.homes[self.root(id)]
    }
}

fn contraction(ir: &Ir, id: NodeId) -> Option<&Contraction> {
    match &ir.node(id).def {
        Def::Contract(c) => Some(c),
        _ => None,
    }
}

/// Calls `f` with every node whose elements the contraction reads, `onto` not included.
fn for_each_read(c: &Contraction, f: &mut impl FnMut(NodeId)) {
    c.factors.iter().for_each(|a| a.for_each_tensor(&mut |id| f(*id)));
    let ids = c.output.iter().flat_map(|i| i.ids()).map(|i| &i.access);
    ids.for_each(|a: &Access<NodeId>| a.for_each_tensor(&mut |id| f(*id)));
}

/// Whether `onto` is outside of the loop that `id` is in.
fn leaves_loop(ir: &Ir, id: NodeId, onto: NodeId) -> bool {
    ir.node(id).region != RegionId::TOP && ir.node(onto).region == RegionId::TOP
}

fn live(ir: &Ir) -> IdVec<NodeId, bool> {
    let mut live = ir.per_node(false);
    ir.inputs().iter().chain(ir.outputs()).for_each(|id| live[*id] = true);
    for id in ir.ids().rev() {
        let Some(c) = contraction(ir, id) else { continue };
        // A contribution from inside a loop has no reader of its own: it lives if the tensor that it adds to does.
        live[id] |= c.onto.is_some_and(|o| leaves_loop(ir, id, o) && live[o]);
        if live[id] {
            for_each_read(c, &mut |read| live[read] = true);
            c.onto.iter().for_each(|o| live[*o] = true);
        }
    }
    live
}

fn roots(ir: &Ir, live: &IdVec<NodeId, bool>) -> IdVec<NodeId, NodeId> {
    let mut last_user: IdVec<NodeId, Option<NodeId>> = ir.per_node(None);
    let mut read_by_itself = ir.per_node(false);
    for id in ir.ids().filter(|&id| live[id]) {
        let Some(c) = contraction(ir, id) else { continue };
        for_each_read(c, &mut |read| {
            last_user[read] = Some(id);
            read_by_itself[id] |= c.onto == Some(read);
        });
        c.onto.iter().for_each(|o| last_user[*o] = Some(id));
    }
    let mut is_output = ir.per_node(false);
    ir.outputs().iter().for_each(|id| is_output[*id] = true);
    let mut root: IdVec<NodeId, NodeId> = IdVec::with_capacity(ir.nodes().len());
    for id in ir.ids() {
        let onto = contraction(ir, id).and_then(|c| c.onto).filter(|&o| {
            let free = last_user[o] == Some(id) && !is_output[o];
            leaves_loop(ir, id, o) || (free && !read_by_itself[id])
        });
        root.push(onto.map_or(id, |o| root[o]));
    }
    root
}

fn homes(ir: &Ir, live: &IdVec<NodeId, bool>, root: &IdVec<NodeId, NodeId>) -> IdVec<NodeId, Home> {
    let mut read = ir.per_node(false);
    for id in ir.ids().filter(|&id| live[id]) {
        let Some(c) = contraction(ir, id) else { continue };
        for_each_read(c, &mut |other| read[root[other]] = true);
        let copied = c.onto.filter(|&o| root[o] != root[id]);
        copied.iter().for_each(|o| read[root[*o]] = true);
    }
    let mut homes = ir.per_node(Home::Scratch);
    let mut results = ir.per_node(0);
    for (k, output) in ir.outputs().iter().enumerate() {
        let root = root[*output];
        results[root] += 1;
        homes[root] = if results[root] == 1 && !read[root] { Home::Output(k as u32) } else { Home::Scratch };
    }
    for (slot, input) in ir.inputs().iter().enumerate() {
        homes[*input] = Home::Input(slot as u32);
    }
    homes
}
