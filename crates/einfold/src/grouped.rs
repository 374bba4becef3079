//! Common grouped reductions as functions. Each is one line of the language, which its documentation shows: where it does not
//! fit, write the line and change it.

use crate::einsum;
use crate::error::{Error, ErrorKind};
use crate::operand::{Operand, Operands};
use crate::output::Output;

/// `:3` where the size is declared.
fn declared(size: Option<usize>) -> String {
    size.map_or_else(String::new, |size| format!(":{size}"))
}

/// The sums of the rows with equal ids: `Y[ids[n],...] += values[n,...]`.
///
/// `values` is `[n, …]`, `ids` is `[n]` of any integers, sorted or not; the result is `[groups, …]` of the values' dtype. Without a
/// number of groups there is one more than the greatest id. A group without rows is 0; an id outside `0..groups` is an error.
///
/// ```
/// use einfold::ndarray::{Array1, Array2, array};
/// use einfold::grouped::segment_sum;
///
/// let ids = array![0, 2, 0];
/// let sums: Array1<f64> = segment_sum(&array![1.0, 2.0, 4.0], &ids, None)?;
/// assert_eq!(sums, array![5.0, 0.0, 2.0]);
/// let rows: Array2<i32> = segment_sum(&array![[1, 2], [3, 4], [5, 6]], &ids, 4)?;
/// assert_eq!(rows, array![[6, 8], [0, 0], [3, 4], [0, 0]]);
/// # Ok::<(), einfold::Error>(())
/// ```
///
/// # Errors
/// As [`Expression::run`](crate::Expression::run).
pub fn segment_sum<A: Output>(
    values: impl Operand,
    ids: impl Operand,
    groups: impl Into<Option<usize>>,
) -> Result<A, Error> {
    accumarray(&ids, &values, Aggregator::Sum, groups.into().as_ref().map(std::slice::from_ref))
}

/// The means of the rows with equal ids: `Y[ids[n],...] mean= values[n,...]`.
///
/// As [`segment_sum`]; the result is of a float or complex dtype, `f64` for integers. A group without rows is NaN.
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
    ids: impl Operand,
    groups: impl Into<Option<usize>>,
) -> Result<A, Error> {
    accumarray(&ids, &values, Aggregator::Mean, groups.into().as_ref().map(std::slice::from_ref))
}

/// How often each id occurs: `N[ids[n]] += 1`.
///
/// `ids` is `[n]`, the result `[groups]` of `i64`. Without a number of groups there is one more than the greatest id.
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
pub fn bincount<A: Output>(ids: impl Operand, groups: impl Into<Option<usize>>) -> Result<A, Error> {
    einsum(&format!("N[ids[n]{}] += 1", declared(groups.into())), &ids)
}

/// The sums of the weights of each id: `N[ids[n]] += weights[n]`.
///
/// As [`bincount`], of the weights' dtype; NumPy's function of that name gives `f64` for all weights.
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
    ids: impl Operand,
    weights: impl Operand,
    groups: impl Into<Option<usize>>,
) -> Result<A, Error> {
    einsum(&format!("N[ids[n]{}] += weights[n]", declared(groups.into())), (&ids, &weights))
}

/// What becomes of the values of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregator {
    /// `+=`: their sum, 0 of none. On `bool` *any*.
    Sum,
    /// `*=`: their product, 1 of none. On `bool` *all*.
    Product,
    /// `max=`: the greatest; of none −∞ or the least integer.
    Max,
    /// `min=`: the least; of none +∞ or the greatest integer.
    Min,
    /// `mean=`: their mean, a float; NaN of none.
    Mean,
    /// `lse=`: the logarithm of the sum of their exponentials, a float; −∞ of none.
    LogSumExp,
    /// `|=`: whether any holds; bit by bit on integers.
    Any,
    /// `&=`: whether all hold; bit by bit on integers.
    All,
}

impl Aggregator {
    /// The assignment of the language that aggregates so.
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

/// MATLAB's `accumarray`: aggregates the values that have equal ids, `Y[i0[n],i1[n],...] max= values[n,...]`.
///
/// `ids` is one vector `[n]` of integers for each axis of the groups, a single one or a tuple; `values` is `[n, …]`; the result is
/// `[groups0, groups1, …]`. Without a shape there is one more than the greatest id along each axis.
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
/// A value for empty groups and other options are those of the expression: `Expression::new("Y[g[n]] max= x[n]")?.fill("Y", 0)`.
///
/// # Errors
/// As [`Expression::run`](crate::Expression::run); [`ErrorKind::OutputRank`] where the shape has more or fewer axes than there are vectors of ids.
pub fn accumarray<A: Output>(
    ids: impl Operands,
    values: impl Operand,
    aggregator: Aggregator,
    shape: Option<&[usize]>,
) -> Result<A, Error> {
    let ids = ids.arguments();
    let views = ids.arguments().views();
    let vectors = views.iter().map(|view| view as &dyn Operand);
    let operands: Vec<&dyn Operand> = vectors.chain([&values as &dyn Operand]).collect();
    einsum(&accumarray_text(views.len(), aggregator, shape)?, &operands)
}

/// `Y[i0[n]:4,i1[n]:3,...] += values[n,...]`; a single vector is called `ids`.
fn accumarray_text(ids: usize, aggregator: Aggregator, shape: Option<&[usize]>) -> Result<String, Error> {
    if let Some(asked) = shape.map(<[usize]>::len).filter(|&asked| asked != ids) {
        return Err(ErrorKind::OutputRank { output: 0, asked, given: ids }.into());
    }
    let name = |k: usize| if ids == 1 { "ids".to_string() } else { format!("i{k}") };
    let index = |k: usize| format!("{}[n]{},", name(k), declared(shape.map(|shape| shape[k])));
    let left: String = (0..ids).map(index).collect();
    Ok(format!("Y[{left}...] {} values[n,...]", aggregator.assignment()))
}

/// The average of the values along their last axis, weighted:
/// `S[...] = values[...,j]*weights[j]; W = weights[j]; Y[...] = S[...]/W`.
///
/// `values` is `[…, n]`, `weights` is `[n]`; the result is `[…]` of a float or complex dtype, `f64` for integers. Weights whose sum
/// is 0 give NaN or an infinity.
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
