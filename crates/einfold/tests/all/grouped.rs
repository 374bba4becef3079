//! The functions for grouped reductions, compared with loops.

use einfold::ndarray::{Array1, Array2, ArrayD, array};
use einfold::{
    AnyArray, Error, Expression, conj,
    grouped::{Aggregator, accumarray, bincount, bincount_weighted, segment_mean, segment_sum, weighted_average},
};
use num_complex::Complex;

type Result = std::result::Result<(), Error>;

/// Unsorted ids with repetitions and gaps, and values of both signs.
fn data() -> (Array1<i32>, Array2<f64>) {
    let ids = Array1::from_shape_fn(200, |n| [0, 3, 3, 7, 1, 0, 9][(n * 5 + n / 3) % 7]);
    (ids, Array2::from_shape_fn((200, 3), |(n, f)| (n as f64 * 0.37 - 20.0) * (f as f64 - 1.5)))
}

/// Reduces the rows of each group in a loop, starting with `start`.
fn by_loop(
    ids: &Array1<i32>,
    values: &Array2<f64>,
    groups: usize,
    start: f64,
    add: fn(f64, f64) -> f64,
) -> (Array2<f64>, Vec<usize>) {
    let (mut out, mut counts) = (Array2::from_elem((groups, values.ncols()), start), vec![0; groups]);
    for (&id, row) in ids.iter().zip(values.rows()) {
        counts[id as usize] += 1;
        out.row_mut(id as usize).zip_mut_with(&row, |y, &x| *y = add(*y, x));
    }
    (out, counts)
}

fn assert_close(got: &Array2<f64>, want: &Array2<f64>) {
    let close = |(&a, &b): (&f64, &f64)| a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-12 * b.abs();
    assert!(got.shape() == want.shape() && got.iter().zip(want).all(close), "{got} {want}");
}

#[test]
fn rows_of_segments_are_added_and_averaged() -> Result {
    let (ids, values) = data();
    for groups in [None, Some(10), Some(13)] {
        let (sums, counts) = by_loop(&ids, &values, groups.unwrap_or(10), 0.0, |a, b| a + b);
        assert_close(&segment_sum(&values, &ids, groups)?, &sums);
        let means = Array2::from_shape_fn(sums.dim(), |(g, f)| sums[[g, f]] / counts[g] as f64);
        assert_close(&segment_mean(&values, &ids, groups)?, &means);
        let found: Array1<i64> = bincount(&ids, groups)?;
        assert!(found.iter().zip(&counts).all(|(&a, &b)| a == b as i64));
        let weighted: Array1<f64> = bincount_weighted(&ids, values.column(1), groups)?;
        assert_close(
            &weighted.insert_axis(einfold::ndarray::Axis(1)),
            &sums.slice_move(einfold::ndarray::s![.., 1..2]),
        );
    }
    Ok(())
}

#[test]
fn every_aggregator_is_that_of_the_language() -> Result {
    let (ids, values) = data();
    let run = |aggregator| accumarray::<Array2<f64>>(&ids, &values, aggregator, None);
    assert_close(&run(Aggregator::Sum)?, &by_loop(&ids, &values, 10, 0.0, |a, b| a + b).0);
    assert_close(&run(Aggregator::Product)?, &by_loop(&ids, &values, 10, 1.0, |a, b| a * b).0);
    assert_close(&run(Aggregator::Max)?, &by_loop(&ids, &values, 10, f64::NEG_INFINITY, f64::max).0);
    assert_close(&run(Aggregator::Min)?, &by_loop(&ids, &values, 10, f64::INFINITY, f64::min).0);
    let exponentials = by_loop(&ids, &values.mapv(f64::exp), 10, 0.0, |a, b| a + b).0;
    assert_close(&run(Aggregator::LogSumExp)?, &exponentials.mapv(f64::ln));
    let positive = values.mapv(|x| x > 15.0);
    let any: Array2<bool> = accumarray(&ids, &positive, Aggregator::Any, None)?;
    let all: Array2<bool> = accumarray(&ids, &positive, Aggregator::All, None)?;
    let truth = positive.mapv(f64::from);
    assert_eq!(any, by_loop(&ids, &truth, 10, 0.0, f64::max).0.mapv(|x| x == 1.0));
    assert_eq!(all, by_loop(&ids, &truth, 10, 1.0, f64::min).0.mapv(|x| x == 1.0));
    assert_eq!(run(Aggregator::Any).unwrap_err().code(), "dtype");
    Ok(())
}

#[test]
fn groups_have_as_many_axes_as_vectors_of_ids() -> Result {
    let (r, c, w) = (array![0_u8, 2, 2, 0], array![1, 0, 0, 1], array![1_i16, 2, 3, 4]);
    let free: Array2<i16> = accumarray((&r, &c.mapv(i64::from)), &w, Aggregator::Sum, None)?;
    assert_eq!(free, array![[0, 5], [0, 0], [5, 0]]);
    let sized: Array2<i16> = accumarray([&c, &c], &w, Aggregator::Max, Some(&[2, 3]))?;
    assert_eq!(sized, array![[3, i16::MIN, i16::MIN], [i16::MIN, 4, i16::MIN]]);
    assert_eq!(accumarray::<AnyArray>(&r, &w, Aggregator::Sum, Some(&[3, 3])).unwrap_err().code(), "output-rank");
    assert_eq!(accumarray::<AnyArray>(&r, &w, Aggregator::Sum, Some(&[2])).unwrap_err().code(), "index-out-of-range");
    Ok(())
}

#[test]
fn nothing_gives_empty_groups() -> Result {
    let (ids, values) = (Array1::<i64>::zeros(0), Array2::<f64>::zeros((0, 2)));
    assert_eq!(segment_sum::<Array2<f64>>(&values, &ids, None)?.dim(), (0, 2));
    assert_eq!(segment_sum::<Array2<f64>>(&values, &ids, 2)?, Array2::<f64>::zeros((2, 2)));
    assert!(segment_mean::<Array2<f64>>(&values, &ids, 2)?.iter().all(|x| x.is_nan()));
    assert_eq!(bincount::<Array1<i64>>(&ids, 2)?, array![0, 0]);
    assert_eq!(bincount::<Array1<i64>>(&array![-1], 2).unwrap_err().kind().name(), "IndexOutOfRange");
    assert_eq!(bincount::<Array1<i64>>(&array![0.0], 2).unwrap_err().kind().name(), "IndexDType");
    let ragged = segment_sum::<AnyArray>(&array![1.0, 2.0, 3.0], &array![0, 1], None).unwrap_err();
    assert_eq!(ragged.code(), "size");
    Ok(())
}

#[test]
fn averages_are_weighted_along_the_last_axis() -> Result {
    let (_, values) = data();
    let weights = array![0.5, -1.0, 3.0];
    let want = values.rows().into_iter().map(|row| row.dot(&weights) / 2.5).collect::<Array1<f64>>();
    let got: Array1<f64> = weighted_average(&values, &weights)?;
    assert!(got.iter().zip(&want).all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs()));
    let integers: f64 = weighted_average(&array![1, 2, 5], &array![1_i8, 1, 2])?;
    assert_eq!(integers, 3.25);
    let cube = ArrayD::from_shape_fn(vec![2, 2, 2], |at| (at[0] * 4 + at[1] * 2 + at[2]) as f32);
    let even: Array2<f32> = weighted_average(&cube, &array![1.0_f32, 1.0])?;
    assert_eq!(even, array![[0.5, 2.5], [4.5, 6.5]]);
    let nothing: Array1<f64> = weighted_average(&values, &array![0.0, 0.0, 0.0])?;
    assert!(nothing.iter().all(|x| x.is_nan()));
    let i = Complex::new(0.0, 1.0);
    let turned: Complex<f64> = weighted_average(conj(&array![i, i]), &array![1.0, 1.0])?;
    assert_eq!(turned, -i);
    assert_eq!(weighted_average::<AnyArray>(&values, &array![1.0, 2.0]).unwrap_err().code(), "size");
    Ok(())
}

/// Means, `lse=` and products of 0.1 by ids, whose exact values are known, in every float dtype.
#[test]
fn long_groups_are_accurate_in_every_floating_type() -> Result {
    use half::{bf16, f16};
    let n = 300_000;
    let ids = Array1::from_shape_fn(n, |n| (n * 7919 / 7 % 2) as i64);
    let counts = [0, 1].map(|g| ids.iter().filter(|&&id| id == g).count() as f64);
    let text = "m[g[n]:2] mean= x[n]; s[g[n]:2] += 0.5*x[n]*x[n]; l[g[n]:2] lse= x[n]";
    macro_rules! check {
        ($t:ty, $of:expr, $epsilon:expr) => {{
            let tenth: $t = $of(0.1);
            let exact = f64::from(tenth);
            let x = Array1::from_elem(n, tenth);
            let (m, s, l): (Array1<$t>, Array1<$t>, Array1<$t>) = Expression::new(text)?.run((&ids, &x))?;
            for (g, count) in counts.into_iter().enumerate() {
                for (got, want) in [(m[g], exact), (s[g], 0.5 * exact * exact * count), (l[g], exact + count.ln())] {
                    let epsilons = (f64::from(got) - want).abs() / want / f64::from($epsilon);
                    assert!(epsilons <= 16.7, "{}: {got} {want}", stringify!($t));
                }
            }
            // A mean that is rounded once, at the end, equals the rounded exact mean.
            assert!(std::mem::size_of::<$t>() > 2 || m.iter().all(|&mean| mean == tenth));
        }};
    }
    check!(f64, |x: f64| x, f64::EPSILON);
    check!(f32, |x: f64| x as f32, f32::EPSILON);
    check!(f16, f16::from_f64, f16::EPSILON);
    check!(bf16, bf16::from_f64, bf16::EPSILON);
    Ok(())
}
