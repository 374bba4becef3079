//! Lowers subscripts of one product to a [`Product`], without a module.

use super::Options;
use super::lower::addressable;
use crate::ast::{Label, Subscripts};
use einfold_ir::{Axis, AxisNumbers, Dtype, Factor, Label as Name, Product, TensorType, few};
use smallvec::SmallVec;
use std::sync::Arc;

/// The axes of a product: the distinct labels of the operands in the order of first use.
struct Axes {
    axes: Vec<Axis>,
    labels: [u32; Product::MOST_AXES],
}

impl Axes {
    /// The number of the axis of a label.
    fn number(&self, label: u32) -> Option<u8> {
        self.labels[..self.axes.len()].iter().position(|&other| other == label).map(|number| number as u8)
    }

    /// The axes of an operand; `None` if an axis has another size elsewhere, or if there are too many.
    fn of_operand(&mut self, s: &Subscripts, labels: &[Label], shape: &[usize]) -> Option<AxisNumbers> {
        let mut numbers = AxisNumbers::new();
        if labels.len() != shape.len() {
            return None;
        }
        for (label, &size) in labels.iter().zip(shape) {
            let number = match self.number(label.id) {
                Some(number) => Some(number).filter(|&number| self.axes[number as usize].extent == size)?,
                None => {
                    *self.labels.get_mut(self.axes.len())? = label.id;
                    self.axes.push(Axis::new(s.name(label.id).label(), size));
                    (self.axes.len() - 1) as u8
                }
            };
            numbers.push(number);
        }
        Some(numbers)
    }

    /// The axes of the output.
    fn of_output(&self, s: &Subscripts) -> Option<AxisNumbers> {
        if let Some(output) = s.output() {
            let numbers = s.labels(&output.term).iter().map(|label| self.number(label.id));
            return numbers.collect::<Option<_>>().filter(|_| output.term.ellipsis.is_none());
        }
        let uses = |&axis: &u8| s.input_labels().iter().filter(|label| label.id == self.labels[axis as usize]).count();
        let mut once: AxisNumbers = few((0..self.axes.len() as u8).filter(|axis| uses(axis) == 1));
        once.sort_unstable_by_key(|&axis| self.labels[axis as usize]);
        Some(once)
    }
}

/// The contraction that the module of the same subscripts has; `None` if the module has another node, more factors or
/// axes that broadcast, or is an error. A product that is too large to address has no plan.
pub(in super::super) fn lower_to_product(
    s: &Subscripts,
    inputs: &Arc<[TensorType]>,
    options: &Options,
) -> Option<Product> {
    if inputs.len() != s.terms().len() || !(1..=2).contains(&inputs.len()) || !s.groups().is_empty() {
        return None;
    }
    let dtypes = [inputs[0].dtype, inputs[inputs.len() - 1].dtype];
    let (algebra, dtype) = (options.algebra, options.in_accumulator(&dtypes, Dtype::promote(&dtypes)?).ok()?);
    let most = s.input_labels().len().min(Product::MOST_AXES);
    let mut axes = Axes { axes: Vec::with_capacity(most), labels: [0; Product::MOST_AXES] };
    let mut factors = SmallVec::new();
    for (k, (term, input)) in s.terms().iter().zip(&**inputs).enumerate() {
        if term.ellipsis.is_some() || !addressable(&input.shape, input.dtype) {
            return None;
        }
        let numbers = axes.of_operand(s, s.labels(term), &input.shape)?;
        factors.push(Factor { operand: k as u32, conj: input.conj, axes: numbers });
    }
    let output = axes.of_output(s)?;
    let axes = axes.axes;
    // A copy of one operand has no sums; other results of 16 bits are rounded in a node of their own.
    let is_copy = factors.len() == 1 && output.len() == axes.len();
    if !algebra.accepts(dtype) || !(is_copy || algebra.accumulator(dtype) == dtype) {
        return None;
    }
    let (operands, label) = (inputs.clone(), Name::new_static("y"));
    Some(Product { operands, axes, factors, label, dtype, output, algebra })
}
