//! The [`Rewriter`], through which every stage edits a module.

use std::sync::Arc;

use crate::access::{Access, Axis};
use crate::error::{Violation, ensure};
use crate::id_vec::IdVec;
use crate::module::{Contraction, Def, Ir, Node, NodeId, RegionId, RegionLoops};

/// Builds a module from another, node by node in order: each node is kept, replaced or left out, and new nodes may be
/// added in between.
///
/// Nothing is built until the first node that is not kept. A kept node is shared with the original module and is not
/// checked again, because it reads the same nodes or nodes of the same type.
#[derive(Debug)]
pub struct Rewriter<'a> {
    from: &'a Ir,
    /// The number of nodes kept before the first change.
    kept: usize,
    /// In a box, so that the check for `None` reads nothing else: valgrind reports a module that the compiler reads ahead
    /// of the check.
    built: Option<Box<Built>>,
}

/// The new module.
#[derive(Debug)]
struct Built {
    to: Ir,
    /// For each old node, the new one.
    ids: IdVec<NodeId, Option<NodeId>>,
}

impl<'a> Rewriter<'a> {
    /// Starts with the regions of `from` and without nodes.
    pub fn new(from: &'a Ir) -> Rewriter<'a> {
        Rewriter { from, kept: 0, built: None }
    }

    fn build(&mut self) -> &mut Built {
        let Rewriter { from, kept, built } = self;
        built.get_or_insert_with(|| {
            let mut to = Ir::new();
            to.nodes.reserve(from.nodes.len());
            to.nodes.extend(from.nodes.iter().take(*kept).cloned());
            to.inputs.extend(from.inputs.iter().copied().filter(|id| (id.0 as usize) < *kept));
            to.regions.clone_from(&from.regions);
            let ids = from.ids().map(|id| Some(id).filter(|id| (id.0 as usize) < *kept)).collect();
            Box::new(Built { to, ids })
        })
    }

    fn to(&self) -> Option<&Ir> {
        self.built.as_ref().map(|built| &built.to)
    }

    /// The number of the next node of the new module.
    pub fn next_number(&self) -> u32 {
        self.to().map_or(self.kept, |to| to.nodes.len()) as u32
    }

    /// A node of the new module.
    ///
    /// # Panics
    /// If the node does not exist.
    pub fn node(&self, id: NodeId) -> &Node {
        self.to().unwrap_or(self.from).node(id)
    }

    /// The loops of a region.
    ///
    /// # Panics
    /// If the region does not exist.
    pub fn loops(&self, region: RegionId) -> &[Axis] {
        self.to().unwrap_or(self.from).loops(region)
    }

    /// The new node that replaces an old one.
    ///
    /// # Panics
    /// If the old one was left out or has not been visited.
    pub fn id(&self, old: NodeId) -> NodeId {
        self.built.as_ref().map_or(old, |built| built.ids[old].expect("a node that is read is kept"))
    }

    /// Maps an access to old nodes to new nodes.
    pub fn access(&self, access: &Access<NodeId>) -> Access<NodeId> {
        access.map(&mut |id| self.id(*id))
    }

    /// Maps a contraction of old nodes to new nodes.
    pub fn contraction(&self, c: &Arc<Contraction>) -> Arc<Contraction> {
        let mut c = Arc::clone(c);
        let mut moved = false;
        c.for_each_needed(&mut |id| moved |= self.id(id) != id);
        if moved {
            let c = Arc::make_mut(&mut c);
            c.factors.iter_mut().for_each(|factor| *factor = self.access(factor));
            c.output.iter_mut().for_each(|index| *index = index.map(&mut |id| self.id(*id)));
            c.init = c.init.map(|id| self.id(id));
        }
        c
    }

    /// Keeps the next old node, with the nodes that it reads mapped to new ones.
    pub fn keep(&mut self, old: NodeId) -> NodeId {
        if self.built.is_none() && old.0 as usize == self.kept {
            self.kept += 1;
            return old;
        }
        let mut node = self.from.node(old).clone();
        match &mut node.def {
            Def::Input { .. } => return self.input(old),
            Def::Contraction(c) => *c = self.contraction(c),
            Def::Identity(_) => {}
        }
        let Built { to, ids } = self.build();
        let new = to.nodes.push(node);
        ids[old] = Some(new);
        new
    }

    /// Adds a node that reads new nodes.
    ///
    /// # Errors
    /// Those of [`Ir::push`].
    pub fn push(&mut self, node: Node) -> Result<NodeId, Violation> {
        self.build().to.push(node)
    }

    /// Replaces an old node of any kind by an input.
    pub fn input(&mut self, old: NodeId) -> NodeId {
        let Node { label, dtype, shape, .. } = self.from.node(old).clone();
        let Built { to, ids } = self.build();
        let new = to.input(label, dtype, shape);
        ids[old] = Some(new);
        new
    }

    /// Adds a region that runs once for every position of `axes`; with `partitions`, iterations of the first loop may run in
    /// parallel.
    pub fn region(&mut self, axes: Vec<Axis>, partitions: bool) -> RegionId {
        let partitions = partitions && !axes.is_empty();
        self.build().to.regions.push(RegionLoops { axes, partitions })
    }

    /// Replaces an old node by a new one.
    ///
    /// # Errors
    /// [`Violation`] if the new node has another dtype or shape.
    pub fn replace(&mut self, old: NodeId, new: NodeId) -> Result<(), Violation> {
        let (from, to) = (self.from.node(old), self.node(new));
        let same = from.dtype == to.dtype && from.shape == to.shape;
        ensure(same, || format!("%{} takes the place of %{} and has another type", new.0, old.0))?;
        if self.built.is_some() || old != new {
            self.build().ids[old] = Some(new);
        }
        Ok(())
    }

    /// The new module, with the outputs of the old one; `None` if all nodes were kept.
    ///
    /// # Errors
    /// Those of [`Ir::output`].
    pub fn finish(self) -> Result<Option<Ir>, Violation> {
        if self.built.is_none() && self.kept == self.from.nodes.len() {
            return Ok(None);
        }
        let from = self.from;
        self.finish_with(from.outputs()).map(Some)
    }

    /// The new module with other outputs: the replacements of these old nodes.
    ///
    /// # Errors
    /// Those of [`Ir::output`].
    pub fn finish_with(mut self, outputs: &[NodeId]) -> Result<Ir, Violation> {
        let Built { to, ids } = self.build();
        for &id in outputs {
            let new = ids[id].ok_or_else(|| Violation(format!("output %{} was left out", id.0)))?;
            to.output(new)?;
        }
        Ok(std::mem::take(to))
    }
}

impl Ir {
    /// The module without the nodes that no output needs; `None` if every node is needed. Inputs stay. For a module
    /// without looped regions.
    ///
    /// # Errors
    /// Those of [`Ir::output`].
    pub fn without_unused(&self) -> Result<Option<Ir>, Violation> {
        let uses = self.uses();
        let unused = |id: NodeId| uses[id] == 0 && !matches!(self.node(id).def, Def::Input { .. });
        let mut rewriter = Rewriter::new(self);
        self.ids().filter(|&id| !unused(id)).for_each(|id| _ = rewriter.keep(id));
        rewriter.finish()
    }
}
