use std::sync::Arc;

use einfold_ir::{Access, Algebra, Contraction, Count, Dtype, Expr, Function, Index, Ir, NodeId, OutOfRange, PointOp};
use einfold_order::{Budget, Order};

use crate::pipeline::run_rewrites;
use crate::testing::evaluate::{Values, evaluate};
use crate::testing::random::Rng;
use crate::testing::{contraction, node};
use crate::{PassSet, PlanOptions, compile};

/// The expression after one rewrite, printed without its inputs.
fn after(name: &str, ir: &Ir) -> String {
    let mut counts = Vec::new();
    let only = PassSet::NONE.with(name).unwrap();
    let after = run_rewrites(ir, only, &mut |_, count, _| counts.push(count)).unwrap();
    assert_eq!(counts.iter().any(|&count| count > 0), after != *ir);
    check(ir);
    after.to_string().lines().filter(|l| !l.contains("= input")).collect::<Vec<_>>().join("\n")
}

/// Checks on random numbers that each rewrite alone, all rewrites, and all rewrites with orders keep the meaning.
fn check(ir: &Ir) {
    let mut rng = Rng(4);
    let inputs: Vec<Values> = ir
        .inputs()
        .iter()
        .map(|&id| {
            let count = ir.node(id).shape.iter().product();
            // A gather index is below every extent of these tests.
            let ids = ir.node(id).dtype == Dtype::I32;
            if ids { (0..count).map(|_| rng.below(2) as f64).collect() } else { rng.numbers(count) }
        })
        .collect();
    let want = evaluate(ir, &inputs).unwrap();
    let near = |a: &f64, b: &f64| a == b || (a - b).abs() <= 1e-9 * b.abs() || a.is_nan() && b.is_nan();
    let same = |got: Vec<Values>| {
        got.len() == want.len() && got.iter().flatten().zip(want.iter().flatten()).all(|(a, b)| near(a, b))
    };
    for name in ["share", "contract", "inline"] {
        let only = PassSet::NONE.with(name).unwrap();
        let after = run_rewrites(ir, only, &mut |_, _, _| {}).unwrap();
        assert!(same(evaluate(&after, &inputs).unwrap()), "{name}\n{ir}{after}");
    }
    let compiled = compile(ir, &Order::default(), &Budget::default(), &PlanOptions::default()).unwrap();
    let forms = compiled.forms(ir);
    assert!(same(evaluate(&forms.rewritten, &inputs).unwrap()), "{ir}{}", forms.rewritten);
    assert!(same(evaluate(&forms.ir, &inputs).unwrap()), "{ir}{}", forms.ir);
}

/// An expression under construction, all of `f64` and with axes of these extents.
struct Write {
    ir: Ir,
}

fn extent(letter: char) -> usize {
    2 + (letter as usize - 'a' as usize) % 4
}

impl Write {
    fn new() -> Write {
        Write { ir: Ir::new() }
    }

    fn input(&mut self, name: &str, letters: &str) -> NodeId {
        self.ir.input(name, Dtype::F64, letters.chars().map(extent).collect::<Vec<_>>())
    }

    fn push(&mut self, name: &str, c: Contraction) -> NodeId {
        self.ir.push(node(name, Dtype::F64, c)).unwrap()
    }

    fn product(&mut self, name: &str, text: &str, tensors: &[NodeId]) -> NodeId {
        self.push(name, contraction(text, tensors, extent))
    }

    /// A contraction with a pointwise expression in postfix order: a digit reads a factor.
    fn pointwise(&mut self, name: &str, text: &str, tensors: &[NodeId], ops: &str) -> NodeId {
        let op = |c: char| match c {
            'e' => PointOp::Call(Function::Exp),
            '*' => PointOp::Call(Function::Mul),
            '+' => PointOp::Call(Function::Add),
            '/' => PointOp::Call(Function::Div),
            '-' => PointOp::Call(Function::Neg),
            _ => PointOp::Read(c.to_digit(10).unwrap()),
        };
        let mut c = contraction(text, tensors, extent);
        c.expr = Some(Arc::new(Expr::new(ops.chars().map(|c| (op(c), Dtype::F64)).collect()).unwrap()));
        self.push(name, c)
    }

    fn done(mut self, outputs: &[NodeId]) -> Ir {
        outputs.iter().for_each(|&id| self.ir.output(id).unwrap());
        self.ir
    }
}

#[test]
fn equal_nodes_are_computed_once_and_dead_ones_not_at_all() {
    let mut w = Write::new();
    let (a, b) = (w.input("a", "ij"), w.input("b", "jk"));
    let t = w.product("t", "ij,jk->ik", &[a, b]);
    // The same expression with other names: the extents of e, f, g are those of i, j, k.
    let u = w.product("u", "ef,fg->eg", &[a, b]);
    w.product("dead", "ij->", &[a]);
    let x = w.product("x", "ik->i", &[t]);
    let y = w.product("y", "ik->k", &[u]);
    let ir = w.done(&[x, y]);
    insta::assert_snapshot!(after("share", &ir), @r"
    %2 t = (+, *) %0[i, j] . %1[j, k] -> [i, k]  f64[2, 4]
    %3 x = (+, *) %2[i, k] -> [i]  f64[2]
    %4 y = (+, *) %2[i, k] -> [k]  f64[4]
    return %3, %4
    ");
}

#[test]
fn a_product_of_products_is_ordered_as_one() {
    let mut w = Write::new();
    let (a, b, v) = (w.input("a", "ij"), w.input("b", "jk"), w.input("v", "k"));
    let t = w.product("t", "ij,jk->ki", &[a, b]);
    let y = w.product("y", "ki,k->i", &[t, v]);
    let ir = w.done(&[y]);
    insta::assert_snapshot!(after("contract", &ir), @r"
    %3 y = (+, *) %0[i, j] . %1[j, k] . %2[k] -> [i]  f64[2]
    return %3
    ");
    // A·(B·v) instead of (A·B)·v.
    let flops = |ir: &Ir, passes| {
        let options = PlanOptions { passes, ..PlanOptions::default() };
        compile(ir, &Order::default(), &Budget::default(), &options).unwrap().cost.flops
    };
    let [i, j, k] = ['i', 'j', 'k'].map(extent);
    assert_eq!(flops(&ir, PassSet::ALL), Count::from((i * j + j * k) as u64));
    assert_eq!(flops(&ir, PassSet::ALL.without("contract").unwrap()), Count::from((i * j * k + i * k) as u64));
}

#[test]
fn diagonals_copies_and_sums_merge_too() {
    let mut w = Write::new();
    let (a, b) = (w.input("a", "ij"), w.input("b", "ji"));
    let t = w.product("t", "ij,jm->im", &[a, b]);
    let trace = w.product("trace", "ii->", &[t]);
    let u = w.product("u", "ij,jm->im", &[a, b]);
    let turned = w.product("turned", "im->mi", &[u]);
    let ir = w.done(&[trace, turned]);
    insta::assert_snapshot!(after("contract", &ir), @r"
    %2 trace = (+, *) %0[i, j] . %1[j, i] ->   f64[]
    %3 turned = (+, *) %0[i, j] . %1[j, m] -> [m, i]  f64[2, 2]
    return %2, %3
    ");
}

#[test]
fn what_is_used_twice_rounded_pinned_or_of_another_algebra_stays() {
    let twice = |w: &mut Write, t, v| [w.product("y", "ki,k->i", &[t, v]), w.product("z", "ki->k", &[t])].to_vec();
    let once = |w: &mut Write, t, v| vec![w.product("y", "ki,k->i", &[t, v])];
    for case in 0..4 {
        let mut w = Write::new();
        let (a, b, v) = (w.input("a", "ij"), w.input("b", "jk"), w.input("v", "k"));
        let mut c = contraction("ij,jk->ki", &[a, b], extent);
        c.pinned = case == 1;
        if case == 2 {
            c.algebra = Algebra::MAX_PLUS;
        }
        let t = w.push("t", c);
        let t = if case == 3 {
            let rounded = node("f32", Dtype::F32, contraction("ki->ki", &[t], extent));
            w.ir.push(rounded).unwrap()
        } else {
            t
        };
        let outputs = if case == 0 { twice(&mut w, t, v) } else { once(&mut w, t, v) };
        let ir = w.done(&outputs);
        let only = PassSet::NONE.with("contract").unwrap();
        assert_eq!(run_rewrites(&ir, only, &mut |_, _, _| {}).unwrap(), ir, "{case}");
        check(&ir);
    }
}

#[test]
fn a_product_and_the_scatter_of_it_are_ordered_as_one() {
    let mut w = Write::new();
    let (x, weights) = (w.input("X", "cf"), w.input("W", "fh"));
    let ids = w.ir.input("ids", Dtype::I32, [extent('c')]);
    let t = w.product("t", "cf,fh->ch", &[x, weights]);
    let mut c = contraction("ch->gh", &[t], extent);
    let group = c.axes.iter().position(|axis| &*axis.label == "c").unwrap() as u32;
    c.output[0] = Index::gather(Access::plain(ids, [group]), OutOfRange::Error);
    c.axes[0].extent = 1;
    let shape = vec![3, extent('h')];
    let y = w.ir.push(einfold_ir::Node { shape: shape.into(), ..node("y", Dtype::F64, c) }).unwrap();
    let ir = w.done(&[y]);
    insta::assert_snapshot!(after("contract", &ir), @r"
    %3 y = (+, *) %0[c, f] . %1[f, h] -> [%2[c], h]  f64[3, 5]
    return %3
    ");
}

#[test]
fn chains_of_elementwise_expressions_are_one() {
    let mut w = Write::new();
    let (d, v) = (w.input("D", "ij"), w.input("w", "j"));
    let s = w.product("S", "ij,j->ij", &[d, v]);
    let e = w.pointwise("E", "ij->ji", &[s], "0e");
    let y = w.pointwise("Y", "ji,ij->i", &[e, d], "01/");
    let ir = w.done(&[y]);
    insta::assert_snapshot!(after("inline", &ir), @r"
    %2 Y = (+, *) (exp((%0[i, j] * %1[j])) / %0[i, j]) -> [i]  f64[2]
    return %2
    ");
}

#[test]
fn a_costly_value_that_is_read_again_and_again_is_stored() {
    let mut w = Write::new();
    let (x, d) = (w.input("x", "i"), w.input("d", "ij"));
    let e = w.pointwise("e", "i->i", &[x], "0e");
    let y = w.pointwise("y", "i,ij->ij", &[e, d], "01+");
    let f = w.pointwise("f", "ij->ij", &[d], "0e");
    let z = w.pointwise("z", "ij->i", &[f], "00*");
    let ir = w.done(&[y, z]);
    let only = PassSet::NONE.with("inline").unwrap();
    assert_eq!(run_rewrites(&ir, only, &mut |_, _, _| {}).unwrap(), ir);
    check(&ir);
}

#[test]
fn a_rounding_stays_an_operation() {
    let mut w = Write::new();
    let d = w.input("D", "ij");
    let s = w.pointwise("S", "ij->ij", &[d], "0e");
    let rounded = w.ir.push(node("R", Dtype::F32, contraction("ij->ij", &[s], extent))).unwrap();
    let y = w.pointwise("Y", "ij,ij->ij", &[rounded, d], "01*");
    let ir = w.done(&[y]);
    insta::assert_snapshot!(after("inline", &ir), @r"
    %1 Y = (+, *) (f64(f32(exp(%0[i, j]))) * %0[i, j]) -> [i, j]  f64[2, 3]
    return %1
    ");
}
