//! What `bind` refuses.

use einfold_exec::{AnyView, AnyViewMut, BindError, BindOptions, Isa, PlanSlot, Scratch, UserSemiring, bind};
use einfold_ir::{Algebra, Dtype, Plan};

use super::support::Build;

fn matvec(dtype: Dtype, algebra: Algebra) -> Plan {
    let mut build = Build::new();
    let a = build.input(dtype, &[2, 3]);
    let x = build.input(dtype, &[3]);
    let y = build.output(dtype, &[2]);
    build.einsum("ij,j->i", &[a, x], y, algebra, false);
    build.seal()
}

fn refused(plan: &Plan, ins: &[AnyView<'_>], outs: &mut [AnyViewMut<'_>], options: &BindOptions<'_>) -> BindError {
    bind(plan, ins, outs, options, &mut Scratch::new()).map(|_| ()).unwrap_err()
}

#[test]
fn operands_that_are_not_those_of_the_plan() {
    let plan = matvec(Dtype::F64, Algebra::SUM_PRODUCT);
    let (data, wrong, mut y) = ([1f64; 6], [1f32; 6], [0f64; 2]);
    let a = AnyView::from_slice(&data, 0, &[2, 3], &[3, 1]).unwrap();
    let x = AnyView::from_slice(&data, 0, &[3], &[1]).unwrap();
    let single = AnyView::from_slice(&wrong, 0, &[3], &[1]).unwrap();
    let none = BindOptions::default();
    let mut out = [AnyViewMut::from_slice(&mut y, 0, &[2], &[1]).unwrap()];
    let error = refused(&plan, std::slice::from_ref(&a), &mut out, &none);
    assert_eq!(error, BindError::Operands { expected: 2, found: 1 });
    let error = refused(&plan, &[a.clone(), x.clone()], &mut [], &none);
    assert_eq!(error, BindError::Outputs { expected: 1, found: 0 });
    let error = refused(&plan, &[a.clone(), single], &mut out, &none);
    assert_eq!(
        error,
        BindError::Dtype { slot: PlanSlot::Operand(1), expected: Dtype::F64.into(), found: Dtype::F32.into() }
    );
    assert_eq!(error.to_string(), "operand 2 is planned as f64, f32 was given");
    let error = refused(&plan, &[x.clone(), x.clone()], &mut out, &none);
    let (expected, found) = ([2, 3][..].into(), [3][..].into());
    assert_eq!(error, BindError::Shape { slot: PlanSlot::Operand(0), expected, found });
    let mut long = [0f64; 3];
    let mut out = [AnyViewMut::from_slice(&mut long, 0, &[3], &[1]).unwrap()];
    let error = refused(&plan, &[a, x], &mut out, &none);
    assert_eq!(error.to_string(), "output 1 is planned with shape [2], [3] was given");
}

#[test]
fn a_step_whose_points_cannot_be_counted() {
    for (extents, refuses) in
        [([1 << 32, 1 << 32], true), ([usize::MAX, 2], true), ([3, 1 << 63], true), ([3, 5], false)]
    {
        for gemm in [false, true] {
            let (element, mut build) = ([1f64], Build::new());
            let (a, b, y) =
                (build.input(Dtype::F64, &extents), build.input(Dtype::F64, &extents), build.output(Dtype::F64, &[]));
            build.einsum("ij,ij->", &[a, b], y, Algebra::SUM_PRODUCT, gemm);
            let plan = Plan::seal(build.draft);
            // No position is so great.
            let Ok(plan) = plan else {
                assert!(extents.iter().any(|&extent| extent > i64::MAX as usize));
                continue;
            };
            let operand = AnyView::from_slice(&element, 0, &extents, &[0, 0]).unwrap();
            let (ins, mut y) = ([operand.clone(), operand], [0f64]);
            let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[], &[]).unwrap()];
            let bound = bind(&plan, &ins, &mut outs, &BindOptions::default(), &mut Scratch::new()).map(|_| ());
            let want = if refuses { Err(BindError::TooManyPoints { step: 0 }) } else { Ok(()) };
            assert_eq!(bound, want, "{extents:?}");
        }
    }
}

#[test]
fn a_semiring_that_the_caller_does_not_bring() {
    #[derive(Clone, Copy)]
    struct Plain;
    impl einfold_exec::Semiring for Plain {
        type Elem = f64;
        type Acc = f64;
        const LAWS: einfold_ir::Laws = einfold_ir::Laws::SEMIRING;
        fn lift(x: f64) -> f64 {
            x
        }
        fn zero() -> f64 {
            0.0
        }
        fn one() -> f64 {
            1.0
        }
        fn add(a: f64, b: f64) -> f64 {
            a + b
        }
        fn mul(a: f64, b: f64) -> f64 {
            a * b
        }
        fn finish(x: f64) -> f64 {
            x
        }
    }
    let algebra = Algebra::User(einfold_exec::algebra::<Plain>());
    let plan = matvec(Dtype::F64, algebra);
    let (data, mut y) = ([1f64; 6], [0f64; 2]);
    let ins =
        [AnyView::from_slice(&data, 0, &[2, 3], &[3, 1]).unwrap(), AnyView::from_slice(&data, 0, &[3], &[1]).unwrap()];
    let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[2], &[1]).unwrap()];
    let error = refused(&plan, &ins, &mut outs, &BindOptions::default());
    assert_eq!(error, BindError::Unsupported { step: 0, algebra: algebra.into(), dtype: Dtype::F64 });
    let semirings = [UserSemiring::of::<Plain>()];
    let options = BindOptions { semirings: &semirings, ..BindOptions::default() };
    bind(&plan, &ins, &mut outs, &options, &mut Scratch::new()).unwrap().run(&Default::default()).unwrap();
    assert_eq!(y, [3.0; 2]);
}

#[test]
fn more_memory_than_allowed() {
    let mut build = Build::new();
    let a = build.input(Dtype::F32, &[100, 100]);
    let t = build.scratch(Dtype::F64, &[100, 100]);
    let y = build.output(Dtype::F64, &[100, 100]);
    build.einsum("ij,jk->ik", &[a, a], t, Algebra::SUM_PRODUCT, true);
    build.einsum("ij->ji", &[t], y, Algebra::SUM_PRODUCT, false);
    let plan = build.seal();
    let (data, mut y) = (vec![1f32; 10_000], vec![0f64; 10_000]);
    let ins = [AnyView::from_slice(&data, 0, &[100, 100], &[100, 1]).unwrap()];
    let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[100, 100], &[100, 1]).unwrap()];
    for isa in Isa::available() {
        // The intermediate. Factors are converted while they are packed, on the stack if there is no room.
        let needed = 80_000;
        let mut with = |limit| {
            let options = BindOptions { memory: Some(limit), isa: Some(isa), ..BindOptions::default() };
            let mut scratch = Scratch::new();
            bind(&plan, &ins, &mut outs, &options, &mut scratch)?.run(&Default::default()).unwrap();
            Ok(scratch.bytes())
        };
        assert_eq!(with(needed), Ok(needed));
        assert_eq!(with(needed - 1), Err(BindError::TooLarge { step: 0, bytes: needed, limit: needed - 1 }));
        assert_eq!(with(0), Err(BindError::TooLarge { step: 0, bytes: needed, limit: 0 }));
    }
    assert_eq!(y, [100.0; 10_000]);
}

#[test]
fn a_product_of_huge_stretched_operands_packs_blocks() {
    // Stretched operands of 2^61 elements have one element each; their dense copies in f64 would have 2^64 bytes.
    let mut build = Build::new();
    let n = 1usize << 30;
    let a = build.input(Dtype::F32, &[2, n, n]);
    let b = build.input(Dtype::F32, &[n, n, 2]);
    let y = build.output(Dtype::F64, &[2, 2]);
    build.einsum("ijk,jkl->il", &[a, b], y, Algebra::SUM_PRODUCT, true);
    let plan = build.seal();
    let (one, mut y) = ([1f32], [0f64; 4]);
    let ins = [
        AnyView::from_slice(&one, 0, &[2, n, n], &[0; 3]).unwrap(),
        AnyView::from_slice(&one, 0, &[n, n, 2], &[0; 3]).unwrap(),
    ];
    let mut outs = [AnyViewMut::from_slice(&mut y, 0, &[2, 2], &[2, 1]).unwrap()];
    let mut scratch = Scratch::new();
    bind(&plan, &ins, &mut outs, &BindOptions::default(), &mut scratch).unwrap();
    assert!(scratch.bytes() < 1 << 20, "{} bytes", scratch.bytes());
}

#[test]
fn elements_that_scratch_memory_cannot_align() {
    #[derive(Clone, Copy)]
    #[repr(align(128))]
    struct Page(u8);
    let mut build = Build::new();
    let dtype = <Page as einfold_exec::Element>::dtype();
    let a = build.input(dtype, &[2]);
    let t = build.scratch(dtype, &[2]);
    let y = build.output(dtype, &[2]);
    build.einsum("i->i", &[a], t, Algebra::SUM_PRODUCT, false);
    build.einsum("i->i", &[t], y, Algebra::SUM_PRODUCT, false);
    let plan = build.seal();
    let (a, mut y) = ([Page(1); 2], [Page(0); 2]);
    let ins = [AnyView::from_slice(&a, 0, &[2], &[1]).unwrap()];
    let error =
        refused(&plan, &ins, &mut [AnyViewMut::from_slice(&mut y, 0, &[2], &[1]).unwrap()], &BindOptions::default());
    assert_eq!(error, BindError::Alignment { dtype });
    assert_eq!(y[0].0, 0);
}
