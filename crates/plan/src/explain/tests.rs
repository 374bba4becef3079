use einfold_ir::{Algebra, Dtype, Ir};
use einfold_order::{Budget, Order};

use super::step::reports;
use super::text::steps;
use super::{Explain, ExplainSource, ExplainStage};
use crate::testing::{contraction, expanded, letters, node};
use crate::{Form, Hints, PASSES, PIPELINE, PassSet, PlanOptions, Stage, compile, lower, optimize};

fn explain(expression: &str, ir: &Ir) -> Explain {
    let compiled = compile(ir, &Order::default(), &Budget::default(), &PlanOptions::default()).unwrap();
    let source = ExplainSource { expression: expression.into(), ast: "the syntax tree".into(), warnings: Vec::new() };
    Explain::new(source, ir, &compiled, Vec::new()).unwrap()
}

#[test]
fn all_stages_of_a_chain() {
    let text = "ij,jk,kl->il";
    let explained = explain(text, &letters(text, &[20, 10, 30, 40]));
    insta::assert_snapshot!(explained.text(&ExplainStage::ALL), @r"
    == ast ==
    the syntax tree

    == ir ==
    %0 in0 = input 0  f64[20, 10]
    %1 in1 = input 1  f64[10, 30]
    %2 in2 = input 2  f64[30, 40]
    %3 y = (+, *) %0[i, j] . %1[j, k] . %2[k, l] -> [i, l]  f64[20, 40]
    return %3

    == tree ==
    %3 y = ij,jk,kl->il   order auto   (+, *) on f64, factored: the product distributes over the sum
      #4 il  20x40  ij,jl->il  8.0e3
      ├─ #0 ij  20x10  %0
      └─ #3 jl  10x40  jk,kl->jl  1.2e4
         ├─ #1 jk  10x30  %1
         └─ #2 kl  30x40  %2

    == plan ==
    contract ij,jk,kl->il  (20x10:f64, 10x30:f64, 30x40:f64)   order auto
      one loop nest 240000 mul-add   planned 20000   largest result 800 elements
      written 1200 elements   at most 1200 at once
      memory 9600 bytes: scratch 3200, packing 0, results 6400
      %3 = %1 · %2   (j)[k](l)   gemm  m=10 n=40 k=30   1.2e4
      %4 = %0 · %3   (i)[j](l)   gemm  m=20 n=40 k=10   8.0e3
      passes: diagonal 0  transpose 0  layout 0  gemm 2  buffers 0     legend: (kept) [contracted] {batch}

    == passes ==
    lowered
      %3 = %1 · %2   (j)[k](l)   nest   scratch    1.2e4
      %4 = %0 · %3   (i)[j](l)   nest   output 0   8.0e3
    diagonal 0: reads diagonals, windows and repeated elements through strides instead of copying them out
    transpose 0: drops steps that only permute: their readers read, or their source is written, in the other order
    layout 0: orders the axes of intermediates in memory so that the step that reads them is a plain matrix product
    gemm 2: makes matrix products of nests with two factors and rows, columns and a contracted axis worth it
      %3 = %1 · %2   (j)[k](l)   gemm  m=10 n=40 k=30   scratch    1.2e4
      %4 = %0 · %3   (i)[j](l)   gemm  m=20 n=40 k=10   output 0   8.0e3
    buffers 0: lets intermediates that are not alive together share scratch memory
    ");
}

#[test]
fn the_plan_of_a_four_index_transformation() {
    let text = "pi,qj,ijkl,rk,sl->pqrs";
    let explained = explain(text, &letters(text, &[10; 8]));
    insta::assert_snapshot!(explained.text(&[ExplainStage::Tree, ExplainStage::Plan]), @r"
    == tree ==
    %5 y = pi,qj,ijkl,rk,sl->pqrs   order auto   (+, *) on f64, factored: the product distributes over the sum
      #8 pqrs  10x10x10x10  sl,rqpl->pqrs  1.0e5
      ├─ #4 sl  10x10  %4
      └─ #7 rqpl  10x10x10x10  rk,qpkl->rqpl  1.0e5
         ├─ #3 rk  10x10  %3
         └─ #6 qpkl  10x10x10x10  qj,pjkl->qpkl  1.0e5
            ├─ #1 qj  10x10  %1
            └─ #5 pjkl  10x10x10x10  pi,ijkl->pjkl  1.0e5
               ├─ #0 pi  10x10  %0
               └─ #2 ijkl  10x10x10x10  %2

    == plan ==
    contract pi,qj,ijkl,rk,sl->pqrs  (10x10:f64, 10x10:f64, 10x10x10x10:f64, 10x10:f64, 10x10:f64)   order auto
      one loop nest 1e8 mul-add   planned 400000   largest result 10000 elements
      written 40000 elements   at most 20000 at once
      memory 286080 bytes: scratch 160000, packing 46080, results 80000
      %5 = %0 · %2   (p)[i](jkl)   gemm  m=10 n=1000 k=10   1.0e5
      %6 = %1 · %5   (q)[j](pkl)   gemm  m=10 n=1000 k=10   1.0e5
      %7 = %3 · %6   (r)[k](qpl)   gemm  m=10 n=1000 k=10   1.0e5
      %8 = %4 · %7   (s)[l](rqp)   gemm  m=10 n=1000 k=10   1.0e5
      passes: diagonal 0  transpose 1  layout 3  gemm 4  buffers 1     legend: (kept) [contracted] {batch}
    ");
}

#[test]
fn diagonals_sums_and_copies() {
    let text = "iijl,jbk,bk->ki";
    let explained = explain(text, &letters(text, &[20, 30, 40, 50, 60]));
    insta::assert_snapshot!(explained.text(&[ExplainStage::Passes]), @r"
    lowered
      %3 = %0[i, i, j, l]   (ij)[l]     nest   scratch
      %4 = %1 · %2          {k}(j)[b]   nest   scratch    9.0e4
      %5 = %3 · %4          (i)[j](k)   nest   scratch    3.6e4
      %6 = %5               (ik)        nest   output 0
    diagonal 0: reads diagonals, windows and repeated elements through strides instead of copying them out
    transpose 1: drops steps that only permute: their readers read, or their source is written, in the other order
      %3 = %0[i, i, j, l]   (ij)[l]     nest   scratch
      %4 = %1 · %2          {k}(j)[b]   nest   scratch    9.0e4
      %5 = %3 · %4          (i)[j](k)   nest   output 0   3.6e4
    layout 1: orders the axes of intermediates in memory so that the step that reads them is a plain matrix product
      %3 = %0[i, i, j, l]   (ij)[l]     nest   scratch
      %4 = %1 · %2          {k}(j)[b]   nest   scratch as jk   9.0e4
      %5 = %3 · %4          (i)[j](k)   nest   output 0        3.6e4
    gemm 1: makes matrix products of nests with two factors and rows, columns and a contracted axis worth it
      %3 = %0[i, i, j, l]   (ij)[l]     nest                   scratch
      %4 = %1 · %2          {k}(j)[b]   nest                   scratch as jk   9.0e4
      %5 = %3 · %4          (i)[j](k)   gemm  m=20 n=60 k=30   output 0        3.6e4
    buffers 0: lets intermediates that are not alive together share scratch memory
    ");
}

#[test]
fn a_law_that_does_not_hold_is_named() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::I64, [5, 5]);
    let mut c = contraction("ij,jk,kl->il", &[a, a, a], |_| 5);
    c.algebra = Algebra::MAX_PLUS;
    let y = ir.push(node("y", Dtype::I64, c)).unwrap();
    ir.output(y).unwrap();
    insta::assert_snapshot!(explain("tropical", &ir).text(&[ExplainStage::Tree]), @r"
    %1 y = ij,jk,kl->il   (max, +) on i64, one step: the product does not distribute over the sum
      #3 il  5x5  ij,jk,kl->il  6.3e2
      ├─ #0 ij  5x5  %0
      ├─ #1 jk  5x5  %0
      └─ #2 kl  5x5  %0
    ");
}

#[test]
fn long_labels_are_told_apart_and_deep_trees_are_cut() {
    let mut ir = Ir::new();
    let a = ir.input("a", Dtype::F64, [2, 2]);
    let letters: Vec<char> = ('\u{4e00}'..'\u{4e40}').collect();
    let terms: Vec<String> = letters.windows(2).map(|pair| pair.iter().collect()).collect();
    let text = format!("{}->{}", terms.join(","), letters[0]);
    let mut c = contraction(&text, &vec![a; terms.len()], |_| 2);
    c.axes[0].label = "batch".into();
    let y = ir.push(node("y", Dtype::F64, c)).unwrap();
    ir.output(y).unwrap();
    let compiled =
        compile(&ir, &"left-to-right".parse().unwrap(), &Budget::default(), &PlanOptions::default()).unwrap();
    let source = ExplainSource { expression: text, ast: String::new(), warnings: Vec::new() };
    let drawn = Explain::new(source, &ir, &compiled, Vec::new()).unwrap().text(&[ExplainStage::Tree]);
    assert_eq!(drawn.matches("below").count(), 1);
    assert!(drawn.contains("batch \u{4e01},\u{4e01}\u{4e02}"));
    // A headline, every tensor once, and the line of the cut.
    assert_eq!(drawn.lines().count(), 1 + 63 + 62 + 1);
}

#[test]
fn json_and_dot() {
    let text = "ij,jk->ki";
    let explained = explain(text, &letters(text, &[20, 10, 30]));
    insta::assert_snapshot!("json", serde_json::to_string_pretty(&explained.json()).unwrap());
    insta::assert_snapshot!(explained.dot(), @r#"
    digraph einfold {
      rankdir=BT;
      n2_0 [label="%0 ij\n20x10" shape=box];
      n2_1 [label="%1 jk\n10x30" shape=box];
      n2_2 [label="ki\n30x20\n6.0e3 flops"];
      n2_0 -> n2_2;
      n2_1 -> n2_2;
    }
    "#);
}

/// An expression that shows a pass: its text, the extents of its letters, an SSA path.
type Example = (&'static str, &'static [usize], &'static [&'static [u32]]);

/// One example for each pass, in order.
const EXAMPLES: [Example; 5] = [
    ("iij,jk->ik", &[20, 30, 40], &[&[0, 1]]),
    ("ij,jk,kl->li", &[20, 30, 40, 50], &[&[0, 1], &[3, 2]]),
    ("ijk,jlm,mkn->iln", &[20, 30, 40, 50, 60, 70], &[&[0, 1], &[2, 3]]),
    ("bij,bjk->bik", &[4, 20, 30, 40], &[&[0, 1]]),
    ("ij,jk,kl,lm,mn->in", &[20, 30, 40, 50, 60, 70], &[&[0, 1], &[5, 2], &[6, 3], &[7, 4]]),
];

/// The step before and after a pass, with all earlier passes done.
fn example(name: &str, (text, sizes, path): Example) -> String {
    let ir = expanded(&letters(text, sizes), path);
    let draft = lower(&ir, &Hints::default()).unwrap();
    let mut before = steps(&reports(&draft, false, &ir), true);
    let mut found = None;
    optimize(draft, PassSet::ALL, &mut |pass, _, draft| {
        let after = steps(&reports(draft, pass.gives == Form::Assigned, &ir), true);
        if pass.name == name {
            found = Some(format!("{text}\n{before}{name}:\n{after}"));
        }
        before = after;
    })
    .unwrap();
    found.unwrap()
}

#[test]
fn the_documentation_of_the_passes_shows_what_they_do() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/passes.md")).unwrap();
    for Stage { name, takes, gives, promises, .. } in PIPELINE {
        let row = format!("| {name} | {takes:?} | {gives:?} | {promises} |\n");
        assert!(text.contains(&row), "the table of stages has\n{row}");
    }
    let mut sections = text.split("\n## ").skip(1);
    for (pass, shows) in PASSES.iter().zip(EXAMPLES) {
        let section = sections.next().unwrap();
        let name = pass.name;
        assert!(section.starts_with(&format!("{name}\n")), "the section of {name} is not in its place");
        for sentence in [pass.what, pass.why_here] {
            let plain: String = section.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(plain.contains(sentence), "{name}: the table says `{sentence}`");
        }
        let shown = example(name, shows);
        assert!(section.contains(&shown), "the example of {name} is now\n{shown}");
    }
}
