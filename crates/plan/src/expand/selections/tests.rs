use einfold_ir::{
    Access, Algebra, Axis, Contraction, Count, Def, Dtype, Index, Indices, Ir, Node, NodeId, OutOfRange, RegionId, Tree,
};
use einfold_order::{Budget, Order};

use crate::selections::SelectionForm;
use crate::testing::evaluate::{Outside, Values, evaluate};
use crate::testing::node;
use crate::testing::random::Rng;
use crate::{Compiled, Hints, PassSet, PlanError, PlanOptions, compile, expand, lower, optimize};

/// The tensors of a graph layer: `H[dst[e], h] += X[src[e], f] * W[f, h]`.
struct Layer {
    nodes: usize,
    edges: usize,
    groups: usize,
    inputs: usize,
    hidden: usize,
}

fn layer(size: &Layer, dtype: Dtype, algebra: Algebra, policies: [OutOfRange; 2]) -> Ir {
    let Layer { nodes, edges, groups, inputs, hidden } = *size;
    let mut ir = Ir::new();
    let x = ir.input("X", dtype, [nodes, inputs]);
    let w = ir.input("W", dtype, [inputs, hidden]);
    let [src, dst] = ["src", "dst"].map(|name| ir.input(name, Dtype::I64, [edges]));
    let [e, f, h] = [0, 1, 2];
    let ids = |tensor, k: usize| Index::gather(Access::plain(tensor, [e]), policies[k]);
    let c = Contraction {
        axes: vec![Axis::new("e", edges), Axis::new("f", inputs), Axis::new("h", hidden)],
        factors: vec![Access::new(x, vec![ids(src, 0), Index::axis(f)]), Access::plain(w, [f, h])],
        output: vec![ids(dst, 1), Index::axis(h)].into(),
        expr: None,
        algebra,
        init: None,
        pinned: false,
    };
    let y = ir.push(Node { shape: vec![groups, hidden].into(), ..node("H", dtype, c) }).unwrap();
    ir.output(y).unwrap();
    ir
}

fn compiled(ir: &Ir) -> Compiled {
    compile(ir, &Order::default(), &Budget::default(), &PlanOptions::default()).unwrap()
}

fn shown(ir: &Ir) -> String {
    compiled(ir).forms(ir).ir.to_string().lines().filter(|l| !l.contains("= input")).collect::<Vec<_>>().join("\n")
}

const ERRORS: [OutOfRange; 2] = [OutOfRange::Error; 2];

#[test]
fn nodes_are_transformed_first_where_they_are_fewer_than_edges() {
    let size = Layer { nodes: 100, edges: 5000, groups: 100, inputs: 64, hidden: 32 };
    insta::assert_snapshot!(shown(&layer(&size, Dtype::F64, Algebra::SUM_PRODUCT, ERRORS)), @r"
    %4 X = (+, *) %0[src, f] . %1[f, h] -> [src, h]  f64[100, 32]
    %5 H = (+, *) %4[%2[e], h] -> [%3[e], h]  f64[100, 32]
    return %5
    ");
}

#[test]
fn edges_are_gathered_first_where_they_are_fewer_than_nodes() {
    let size = Layer { nodes: 100_000, edges: 500, groups: 1000, inputs: 64, hidden: 32 };
    insta::assert_snapshot!(shown(&layer(&size, Dtype::F64, Algebra::SUM_PRODUCT, ERRORS)), @r"
    %4 H = (+, *) %0[%2[e], f] -> [e, f]  f64[500, 64]
    %5 H = (+, *) %1[f, h] . %4[e, f] -> [e, h]  f64[500, 32]
    %6 H = (+, *) %5[e, h] -> [%3[e], h]  f64[1000, 32]
    return %6
    ");
}

#[test]
fn few_groups_are_summed_first_and_empty_ones_stay_empty() {
    let size = Layer { nodes: 1000, edges: 5000, groups: 10, inputs: 32, hidden: 64 };
    insta::assert_snapshot!(shown(&layer(&size, Dtype::F64, Algebra::SUM_PRODUCT, ERRORS)), @r"
    %4 H = (+, *) %0[%2[e], f] -> [%3[e], f]  f64[10, 32]
    %5 H = (+, *)  -> [%3[e]]  bool[10]
    %6 H = (+, *) %1[f, h] . %4[dst, f] -> [dst, h]  f64[10, 64]
    %7 H = (+, *) where(%5[dst], %6[dst, h], 0.0) -> [dst, h]  f64[10, 64]
    return %7
    ");
    insta::assert_snapshot!(shown(&layer(&size, Dtype::I64, Algebra::SUM_PRODUCT, ERRORS)), @r"
    %4 H = (+, *) %0[%2[e], f] -> [%3[e], f]  i64[10, 32]
    %5 H = (+, *) %1[f, h] . %4[dst, f] -> [dst, h]  i64[10, 64]
    return %5
    ");
}

#[test]
fn one_step_where_nothing_is_gained_or_a_point_may_drop() {
    let small = Layer { nodes: 5, edges: 4, groups: 3, inputs: 2, hidden: 2 };
    let large = Layer { nodes: 100, edges: 5000, groups: 100, inputs: 64, hidden: 32 };
    let drops = [OutOfRange::Error, OutOfRange::Drop];
    for (size, algebra, dtype, policies) in [
        (&small, Algebra::SUM_PRODUCT, Dtype::F64, ERRORS),
        (&large, Algebra::SUM_PRODUCT, Dtype::F64, drops),
        (&large, Algebra::MAX_PLUS, Dtype::I64, ERRORS),
    ] {
        let ir = layer(size, dtype, algebra, policies);
        assert_eq!(compiled(&ir).forms(&ir).ir, ir);
    }
}

/// A random contraction with index tensors, and operands for it.
struct Drawn {
    ir: Ir,
    inputs: Vec<Values>,
}

/// Draws the parts of a random contraction.
struct Draw<'r> {
    rng: &'r mut Rng,
    ir: Ir,
    inputs: Vec<Values>,
    axes: Vec<Axis>,
    floats: bool,
}

impl Draw<'_> {
    /// An index along an axis of a tensor, and the extent of that axis: plain, or gathered over one or two axes.
    fn index(&mut self) -> (Index<NodeId>, usize) {
        let axis = |draw: &mut Self| draw.rng.below(draw.axes.len()) as u32;
        let first = axis(self);
        if self.rng.below(5) < 3 {
            return (Index::axis(first), self.axes[first as usize].extent);
        }
        let mut by = vec![first];
        let second = axis(self);
        if second != first && self.rng.below(3) == 0 {
            by.push(second);
        }
        let shape: Vec<usize> = by.iter().map(|&a| self.axes[a as usize].extent).collect();
        let extent = 1 + self.rng.below(4);
        let policy = self.rng.pick(&[OutOfRange::Error, OutOfRange::Wrap]);
        let ids = (0..shape.iter().product()).map(|_| {
            let id = self.rng.below(extent) as f64;
            if policy == OutOfRange::Wrap && self.rng.below(2) == 0 { id - extent as f64 } else { id }
        });
        self.inputs.push(ids.collect());
        let ids = self.ir.input("ids", Dtype::I64, shape);
        (Index::gather(Access::plain(ids, by), policy), extent)
    }

    /// A factor of one to three axes. Its tensor may have no zero positions, and some elements are infinite.
    fn factor(&mut self, dtype: Dtype) -> Access<NodeId> {
        let (indices, shape): (Vec<_>, Vec<_>) = (0..1 + self.rng.below(3)).map(|_| self.index()).unzip();
        let values = (0..shape.iter().product()).map(|_| match self.rng.below(8) {
            0 if self.floats => f64::INFINITY,
            x => (1 + x % 3) as f64,
        });
        self.inputs.push(values.collect());
        Access::new(self.ir.input("X", dtype, shape), indices)
    }
}

fn draw(rng: &mut Rng) -> Drawn {
    let (dtype, algebra) = rng.pick(&[
        (Dtype::F64, Algebra::SUM_PRODUCT),
        (Dtype::I64, Algebra::SUM_PRODUCT),
        (Dtype::F64, Algebra::MIN_PLUS),
        (Dtype::I64, Algebra::MAX_MIN),
        (Dtype::Bool, Algebra::SUM_PRODUCT),
    ]);
    let axes = ["a", "b", "c", "d"].map(|label| Axis::new(label, 1 + rng.below(3))).to_vec();
    let floats = dtype == Dtype::F64 && algebra == Algebra::SUM_PRODUCT;
    let mut draw = Draw { rng, ir: Ir::new(), inputs: Vec::new(), axes, floats };
    let factors: Vec<_> = (0..2 + draw.rng.below(3)).map(|_| draw.factor(dtype)).collect();
    let mut output = Indices::new();
    let mut shape = Vec::new();
    for _ in 0..draw.rng.below(3) {
        let (index, extent) = draw.index();
        output.push(index);
        shape.push(extent);
    }
    let Draw { mut ir, inputs, axes, .. } = draw;
    let c = Contraction { axes, factors, output, expr: None, algebra, init: None, pinned: false };
    let def = c.into();
    let y = ir.push(Node { label: "y".into(), dtype, shape: shape.into(), region: RegionId::TOP, def }).unwrap();
    ir.output(y).unwrap();
    Drawn { ir, inputs }
}

/// A random tree of pairs.
fn tree(rng: &mut Rng, leaves: usize) -> Tree {
    let mut live: Vec<u32> = (0..leaves as u32).collect();
    let mut steps = Vec::new();
    while live.len() > 1 {
        let pair = [0, 1].map(|_| live.swap_remove(rng.below(live.len())));
        live.push((leaves + steps.len()) as u32);
        steps.push(pair.to_vec());
    }
    Tree::from_ssa(leaves, &steps).unwrap()
}

/// Whether two results are equal up to rounding, with NaN equal to NaN.
fn close(a: &[Values], b: &[Values]) -> bool {
    let near = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * b.abs();
    a.iter().flatten().zip(b.iter().flatten()).all(near)
}

/// Sets every element to NaN that no gather index reads.
fn poison(drawn: &mut Drawn) {
    let nan = |values: &[Values]| values.iter().flatten().any(|x| x.is_nan());
    for slot in (0..drawn.inputs.len()).filter(|&k| drawn.ir.node(NodeId(k as u32)).dtype != Dtype::I64) {
        for at in 0..drawn.inputs[slot].len() {
            let old = std::mem::replace(&mut drawn.inputs[slot][at], f64::NAN);
            if nan(&evaluate(&drawn.ir, &drawn.inputs).unwrap()) {
                drawn.inputs[slot][at] = old;
            }
        }
    }
}

#[test]
fn every_tree_means_what_one_step_does() {
    let mut rng = Rng(7);
    let (mut trees, mut early) = (0, 0);
    while trees < 3000 {
        let mut drawn = draw(&mut rng);
        let y = drawn.ir.outputs()[0];
        let Def::Contraction(c) = &drawn.ir.node(y).def else { unreachable!() };
        let Some(form) = SelectionForm::of(&drawn.ir, drawn.ir.node(y), c).filter(|l| !l.positions.is_empty()) else {
            continue;
        };
        if drawn.ir.node(y).dtype == Dtype::F64 {
            poison(&mut drawn);
        }
        let want = evaluate(&drawn.ir, &drawn.inputs).unwrap();
        let (factors, all) = (form.factors(), form.factors() + form.positions.len());
        for leaves in [factors, all, all, all, all, all, all, all] {
            let tree = tree(&mut rng, leaves);
            let mut list = drawn.ir.per_node(None);
            list[y] = Some((&tree).into());
            let accepted = leaves == factors || form.selected.accepts(&tree);
            let expanded = match expand(&drawn.ir, &list) {
                Ok(expanded) if accepted => expanded.ir,
                Err(PlanError::Selections { .. }) if !accepted => continue,
                other => panic!("{tree:?} {other:?}"),
            };
            let got = evaluate(&expanded, &drawn.inputs).unwrap();
            assert!(close(&got, &want), "{}{}{:?}: {got:?} for {want:?}", drawn.ir, expanded, drawn.inputs);
            optimize(lower(&expanded, &Hints::default()).unwrap(), PassSet::NONE, &mut |_, _, _| {}).unwrap();
            trees += 1;
            early += usize::from(expanded.nodes().iter().any(|n| n.dtype == Dtype::Bool));
        }
    }
    assert!(early > 100, "{early}");
}

#[test]
fn an_id_outside_is_found_by_every_tree() {
    let mut rng = Rng(8);
    let size = Layer { nodes: 4, edges: 3, groups: 4, inputs: 5, hidden: 5 };
    let ir = layer(&size, Dtype::F64, Algebra::SUM_PRODUCT, ERRORS);
    let inputs = |rng: &mut Rng| vec![rng.numbers(20), rng.numbers(25)];
    for (src, dst) in [([0.0, 1.0, 4.0], [0.0; 3]), ([0.0; 3], [0.0, -1.0, 0.0])] {
        let inputs = [inputs(&mut rng), vec![src.to_vec(), dst.to_vec()]].concat();
        for path in [[[0, 1], [2, 4], [3, 5]], [[0, 2], [1, 4], [3, 5]], [[0, 2], [3, 4], [1, 5]]] {
            let tree = Tree::from_ssa(4, &path.map(|s| s.to_vec())).unwrap();
            let expanded = expand(&ir, &[None, None, None, None, Some((&tree).into())]).unwrap().ir;
            assert_eq!(evaluate(&expanded, &inputs), Err(Outside));
        }
    }
}

#[test]
fn a_tensor_read_through_ids_keeps_its_name_and_axis() {
    // Y[e] = X[f, g, ids[e]] · V[f, g] W[f, h, k]: an error about a gather index names axis 2 of X.
    let mut ir = Ir::new();
    let x = ir.input("X", Dtype::F64, [6, 7, 9]);
    let v = ir.input("V", Dtype::F64, [6, 7]);
    let ids = ir.input("ids", Dtype::I64, [1000]);
    let gather = Index::gather(Access::plain(ids, [0]), OutOfRange::Error);
    let c = Contraction {
        axes: vec![Axis::new("e", 1000), Axis::new("f", 6), Axis::new("g", 7)],
        factors: vec![Access::new(x, vec![Index::axis(1), Index::axis(2), gather]), Access::plain(v, [1, 2])],
        output: vec![Index::axis(0)].into(),
        expr: None,
        algebra: Algebra::SUM_PRODUCT,
        init: None,
        pinned: false,
    };
    let y = ir.push(node("Y", Dtype::F64, c)).unwrap();
    ir.output(y).unwrap();
    insta::assert_snapshot!(shown(&ir), @r"
    %3 X = (+, *) %0[f, g, ids] . %1[f, g] -> [0, 0, ids]  f64[1, 1, 9]
    %4 Y = (+, *) %3[0, 0, %2[e]] -> [e]  f64[1000]
    return %4
    ");
    assert_eq!(compiled(&ir).cost.flops, Count::from(6 * 7 * 9u64));
}
