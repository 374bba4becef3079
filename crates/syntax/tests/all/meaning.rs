//! Compares modules of subscripts with the definition of einsum, point by point, on integers.

use crate::element::{Element, Real};
use crate::evaluate::{Tensor, evaluate, points};
use crate::rng::Rng;
use einfold_ir::{Dtype, TensorType};
use einfold_syntax::{Options, parse, resolve};
use std::collections::BTreeMap;

/// The sum over all labels, directly from the definition.
fn by_definition(terms: &[String], output: &str, inputs: &[Tensor]) -> Vec<i128> {
    let mut sizes: BTreeMap<char, usize> = BTreeMap::new();
    for (term, input) in terms.iter().zip(inputs) {
        for (label, &n) in term.chars().zip(&input.shape) {
            let size = sizes.entry(label).or_insert(n);
            *size = if *size == 1 { n } else { *size };
        }
    }
    let (labels, extents): (Vec<char>, Vec<usize>) = sizes.iter().map(|(label, n)| (*label, *n)).unzip();
    let shape: Vec<usize> = output.chars().map(|label| sizes[&label]).collect();
    let mut result = vec![0; shape.iter().product()];
    for point in points(&extents) {
        let here = |label: char| point[labels.iter().position(|l| *l == label).unwrap()];
        let mut product = 1;
        for (term, input) in terms.iter().zip(inputs) {
            let position: Vec<usize> = term.chars().zip(&input.shape).map(|(l, n)| here(l).min(n - 1)).collect();
            product *= integer(input.data[offset(&position, &input.shape)]);
        }
        result[offset(&output.chars().map(here).collect::<Vec<_>>(), &shape)] += product;
    }
    result
}

fn offset(position: &[usize], shape: &[usize]) -> usize {
    position.iter().zip(shape).fold(0, |offset, (p, n)| offset * n + p)
}

fn integer(element: Element) -> i128 {
    match element {
        Element(Real::Int(i), _) => i,
        other => panic!("{other:?}"),
    }
}

/// Adds random parentheses.
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
            let mut tensor = Tensor::full(Dtype::I64, &term.chars().map(size).collect::<Vec<_>>(), Element::ZERO);
            tensor.data.iter_mut().for_each(|x| *x = Element::int(rng.below(7) as i128 - 3));
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
            .map(|input| TensorType {
                name: None,
                dtype: Dtype::I64,
                shape: input.shape.as_slice().into(),
                conj: false,
            })
            .collect();
        let ir = resolve(&parse(&text).unwrap(), &types, &Options::default()).unwrap();
        let result = evaluate(&ir, &inputs).unwrap().remove(0);
        let result: Vec<i128> = result.data.into_iter().map(integer).collect();
        assert_eq!(result, by_definition(&terms, &output, &inputs), "{text}\n{ir}");
    }
}
