//! The module of an expression computes what the labels say: both are evaluated, point by point, on integers.

use crate::rng::Rng;
use einfold_ir::{Access, AxisRef, Contraction, Def, Dtype, Index, Ir, NodeId, TensorType};
use einfold_syntax::{Options, parse, resolve};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
struct Tensor {
    shape: Vec<usize>,
    data: Vec<i64>,
}

impl Tensor {
    fn zeros(shape: &[usize]) -> Tensor {
        Tensor { shape: shape.to_vec(), data: vec![0; shape.iter().product()] }
    }

    fn at(&mut self, position: impl Iterator<Item = usize>) -> &mut i64 {
        let offset = position.zip(&self.shape).fold(0, |offset, (p, n)| offset * n + p);
        &mut self.data[offset]
    }
}

/// All positions of a space, in row-major order.
fn points(extents: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    (0..extents.iter().product()).map(move |k: usize| {
        let inner = |axis: usize| extents[axis + 1..].iter().product::<usize>();
        (0..extents.len()).map(|axis| k / inner(axis) % extents[axis]).collect()
    })
}

fn evaluate(ir: &Ir, inputs: &[Tensor]) -> Tensor {
    let mut tensors: Vec<Tensor> = Vec::new();
    for node in ir.nodes() {
        let tensor = match &node.def {
            Def::Input { slot } => inputs[*slot as usize].clone(),
            Def::Contract(c) => contract(c, &node.shape, &mut tensors),
            other => panic!("{other:?}"),
        };
        tensors.push(tensor);
    }
    tensors.swap_remove(ir.outputs()[0].0 as usize)
}

fn contract(c: &Contraction, shape: &[usize], tensors: &mut [Tensor]) -> Tensor {
    let mut result = Tensor::zeros(shape);
    let extents: Vec<usize> = c.axes.iter().map(|axis| axis.extent).collect();
    for point in points(&extents) {
        let position = |index: &Index<NodeId>| match index.terms[..] {
            [] => index.offset as usize,
            [term] => match term.axis {
                AxisRef::Own(axis) => point[axis as usize],
                AxisRef::Loop(_) => panic!("no loops yet"),
            },
            _ => panic!("no affine indices yet"),
        };
        let factor = |f: &Access<NodeId>| *tensors[f.tensor.0 as usize].at(f.indices.iter().map(position));
        let product: i64 = c.factors.iter().map(factor).product();
        *result.at(c.output.iter().map(position)) += product;
    }
    result
}

/// The sum over all labels, straight from the definition.
fn by_definition(terms: &[String], output: &str, inputs: &mut [Tensor]) -> Tensor {
    let mut sizes: BTreeMap<char, usize> = BTreeMap::new();
    for (term, input) in terms.iter().zip(&*inputs) {
        for (label, &n) in term.chars().zip(&input.shape) {
            let size = sizes.entry(label).or_insert(n);
            *size = if *size == 1 { n } else { *size };
        }
    }
    let (labels, extents): (Vec<char>, Vec<usize>) = sizes.iter().map(|(label, n)| (*label, *n)).unzip();
    let shape: Vec<usize> = output.chars().map(|label| sizes[&label]).collect();
    let mut result = Tensor::zeros(&shape);
    for point in points(&extents) {
        let here = |label: char| point[labels.iter().position(|l| *l == label).unwrap()];
        let mut product = 1;
        for (term, input) in terms.iter().zip(&mut *inputs) {
            let position: Vec<usize> = term.chars().zip(&input.shape).map(|(l, n)| here(l).min(n - 1)).collect();
            product *= *input.at(position.into_iter());
        }
        *result.at(output.chars().map(here)) += product;
    }
    result
}

/// Puts the terms into random parentheses.
fn grouped(rng: &mut Rng, terms: &[String]) -> String {
    if terms.len() == 1 {
        return terms[0].clone();
    }
    let mut items = Vec::new();
    let mut rest = terms;
    while !rest.is_empty() {
        let most = if items.is_empty() { rest.len() - 1 } else { rest.len() };
        let (now, later) = rest.split_at(1 + rng.below(most));
        items.push(if now.len() > 1 { format!("({})", grouped(rng, now)) } else { now[0].clone() });
        rest = later;
    }
    items.join(",")
}

#[test]
fn modules_compute_what_the_labels_say() {
    let mut rng = Rng::new(3);
    for _ in 0..5_000 {
        let sizes: BTreeMap<char, usize> = ('a'..='e').map(|label| (label, 1 + rng.below(3))).collect();
        let terms: Vec<String> = (0..1 + rng.below(5))
            .map(|_| (0..rng.below(4)).map(|_| rng.pick(&['a', 'b', 'c', 'd', 'e'])).collect())
            .collect();
        let mut inputs: Vec<Tensor> = Vec::new();
        for term in &terms {
            let stretched = rng.below(6);
            let size = |label: char| if stretched == label as usize % 6 { 1 } else { sizes[&label] };
            let mut tensor = Tensor::zeros(&term.chars().map(size).collect::<Vec<_>>());
            tensor.data.iter_mut().for_each(|x| *x = rng.below(7) as i64 - 3);
            inputs.push(tensor);
        }
        let mut used: Vec<char> = terms.iter().flat_map(|term| term.chars()).collect();
        used.sort_unstable();
        let once: String = used.iter().filter(|l| used.iter().filter(|m| m == l).count() == 1).collect();
        used.dedup();
        let explicit = rng.below(2) == 0;
        let output: String =
            if explicit { used.into_iter().rev().filter(|_| rng.below(2) == 0).collect() } else { once };

        let text = grouped(&mut rng, &terms) + &if explicit { format!("->{output}") } else { String::new() };
        let types: Vec<TensorType> = inputs
            .iter()
            .map(|input| TensorType { name: None, dtype: Dtype::I64, shape: input.shape.clone(), conj: false })
            .collect();
        let ir = resolve(&parse(&text).unwrap(), &types, &Options::default()).unwrap();
        assert_eq!(evaluate(&ir, &inputs), by_definition(&terms, &output, &mut inputs), "{text}\n{ir}");
    }
}
