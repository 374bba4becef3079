//! Writes contraction trees in DOT, the language of Graphviz.

use std::fmt::Write;

use einfold_ir::{Count, Network};

use super::drawing::Drawing;
use crate::FoundOrder;

/// Returns the tree of an order of `network` in DOT: a node for each tensor with its axes and number of elements, as a
/// box for an operand and with its flops for the result of a step; an edge from each tensor that a step reads to its
/// result. A large tree is drawn without axes. `labels` are the labels of the axes. If the order is sliced, the numbers
/// are those of one slice.
pub fn dot(network: &Network, found: &FoundOrder, labels: &[impl AsRef<str>]) -> String {
    let drawing = Drawing::new(network, found, labels);
    let leaves = found.tree.leaves();
    let mut text = String::from("digraph order {\n  rankdir=BT;\n");
    for (id, node) in drawing.nodes.iter().enumerate() {
        let axes = node.axes.as_ref().map_or_else(String::new, |axes| format!(" {}", escape(axes)));
        let flops = if node.flops == Count::ZERO { String::new() } else { format!("\\n{:.1e} flops", node.flops) };
        let outline = if id < leaves { " shape=box" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  n{id} [label=\"#{id}{axes}\\n{:.1}{flops}\"{outline}];", node.size);
        node.children.iter().for_each(|child| _ = writeln!(text, "  n{child} -> n{id};"));
    }
    text + "}\n"
}

/// Escapes a text for a quoted string of DOT.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::dot;
    use crate::{Budget, Order, order};
    use einfold_ir::Network;

    #[test]
    fn edges_point_from_the_tensors_that_a_step_reads_to_its_result() {
        let network = Network::new(vec![vec![0, 1], vec![1, 2], vec![2]], vec![0], vec![2, 30, 4]).unwrap();
        let path = Order::Ssa(vec![vec![1, 2], vec![0, 3]]);
        let found = order(&network, &path, &Budget::default()).unwrap();
        let want = r##"digraph order {
  rankdir=BT;
  n0 [label="#0 i \"j\"\n60" shape=box];
  n1 [label="#1 \"j\" k\n120" shape=box];
  n2 [label="#2 k\n4" shape=box];
  n3 [label="#3 \"j\"\n30\n1.2e2 flops"];
  n1 -> n3;
  n2 -> n3;
  n4 [label="#4 i\n2\n6.0e1 flops"];
  n0 -> n4;
  n3 -> n4;
}
"##;
        assert_eq!(dot(&network, &found, &["i", "\"j\"", "k"]), want);
    }
}
