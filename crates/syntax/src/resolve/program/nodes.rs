//! The module under construction.

use super::super::letters::addressable;
use super::errors::ProgramErrors;
use crate::error::Error;
use crate::span::Span;
use einfold_ir::{Contraction, Def, Dtype, Ir, Label, Node, NodeId, RegionId};
use std::collections::BTreeMap;

/// A module that contains each node once.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) ir: Ir,
    /// The nodes by the fingerprint of their contraction.
    made: BTreeMap<u64, Vec<NodeId>>,
}

impl Nodes {
    pub(super) fn new() -> Nodes {
        Nodes { ir: Ir::new(), made: BTreeMap::new() }
    }

    /// Adds a node, or returns the node with the same definition.
    pub(super) fn push(
        &mut self,
        errors: &ProgramErrors<'_>,
        place: Span,
        label: Label,
        (dtype, shape): (Dtype, &[usize]),
        contraction: Contraction,
    ) -> Result<NodeId, Error> {
        if !addressable(shape, dtype) {
            return Err(errors.too_large(shape, dtype, place));
        }
        let made = self.made.entry(contraction.fingerprint()).or_default();
        let twin = made.iter().find(|&&id| {
            let node = self.ir.node(id);
            let alike = node.dtype == dtype && node.shape.as_slice() == shape;
            alike && matches!(&node.def, Def::Contraction(other) if same(other, &contraction))
        });
        if let Some(&twin) = twin {
            return Ok(twin);
        }
        let (region, def) = (RegionId::TOP, contraction.into());
        let node = Node { label, dtype, shape: shape.into(), region, def };
        let id = self.ir.push(node).expect("a statement with known sizes and dtypes gives a valid node");
        made.push(id);
        Ok(id)
    }
}

/// Whether two contractions are equal up to the labels of their axes.
fn same(a: &Contraction, b: &Contraction) -> bool {
    let extents = |c: &Contraction| c.axes.iter().map(|axis| axis.extent).collect::<Vec<_>>();
    let rest = |c: &Contraction| (c.algebra, c.init, c.pinned);
    rest(a) == rest(b) && a.factors == b.factors && a.output == b.output && a.expr == b.expr && extents(a) == extents(b)
}
