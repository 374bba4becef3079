//! Calls with options: factors, existing outputs, scratch memory, progress and cancellation.

use einfold::ndarray::{Array2, Array3, ShapeBuilder, array, s};
use einfold::{
    AnyArray, AnyView, AnyViewMut, Control, Error, ErrorKind, Expression, MemoryOrder, Scratch,
    errors::{RunStopped, ViewError},
};
use half::f16;
use num_complex::Complex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

type Result = std::result::Result<(), Error>;

#[test]
fn alpha_and_beta_scale_the_value_and_the_output() -> Result {
    macro_rules! check {
        ($($t:ty, $number:expr, $alpha:expr, $beta:expr;)+) => { $({
            let number: fn(i32) -> $t = $number;
            let a = Array2::from_shape_fn((3, 4), |(i, j)| number((i * 4 + j) as i32 % 5));
            let b = Array2::from_shape_fn((4, 2), |(i, j)| number((i + 2 * j) as i32 % 3));
            let plan = Expression::new("ij,jk->ik")?.plan_for((&a, &b))?;
            let product: Array2<$t> = plan.run((&a, &b))?;
            let mut c = Array2::from_shape_fn((3, 2), |(i, j)| number((i + j) as i32));
            let want = Array2::from_shape_fn((3, 2), |at| number(2) * product[at] + number(3) * c[at]);
            plan.call((&a, &b)).alpha($alpha).beta($beta).into(&mut c)?;
            assert_eq!(c, want);
            plan.call((&a, &b)).alpha($alpha).into(&mut c)?;
            assert_eq!(c, product.mapv(|x| number(2) * x));
            let doubled: Array2<$t> = plan.call((&a, &b)).alpha($alpha).run()?;
            assert_eq!(doubled, c);
        })+ };
    }
    check! {
        f64, |x| x.into(), 2.0, 3.0;
        f32, |x| x as f32, 2, 3.0;
        f16, |x| f16::from_f32(x as f32), 2.0_f32, 3;
        i8, |x| x as i8, 2, 3_u64;
        u64, |x| x as u64, 2, 3;
        Complex<f64>, |x| Complex::new(x.into(), 0.0), 2.0, Complex::new(3.0, 0.0);
        Complex<i32>, |x| Complex::new(x, 0), 2, Complex::new(3, 0);
    }
    Ok(())
}

#[test]
fn beta_covers_what_no_point_contributes_to() -> Result {
    let (a, b) = (Array2::<f64>::zeros((2, 0)), Array2::<f64>::zeros((0, 2)));
    let plan = Expression::new("ij,jk->ik")?.plan_for((&a, &b))?;
    let mut c = array![[1.0, 2.0], [3.0, 4.0]];
    plan.call((&a, &b)).beta(10.0).into(&mut c)?;
    assert_eq!(c, array![[10.0, 20.0], [30.0, 40.0]]);
    plan.call((&a, &b)).into(&mut c)?;
    assert_eq!(c, Array2::<f64>::zeros((2, 2)));
    Ok(())
}

#[test]
fn without_beta_the_output_is_never_read() -> Result {
    let a = array![[1.0, 2.0], [3.0, 4.0]];
    for text in ["ij,jk->ik", "ij,ij->ij", "ij,kj->ki"] {
        let plan = Expression::new(text)?.plan_for((&a, &a))?;
        let mut c = Array2::from_elem((2, 2), f64::NAN);
        plan.call((&a, &a)).into(&mut c)?;
        assert!(c.iter().all(|x| x.is_finite()), "{text}: {c}");
    }
    Ok(())
}

#[test]
fn an_output_may_be_any_view() -> Result {
    let a = Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f64);
    let b = Array2::from_shape_fn((4, 2), |(i, j)| i as f64 - j as f64);
    let want = a.dot(&b);
    let plan = Expression::new("ij,jk->ik")?.plan_for((&a, &b))?;

    let mut large = Array3::from_elem((5, 3, 6), -1.0);
    plan.call((&a, &b)).into(large.slice_mut(s![1, ..;-1, 1..6;3]))?;
    assert_eq!(large.slice(s![1, ..;-1, 1..6;3]), want);
    assert_eq!(large.iter().filter(|&&x| x == -1.0).count(), 5 * 3 * 6 - 6);

    let mut transposed = Array2::<f64>::zeros((2, 3));
    plan.call((&a, &b)).into(transposed.view_mut().reversed_axes())?;
    assert_eq!(transposed.t(), want);

    let mut slice = [0.0; 8];
    plan.call((&a, &b)).into(AnyViewMut::from_slice(&mut slice, 7, &[3, 2], &[-2, -1])?)?;
    slice.reverse();
    assert_eq!(slice[..6], want.iter().copied().collect::<Vec<_>>()[..]);
    assert_eq!(slice[6..], [0.0, 0.0]);

    let mut any = AnyArray::from(Array2::<f64>::zeros((3, 2)));
    plan.call((&a, &b)).into(&mut any)?;
    assert_eq!(any, AnyArray::from(want));
    Ok(())
}

#[test]
fn an_output_whose_positions_overlap_is_refused() {
    let mut slice = [0.0; 8];
    let error = AnyViewMut::from_slice(&mut slice, 0, &[3, 3], &[1, 1]).unwrap_err();
    assert!(matches!(error, ViewError::Overlap { .. }));
    let error = Error::from(error);
    assert_eq!(error.code(), "overlap");
    let read = AnyView::from_slice(&slice, 0, &[3, 3], &[1, 1]);
    assert!(read.is_ok(), "an operand may overlap itself");
    assert!(AnyView::from_slice(&slice, 0, &[3, 4], &[3, 1]).is_err());
}

#[test]
fn a_new_array_has_the_requested_order() -> Result {
    let a = Array2::from_shape_fn((3, 4), |(i, j)| (i + j) as f32);
    for text in ["ij->ij", "ij->ji", "ij,jk->ik"] {
        let expression = Expression::new(text)?;
        let operands: Vec<_> = if text.contains(',') { vec![a.view(), a.t()] } else { vec![a.view()] };
        let plan = expression.plan_for(&operands)?;
        let c: Array2<f32> = plan.call(&operands).run()?;
        let f: Array2<f32> = plan.call(&operands).out_order(MemoryOrder::F).run()?;
        assert!(c.is_standard_layout() && f.t().is_standard_layout(), "{text}");
        assert_eq!(c, f, "{text}");
    }
    let column_major = Array2::from_shape_fn((3, 4).f(), |(i, j)| (i + j) as f32);
    assert_eq!(Expression::new("ij->ij")?.run::<Array2<f32>>(&column_major)?, a);
    Ok(())
}

#[test]
fn scratch_memory_is_used_again() -> Result {
    let a = Array2::from_shape_fn((30, 30), |(i, j)| ((i * 7 + j * 3) % 11) as f64);
    let chain = Expression::new("ij,jk,kl,lm->im")?.plan_for((&a, &a, &a, &a))?;
    let small = Expression::new("ij,j->i")?.plan_for((&a, a.row(0)))?;
    let want = a.dot(&a).dot(&a).dot(&a);
    let mut scratch = Scratch::new();
    for _ in 0..3 {
        let y: Array2<f64> = chain.call((&a, &a, &a, &a)).scratch(&mut scratch).run()?;
        assert_eq!(y, want);
        small.call((&a, a.row(0))).scratch(&mut scratch).run_any()?;
    }
    assert!(scratch.bytes() >= 30 * 30 * 8);
    Ok(())
}

#[test]
fn a_run_can_be_watched_and_stopped() -> Result {
    let a = Array2::<f64>::ones((200, 200));
    let plan = Expression::new("ij,jk,kl->il")?.plan_for((&a, &a, &a))?;
    let last = AtomicU64::new(0);
    let watch = |done: u64, total: u64| {
        assert!(done <= total);
        last.fetch_max(done * 100 / total, Ordering::Relaxed);
    };
    let control = Control { progress: Some(&watch), ..Control::default() };
    plan.call((&a, &a, &a)).control(&control).run_any()?;
    assert_eq!(last.load(Ordering::Relaxed), 100);

    let cancel = AtomicBool::new(true);
    let control = Control { cancel: Some(&cancel), ..Control::default() };
    let error = plan.call((&a, &a, &a)).control(&control).run_any().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Stopped(RunStopped::Cancelled)));
    assert_eq!(error.to_string(), "error[cancelled]: cancelled");
    Ok(())
}
