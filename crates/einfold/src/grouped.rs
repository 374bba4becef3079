//! Frequent grouped reductions as functions. Each runs one program of the language, which its documentation shows; for
//! a variation, copy the program and change it.

use crate::arguments::{ArgumentList, Operands};
use crate::einsum;
use crate::error::{Error, ErrorKind};
use crate::operand::Operand;
use crate::output::Output;

/// `:3` if the size is declared.
fn declared(size: Option<usize>) -> String {
    size.map_or_else(String::new, |size| format!(":{size}"))
}

/// Sums the rows of each group: `Y[index[n],...] += values[n,...]`.
///
/// `index` is an index tensor of shape `[n]` with the group of each row, in any order. `values` has shape `[n, …]`; the
/// result has shape `[groups, …]` and the dtype of the values. Without `groups`, the number of groups is the greatest
/// scatter index plus 1. A group without rows is 0; an index outside `0..groups` is an error.
///
/// ```
/// use einfold::ndarray::{Array1, Array2, array};
/// use einfold::grouped::segment_sum;
///
/// let index = array![0, 2, 0];
/// let sums: Array1<f64> = segment_sum(&array![1.0, 2.0, 4.0], &index, None)?;
/// assert_eq!(sums, array![5.0, 0.0, 2.0]);
/// let rows: Array2<i32> = segment_sum(&array![[1, 2], [3, 4], [5, 6]], &index, 4)?;
/// assert_eq!(rows, array![[6, 8], [0, 0], [3, 4], [0, 0]]);
/// # Ok::<(), einfold::Error>(())
/// ```
///
/// # Errors
/// As [`Expression::run`](crate::Expression::run).
pub fn segment_sum<A: Output>(
    values: impl Operand,
    index: impl Operand,
    groups: impl Into<Option<usize>>,
) -> Result<A, Error> {
    accumarray(&index, &values, Aggregator::Sum, groups.into().as_ref().map(std::slice::from_ref))
}

/// Computes the mean of the rows of each group: `Y[index[n],...] mean= values[n,...]`.
///
/// Shapes are as in [`segment_sum`]. The result has a float or complex dtype, `f64` for integers. A group without rows
/// is NaN.
///
/// ```
/// use einfold::ndarray::{Array1, array};
/// use einfold::grouped::segment_mean;
///
/// let means: Array1<f64> = segment_mean(&array![1, 2, 4], &array![0, 1, 0], None)?;
/// assert_eq!(means, array![2.5, 2.0]);
/// # Ok::<(), einfold::Error>(())
/// ```
///
/// # Errors
/// As [`Expression::run`](crate::Expression::run).
pub fn segment_mean<A: Output>(
    values: impl Operand,
    index: impl Operand,
    groups: impl Into<Option<usize>>,
) -> Result<A, Error> {
    accumarray(&index, &values, Aggregator::Mean, groups.into().as_ref().map(std::slice::from_ref))
}

/// Counts the occurrences of each scatter index: `N[index[n]] += 1`.
///
/// `index` has shape `[n]`; the result has shape `[groups]` and dtype `i64`. Without `groups`, the number of groups is
/// the greatest scatter index plus 1.
///
/// ```
/// use einfold::grouped::bincount;
/// use einfold::ndarray::{Array1, array};
///
/// let counts: Array1<i64> = bincount(&array![0, 2, 2], None)?;
/// assert_eq!(counts, array![1, 0, 2]);
/// # Ok::<(), einfold::Error>(())
/// ```
///
/// # Errors
/// As [`Expression::run`](crate::Expression::run).
pub fn bincount<A: Output>(index: impl Operand, groups: impl Into<Option<usize>>) -> Result<A, Error> {
    einsum(&format!("N[index[n]{}] += 1", declared(groups.into())), &index)
}

/// Sums the weights of each scatter index: `N[index[n]] += weights[n]`.
///
/// Shapes are as in [`bincount`]. The result has the dtype of the weights; NumPy's function always returns `f64`.
///
/// ```
/// use einfold::grouped::bincount_weighted;
/// use einfold::ndarray::{Array1, array};
///
/// let sums: Array1<f32> = bincount_weighted(&array![0, 2, 2], &array![0.5_f32, 1.0, 2.0], 4)?;
/// assert_eq!(sums, array![0.5, 0.0, 3.0, 0.0]);
/// # Ok::<(), einfold::Error>(())
/// ```
///
/// # Errors
/// As [`Expression::run`](crate::Expression::run).
pub fn bincount_weighted<A: Output>(
    index: impl Operand,
    weights: impl Operand,
    groups: impl Into<Option<usize>>,
) -> Result<A, Error> {
    einsum(&format!("N[index[n]{}] += weights[n]", declared(groups.into())), (&index, &weights))
}

/// The reduction of the values of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregator {
    /// `+=`: the sum; 0 for an empty group. On `bool`, *any*.
    Sum,
    /// `*=`: the product; 1 for an empty group. On `bool`, *all*.
    Product,
    /// `max=`: the maximum; −∞ or the least integer for an empty group.
    Max,
    /// `min=`: the minimum; +∞ or the greatest integer for an empty group.
    Min,
    /// `mean=`: the mean, of a float or complex dtype; NaN for an empty group.
    Mean,
    /// `lse=`: the logarithm of the sum of exponentials, a float; −∞ for an empty group.
    LogSumExp,
    /// `|=`: whether any value is true; bitwise on integers.
    Any,
    /// `&=`: whether all values are true; bitwise on integers.
    All,
}

impl Aggregator {
    /// The assignment operator of this reduction.
    pub fn assignment(self) -> &'static str {
        match self {
            Aggregator::Sum => "+=",
            Aggregator::Product => "*=",
            Aggregator::Max => "max=",
            Aggregator::Min => "min=",
            Aggregator::Mean => "mean=",
            Aggregator::LogSumExp => "lse=",
            Aggregator::Any => "|=",
            Aggregator::All => "&=",
        }
    }
}

/// Reduces the values of each group, as MATLAB's `accumarray`: `Y[i0[n],i1[n],...] max= values[n,...]`.
///
/// `indices` is one index tensor of shape `[n]`, or a tuple of them, one for each axis of groups. `values` has shape
/// `[n, …]`; the result has shape `[groups0, groups1, …]`. Without a shape, each extent is the greatest scatter index
/// of its axis plus 1.
///
/// ```
/// use einfold::ndarray::{Array2, array};
/// use einfold::{grouped::{Aggregator, accumarray}};
///
/// let (rows, columns) = (array![0, 1, 0], array![1, 0, 1]);
/// let y: Array2<i64> = accumarray((&rows, &columns), &array![7_i64, 5, 9], Aggregator::Max, Some(&[2, 2]))?;
/// assert_eq!(y, array![[i64::MIN, 9], [5, i64::MIN]]);
/// # Ok::<(), einfold::Error>(())
/// ```
///
/// Use an expression for other options, such as a value for empty groups:
/// `Expression::new("Y[g[n]] max= x[n]")?.fill("Y", 0)`.
///
/// # Errors
/// As [`Expression::run`](crate::Expression::run); [`ErrorKind::OutputRank`] if the number of extents in the shape
/// differs from the number of index tensors.
pub fn accumarray<A: Output>(
    indices: impl Operands,
    values: impl Operand,
    aggregator: Aggregator,
    shape: Option<&[usize]>,
) -> Result<A, Error> {
    ArgumentList::with(&indices, |indices| {
        let tensors = indices.views().iter().map(|view| view as &dyn Operand);
        let operands: Vec<&dyn Operand> = tensors.chain([&values as &dyn Operand]).collect();
        einsum(&accumarray_text(operands.len() - 1, aggregator, shape)?, &operands)
    })
}

/// The program `Y[i0[n]:4,i1[n]:3,...] += values[n,...]`; a single index tensor is called `index`.
fn accumarray_text(tensors: usize, aggregator: Aggregator, shape: Option<&[usize]>) -> Result<String, Error> {
    if let Some(asked) = shape.map(<[usize]>::len).filter(|&asked| asked != tensors) {
        return Err(ErrorKind::OutputRank { output: 0, asked, given: tensors }.into());
    }
    let name = |k: usize| if tensors == 1 { "index".to_string() } else { format!("i{k}") };
    let index = |k: usize| format!("{}[n]{},", name(k), declared(shape.map(|shape| shape[k])));
    let left: String = (0..tensors).map(index).collect();
    Ok(format!("Y[{left}...] {} values[n,...]", aggregator.assignment()))
}

/// Computes the weighted average of the values along their last axis:
/// `S[...] = values[...,j]*weights[j]; W = weights[j]; Y[...] = S[...]/W`.
///
/// `values` has shape `[…, n]`, `weights` has shape `[n]`; the result has shape `[…]` and a float or complex dtype,
/// `f64` for integers. Weights with the sum 0 give NaN or an infinity.
///
/// ```
/// use einfold::ndarray::{Array1, array};
/// use einfold::grouped::weighted_average;
///
/// let averages: Array1<f64> = weighted_average(&array![[1.0, 2.0], [3.0, 5.0]], &array![3.0, 1.0])?;
/// assert_eq!(averages, array![1.25, 3.5]);
/// # Ok::<(), einfold::Error>(())
/// ```
///
/// # Errors
/// As [`Expression::run`](crate::Expression::run).
pub fn weighted_average<A: Output>(values: impl Operand, weights: impl Operand) -> Result<A, Error> {
    let text = "S[...] = values[...,j]*weights[j]; W = weights[j]; Y[...] = S[...]/W";
    einsum(text, (&values, &weights))
}
