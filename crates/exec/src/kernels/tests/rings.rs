//! The streaming kernels, and which algebra has which operations.

use einfold_ir::{Algebra, BinaryOp, Dtype, DtypeKind, Laws};
use num_complex::Complex;

use super::{Plane, Rng, Sample, positions};
use crate::element::Element;
use crate::kernels::{Fused, Isa, Kernels, UserSemiring, builtin};
use crate::semiring::Semiring;

/// An algebra over one type, as a test knows it.
pub(super) struct Ring<T> {
    pub(super) name: String,
    pub(super) add: fn(T, T) -> T,
    pub(super) mul: fn(T, T) -> T,
    pub(super) zero: T,
    pub(super) one: T,
    /// Whether `0 ⊗ a = 0`.
    pub(super) absorbing: bool,
    pub(super) kernels: Box<dyn Fn(Isa) -> Kernels>,
}

/// Something to be done with every ring.
pub(super) trait Check {
    fn check<T: Sample>(&mut self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng);
}

/// Runs a check on every ring and every instruction set of this CPU.
pub(super) fn every_ring(check: &mut impl Check) {
    macro_rules! rings {
        ($($t:ty, $plus:ident $times:ident, $add:expr, $mul:expr, $zero:expr, $one:expr;)*) => { $(
            let algebra = Algebra::Builtin { add: BinaryOp::$plus, mul: BinaryOp::$times };
            let dtype = <$t>::dtype();
            run(check, &Ring::<$t> {
                name: format!("{algebra} on {dtype}"),
                add: $add, mul: $mul, zero: $zero, one: $one,
                absorbing: algebra.laws(dtype).absorbing,
                kernels: Box::new(move |isa| builtin(algebra, dtype, isa).unwrap()),
            });
        )* };
    }
    macro_rules! integers {
        ($($t:ident)*) => { rings! { $(
            $t, Add Mul, $t::wrapping_add, $t::wrapping_mul, 0, 1;
            $t, Or And, |a, b| a | b, |a, b| a & b, 0, !0;
            $t, And Or, |a, b| a & b, |a, b| a | b, !0, 0;
            $t, Mul Max, $t::wrapping_mul, $t::max, 1, $t::MIN;
            $t, Max Min, $t::max, $t::min, $t::MIN, $t::MAX;
            $t, Min Max, $t::min, $t::max, $t::MAX, $t::MIN;
        )* } };
    }
    macro_rules! tropical {
        ($($t:ident $least:expr, $most:expr, $zero:expr, $one:expr, $plus:expr, $times:expr;)*) => { rings! { $(
            $t, Max Add, $t::max, $plus, $least, $zero;
            $t, Min Add, $t::min, $plus, $most, $zero;
            $t, Max Mul, $t::max, $times, $least, $one;
            $t, Min Mul, $t::min, $times, $most, $one;
            $t, Max Min, $t::max, $t::min, $least, $most;
            $t, Min Max, $t::min, $t::max, $most, $least;
        )* } };
    }
    integers!(i8 i16 i32 i64 u8 u16 u32 u64);
    rings! {
        bool, Add Mul, |a, b| a || b, |a, b| a && b, false, true;
        bool, Or And, |a, b| a || b, |a, b| a && b, false, true;
        bool, And Or, |a, b| a && b, |a, b| a || b, true, false;
        f32, Add Mul, |a, b| a + b, |a, b| a * b, 0.0, 1.0;
        f64, Add Mul, |a, b| a + b, |a, b| a * b, 0.0, 1.0;
        Complex<f32>, Add Mul, |a, b| a + b, |a, b| a * b, Complex::ZERO, Complex::ONE;
        Complex<f64>, Add Mul, |a, b| a + b, |a, b| a * b, Complex::ZERO, Complex::ONE;
        Complex<i32>, Add Mul, gauss32_add, gauss32_mul, Complex::new(0, 0), Complex::new(1, 0);
        Complex<i64>, Add Mul, gauss64_add, gauss64_mul, Complex::new(0, 0), Complex::new(1, 0);
        Complex<i64>, Mul Add, gauss64_mul, gauss64_add, Complex::new(1, 0), Complex::new(0, 0);
    }
    tropical! {
        f32 f32::NEG_INFINITY, f32::INFINITY, 0.0, 1.0, |a, b| a + b, |a, b| a * b;
        f64 f64::NEG_INFINITY, f64::INFINITY, 0.0, 1.0, |a, b| a + b, |a, b| a * b;
        i32 i32::MIN, i32::MAX, 0, 1, i32::wrapping_add, i32::wrapping_mul;
        i64 i64::MIN, i64::MAX, 0, 1, i64::wrapping_add, i64::wrapping_mul;
        u8 u8::MIN, u8::MAX, 0, 1, u8::wrapping_add, u8::wrapping_mul;
    }
    run(check, &parity());
}

fn parity() -> Ring<u64> {
    Ring {
        name: "a user's (xor, and)".into(),
        add: Parity::add,
        mul: Parity::mul,
        zero: 0,
        one: u64::MAX,
        absorbing: true,
        kernels: Box::new(|isa| UserSemiring::of::<Parity>().kernels(isa)),
    }
}

fn run<T: Sample>(check: &mut impl Check, ring: &Ring<T>) {
    for isa in Isa::available() {
        check.check(ring, &(ring.kernels)(isa), &mut Rng::new(ring.name.len() as u64));
    }
}

macro_rules! gauss {
    ($t:ident, $wide:ident, $add:ident, $mul:ident) => {
        fn $add(a: Complex<$t>, b: Complex<$t>) -> Complex<$t> {
            Complex::new((a.re as $wide + b.re as $wide) as $t, (a.im as $wide + b.im as $wide) as $t)
        }
        fn $mul(a: Complex<$t>, b: Complex<$t>) -> Complex<$t> {
            let part = |x: $t, y: $t| (x as $wide).wrapping_mul(y as $wide);
            Complex::new(
                part(a.re, b.re).wrapping_sub(part(a.im, b.im)) as $t,
                part(a.re, b.im).wrapping_add(part(a.im, b.re)) as $t,
            )
        }
    };
}
gauss!(i32, i64, gauss32_add, gauss32_mul);
gauss!(i64, i128, gauss64_add, gauss64_mul);

/// (xor, and) on 64 bits at once, as a user would write it.
#[derive(Clone, Copy)]
struct Parity;

impl Semiring for Parity {
    type Elem = u16;
    type Acc = u64;
    const LAWS: Laws = Laws::SEMIRING;
    fn lift(x: u16) -> u64 {
        x.into()
    }
    fn zero() -> u64 {
        0
    }
    fn one() -> u64 {
        u64::MAX
    }
    fn add(a: u64, b: u64) -> u64 {
        a ^ b
    }
    fn mul(a: u64, b: u64) -> u64 {
        a & b
    }
    fn finish(x: u64) -> u16 {
        x as u16
    }
}

struct Streams;

impl Check for Streams {
    fn check<T: Sample>(&mut self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng) {
        for _ in 0..40 {
            let n = [rng.extent(), rng.extent()];
            self.maps(ring, kernels, rng, n);
            self.sums(ring, kernels, rng, n);
        }
        // Longer than the blocks and tiles within.
        self.sums(ring, kernels, rng, [1, 2600]);
        self.sums(ring, kernels, rng, [2600, 2]);
    }
}

impl Streams {
    fn maps<T: Sample>(&self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng, n: [usize; 2]) {
        let (a, b) = (Plane::<T>::random(rng, n, true), Plane::<T>::random(rng, n, true));
        let target = Plane::<T>::random(rng, n, false);
        let expect = |what: &str, value: &dyn Fn(T, usize, usize) -> T, run: &dyn Fn(&mut Plane<T>)| {
            let (mut c, mut want) = (target.clone(), target.clone());
            run(&mut c);
            positions(n).for_each(|(i, j)| want.set(i, j, value(target.get(i, j), i, j)));
            assert_eq!(c.data, want.data, "{what}, {}, {n:?}", ring.name);
        };
        // SAFETY: the planes hold `n` positions, and no other thread sees them.
        expect("0", &|_, _, _| ring.zero, &|c| unsafe { (kernels.fill_zero)(n, c.dst()) });
        // SAFETY: as above.
        expect("1", &|_, _, _| ring.one, &|c| unsafe { (kernels.fill_one)(n, c.dst()) });
        // SAFETY: as above.
        expect("scale", &|c, i, j| (ring.mul)(c, a.get(i, j)), &|c| unsafe { (kernels.scale)(n, c.dst(), a.src()) });
        expect("mul", &|_, i, j| (ring.mul)(a.get(i, j), b.get(i, j)), &|c| {
            // SAFETY: as above.
            unsafe { (kernels.mul)(n, c.dst(), a.src(), b.src()) }
        });
    }

    fn sums<T: Sample>(&self, ring: &Ring<T>, kernels: &Kernels, rng: &mut Rng, n: [usize; 2]) {
        let (a, b) = (Plane::<T>::random(rng, n, true), Plane::<T>::random(rng, n, true));
        let mut c = Plane::<T>::random(rng, n, true);
        let mut want = c.clone();
        // SAFETY: the planes hold `n` positions, and no other thread sees them.
        unsafe { (kernels.add)(n, c.dst(), a.src()) };
        positions(n).for_each(|(i, j)| want.set(i, j, (ring.add)(want.get(i, j), a.get(i, j))));
        assert_eq!(c.data, want.data, "add, {}, {n:?}", ring.name);
        let Some(Fused { mul_add, .. }) = kernels.fused else { return };
        // SAFETY: as above.
        unsafe { mul_add(n, c.dst(), a.src(), b.src()) };
        let term = |i, j| (ring.mul)(a.get(i, j), b.get(i, j));
        positions(n).for_each(|(i, j)| want.set(i, j, (ring.add)(want.get(i, j), term(i, j))));
        assert_eq!(c.data, want.data, "mul_add, {}, {n:?}", ring.name);
    }
}

#[test]
fn streams_match_plain_loops() {
    every_ring(&mut Streams);
}

#[test]
fn every_operation_that_a_dtype_has_has_kernels() {
    const OPS: [BinaryOp; 7] = {
        use BinaryOp::{Add, And, LogAddExp, Max, Min, Mul, Or};
        [Add, Mul, Max, Min, Or, And, LogAddExp]
    };
    for dtype in Dtype::BUILTIN.map(Dtype::accumulator) {
        for (add, mul) in OPS.iter().flat_map(|&add| OPS.map(|mul| (add, mul))) {
            let algebra = Algebra::Builtin { add, mul };
            let found = builtin(algebra, dtype, Isa::PORTABLE);
            assert_eq!(found.is_some(), algebra.accepts(dtype), "{algebra} on {dtype}");
            let semiring = algebra.laws(dtype).distributive && dtype.size() >= 4 && add != BinaryOp::LogAddExp;
            let unsigned = dtype.kind() == DtypeKind::Unsigned;
            let fused = found.is_some_and(|k| k.fused.is_some());
            assert!(fused || found.is_none() || !semiring || unsigned, "{algebra} on {dtype}");
        }
    }
    assert!(builtin(Algebra::SUM_PRODUCT, Dtype::custom::<(u8, u8)>(), Isa::PORTABLE).is_none());
}

#[test]
fn a_users_elements_are_lifted_and_finished() {
    let rng = &mut Rng::new(5);
    let user = UserSemiring::of::<Parity>();
    for _ in 0..20 {
        let n = [rng.extent(), rng.extent()];
        let (a, mut c) = (Plane::<u16>::random(rng, n, true), Plane::<u64>::random(rng, n, false));
        let mut back = Plane::<u16>::random(rng, n, false);
        // SAFETY: the planes hold `n` positions of the semiring's types, and no other thread sees them.
        unsafe {
            (user.lift())(n, c.dst(), a.src());
            (user.finish())(n, back.dst(), c.src());
        }
        assert!(positions(n).all(|(i, j)| c.get(i, j) == u64::from(a.get(i, j)) && back.get(i, j) == a.get(i, j)));
    }
}
