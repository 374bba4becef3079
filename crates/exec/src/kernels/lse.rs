//! `ln Σ exp`, shifted by the largest term: one exponential a term, where adding pair by pair would need a logarithm as well.

use super::op::{LogAddExp, Op};
use super::{Dst, Src};

/// Terms that are summed side by side.
const COLUMNS: usize = 64;

/// `c = ln(exp c + exp a)`; adds. All −∞ gives −∞, any +∞ gives +∞, and NaN is kept.
///
/// # Safety
/// As [`Kernels`](super::Kernels) states, for elements of type `T`.
pub(super) unsafe fn add<T: Real>(n: [usize; 2], c: Dst, a: Src)
where
    LogAddExp<T>: Op<T = T>,
{
    // Along the inner loop the columns of a block go to elements of their own; along the outer one they are summed.
    let turned = c.strides[1] == 0 && n[1] > 1;
    let (n, c, a) = if turned { ([n[1], n[0]], c.turned(), a.turned()) } else { (n, c, a) };
    let (rows, each) = if c.strides[0] == 0 { (n[0], 1) } else { (1, n[0]) };
    for o in 0..each {
        // Both loops may lead to one element.
        let width = if c.strides[1] == 0 { 1 } else { COLUMNS };
        for i in (0..n[1]).step_by(width) {
            // SAFETY: positions below `n`, for which the caller promises the operands.
            unsafe { block::<T>([rows, width.min(n[1] - i)], c.at(o, i), a.at(o, i)) }
        }
    }
}

/// Adds the sum of each column of a block.
unsafe fn block<T: Real>(n: [usize; 2], c: Dst, a: Src)
where
    LogAddExp<T>: Op<T = T>,
{
    let (mut most, mut sums) = ([f64::NEG_INFINITY; COLUMNS], [0f64; COLUMNS]);
    // SAFETY: positions below `n`, for which the caller promises the operands.
    unsafe {
        for o in 0..n[0] {
            for (i, most) in most[..n[1]].iter_mut().enumerate() {
                *most = most.max(a.at(o, i).ptr.cast::<T>().read().into());
            }
        }
        // What is not finite shifts nothing; a NaN, which `max` has passed over, shows in the sum.
        most.iter_mut().filter(|most| !most.is_finite()).for_each(|most| *most = 0.0);
        for o in 0..n[0] {
            for (i, (sum, most)) in sums[..n[1]].iter_mut().zip(&most).enumerate() {
                let term: f64 = a.at(o, i).ptr.cast::<T>().read().into();
                *sum += (term - most).exp();
            }
        }
        for i in 0..n[1] {
            let target = c.at(0, i).ptr.cast::<T>();
            target.write(LogAddExp::<T>::apply(target.read(), T::narrow(most[i] + sums[i].ln())));
        }
    }
}

/// A type of numbers that are `f64`, and to which one is rounded.
pub(super) trait Real: Copy + Into<f64> {
    fn narrow(x: f64) -> Self;
}

impl Real for f64 {
    fn narrow(x: f64) -> f64 {
        x
    }
}

impl Real for f32 {
    fn narrow(x: f64) -> f32 {
        x as f32
    }
}
