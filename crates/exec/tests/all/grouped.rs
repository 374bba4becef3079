//! Rows gathered and scattered in batches, against plain loops.

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, AnyViewMut, BindOptions, Control, RunStopped, Scratch, bind};
use einfold_ir::{Access, Algebra, Axis, BinaryOp, Dtype, Form, Index, NodeId, OutOfRange, Plan, Step, WriteMode};

use super::support::{Build, Operation, Random};

const GROUPS: usize = 50;

/// `Y[g[n], f] ⊕= X[n, f]`; without `f` where there is one column.
fn groups(n: usize, columns: usize, add: BinaryOp, policy: OutOfRange) -> Plan {
    let mut build = Build::new();
    let mut axes = vec![Axis::new("n", n)];
    let (mut x_shape, mut y_shape) = (vec![n], vec![GROUPS]);
    if columns > 1 {
        axes.push(Axis::new("f", columns));
        x_shape.push(columns);
        y_shape.push(columns);
    }
    let g = build.input(Dtype::I64, &[n]);
    let x = build.input(Dtype::F64, &x_shape);
    let y = build.output(Dtype::F64, &y_shape);
    let mut write = vec![Index::gather(Access::plain(g, [0]), policy)];
    write.extend((columns > 1).then(|| Index::axis(1)));
    build.push(Step {
        origin: NodeId(0),
        reads: vec![Access::plain(x, 0..axes.len() as u32)],
        axes,
        write: Access::new(y, write),
        mode: WriteMode::Overwrite,
        algebra: Algebra::Builtin { add, mul: BinaryOp::Mul },
        form: Form::Nest(None),
    });
    build.seal()
}

fn run(plan: &Plan, g: &[i64], x: &[f64], columns: usize, threads: usize) -> Result<Vec<f64>, RunStopped> {
    let mut y = vec![f64::NAN; GROUPS * columns];
    {
        let (n, c) = (g.len(), columns);
        let (shapes, strides): ([&[usize]; 2], &[isize]) =
            if c > 1 { ([&[n, c], &[GROUPS, c]], &[c as isize, 1]) } else { ([&[n], &[GROUPS]], &[1]) };
        let ins =
            [AnyView::from_slice(g, 0, &[n], &[1]).unwrap(), AnyView::from_slice(x, 0, shapes[0], strides).unwrap()];
        let mut outs = [AnyViewMut::from_slice(&mut y, 0, shapes[1], strides).unwrap()];
        let control = Control { threads: NonZeroUsize::new(threads), ..Control::default() };
        bind(plan, &ins, &mut outs, &BindOptions::default(), &mut Scratch::new()).unwrap().run(&control)?;
    }
    Ok(y)
}

/// Indices in runs, sorted, or at random.
fn ids(n: usize, kind: usize, random: &mut Random) -> Vec<i64> {
    let id = |k: usize, random: &mut Random| match kind {
        0 => k * GROUPS / n,
        1 => k / 45 * 7 % GROUPS,
        _ => random.below(GROUPS),
    };
    (0..n).map(|k| id(k, random) as i64).collect()
}

#[test]
fn groups_are_reduced_whatever_the_order_of_ids() {
    let mut random = Random(11);
    let operations: [(BinaryOp, f64, Operation<f64>); 3] = [
        (BinaryOp::Add, 0.0, |a, b| a + b),
        (BinaryOp::Max, f64::NEG_INFINITY, f64::max),
        (BinaryOp::Min, f64::INFINITY, f64::min),
    ];
    for (n, columns, kind) in [(3000, 1, 0), (3000, 1, 1), (3000, 1, 2), (700, 5, 0), (700, 33, 2), (300, 600, 2)] {
        let g = ids(n, kind, &mut random);
        // Small integers: their sums are exact in any order.
        let x: Vec<f64> = (0..n * columns).map(|_| random.below(100) as f64 - 50.0).collect();
        for (add, identity, apply) in operations {
            let plan = groups(n, columns, add, OutOfRange::Error);
            let mut want = vec![identity; GROUPS * columns];
            for (k, &x) in x.iter().enumerate() {
                let to = &mut want[g[k / columns] as usize * columns + k % columns];
                *to = apply(*to, x);
            }
            let case = format!("{add} of {n} rows of {columns}, ids {kind}");
            assert_eq!(run(&plan, &g, &x, columns, 1), Ok(want.clone()), "{case}");
            assert_eq!(run(&plan, &g, &x, columns, 2), Ok(want), "{case}");
        }
    }
}

#[test]
fn hostile_ids_in_a_batch_are_named_or_dropped() {
    let n = 2000;
    let x = vec![1.0; n];
    for (at, bad) in [(0, -1), (255, 50), (256, i64::MIN), (1999, i64::MAX), (700, 1 << 40)] {
        let mut g: Vec<i64> = (0..n as i64).map(|k| k % GROUPS as i64).collect();
        let lost = g[at] as usize;
        g[at] = bad;
        let Err(RunStopped::IndexOutOfRange(error)) =
            run(&groups(n, 1, BinaryOp::Add, OutOfRange::Error), &g, &x, 1, 1)
        else {
            panic!("{bad} is outside");
        };
        assert_eq!((&error.position[..], error.value), (&[at as i128][..], i128::from(bad)));
        let want: Vec<f64> = (0..GROUPS).map(|k| if k == lost { 39.0 } else { 40.0 }).collect();
        assert_eq!(run(&groups(n, 1, BinaryOp::Add, OutOfRange::Drop), &g, &x, 1, 1), Ok(want));
    }
    // Negative indices that count from the end.
    let g: Vec<i64> = (0..n as i64).map(|k| k % GROUPS as i64 - if k % 3 == 0 { GROUPS as i64 } else { 0 }).collect();
    assert_eq!(run(&groups(n, 1, BinaryOp::Add, OutOfRange::Wrap), &g, &x, 1, 1), Ok(vec![40.0; GROUPS]));
}
