//! The functions of expressions on every dtype, against plain formulae, and on complex numbers against NumPy.

use std::fmt::Debug;

use einfold_ir::{Dtype, Function};
use num_complex::Complex;

use crate::element::Element;
use crate::kernels::{ContiguousFn, Isa, function};

/// Values of a type that meet in all pairs.
trait Values: Element + Debug + Default {
    fn values() -> Vec<Self>;
    /// Equal, or both NaN; zeros have their sign.
    fn same(self, other: Self) -> bool;
}

macro_rules! integers {
    ($($t:ident)*) => { $(
        impl Values for $t {
            fn values() -> Vec<$t> {
                vec![$t::MIN, $t::MIN + 1, 0, 1, 2, 3, 7, 11, 100, $t::MAX / 2, $t::MAX - 1, $t::MAX, (0 as $t).wrapping_sub(1)]
            }
            fn same(self, other: $t) -> bool {
                self == other
            }
        }
    )* };
}
integers!(i8 i16 i32 i64 u8 u16 u32 u64);

macro_rules! floats {
    ($($t:ident)*) => { $(
        impl Values for $t {
            fn values() -> Vec<$t> {
                let usual = [0.3, 1.0, 2.5, 3.0, 88.5, 710.0, 1e30];
                let odd = [0.0, $t::INFINITY, $t::NAN, $t::MIN_POSITIVE, $t::MAX, $t::EPSILON, 5e-324 as $t];
                usual.into_iter().chain(odd).flat_map(|x| [x, -x]).collect()
            }
            fn same(self, other: $t) -> bool {
                (self.is_nan() && other.is_nan()) || self.to_bits() == other.to_bits()
            }
        }
    )* };
}
floats!(f32 f64);

impl Values for bool {
    fn values() -> Vec<bool> {
        vec![false, true]
    }
    fn same(self, other: bool) -> bool {
        self == other
    }
}

macro_rules! complexes {
    ($($t:ident)*) => { $(
        impl Values for Complex<$t> {
            fn values() -> Vec<Self> {
                let parts = $t::values();
                parts.iter().enumerate().map(|(k, &re)| Complex::new(re, parts[(k * 5 + 3) % parts.len()])).collect()
            }
            fn same(self, other: Self) -> bool {
                self.re.same(other.re) && self.im.same(other.im)
            }
        }
    )* };
}
complexes!(i32 i64 f32 f64);

/// The kernel over the first arguments, on vectors and on the rest of a row.
fn run<A: Copy, C: Copy + Default>(kernel: ContiguousFn, a: &[A], b: &[A]) -> Vec<C> {
    let mut c = vec![C::default(); a.len()];
    let arguments = [a.as_ptr().cast(), b.as_ptr().cast(), a.as_ptr().cast()];
    // SAFETY: the slices have `n` values of the kernel's types, and no other thread uses the target.
    unsafe { kernel(a.len(), c.as_mut_ptr().cast(), arguments) };
    c
}

fn kernel(name: Function, dtype: Dtype, isa: Isa) -> ContiguousFn {
    function(name, dtype, isa).unwrap_or_else(|| panic!("{name:?} on {dtype}"))
}

/// `name` on all pairs of values gives what `want` says; of one argument, `b` is to be left alone.
fn check<A: Values, C: Values>(name: Function, want: impl Fn(A, A) -> C) {
    let values = A::values();
    let (a, b): (Vec<A>, Vec<A>) = values.iter().flat_map(|&a| values.iter().map(move |&b| (a, b))).unzip();
    for isa in Isa::available() {
        let got: Vec<C> = run(kernel(name, A::dtype(), isa), &a, &b);
        for ((a, b), got) in a.iter().zip(&b).zip(got) {
            assert!(got.same(want(*a, *b)), "{name:?} of {a:?}, {b:?} is {got:?} with {isa:?}, not {:?}", want(*a, *b));
        }
    }
}

/// `name` on all values gives nearly what the platform's library does, and the same special values.
fn check_close<T: Values + Into<f64>>(name: Function, want: impl Fn(T) -> T) {
    let values = T::values();
    let single = T::dtype() == Dtype::F32;
    let [epsilon, least] = if single { [f64::from(f32::EPSILON), 1.5e-45] } else { [f64::EPSILON, 5e-324] };
    for isa in Isa::available() {
        let got: Vec<T> = run(kernel(name, T::dtype(), isa), &values, &values);
        for (&a, got) in values.iter().zip(got) {
            let want = want(a);
            let (x, y): (f64, f64) = (got.into(), want.into());
            let close = x.is_finite() && (x - y).abs() <= 2.0 * epsilon * y.abs() + least;
            assert!(close || got.same(want), "{name:?} of {a:?} is {got:?} with {isa:?}, not {want:?}");
        }
    }
}

#[test]
fn integers_wrap() {
    macro_rules! each {
        ($($t:ident)*) => { $(
            let wide = |x: $t| x as i128;
            check::<$t, $t>(Function::Add, |a, b| (wide(a) + wide(b)) as $t);
            check::<$t, $t>(Function::Sub, |a, b| (wide(a) - wide(b)) as $t);
            check::<$t, $t>(Function::Mul, |a, b| wide(a).wrapping_mul(wide(b)) as $t);
            check::<$t, $t>(Function::Neg, |a, _| (-wide(a)) as $t);
            check::<$t, $t>(Function::Abs, |a, _| wide(a).unsigned_abs() as $t);
            check::<$t, $t>(Function::Sign, |a, _| wide(a).signum() as $t);
            check::<$t, $t>(Function::Max, |a, b| std::cmp::max(a, b));
            check::<$t, $t>(Function::Min, |a, b| std::cmp::min(a, b));
            check::<$t, $t>(Function::Conj, |a, _| a);
            check::<$t, $t>(Function::Re, |a, _| a);
            check::<$t, $t>(Function::Im, |_, _| 0);
            check::<$t, bool>(Function::Eq, |a, b| a == b);
        )* };
    }
    each!(i8 i16 i32 i64 u8 u16 u32 u64);
}

#[test]
fn bools_are_or_and_and() {
    check::<bool, bool>(Function::Add, |a, b| a || b);
    check::<bool, bool>(Function::Max, |a, b| a || b);
    check::<bool, bool>(Function::Mul, |a, b| a && b);
    check::<bool, bool>(Function::Min, |a, b| a && b);
    check::<bool, bool>(Function::Eq, |a, b| a == b);
    check::<bool, bool>(Function::Im, |_, _| false);
    for same in [Function::Abs, Function::Sign, Function::Conj, Function::Re] {
        check::<bool, bool>(same, |a, _| a);
    }
}

#[test]
fn floats_are_ieee_with_ordered_zeros() {
    macro_rules! each {
        ($($t:ident)*) => { $(
            check::<$t, $t>(Function::Add, |a, b| a + b);
            check::<$t, $t>(Function::Sub, |a, b| a - b);
            check::<$t, $t>(Function::Mul, |a, b| a * b);
            check::<$t, $t>(Function::Div, |a, b| a / b);
            check::<$t, $t>(Function::Neg, |a, _| -a);
            check::<$t, $t>(Function::Abs, |a, _| a.abs());
            check::<$t, $t>(Function::Sign, |a, _| {
                a.partial_cmp(&0.0).map_or($t::NAN, |o| [-1.0, 0.0, 1.0][(o as i8 + 1) as usize])
            });
            let nan = |a: $t, b: $t| a.is_nan() || b.is_nan();
            check::<$t, $t>(Function::Max, |a, b| if nan(a, b) { $t::NAN } else { std::cmp::max_by(a, b, $t::total_cmp) });
            check::<$t, $t>(Function::Min, |a, b| if nan(a, b) { $t::NAN } else { std::cmp::min_by(a, b, $t::total_cmp) });
            check::<$t, bool>(Function::Eq, |a, b| a == b);
            check::<$t, $t>(Function::Sqrt, |a, _| a.sqrt());
            check_close::<$t>(Function::Exp, |a| a.exp());
            check_close::<$t>(Function::Log, |a| a.ln());
            check::<$t, $t>(Function::Tanh, |a, _| a.tanh());
            check_close::<$t>(Function::Sigmoid, |a| 1.0 / (1.0 + (-a).exp()));
            check::<$t, $t>(Function::Sin, |a, _| a.sin());
            check::<$t, $t>(Function::Cos, |a, _| a.cos());
            check::<$t, $t>(Function::Pow, |a, b| a.powf(b));
            check::<$t, $t>(Function::Conj, |a, _| a);
            check::<$t, $t>(Function::Re, |a, _| a);
            check::<$t, $t>(Function::Im, |_, _| 0.0);
        )* };
    }
    each!(f32 f64);
}

#[test]
fn complex_arithmetic_goes_by_parts() {
    macro_rules! each {
        ($($t:ident $add:expr, $sub:expr, $mul:expr, $neg:expr;)*) => { $({
            type C = Complex<$t>;
            check::<C, C>(Function::Add, |a, b| C::new($add(a.re, b.re), $add(a.im, b.im)));
            check::<C, C>(Function::Sub, |a, b| C::new($sub(a.re, b.re), $sub(a.im, b.im)));
            check::<C, C>(Function::Mul, |a, b| {
                C::new($sub($mul(a.re, b.re), $mul(a.im, b.im)), $add($mul(a.re, b.im), $mul(a.im, b.re)))
            });
            check::<C, C>(Function::Neg, |a, _| C::new($neg(a.re), $neg(a.im)));
            check::<C, C>(Function::Conj, |a, _| C::new(a.re, $neg(a.im)));
            check::<C, $t>(Function::Re, |a, _| a.re);
            check::<C, $t>(Function::Im, |a, _| a.im);
            check::<C, bool>(Function::Eq, |a, b| a.re == b.re && a.im == b.im);
        })* };
    }
    each! {
        f32 |a, b| a + b, |a, b| a - b, |a, b| a * b, |a: f32| -a;
        f64 |a, b| a + b, |a, b| a - b, |a, b| a * b, |a: f64| -a;
        i32 i32::wrapping_add, i32::wrapping_sub, i32::wrapping_mul, i32::wrapping_neg;
        i64 i64::wrapping_add, i64::wrapping_sub, i64::wrapping_mul, i64::wrapping_neg;
    }
}

/// NaN wherever NumPy has it, its infinities and zeros, and else nearly its value. C99 leaves the signs of infinities and zeros
/// open where the other part is NaN.
fn near(got: Complex<f64>, want: Complex<f64>) -> bool {
    let size = [want.re, want.im].into_iter().filter(|x| x.is_finite()).fold(0.0, |m: f64, x| m.max(x.abs()));
    let part = |got: f64, want: f64, open: bool| match want {
        _ if want.is_nan() => got.is_nan(),
        _ if want != 0.0 && want.is_finite() => (got - want).abs() <= 8.0 * f64::EPSILON * size,
        _ => got.abs() == want.abs() && (open || got.is_sign_negative() == want.is_sign_negative()),
    };
    part(got.re, want.re, want.im.is_nan()) && part(got.im, want.im, want.re.is_nan())
}

/// The lines of `numpy_complex.txt` are what NumPy 2.4.6 prints: a function, the parts of its arguments, those of its value.
#[test]
fn complex_functions_are_numpys() {
    use Function::{Abs, Cos, Div, Exp, Log, Pow, Sign, Sin, Sqrt, Tanh};
    let names =
        [Exp, Log, Sqrt, Tanh, Sin, Cos, Sign, Abs, Pow, Div].map(|f| (if f == Div { "div" } else { f.name() }, f));
    let mut failures = vec![];
    for line in include_str!("numpy_complex.txt").lines() {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let f = names.iter().find(|n| n.0 == name).unwrap().1;
        let numbers: Vec<f64> = words.map(|w| w.parse().unwrap()).collect();
        let pair = |k: usize| Complex::new(numbers[k], numbers[k + 1]);
        let (a, b, want) = (pair(0), pair(numbers.len() - 4), pair(numbers.len() - 2));
        let kernel = kernel(f, Dtype::C64, Isa::PORTABLE);
        let got = match f {
            Abs => Complex::new(run::<_, f64>(kernel, &[a], &[b])[0], 0.0),
            _ => run::<_, Complex<f64>>(kernel, &[a], &[b])[0],
        };
        if !near(got, want) {
            failures.push(format!("{name} of {a}, {b}: {got}, NumPy has {want}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn single_precision_complex_functions_are_the_double_ones_rounded() {
    use Function::{Cos, Div, Exp, Log, Pow, Sigmoid, Sign, Sin, Sqrt, Tanh};
    let a: Vec<Complex<f32>> = (0..40).map(|k| Complex::new(k as f32 * 0.37 - 6.0, 4.0 - k as f32 * 0.21)).collect();
    let b: Vec<Complex<f32>> = a.iter().rev().copied().collect();
    let wide = |x: &[Complex<f32>]| -> Vec<Complex<f64>> {
        x.iter().map(|x| Complex::new(x.re.into(), x.im.into())).collect()
    };
    for f in [Exp, Log, Sqrt, Tanh, Sigmoid, Sin, Cos, Sign, Div, Pow] {
        let got: Vec<Complex<f32>> = run(kernel(f, Dtype::C32, Isa::PORTABLE), &a, &b);
        let want: Vec<Complex<f64>> = run(kernel(f, Dtype::C64, Isa::PORTABLE), &wide(&a), &wide(&b));
        assert!(got.iter().zip(&want).all(|(g, w)| (g.re, g.im) == (w.re as f32, w.im as f32)), "{f:?}");
    }
}

/// By other formulae: those of `num-complex`.
#[test]
fn complex_functions_agree_with_num_complex() {
    type C = Complex<f64>;
    let z: Vec<C> = (0..60).map(|k| C::new(k as f64 * 0.31 - 9.0, 5.0 - k as f64 * 0.17)).collect();
    let check = |f: Function, want: fn(C) -> C| {
        let got: Vec<C> = run(kernel(f, Dtype::C64, Isa::PORTABLE), &z, &z);
        let near = |(g, z): (&C, &C)| (g - want(*z)).norm() <= 1e-13 * want(*z).norm();
        assert!(got.iter().zip(&z).all(near), "{f:?}");
    };
    check(Function::Exp, |z| z.exp());
    check(Function::Log, |z| z.ln());
    check(Function::Sqrt, |z| z.sqrt());
    check(Function::Tanh, |z| z.tanh());
    check(Function::Sin, |z| z.sin());
    check(Function::Cos, |z| z.cos());
    check(Function::Sigmoid, |z| (C::new(1.0, 0.0) + (-z).exp()).inv());
    check(Function::Sign, |z| z / z.norm());
}

#[test]
fn where_takes_the_element_as_it_is() {
    fn check<T: Values>() {
        let (b, c) = (T::values(), T::values().into_iter().rev().collect::<Vec<T>>());
        let condition: Vec<bool> = (0..b.len()).map(|k| k % 3 == 0).collect();
        let mut got = vec![T::default(); b.len()];
        let arguments = [condition.as_ptr().cast(), b.as_ptr().cast(), c.as_ptr().cast()];
        let kernel = kernel(Function::Where, T::dtype(), Isa::PORTABLE);
        // SAFETY: the slices have `n` values of the kernel's types, and no other thread uses the target.
        unsafe { kernel(b.len(), got.as_mut_ptr().cast(), arguments) };
        let want = |k: usize| if condition[k] { b[k] } else { c[k] };
        assert!(got.iter().enumerate().all(|(k, x)| x.same(want(k))), "{got:?}");
    }
    check::<bool>();
    check::<i8>();
    check::<u16>();
    check::<f32>();
    check::<f64>();
    check::<Complex<f32>>();
    check::<Complex<f64>>();
    check::<Complex<i64>>();
}

#[test]
fn there_is_a_kernel_wherever_a_function_has_a_meaning() {
    use Function as F;
    let all = [
        F::Neg,
        F::Exp,
        F::Log,
        F::Sqrt,
        F::Abs,
        F::Sign,
        F::Tanh,
        F::Sigmoid,
        F::Sin,
        F::Cos,
        F::Conj,
        F::Re,
        F::Im,
        F::Add,
        F::Sub,
        F::Mul,
        F::Div,
        F::Pow,
        F::Max,
        F::Min,
        F::Eq,
        F::Where,
    ];
    for f in all {
        for dtype in Dtype::BUILTIN.into_iter().filter(|d| !matches!(d, Dtype::F16 | Dtype::BF16)) {
            let mut arguments = vec![dtype; f.arity()];
            if f == F::Where {
                arguments[0] = Dtype::Bool;
            }
            let meaning = f.result(&arguments).is_some();
            assert_eq!(function(f, dtype, Isa::PORTABLE).is_some(), meaning, "{f:?} on {dtype}");
        }
    }
}
