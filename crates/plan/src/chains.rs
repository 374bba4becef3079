//! Which nodes share a buffer, and where it lives.

use einfold_ir::{Access, Contraction, Def, Ir, NodeId, RegionId};

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
    live: Vec<bool>,
    root: Vec<u32>,
    homes: Vec<Home>,
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
        self.live[id.0 as usize]
    }

    /// The first node of the chain.
    pub(crate) fn root(&self, id: NodeId) -> NodeId {
        NodeId(self.root[id.0 as usize])
    }

    /// Where the chain of the node lives.
    pub(crate) fn home(&self, id: NodeId) -> Home {
        self.homes[self.root(id).0 as usize]
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

fn live(ir: &Ir) -> Vec<bool> {
    let mut live = vec![false; ir.nodes().len()];
    ir.inputs().iter().chain(ir.outputs()).for_each(|id| live[id.0 as usize] = true);
    for id in ir.ids().collect::<Vec<_>>().into_iter().rev() {
        let Some(c) = contraction(ir, id) else { continue };
        // A contribution from inside a loop has no reader of its own: it lives if the tensor that it adds to does.
        live[id.0 as usize] |= c.onto.is_some_and(|o| leaves_loop(ir, id, o) && live[o.0 as usize]);
        if live[id.0 as usize] {
            for_each_read(c, &mut |read| live[read.0 as usize] = true);
            c.onto.iter().for_each(|o| live[o.0 as usize] = true);
        }
    }
    live
}

fn roots(ir: &Ir, live: &[bool]) -> Vec<u32> {
    let mut last_user: Vec<Option<NodeId>> = vec![None; ir.nodes().len()];
    let mut read_by_itself = vec![false; ir.nodes().len()];
    for id in ir.ids().filter(|id| live[id.0 as usize]) {
        let Some(c) = contraction(ir, id) else { continue };
        for_each_read(c, &mut |read| {
            last_user[read.0 as usize] = Some(id);
            read_by_itself[id.0 as usize] |= c.onto == Some(read);
        });
        c.onto.iter().for_each(|o| last_user[o.0 as usize] = Some(id));
    }
    let mut is_output = vec![false; ir.nodes().len()];
    ir.outputs().iter().for_each(|id| is_output[id.0 as usize] = true);
    let mut root: Vec<u32> = Vec::with_capacity(ir.nodes().len());
    for id in ir.ids() {
        let onto = contraction(ir, id).and_then(|c| c.onto).filter(|&o| {
            let free = last_user[o.0 as usize] == Some(id) && !is_output[o.0 as usize];
            leaves_loop(ir, id, o) || (free && !read_by_itself[id.0 as usize])
        });
        root.push(onto.map_or(id.0, |o| root[o.0 as usize]));
    }
    root
}

fn homes(ir: &Ir, live: &[bool], root: &[u32]) -> Vec<Home> {
    let mut read = vec![false; root.len()];
    for id in ir.ids().filter(|id| live[id.0 as usize]) {
        let Some(c) = contraction(ir, id) else { continue };
        for_each_read(c, &mut |other| read[root[other.0 as usize] as usize] = true);
        let copied = c.onto.filter(|o| root[o.0 as usize] != root[id.0 as usize]);
        copied.iter().for_each(|o| read[root[o.0 as usize] as usize] = true);
    }
    let mut homes = vec![Home::Scratch; root.len()];
    let mut results = vec![0; root.len()];
    for (k, output) in ir.outputs().iter().enumerate() {
        let root = root[output.0 as usize] as usize;
        results[root] += 1;
        homes[root] = if results[root] == 1 && !read[root] { Home::Output(k as u32) } else { Home::Scratch };
    }
    for (slot, input) in ir.inputs().iter().enumerate() {
        homes[input.0 as usize] = Home::Input(slot as u32);
    }
    homes
}
