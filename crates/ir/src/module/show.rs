//! Modules as text, one line for each node.

use std::collections::BTreeSet;
use std::fmt;

use super::{Def, Ir, Node, NodeId};
use crate::access::{Access, AxisRef, Label, ShowAccess};
use crate::dtype::Dtype;
use crate::expr::{PointOp, ShowExpr};

impl fmt::Display for Ir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (k, node) in self.nodes.iter().enumerate() {
            write!(f, "%{k} {} = ", node.label)?;
            self.show_def(node, f)?;
            writeln!(f, "  {}{:?}", node.dtype, node.shape)?;
        }
        let outputs: Vec<String> = self.outputs.iter().map(|o| format!("%{}", o.0)).collect();
        writeln!(f, "return {}", outputs.join(", "))
    }
}

impl Ir {
    fn show_def(&self, node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        let axis = |a: AxisRef| match a {
            AxisRef::Own(a) => c.axes[a as usize].label.clone(),
            AxisRef::Loop(a) => loops[a as usize].label.clone(),
        };
        let tensor = |id: &NodeId| Label::from(format!("%{}", id.0));
        let factor = |k: usize| ShowAccess { access: &c.factors[k], axis, tensor }.to_string();
        match &c.expr {
            Some(expr) => {
                write!(f, "{}", ShowExpr { expr, factor: |k| factor(k as usize) })?;
                let read = |op: &(PointOp, Dtype)| if let PointOp::Read(k) = op.0 { Some(k as usize) } else { None };
                let read: BTreeSet<usize> = expr.ops().iter().filter_map(read).collect();
                // Factors that are not read still drop points.
                for k in (0..c.factors.len()).filter(|k| !read.contains(k)) {
                    write!(f, " with {}", factor(k))?;
                }
            }
            None => f.write_str(&(0..c.factors.len()).map(factor).collect::<Vec<_>>().join(" . "))?,
        }
        // The left side prints as an access to the node itself; its number is already in front.
        let left = Access::new(None, c.output.iter().map(|i| i.map(&mut |id: &NodeId| Some(*id))));
        let tensor = |id: &Option<NodeId>| id.map_or(Label::from(""), |id| Label::from(format!("%{}", id.0)));
        write!(f, " -> {}", ShowAccess { access: &left, axis, tensor })?;
        if c.pinned { f.write_str("  pinned") } else { Ok(()) }
    }
}
