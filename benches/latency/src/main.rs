//! The time of one small call, compared with other Rust einsum libraries in one process on one thread.
//!
//! `cargo run --release --manifest-path benches/latency/Cargo.toml [rounds]`
//!
//! Each round measures every row in turn, as the mean over many calls. The table shows the minimum and the median of
//! all rounds, and the ratios of the minimum to the least one of the one-shot peers and to that of the compiled peer.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and ends at the first error")]

use std::hint::black_box;
use std::time::Instant;

use cpueinsum::strided_view::{StridedView, StridedViewMut};
use cpueinsum::{EinsumPlan, EinsumSpec, Exec, Layout, Scratch as Workspace};
use einfold::ndarray::{Array2, ArrayD, array};
use einfold::{Expression, Scratch, einsum};
use strided_opteinsum::EinsumOperand;
use strided_view::StridedArray;

const TEXT: &str = "ij,jk->ik";
/// The number of calls in one measurement.
const CALLS: u32 = 2000;

struct Row {
    name: &'static str,
    call: Box<dyn FnMut()>,
    /// Nanoseconds per call in each round.
    times: Vec<f64>,
}

fn row(name: &'static str, call: impl FnMut() + 'static) -> Row {
    Row { name, call: Box::new(call), times: Vec::new() }
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(40);
    let mut rows = [cold(), cached(), planned(), into(), ndarray_einsum(), einsum_ndarray(), strided(), compiled()];
    for _ in 0..rounds {
        for row in &mut rows {
            let start = Instant::now();
            (0..CALLS).for_each(|_| (row.call)());
            row.times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        }
    }
    rows.iter_mut().for_each(|row| row.times.sort_by(f64::total_cmp));
    let least = |row: &Row| row.times[0];
    let one_shot = rows[4..7].iter().map(least).fold(f64::INFINITY, f64::min);
    let replay = least(&rows[7]);
    println!("{TEXT}, 2x2 f64, one thread       ns min   median   / one-shot peer   / compiled peer");
    for row in &rows {
        let (least, median) = (least(row), row.times[row.times.len() / 2]);
        println!("{:<34} {least:>8.0} {median:>8.0} {:>15.2} {:>17.2}", row.name, least / one_shot, least / replay);
    }
}

fn operands() -> [Array2<f64>; 2] {
    [array![[1.0, 2.0], [3.0, 4.0]], array![[5.0, 6.0], [7.0, 8.0]]]
}

fn cold() -> Row {
    let [a, b] = operands();
    row("einfold, nothing cached", move || {
        let c: ArrayD<f64> = Expression::new(TEXT).unwrap().plan_for((&a, &b)).unwrap().run((&a, &b)).unwrap();
        black_box(c);
    })
}

fn cached() -> Row {
    let [a, b] = operands();
    row("einfold, einsum() again", move || {
        let c: ArrayD<f64> = einsum(TEXT, (&a, &b)).unwrap();
        black_box(c);
    })
}

fn planned() -> Row {
    let [a, b] = operands();
    let plan = Expression::new(TEXT).unwrap().plan_for((&a, &b)).unwrap();
    row("einfold, a plan", move || {
        let c: Array2<f64> = plan.run((&a, &b)).unwrap();
        black_box(c);
    })
}

fn into() -> Row {
    let [a, b] = operands();
    let plan = Expression::new(TEXT).unwrap().plan_for((&a, &b)).unwrap();
    let (mut scratch, mut c) = (Scratch::new(), Array2::<f64>::zeros((2, 2)));
    row("einfold, a plan into an array", move || {
        plan.call((&a, &b)).threads(1).scratch(&mut scratch).into(&mut c).unwrap();
        black_box(&c);
    })
}

fn ndarray_einsum() -> Row {
    let [a, b] = operands();
    row("ndarray-einsum, one shot", move || {
        black_box(ndarray_einsum::einsum(TEXT, &[&a, &b]).unwrap());
    })
}

fn einsum_ndarray() -> Row {
    let [a, b] = operands();
    row("einsum-ndarray, one shot", move || {
        let views = [a.view().into_dyn(), b.view().into_dyn()];
        black_box(einsum_ndarray::einsum(TEXT, &views).unwrap());
    })
}

fn strided() -> Row {
    let [a, b] = operands().map(|m| StridedArray::<f64>::from_fn_row_major(&[2, 2], |at| m[[at[0], at[1]]]));
    row("strided-opteinsum, one shot", move || {
        let views = vec![EinsumOperand::from_view(&a.view()), EinsumOperand::from_view(&b.view())];
        black_box(strided_opteinsum::einsum(TEXT, views, None).unwrap());
    })
}

/// The peer has no texts and searches no orders: this row is the run alone, column-major.
fn compiled() -> Row {
    let [a, b] = operands().map(|m| m.into_raw_vec_and_offset().0);
    let mut c = vec![0.0; 4];
    let spec = EinsumSpec::new(&[&[0, 1], &[1, 2]], &[0, 2], &[[0, 1]]).unwrap();
    let layout = Layout::new(&[2, 2], &[1, 2]).unwrap();
    let plan = EinsumPlan::<f64>::new(&spec, &[layout, layout], layout).unwrap();
    let mut workspace = Workspace::new();
    row("cpueinsum, a plan into an array", move || {
        let view = |x| StridedView::new(x, &[2, 2], &[1, 2], 0).unwrap();
        let mut out = StridedViewMut::new(&mut c, &[2, 2], &[1, 2], 0).unwrap();
        plan.execute_into(&mut Exec::serial(), &[view(&a), view(&b)], &mut out, &mut workspace).unwrap();
        black_box(&c);
    })
}
