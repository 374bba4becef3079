//! An expression that is being rewritten.

use einfold_ir::{Contraction, Def, IdVec, Ir, Node, NodeId, Violation};

/// The nodes of an expression, open to changes that keep each after those it reads.
pub(super) struct Module {
    pub(super) nodes: IdVec<NodeId, Node>,
    pub(super) outputs: Vec<NodeId>,
}

impl Module {
    pub(super) fn of(ir: &Ir) -> Module {
        Module { nodes: ir.nodes().clone(), outputs: ir.outputs().to_vec() }
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// The contraction that a node is, if it is one.
    pub(super) fn contraction(&self, id: NodeId) -> Option<&Contraction> {
        match &self.node(id).def {
            Def::Contract(c) => Some(c),
            _ => None,
        }
    }

    /// How often each node is used: as a factor, as ids, as an earlier contribution, as a result, by nodes that results need.
    pub(super) fn uses(&self) -> IdVec<NodeId, u32> {
        let mut uses = IdVec::filled(self.nodes.len(), 0);
        self.outputs.iter().for_each(|id| uses[*id] += 1);
        for (k, node) in self.nodes.entries().rev() {
            if let (1.., Def::Contract(c)) = (uses[k], &node.def) {
                for_each_read(c, &mut |id| uses[id] += 1);
            }
        }
        uses
    }

    /// The expression without the nodes that no result needs, and how many those are. Inputs stay.
    pub(super) fn finish(self) -> Result<(Ir, usize), Violation> {
        let uses = self.uses();
        let mut ir = Ir::new();
        let mut ids: IdVec<NodeId, NodeId> = IdVec::with_capacity(self.nodes.len());
        let mut gone = 0;
        for (node, uses) in self.nodes.iter().zip(uses) {
            let mut place = |id: &NodeId| ids[*id];
            let new = match &node.def {
                Def::Input { .. } => ir.input(node.label.clone(), node.dtype, node.shape.clone()),
                _ if uses == 0 => {
                    gone += 1;
                    NodeId(u32::MAX)
                }
                Def::Contract(c) => ir.push(Node { def: Def::Contract(mapped(c, &mut place)), ..node.clone() })?,
                _ => ir.push(node.clone())?,
            };
            ids.push(new);
        }
        for id in &self.outputs {
            ir.output(ids[*id])?;
        }
        Ok((ir, gone))
    }
}

/// Calls `f` with every node that a contraction uses, an earlier contribution included.
pub(crate) fn for_each_read(c: &Contraction, f: &mut impl FnMut(NodeId)) {
    c.factors.iter().for_each(|a| a.for_each_tensor(&mut |id| f(*id)));
    let ids = c.output.iter().flat_map(|i| i.ids());
    ids.for_each(|i| i.access.for_each_tensor(&mut |id| f(*id)));
    c.onto.iter().for_each(|id| f(*id));
}

/// The contraction over other nodes.
pub(crate) fn mapped(c: &Contraction, node: &mut impl FnMut(&NodeId) -> NodeId) -> Contraction {
    Contraction {
        factors: c.factors.iter().map(|f| f.map(node)).collect(),
        output: c.output.iter().map(|i| i.map(node)).collect(),
        onto: c.onto.as_ref().map(node),
        ..c.clone()
    }
}
