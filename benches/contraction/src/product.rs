//! The form of a contraction of two tensors as a batch of matrix products, with permuted copies where it needs them.

use std::collections::HashMap;

/// The strides of one matrix of a batch, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strides {
    pub batch: isize,
    pub row: isize,
    pub column: isize,
}

/// The tensor as matrices: as it is in memory, or after a copy with permuted axes.
#[derive(Debug)]
pub struct Side {
    pub strides: Strides,
    /// The axis of the tensor that each axis of the copy is.
    pub copy: Option<Vec<usize>>,
}

/// `batch` products of an `m` by `k` and a `k` by `n` matrix.
#[derive(Debug)]
pub struct Product {
    pub batch: usize,
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub a: Side,
    pub b: Side,
    pub c: Side,
}

impl Product {
    /// The product that copies the fewest elements; `None` unless each label is in two of the tensors or in all three.
    pub fn new(a: &[char], b: &[char], c: &[char], extents: &HashMap<char, usize>) -> Option<Product> {
        let common = |x: &[char], y: &[char], without: Option<&[char]>, with: Option<&[char]>| -> Vec<char> {
            let is_common = |l: &&char| {
                y.contains(l) && without.is_none_or(|w| !w.contains(l)) && with.is_none_or(|w| w.contains(l))
            };
            x.iter().filter(is_common).copied().collect()
        };
        let batch = common(c, a, None, Some(b));
        let rows = [common(c, a, Some(b), None), common(a, c, Some(b), None)];
        let columns = [common(c, b, Some(a), None), common(b, c, Some(a), None)];
        let summed = [common(a, b, Some(c), None), common(b, a, Some(c), None)];
        if batch.len() + rows[0].len() + summed[0].len() != a.len()
            || batch.len() + columns[0].len() + summed[0].len() != b.len()
            || batch.len() + rows[0].len() + columns[0].len() != c.len()
        {
            return None;
        }
        let size = |labels: &[char]| labels.iter().map(|label| extents[label]).product::<usize>();
        let orders = (0..8).map(|i| (&rows[i & 1], &columns[i >> 1 & 1], &summed[i >> 2]));
        let products = orders.map(|(m, n, k)| Product {
            batch: size(&batch),
            m: size(m),
            n: size(n),
            k: size(k),
            a: Side::new(a, [&batch, m, k], extents),
            b: Side::new(b, [&batch, k, n], extents),
            c: Side::new(c, [&batch, m, n], extents),
        });
        products.min_by_key(|product| {
            let sides = [(&product.a, a), (&product.b, b), (&product.c, c)];
            sides.into_iter().filter(|(side, _)| side.copy.is_some()).map(|(_, term)| size(term)).sum::<usize>()
        })
    }

    /// Whether all tensors are matrices as they are.
    pub fn is_direct(&self) -> bool {
        [&self.a, &self.b, &self.c].iter().all(|side| side.copy.is_none())
    }
}

impl Side {
    fn new(term: &[char], groups: [&[char]; 3], extents: &HashMap<char, usize>) -> Side {
        if let [Some(batch), Some(row), Some(column)] = groups.map(|group| fold(group, term, extents)) {
            return Side { strides: Strides { batch, row, column }, copy: None };
        }
        let order: Vec<char> = groups.concat();
        let [batch, row, column] =
            groups.map(|group| fold(group, &order, extents).expect("the labels of a group are next to each other"));
        let position = |label: &char| term.iter().position(|l| l == label).expect("the labels are those of the tensor");
        Side { strides: Strides { batch, row, column }, copy: Some(order.iter().map(position).collect()) }
    }
}

/// The stride of axes as one axis of a tensor in C order, if they have one.
fn fold(labels: &[char], term: &[char], extents: &HashMap<char, usize>) -> Option<isize> {
    let stride = |label: char| {
        let inner = term.iter().rev().take_while(|l| **l != label);
        inner.map(|label| extents[label]).product::<usize>()
    };
    let mut long = labels.iter().copied().filter(|label| extents[label] != 1);
    let Some(first) = long.next() else { return Some(1) };
    let mut last = first;
    for label in long {
        if stride(last) != stride(label) * extents[&label] {
            return None;
        }
        last = label;
    }
    isize::try_from(stride(last)).ok()
}
