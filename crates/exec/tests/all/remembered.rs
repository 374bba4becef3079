//! Calls with scratch memory that another call has used: each gives the result that it gives with new scratch memory.

use std::sync::atomic::AtomicBool;

use einfold_exec::{
    AnyView, AnyViewMut, BindOptions, Control, Element, Scratch, Semiring, UserSemiring, algebra, bind,
};
use einfold_ir::{Access, Algebra, Axis, BufferId, Dtype, Index, Laws, NodeId, OutOfRange, Plan, Step, WriteMode};

use super::support::{Build, Random, free};

/// Sums of products over another type than that of elements, plus `BY`.
#[derive(Clone, Copy)]
struct Shifted<const BY: i64>;

impl<const BY: i64> Semiring for Shifted<BY> {
    type Elem = f64;
    type Acc = Wide;
    const LAWS: Laws = Laws::SEMIRING;
    fn lift(x: f64) -> Wide {
        Wide(x)
    }
    fn zero() -> Wide {
        Wide(0.0)
    }
    fn one() -> Wide {
        Wide(1.0)
    }
    fn add(a: Wide, b: Wide) -> Wide {
        Wide(a.0 + b.0)
    }
    fn mul(a: Wide, b: Wide) -> Wide {
        Wide(a.0 * b.0)
    }
    fn finish(x: Wide) -> f64 {
        x.0 + BY as f64
    }
}

/// A sum of [`Shifted`].
#[derive(Clone, Copy, PartialEq, Debug)]
struct Wide(f64);

/// `ij,jk->ik` over 8 × 8.
fn product() -> Plan {
    let mut build = Build::new();
    let (a, b) = (build.input(Dtype::F64, &[8, 8]), build.input(Dtype::F64, &[8, 8]));
    let y = build.output(Dtype::F64, &[8, 8]);
    build.einsum("ij,jk->ik", &[a, b], y, Algebra::SUM_PRODUCT, true);
    build.seal()
}

/// The same over a semiring of the user's.
fn users<S: Semiring<Elem = f64>>() -> Plan {
    let (mut build, of) = (Build::new(), Algebra::User(algebra::<S>()));
    let (a, b) = (build.input(Dtype::F64, &[8, 8]), build.input(Dtype::F64, &[8, 8]));
    let (sum, y) = (build.scratch(S::Acc::dtype(), &[8, 8]), build.output(Dtype::F64, &[8, 8]));
    build.einsum("ij,jk->ik", &[a, b], sum, of, false);
    build.einsum("ik->ik", &[sum], y, of, false);
    build.seal()
}

/// Two products, the second of which reads an intermediate.
fn chain() -> Plan {
    let mut build = Build::new();
    let (a, b) = (build.input(Dtype::F64, &[8, 8]), build.input(Dtype::F64, &[8, 8]));
    let (square, y) = (build.scratch(Dtype::F64, &[8, 8]), build.output(Dtype::F64, &[8, 8]));
    build.einsum("ij,jk->ki", &[a, b], square, Algebra::SUM_PRODUCT, true);
    build.einsum("ki,ij->jk", &[square, b], y, Algebra::SUM_PRODUCT, true);
    build.seal()
}

/// `y[n, j] = a[b[n, 0], j]`, where indices outside `a` are errors.
fn gather() -> Plan {
    let mut build = Build::new();
    let (a, b) = (build.input(Dtype::F64, &[8, 8]), build.input(Dtype::I64, &[8, 8]));
    let y = build.output(Dtype::F64, &[8, 8]);
    let ids = Access::new(b, vec![Index::axis(0), Index::constant(0)]);
    build.push(Step {
        origin: NodeId(0),
        axes: vec![Axis::new("n", 8), Axis::new("j", 8)],
        reads: vec![Access::new(a, vec![Index::gather(ids, OutOfRange::Error), Index::axis(1)])],
        write: Access::plain(y, [0, 1]),
        mode: WriteMode::Overwrite,
        algebra: Algebra::SUM_PRODUCT,
        form: free(),
    });
    build.seal()
}

/// Strides of an operand of 8 × 8 in 200 elements.
const STRIDES: [[isize; 2]; 5] = [[8, 1], [1, 8], [0, 1], [9, 2], [1, 1]];

/// One call.
#[derive(Clone, Copy)]
struct Call<'c> {
    plan: &'c Plan,
    strides: [usize; 2],
    /// Whether both operands are the same memory.
    overlaps: bool,
    /// The stride of the output's first axis.
    row: isize,
    alpha: Option<f64>,
    beta: Option<f64>,
    semirings: &'c [UserSemiring],
    memory: Option<usize>,
    cancelled: bool,
    /// The value of all indices.
    id: i64,
    seed: u64,
}

impl<'c> Call<'c> {
    /// Without options, with row-major operands of 8 x 8.
    fn of(plan: &'c Plan) -> Call<'c> {
        Call {
            plan,
            strides: [0, 0],
            overlaps: false,
            row: 8,
            alpha: None,
            beta: None,
            semirings: &[],
            memory: None,
            cancelled: false,
            id: 3,
            seed: 1,
        }
    }

    /// The result, or why there is none.
    fn run(&self, scratch: &mut Scratch) -> Result<Vec<f64>, String> {
        // New memory in every call, at addresses that no other call has had for sure.
        let mut random = Random(self.seed | 1);
        let mut numbers = || (0..200).map(|_| random.below(9) as f64 - 4.0).collect::<Vec<_>>();
        let (a, b, mut y) = (numbers(), numbers(), numbers());
        let ids = vec![self.id; 200];
        let b = if self.overlaps { &a } else { &b };
        let view = |data, k: usize| view(data, &STRIDES[self.strides[k]]);
        let second =
            if self.plan.buffer(BufferId(1)).dtype == Dtype::I64 { self::view(&ids, &[8, 1]) } else { view(b, 1) };
        let ins = [view(&a, 0), second];
        let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[8, 8], &[self.row, 1]).unwrap()];
        let [alpha, beta] = [&self.alpha, &self.beta].map(|factor| factor.as_ref().map(AnyView::scalar));
        let options = BindOptions {
            alpha: alpha.as_ref(),
            beta: beta.as_ref(),
            semirings: self.semirings,
            memory: self.memory,
            ..BindOptions::default()
        };
        let cancel = AtomicBool::new(self.cancelled);
        let control = Control { cancel: Some(&cancel), ..Control::default() };
        let bound = bind(self.plan, &ins, &mut outs, &options, scratch).map_err(|e| e.to_string())?;
        bound.run(&control).map_err(|e| e.to_string())?;
        assert!(scratch.is_bound_to(self.plan));
        Ok(y)
    }
}

fn view<'d, T: Element>(data: &'d [T], strides: &[isize]) -> AnyView<'d> {
    AnyView::from_slice(data, 0, &[8, 8], strides).unwrap()
}

#[test]
fn scratch_memory_changes_no_result() {
    let (numbers, other, ids) = (product(), chain(), gather());
    let users = [users::<Shifted<0>>(), users::<Shifted<7>>()];
    let semirings = [UserSemiring::of::<Shifted<0>>(), UserSemiring::of::<Shifted<7>>()];
    let plain = Call::of(&numbers);
    let user = |plan, semirings| Call { semirings, ..Call::of(plan) };
    let calls = [
        plain,
        Call { seed: 2, ..plain },
        Call { strides: [1, 0], ..plain },
        Call { strides: [1, 4], overlaps: true, ..plain },
        Call { strides: [2, 3], row: 16, ..plain },
        Call { alpha: Some(1.0), ..plain },
        Call { alpha: Some(2.0), ..plain },
        Call { alpha: Some(2.0), beta: Some(2.0), ..plain },
        Call { alpha: Some(2.0), beta: Some(3.0), ..plain },
        Call { beta: Some(1.0), ..plain },
        Call { cancelled: true, ..plain },
        Call::of(&other),
        Call { memory: Some(100), ..Call::of(&other) },
        Call { memory: Some(1 << 20), ..Call::of(&other) },
        Call { strides: [3, 1], ..Call::of(&other) },
        Call::of(&ids),
        Call { id: 8, ..Call::of(&ids) },
        Call { id: 7, strides: [1, 0], ..Call::of(&ids) },
        user(&users[0], &semirings),
        user(&users[1], &semirings),
        user(&users[1], &semirings[1..]),
        user(&users[1], &semirings[..1]),
    ];
    let alone: Vec<_> = calls.iter().map(|call| call.run(&mut Scratch::new())).collect();
    assert_eq!(alone.iter().filter(|result| result.is_err()).count(), 4, "{alone:?}");
    assert_ne!(alone[18], alone[19]);
    for first in 0..calls.len() {
        for second in 0..calls.len() {
            let mut scratch = Scratch::new();
            for at in [first, second, second, first] {
                assert_eq!(calls[at].run(&mut scratch), alone[at], "call {at} where {first} and {second} take turns");
            }
        }
    }
}

#[test]
fn a_factor_of_a_users_type_is_read_in_every_call() {
    let plan = {
        let mut build = Build::new();
        let wide = Dtype::custom::<Wide>();
        let (a, y) = (build.input(Dtype::F64, &[2]), build.output(Dtype::F64, &[2]));
        let sum = build.scratch(wide, &[2]);
        build.einsum("i->i", &[a], sum, Algebra::User(algebra::<Shifted<0>>()), false);
        build.einsum("i->i", &[sum], y, Algebra::User(algebra::<Shifted<0>>()), false);
        build.seal()
    };
    let semirings = [UserSemiring::of::<Shifted<0>>()];
    let mut scratch = Scratch::new();
    for factor in [Wide(1.0), Wide(3.0), Wide(1.0), Wide(-2.0)] {
        let (a, mut y, factor_view) = ([1.0, 2.0], [0.0; 2], AnyView::scalar(&factor));
        let ins = [AnyView::from_slice(&a, 0, &[2], &[1]).unwrap()];
        let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[2], &[1]).unwrap()];
        let options = BindOptions { alpha: Some(&factor_view), semirings: &semirings, ..BindOptions::default() };
        bind(&plan, &ins, &mut outs, &options, &mut scratch).unwrap().run(&Control::default()).unwrap();
        assert_eq!(y, [factor.0, 2.0 * factor.0]);
    }
}

#[test]
fn a_plan_that_is_sealed_again_is_another_one_and_a_clone_is_not() {
    let (plan, again) = (chain(), chain());
    let call = |plan, scratch: &mut Scratch| Call::of(plan).run(scratch).unwrap();
    assert_eq!((&*plan, plan.clone().id()), (&*again, plan.id()));
    assert_ne!(plan.id(), again.id());
    let mut scratch = Scratch::new();
    assert!(!scratch.is_bound_to(&plan));
    let first = call(&plan, &mut scratch);
    assert!(scratch.is_bound_to(&plan.clone()) && !scratch.is_bound_to(&again));
    assert_eq!(call(&again, &mut scratch), first);
    assert!(scratch.is_bound_to(&again) && !scratch.is_bound_to(&plan));
}
