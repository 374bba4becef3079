//! The contraction trees as a graph for Graphviz.

use std::fmt::Write;

use einfold_ir::Count;

use super::Explain;
use super::tree::TreeReport;

impl Explain {
    /// The contraction trees in the Graphviz language: operands as boxes, steps with shape and flops, edges from
    /// children to steps. The edge of a factor that is the result of another contraction starts at that contraction.
    pub fn dot(&self) -> String {
        let mut text = String::from("digraph einfold {\n  rankdir=BT;\n");
        let computed: Vec<(u32, usize)> = self.trees.iter().map(|t| (t.node.0, t.tensors.len() - 1)).collect();
        self.trees.iter().for_each(|tree| draw(tree, &computed, &mut text));
        text + "}\n"
    }
}

/// Writes one tree. `computed` has the node and the root of each tree. Writing to a string cannot fail.
fn draw(tree: &TreeReport, computed: &[(u32, usize)], text: &mut String) {
    let name = |id: usize| format!("n{}_{id}", tree.node.0);
    let source = |id: usize| {
        let root = tree.tensors[id].node.and_then(|node| computed.iter().find(|(c, _)| *c == node.0));
        root.map_or_else(|| name(id), |(node, root)| format!("n{node}_{root}"))
    };
    for (id, tensor) in tree.tensors.iter().enumerate() {
        if source(id) != name(id) || !tensor.written {
            continue;
        }
        let (what, looks) = match tensor.node {
            Some(node) => (format!("%{} {}", node.0, tensor.subscripts), " shape=box"),
            None => (tensor.subscripts.clone(), ""),
        };
        let flops = if tensor.flops == Count::ZERO { String::new() } else { format!("\\n{:.1e} flops", tensor.flops) };
        let runs = if tensor.runs == Count::ONE { String::new() } else { format!("\\n{} iterations", tensor.runs) };
        let _ = writeln!(text, "  {} [label=\"{}\\n{}{flops}{runs}\"{looks}];", name(id), escape(&what), tensor.shape);
        for child in tree.sources(id) {
            let _ = writeln!(text, "  {} -> {};", source(child as usize), name(id));
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
