//! Modules as text, one line for each node.

use std::collections::BTreeSet;
use std::fmt;

use super::{Def, Ir, Node, NodeId};
use crate::access::{Access, AxisRef, Label};

impl fmt::Display for Ir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, node) in self.nodes.entries() {
            write!(f, "%{} {} = ", id.0, node.label)?;
            self.show_def(id, node, f)?;
            writeln!(f, "  {}{:?}", node.dtype, node.shape)?;
        }
        let outputs: Vec<String> = self.outputs.iter().map(|o| format!("%{}", o.0)).collect();
        writeln!(f, "return {}", outputs.join(", "))
    }
}

impl Ir {
    fn show_def(&self, own: NodeId, node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = match &node.def {
            Def::Input { slot } => return write!(f, "input {slot}"),
            Def::Identity(algebra) => return write!(f, "identity of {algebra}"),
            Def::Contraction(c) => c,
        };
        let loops = self.loops(node.region);
        for (k, axis) in loops.iter().enumerate() {
            let kind = if k == 0 && self.has_partitions(node.region) { "partitions" } else { "for" };
            write!(f, "{kind} {}:{} ", axis.label, axis.extent)?;
        }
        if let Some(init) = c.init {
            write!(f, "%{} and ", init.0)?;
        }
        write!(f, "{} ", c.algebra)?;
        let axis = |a: AxisRef| a.of(&c.axes, loops).map(|axis| axis.label.clone()).unwrap_or_default();
        // The left side prints as an access to the node itself; its number is already in front.
        let tensor = |id: &NodeId| if *id == own { Label::default() } else { format!("%{}", id.0).into() };
        let factors: Vec<String> = c.factors.iter().map(|factor| factor.show(&axis, &tensor)).collect();
        match &c.expr {
            Some(expr) => {
                f.write_str(&expr.show(|k| factors[k as usize].clone()))?;
                let read: BTreeSet<usize> = expr.reads().map(|(k, _)| k).collect();
                // Factors that are not read still drop points.
                for k in (0..factors.len()).filter(|k| !read.contains(k)) {
                    write!(f, " with {}", factors[k])?;
                }
            }
            None => f.write_str(&factors.join(" . "))?,
        }
        let left = Access::new(own, c.output.iter().cloned());
        write!(f, " -> {}", left.show(&axis, &tensor))?;
        if c.pinned { f.write_str("  pinned") } else { Ok(()) }
    }
}
