//! Time ratios of a matrix product by einfold to a direct call of matrixmultiply, measured alternately in one process.
//!
//! `cargo run --release -p einfold-benches --bin ratios [turns]`

#![allow(clippy::print_stdout)]

use einfold::ndarray::{Array2, ArrayView2};
use einfold::{Error, Expression, Scratch};
use einfold_benches::{Pair, filled};

/// A matrix product with each of the three matrices as stored (`ij`) or transposed (`ji`).
const TEXTS: [&str; 8] =
    ["ij,jk->ik", "ji,jk->ik", "ij,kj->ik", "ji,kj->ik", "ij,jk->ki", "ji,jk->ki", "ij,kj->ki", "ji,kj->ki"];

fn main() -> Result<(), Error> {
    let turns = std::env::args().nth(1).and_then(|t| t.parse().ok()).unwrap_or(15);
    println!("n     text         einfold ms   direct ms   ratio (min median max)");
    for n in [512, 1024] {
        let (a, b) = (filled((n, n), 1), filled((n, n), 2));
        for text in TEXTS {
            let pair = compare(text, &a, &b, turns)?;
            let (low, high) = (pair.ratios[0], pair.ratios[pair.ratios.len() - 1]);
            println!(
                "{n:<5} {text:<12} {:>10.2} {:>11.2}   {low:.3} {:.3} {high:.3}",
                pair.first.as_secs_f64() * 1e3,
                pair.second.as_secs_f64() * 1e3,
                pair.ratio()
            );
        }
    }
    Ok(())
}

/// Compares einfold on one thread, with an existing output, to matrixmultiply on the same memory.
fn compare(text: &str, a: &Array2<f64>, b: &Array2<f64>, turns: usize) -> Result<Pair, Error> {
    let plan = Expression::new(text)?.plan_for((a, b))?;
    let mut scratch = Scratch::new();
    let (mut c, mut d) = (Array2::zeros(a.dim()), Array2::zeros(a.dim()));
    let (left, right) = text.split_once(',').unwrap_or((text, ""));
    let views =
        [(a, left.starts_with('j')), (b, right.starts_with('k'))].map(|(m, t)| if t { m.t() } else { m.view() });
    let flip = text.ends_with("ki");
    let pair = Pair::measure(
        turns,
        || plan.call((a, b)).threads(1).scratch(&mut scratch).into(&mut c).unwrap_or_else(|e| panic!("{e}")),
        || direct(views[0], views[1], &mut d, flip),
    );
    assert!(c.iter().zip(&d).all(|(x, y): (&f64, &f64)| (x - y).abs() <= 1e-9), "{text}: the products differ");
    Ok(pair)
}

fn direct(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, c: &mut Array2<f64>, flip: bool) {
    let ((m, k), n) = (a.dim(), b.dim().1);
    let s = |v: &[isize]| (v[0], v[1]);
    let ((rsa, csa), (rsb, csb)) = (s(a.strides()), s(b.strides()));
    let (rsc, csc) = if flip { (1, m as isize) } else { (n as isize, 1) };
    // SAFETY: the strides are those of live arrays of these extents, and C is a separate array of m·n elements.
    unsafe {
        matrixmultiply::dgemm(m, k, n, 1.0, a.as_ptr(), rsa, csa, b.as_ptr(), rsb, csb, 0.0, c.as_mut_ptr(), rsc, csc);
    }
}
