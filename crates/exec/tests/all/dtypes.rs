//! Conversions, conjugates, rounding, and a user's own semiring.

use einfold_exec::{
    AnyView, AnyViewMut, BindOptions, Control, Element, Scratch, Semiring, UserSemiring, algebra, bind,
};
use einfold_ir::{Access, Algebra, BinaryOp, Dtype, Laws, WriteMode};
use half::f16;
use num_complex::Complex;

use super::support::{Build, Random, run};

/// Runs `a,b->c` with factors of types `A` and `B` into a `C`, both as a nest and as a product; row-major, with `conj` of b.
fn product<A: Element, B: Element, C: Element>(
    text: &str,
    conj: bool,
    (a, shape_a): (&[A], [usize; 2]),
    (b, shape_b): (&[B], [usize; 2]),
    (zero, shape_c): (C, [usize; 2]),
) -> [Vec<C>; 2] {
    [false, true].map(|gemm| {
        let mut build = Build::new();
        let ids = [build.input(A::dtype(), &shape_a), build.input(B::dtype(), &shape_b)];
        let out = build.output(C::dtype(), &shape_c);
        let mut step = build.step(text, &ids, out, Algebra::SUM_PRODUCT, gemm);
        step.reads[1].conj = conj;
        build.push(step);
        let plan = build.seal();
        let mut c = vec![zero; shape_c[0] * shape_c[1]];
        let strides = |s: [usize; 2]| [s[1] as isize, 1];
        run(
            &plan,
            &[
                AnyView::from_slice(a, 0, &shape_a, &strides(shape_a)).unwrap(),
                AnyView::from_slice(b, 0, &shape_b, &strides(shape_b)).unwrap(),
            ],
            &mut [AnyViewMut::from_slice(&mut c, 0, &shape_c, &strides(shape_c)).unwrap()],
        );
        c
    })
}

#[test]
fn factors_are_converted_before_they_are_multiplied() {
    // 100 · 100 does not fit an i8, nor does the sum.
    let a: Vec<i8> = (0..6).map(|i| 100 - i).collect();
    let b: Vec<u8> = (0..15).map(|i| 200 + i).collect();
    let want: Vec<f64> =
        (0..10).map(|p| (0..3).map(|j| f64::from(a[p / 5 * 3 + j]) * f64::from(b[j * 5 + p % 5])).sum()).collect();
    for got in product("ij,jk->ik", false, (&a, [2, 3]), (&b, [3, 5]), (0f64, [2, 5])) {
        assert_eq!(got, want);
    }
    for got in product("ij,jk->ki", false, (&a, [2, 3]), (&b, [3, 5]), (0f32, [5, 2])) {
        assert_eq!(got, (0..10).map(|p| want[p % 2 * 5 + p / 2] as f32).collect::<Vec<_>>());
    }
}

#[test]
fn long_rows_are_converted_in_blocks() {
    let mut random = Random(3);
    let n = 5000;
    let a: Vec<i32> = (0..2 * n).map(|_| random.below(100) as i32 - 50).collect();
    let b: Vec<f32> = (0..2 * n).map(|_| random.below(100) as f32 - 50.0).collect();
    let want: Vec<f64> =
        (0..4).map(|p| (0..n).map(|j| f64::from(a[p / 2 * n + j]) * f64::from(b[p % 2 * n + j])).sum()).collect();
    for got in product("ij,kj->ik", false, (&a, [2, n]), (&b, [2, n]), (0f64, [2, 2])) {
        assert_eq!(got, want);
    }
}

#[test]
fn a_conjugated_factor() {
    let mut random = Random(5);
    let mut draw = |n: usize| -> Vec<Complex<f64>> {
        (0..n).map(|_| Complex::new(random.below(9) as f64 - 4.0, random.below(9) as f64 - 4.0)).collect()
    };
    let (a, b) = (draw(12), draw(8));
    let want: Vec<_> =
        (0..6).map(|p| (0..4).map(|j| a[p / 2 * 4 + j] * b[j * 2 + p % 2].conj()).sum::<Complex<f64>>()).collect();
    for got in product("ij,jk->ik", true, (&a, [3, 4]), (&b, [4, 2]), (Complex::default(), [3, 2])) {
        assert_eq!(got, want);
    }
    let c32: Vec<Complex<f32>> = b.iter().map(|x| Complex::new(x.re as f32, x.im as f32)).collect();
    for got in product("ij,jk->ik", true, (&a, [3, 4]), (&c32, [4, 2]), (Complex::default(), [3, 2])) {
        assert_eq!(got, want);
    }
    // The conjugate of a real number is itself.
    let real = [1i64, 2, 3, 4];
    for got in product("ij,jk->ik", true, (&real, [2, 2]), (&real, [2, 2]), (0i64, [2, 2])) {
        assert_eq!(got, [7, 10, 15, 22]);
    }
}

#[test]
fn a_half_sum_is_kept_in_single_precision_and_rounded_once() {
    let mut build = Build::new();
    let a = build.input(Dtype::F16, &[4000]);
    let sum = build.scratch(Dtype::F32, &[]);
    let out = build.output(Dtype::F16, &[]);
    build.einsum("i->", &[a], sum, Algebra::SUM_PRODUCT, false);
    build.einsum("->", &[sum], out, Algebra::SUM_PRODUCT, false);
    let plan = build.seal();
    let (a, mut out) = (vec![f16::ONE; 4000], [f16::ZERO]);
    run(
        &plan,
        &[AnyView::from_slice(&a, 0, &[4000], &[1]).unwrap()],
        &mut [AnyViewMut::from_slice(&mut out, 0, &[], &[]).unwrap()],
    );
    assert_eq!(out[0].to_f32(), 4000.0);
}

#[test]
fn copies_need_no_kernels_of_the_algebra() {
    // (lse, +) has none, but a transpose of strings of bytes is still one.
    let mut build = Build::new();
    type Odd = [u8; 3];
    let a = build.input(Odd::dtype(), &[2, 3]);
    let out = build.output(Odd::dtype(), &[3, 2]);
    let lse = Algebra::Builtin { add: BinaryOp::LogAddExp, mul: BinaryOp::Add };
    build.einsum("ij->ji", &[a], out, lse, false);
    let plan = build.seal();
    let a: Vec<Odd> = (0..6).map(|i| [i, i + 1, i + 2]).collect();
    let mut out = [[0u8; 3]; 6];
    run(
        &plan,
        &[AnyView::from_slice(&a, 0, &[2, 3], &[3, 1]).unwrap()],
        &mut [AnyViewMut::from_slice(&mut out, 0, &[3, 2], &[2, 1]).unwrap()],
    );
    assert_eq!(out, [a[0], a[3], a[1], a[4], a[2], a[5]]);
}

/// Counts the shortest paths: (length, number of paths of that length).
#[derive(Clone, Copy)]
struct Shortest;

type Paths = (u32, u64);

impl Semiring for Shortest {
    type Elem = u32;
    type Acc = Paths;
    const LAWS: Laws = Laws::SEMIRING;
    fn lift(x: u32) -> Paths {
        (x, u64::from(x != u32::MAX))
    }
    fn zero() -> Paths {
        (u32::MAX, 0)
    }
    fn one() -> Paths {
        (0, 1)
    }
    fn add(a: Paths, b: Paths) -> Paths {
        match a.0.cmp(&b.0) {
            std::cmp::Ordering::Less => a,
            std::cmp::Ordering::Greater => b,
            std::cmp::Ordering::Equal => (a.0, a.1 + b.1),
        }
    }
    fn mul(a: Paths, b: Paths) -> Paths {
        (a.0.saturating_add(b.0), a.1 * b.1)
    }
    fn finish(x: Paths) -> u32 {
        x.1 as u32
    }
}

#[test]
fn a_users_semiring() {
    let user = algebra::<Shortest>();
    for gemm in [false, true] {
        let mut build = Build::new();
        let a = build.input(user.element, &[5, 5]);
        let paths = build.scratch(user.accumulator, &[5, 5]);
        let counts = build.output(user.element, &[5, 5]);
        build.einsum("ij,jk->ik", &[a, a], paths, Algebra::User(user), gemm);
        build.einsum("ik->ik", &[paths], counts, Algebra::User(user), false);
        let plan = build.seal();
        let far = u32::MAX;
        let edge = |i: usize, j: usize| if (i + 2 * j).is_multiple_of(3) { far } else { 1 + ((i * j) % 3) as u32 };
        let a: Vec<u32> = (0..25).map(|p| edge(p / 5, p % 5)).collect();
        let mut out = [0u32; 25];
        {
            let ins = [AnyView::from_slice(&a, 0, &[5, 5], &[5, 1]).unwrap()];
            let mut outs = [AnyViewMut::from_slice(&mut out, 0, &[5, 5], &[5, 1]).unwrap()];
            let options = BindOptions { semirings: &[UserSemiring::of::<Shortest>()], ..BindOptions::default() };
            bind(&plan, &ins, &mut outs, &options, &mut Scratch::new()).unwrap().run(&Control::default()).unwrap();
        }
        for (p, &got) in out.iter().enumerate() {
            let lengths = (0..5).filter_map(|j| {
                let (x, y) = (edge(p / 5, j), edge(j, p % 5));
                (x != far && y != far).then(|| x + y)
            });
            let shortest = lengths.clone().min();
            let count = lengths.filter(|l| Some(*l) == shortest).count() as u32;
            assert_eq!(got, count, "{p}");
        }
    }
}

#[test]
fn a_map_into_halves_of_several_factors_rounds_once() {
    let mut build = Build::new();
    let a = build.input(Dtype::F16, &[3]);
    let out = build.output(Dtype::F16, &[3]);
    let mut step = build.step("i,i,i->i", &[a, a, a], out, Algebra::SUM_PRODUCT, false);
    step.mode = WriteMode::Overwrite;
    build.push(step);
    let none = build.output(Dtype::F16, &[2]);
    let mut ones = build.step("i->i", &[a], out, Algebra::SUM_PRODUCT, false);
    ones.axes[0].extent = 2;
    ones.reads.clear();
    ones.write = Access::plain(none, [0]);
    build.push(ones);
    let plan = build.seal();
    let a = [1.1, -300.0, 0.007].map(f16::from_f32);
    let (mut out, mut ones) = ([f16::ZERO; 3], [f16::ZERO; 2]);
    run(
        &plan,
        &[AnyView::from_slice(&a, 0, &[3], &[1]).unwrap()],
        &mut [
            AnyViewMut::from_slice(&mut out, 0, &[3], &[1]).unwrap(),
            AnyViewMut::from_slice(&mut ones, 0, &[2], &[1]).unwrap(),
        ],
    );
    let want = a.map(|x| f16::from_f32(x.to_f32() * x.to_f32() * x.to_f32()));
    assert_eq!((out, ones), (want, [f16::ONE; 2]));
}
