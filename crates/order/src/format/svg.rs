//! Contraction trees as SVG pictures.

use std::fmt::Write;

use einfold_ir::{Count, Network, Tree};

use super::drawing::{Drawing, Node};
use crate::FoundOrder;

/// The distance of leaves, depending on the width, and of levels.
const LEAF_DISTANCE: std::ops::RangeInclusive<f64> = 4.0..=30.0;
const WIDTH: f64 = 640.0;
const LEVEL_HEIGHT: f64 = 24.0;
/// The maximal ratio of height to width.
const MAX_ASPECT: f64 = 0.75;
const MARGIN: f64 = 16.0;
/// The height of the text above the tree, and of the labels below its leaves.
const HEADING_HEIGHT: f64 = 22.0;
const LABEL_HEIGHT: f64 = 14.0;
/// The radii of the smallest and the largest tensor.
const RADII: [f64; 2] = [2.0, 7.0];
/// The colours from the fewest to the most flops: red, green, blue.
const COLOURS: [[f64; 3]; 3] = [[198.0, 219.0, 239.0], [253.0, 174.0, 97.0], [165.0, 0.0, 38.0]];

/// Draws the tree of an order of `network` as SVG: operands at the bottom, each step above its operands. A larger node
/// has more elements, a redder node more flops, on logarithmic scales; operands are white. The tooltip of a node shows
/// its numbers. `labels` are the labels of the axes. If the order is sliced, the nodes are those of one slice.
pub fn svg(network: &Network, found: &FoundOrder, labels: &[impl AsRef<str>]) -> String {
    let drawing = Drawing::new(network, found, labels);
    let positions = NodePositions::new(&found.tree);
    let [width, height] = positions.extent;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n<text x=\"{MARGIN}\" y=\"16\">{}</text>\n",
        heading(found)
    );
    edges(&drawing, &positions, &mut text);
    let (sizes, flops) =
        (Range::of(drawing.nodes.iter().map(|n| n.size)), Range::of(drawing.nodes.iter().map(|n| n.flops)));
    for (id, node) in drawing.nodes.iter().enumerate() {
        let [x, y] = positions.at[id];
        let radius = RADII[0] + (RADII[1] - RADII[0]) * sizes.part(node.size);
        let fill = if id < found.tree.leaves() { "#fff".to_owned() } else { colour(flops.part(node.flops)) };
        let _ = writeln!(
            text,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{fill}\" stroke=\"#555\"><title>{}</title></circle>",
            tooltip(id, node)
        );
    }
    if positions.leaf >= *LEAF_DISTANCE.end() {
        leaf_labels(&drawing, &positions, &mut text);
    }
    text + "</svg>\n"
}

/// The positions of the nodes, by SSA id.
struct NodePositions {
    at: Vec<[f64; 2]>,
    extent: [f64; 2],
    /// The distance of leaves.
    leaf: f64,
}

impl NodePositions {
    /// Places leaves at the bottom, in the order of the tree, and each result above the middle of its operands.
    fn new(tree: &Tree) -> NodePositions {
        let (leaves, nodes) = (tree.leaves(), tree.leaves() + tree.steps().len());
        let leaf = (WIDTH / leaves as f64).clamp(*LEAF_DISTANCE.start(), *LEAF_DISTANCE.end());
        let mut x = vec![0.0; nodes];
        for (column, id) in leaves_in_order(tree).enumerate() {
            x[id as usize] = MARGIN + leaf * (column as f64 + 0.5);
        }
        let mut levels = vec![0_u32; nodes];
        for (id, children) in (leaves..).zip(tree.steps()) {
            let over = |value: &dyn Fn(usize) -> f64| children.iter().map(|&c| value(c as usize)).sum::<f64>();
            x[id] = over(&|child| x[child]) / children.len() as f64;
            levels[id] = 1 + children.iter().map(|&c| levels[c as usize]).max().unwrap_or(0);
        }
        let width = (2.0 * MARGIN + leaf * leaves as f64).max(240.0);
        let levels_above = f64::from(levels.last().copied().unwrap_or(0));
        let level =
            if levels_above > 0.0 { LEVEL_HEIGHT.min(MAX_ASPECT * width.max(WIDTH) / levels_above) } else { 0.0 };
        let bottom = HEADING_HEIGHT + MARGIN + level * levels_above;
        let at = x.iter().zip(&levels).map(|(&x, &up)| [x, bottom - level * f64::from(up)]).collect();
        NodePositions { at, extent: [width, bottom + LABEL_HEIGHT + MARGIN], leaf }
    }
}

/// Returns the leaves from left to right.
fn leaves_in_order(tree: &Tree) -> impl Iterator<Item = u32> {
    let leaves = tree.leaves() as u32;
    let mut stack = vec![leaves + tree.steps().len() as u32 - 1];
    std::iter::from_fn(move || {
        loop {
            let id = stack.pop()?;
            match id.checked_sub(leaves) {
                None => return Some(id),
                Some(step) => stack.extend(tree.steps()[step as usize].iter().rev()),
            }
        }
    })
}

/// The range of the logarithms of counts above 0.
struct Range {
    least: f64,
    greatest: f64,
}

impl Range {
    fn of(counts: impl Iterator<Item = Count>) -> Range {
        let empty = Range { least: f64::INFINITY, greatest: f64::NEG_INFINITY };
        counts
            .map(Count::log2)
            .filter(|log| log.is_finite())
            .fold(empty, |range, log| Range { least: range.least.min(log), greatest: range.greatest.max(log) })
    }

    /// Returns the position of a count in the range, from 0 to 1.
    fn part(&self, count: Count) -> f64 {
        let (log, width) = (count.log2(), self.greatest - self.least);
        if log.is_finite() && width > 0.0 { (log - self.least) / width } else { 0.0 }
    }
}

fn colour(part: f64) -> String {
    let place = part * (COLOURS.len() - 1) as f64;
    let below = (place as usize).min(COLOURS.len() - 2);
    let mix = |c: usize| COLOURS[below][c] + (COLOURS[below + 1][c] - COLOURS[below][c]) * (place - below as f64);
    format!("#{:02x}{:02x}{:02x}", mix(0) as u8, mix(1) as u8, mix(2) as u8)
}

/// Draws all edges as one path. Each goes up and then sideways, so that no two of them cross: the leaves below a node
/// are next to each other.
fn edges(drawing: &Drawing<'_>, positions: &NodePositions, text: &mut String) {
    text.push_str("<path fill=\"none\" stroke=\"#999\" d=\"");
    for (node, [x, y]) in drawing.nodes.iter().zip(&positions.at) {
        for &child in node.children {
            let [from_x, from_y] = positions.at[child as usize];
            let _ = write!(text, "M{from_x:.1} {from_y:.1}V{y:.1}H{x:.1}");
        }
    }
    text.push_str("\"/>\n");
}

/// Writes the axes of each leaf below it, if all of them are short.
fn leaf_labels(drawing: &Drawing<'_>, positions: &NodePositions, text: &mut String) {
    let leaves = drawing.found.tree.leaves();
    let axes = || drawing.nodes[..leaves].iter().map(|node| node.axes.as_deref().unwrap_or_default());
    if axes().any(|axes| axes.chars().count() > 5) {
        return;
    }
    for (axes, [x, y]) in axes().zip(&positions.at) {
        let y = y + LABEL_HEIGHT + 4.0;
        let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>", escape(axes));
    }
}

fn heading(found: &FoundOrder) -> String {
    let cost = &found.cost;
    let slices = Count::product(found.slices.iter().map(|slice| slice.parts));
    let sliced = if found.slices.is_empty() { String::new() } else { format!(" in {slices:.1} slices") };
    format!("{} tensors{sliced}, {:.1e} flops, largest result {:.1e}", found.tree.leaves(), cost.flops, cost.size)
}

fn tooltip(id: usize, node: &Node<'_>) -> String {
    let axes = node.axes.as_ref().map_or_else(String::new, |axes| format!(" {}", escape(axes)));
    let flops = if node.flops == Count::ZERO { String::new() } else { format!(", {:.1e} flops", node.flops) };
    format!("#{id}{axes}: {:.1}{flops}", node.size)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::svg;
    use crate::{Budget, Order, SlicedAxis, order};
    use einfold_ir::Network;

    /// Returns the values of an attribute of all elements with a name.
    fn attributes<'t>(text: &'t str, element: &str, name: &str) -> Vec<&'t str> {
        let (element, name) = (format!("<{element} "), format!("{name}=\""));
        let value = |rest: &'t str| rest.split(&name).nth(1).unwrap().split('"').next().unwrap();
        text.split(&element).skip(1).map(value).collect()
    }

    fn chain() -> Network {
        Network::new(vec![vec![0, 1], vec![1, 2], vec![2, 3]], vec![0, 3], vec![20, 10, 30, 40]).unwrap()
    }

    #[test]
    fn leaves_are_below_and_the_most_expensive_step_is_red() {
        let found = order(&chain(), &Order::default(), &Budget::default()).unwrap();
        let text = svg(&chain(), &found, &["i", "j", "<", "l"]);
        let heights: Vec<f64> = attributes(&text, "circle", "cy").iter().map(|y| y.parse().unwrap()).collect();
        assert!(
            heights[0] == heights[1] && heights[1] == heights[2] && heights[2] > heights[3] && heights[3] > heights[4]
        );
        // jk,kl takes 12000 multiply-adds, ij,jl 8000; the second result has 800 elements, more than any other tensor
        // but kl.
        assert_eq!(attributes(&text, "circle", "fill"), ["#fff", "#fff", "#fff", "#a50026", "#c6dbef"]);
        let radii: Vec<f64> = attributes(&text, "circle", "r").iter().map(|r| r.parse().unwrap()).collect();
        assert!(radii.iter().all(|r| (2.0..=7.0).contains(r)) && radii[2] == 7.0 && radii[0] == 2.0);
        assert!(text.contains("<title>#3 jl: 400, 1.2e4 flops</title>") && text.contains(">j&lt;</text>"), "{text}");
        assert!(text.contains(">3 tensors, 2.0e4 flops, largest result 8.0e2</text>"), "{text}");
        assert_eq!(text.matches("<title>").count(), 5);
    }

    #[test]
    fn sliced_trees_show_a_slice() {
        let mut found = order(&chain(), &Order::default(), &Budget::default()).unwrap();
        found.slices = vec![SlicedAxis { axis: 3, parts: 4 }];
        let text = svg(&chain(), &found, &["i", "j", "k", "l"]);
        assert!(text.contains("<title>#3 jl: 100, 3.0e3 flops</title>") && text.contains("3 tensors in 4 slices"));
    }

    #[test]
    fn one_tensor_and_very_many_are_drawn() {
        let alone = Network::new(vec![vec![0]], vec![], vec![0]).unwrap();
        let found = order(&alone, &Order::default(), &Budget::default()).unwrap();
        assert_eq!(svg(&alone, &found, &["i"]).matches("<circle").count(), 1);
        let n = 20_000;
        let chain =
            Network::new((0..n).map(|i| vec![i, i + 1]).collect(), vec![0, n], vec![2; n as usize + 1]).unwrap();
        let found = order(&chain, &"left-to-right".parse().unwrap(), &Budget::default()).unwrap();
        let text = svg(&chain, &found, &[""; 0]);
        assert_eq!(text.matches("<circle").count(), 2 * n as usize - 1);
        assert!(!text.contains("NaN") && !text.contains("inf"));
    }
}
