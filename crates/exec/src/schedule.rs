//! Describes how a plan runs on arrays of its layout hints: what `bind` chooses for each step.

use einfold_ir::Plan;

use crate::bind::{BindOptions, Scratch};
use crate::bound_program::{BoundProgram, ListRange, LoopNest, Op, TileAction};
use crate::kernels::UserSemiring;

/// A line for each step of a plan: the operations that it runs if every operand and output has the strides of its layout
/// hint. The line is the same on every CPU, and empty if the step cannot be bound.
///
/// An operation is one of
/// * `nest 20x[30]`, `copy 20x30` or `fill 20x30`: loops after ordering and merging, outermost first, with those along
///   which the target does not move in brackets;
/// * `gemm {3} (20) (40) [10]`: products of matrices as they lie in memory, with batch loops, rows, columns and contracted
///   positions;
/// * `packed {3} (8x20) (40) [2x5]`: products whose operands are packed in blocks, with the loops of each side;
/// * `small {100} (16) [4]`: a kernel call for each of 100 products with 16 elements of 4 terms.
pub fn schedule(plan: &Plan, semirings: &[UserSemiring]) -> Vec<String> {
    let mut lines = Vec::new();
    let options = BindOptions { semirings, ..BindOptions::default() };
    Scratch::new().schedule(plan, &options, |ops, program| {
        let ops = ops.unwrap_or_default().iter().map(|op| describe(program, op));
        lines.push(ops.collect::<Vec<_>>().join(", "));
    });
    lines
}

fn describe(program: &BoundProgram, op: &Op) -> String {
    let loops = |of: LoopNest| list(program.extents[of.extents.range()].iter().map(usize::to_string));
    match op {
        Op::Nest(nest) => {
            let name = match nest.first {
                TileAction::Fill(_) => "fill",
                TileAction::Copy(_) => "copy",
                TileAction::Unary(_) | TileAction::Binary(_) | TileAction::WithTemporaries(_) => "nest",
            };
            let LoopNest { operands, extents, strides, .. } = nest.loops;
            let extent = |(l, &extent): (usize, &usize)| match program.strides[strides + l * operands.len] {
                0 if extent > 1 => format!("[{extent}]"),
                _ => extent.to_string(),
            };
            format!("{name} {}", list(program.extents[extents.range()].iter().enumerate().map(extent)))
        }
        Op::Small(small) => {
            let elements = small.offsets.len / (1 + 2 * small.terms);
            sides("small", &loops(small.loops), [elements, small.terms].map(|n| n.to_string()))
        }
        Op::Gemm(gemm) => sides("gemm", &loops(gemm.loops), gemm.extents.map(|extent| extent.to_string())),
        Op::Product(product) => {
            let side = |side: &_| program.sides[ListRange::range(*side)].iter().map(|l| l.extent.to_string());
            sides("packed", &loops(product.loops), product.sides.each_ref().map(|range| list(side(range))))
        }
    }
}

/// Extents in one word, without those of 1.
fn list(extents: impl Iterator<Item = String>) -> String {
    let extents: Vec<String> = extents.filter(|extent| extent != "1").collect();
    if extents.is_empty() { "1".into() } else { extents.join("x") }
}

/// Batch loops and the sides of a product, the last of which is contracted.
fn sides<const N: usize>(name: &str, batch: &str, sides: [String; N]) -> String {
    let mut text = if batch == "1" { name.to_string() } else { format!("{name} {{{batch}}}") };
    for (k, side) in sides.iter().enumerate() {
        text += &if k + 1 == N { format!(" [{side}]") } else { format!(" ({side})") };
    }
    text
}
