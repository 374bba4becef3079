//! Plans shared by several threads.

use einfold::ndarray::{Array1, Array2, Array3};
use einfold::{Error, Expression, Plan, Scratch, einsum, typed::Conj};

#[test]
fn a_plan_is_shared_by_threads() -> Result<(), Error> {
    fn shareable<T: Send + Sync + Clone + 'static>() {}
    shareable::<Plan>();
    shareable::<Expression>();
    fn crosses<T: Send + 'static>() {}
    crosses::<Scratch>();
    crosses::<Conj<Array1<f64>>>();

    let a = Array2::from_shape_fn((20, 20), |(i, j)| ((i + 3 * j) % 7) as f64);
    let plan = Expression::new("ij,jk,kl->il")?.plan_for((&a, &a, &a))?;
    let want = a.dot(&a).dot(&a);
    let run = || {
        let mut scratch = Scratch::new();
        for _ in 0..20 {
            let y: Array2<f64> = plan.call((&a, &a, &a)).scratch(&mut scratch).run()?;
            assert_eq!(y, want);
        }
        Ok::<(), Error>(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })
}

#[test]
fn any_number_of_threads_gives_the_same_bits() -> Result<(), Error> {
    let noise = |n: usize| ((n * 2_654_435_761) % 1_000_003) as f64 / 1e6;
    let a = Array3::from_shape_fn((40, 80, 90), |(i, j, k)| noise(i * 7200 + j * 90 + k));
    let b = Array3::from_shape_fn((40, 90, 70), |(i, j, k)| noise(i * 6300 + j * 70 + k + 7));
    for text in ["bij,bjk->bik", "bij,bjk->ki", "bij,bjk->"] {
        let plan = Expression::new(text)?.plan_for((&a, &b))?;
        let one = plan.call((&a, &b)).threads(1).run_any()?;
        for threads in [0, 2, 3, 7] {
            assert_eq!(plan.call((&a, &b)).threads(threads).run_any()?, one, "{text} on {threads} threads");
        }
    }
    let sum: f64 = einsum("bij->", &a)?;
    let plan = Expression::new("bij->")?.plan_for(&a)?;
    assert_eq!(plan.call(&a).threads(1).run::<f64>()?.to_bits(), sum.to_bits());
    Ok(())
}
