//! The interface without type parameters, which all generic functions call.

use einfold::dynamic::{Arguments, CallOptions, bind_constants, call, call_into, einsum, plan_with, run};
use einfold::ndarray::{ArrayD, array};
use einfold::{AnyView, AnyViewMut, Element, Error, Expression, MemoryOrder, Scratch, Semiring, algebra::Laws};
use num_complex::Complex;

fn options(scratch: &mut Scratch) -> CallOptions<'_> {
    CallOptions { scratch: Some(scratch), order: MemoryOrder::F, ..CallOptions::default() }
}

#[test]
fn all_functions_agree_with_the_generic_ones() -> Result<(), Error> {
    let (a, g) = (array![[1.0, 2.0], [3.0, 4.0]], array![1_i64, 0, 1]);
    let views = [AnyView::from(a.view()), AnyView::from(g.view())];
    let arguments = Arguments::new(&views);
    let text = "R[n,j] = A[g[n],j]; S[g[n]] += A[g[n],j]";
    let typed: (ArrayD<f64>, ArrayD<f64>) = einfold::einsum(text, (&a, &g))?;
    // Named operands may be in any order.
    let swapped = [views[1].clone(), views[0].clone()];
    let named = Arguments::new(&swapped).names(&[Some("g"), Some("A")]);
    let expression = Expression::new(text)?;
    let plan = plan_with(&expression, arguments)?;
    let mut scratch = Scratch::new();
    for results in [
        einsum(text, arguments)?,
        run(&expression, named)?,
        call(&plan, named, CallOptions::default())?,
        call(&plan, arguments, options(&mut scratch))?,
        call(
            &bind_constants(&plan, &[1], Arguments::new(&views[1..]))?,
            Arguments::new(&views[..1]),
            options(&mut scratch),
        )?,
    ] {
        let mut arrays = results.into_iter().map(|array| array.into_array::<f64>());
        assert_eq!((arrays.next().flatten(), arrays.next().flatten()), (Some(typed.0.clone()), Some(typed.1.clone())));
    }
    let (mut rows, mut sums) = (ArrayD::zeros(vec![3, 2]), ArrayD::zeros(vec![2]));
    let mut outs = [AnyViewMut::from(rows.view_mut()), AnyViewMut::from(sums.view_mut())];
    call_into(&plan, named, &mut outs, CallOptions::default())?;
    assert_eq!((rows, sums), typed);
    Ok(())
}

#[test]
fn conj_applies_to_the_listed_operands() -> Result<(), Error> {
    let z = array![Complex::new(1.0, 2.0)];
    let views = [AnyView::from(z.view()), AnyView::from(z.view())];
    let value = |arguments| -> Result<Complex<f64>, Error> {
        let array = einsum("i,i->", arguments)?.remove(0).into_array();
        Ok(array.expect("a complex number")[[]])
    };
    let arguments = Arguments::new(&views);
    assert_eq!(value(arguments)?, z[0] * z[0]);
    assert_eq!(value(arguments.conj(&[true]))?, z[0] * z[0].conj());
    assert_eq!(value(arguments.conj(&[true, true]))?, (z[0] * z[0]).conj());
    let plan = Expression::new("i,i->")?.plan(arguments.conj(&[true]).types())?;
    assert_eq!(call(&plan, arguments, CallOptions::default()).map(drop).unwrap_err().code(), "conj");
    Ok(())
}

#[test]
fn results_may_have_a_user_defined_type() -> Result<(), Error> {
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Word([u8; 3]);
    #[derive(Clone, Copy)]
    struct Longest;
    impl Semiring for Longest {
        type Elem = Word;
        type Acc = Word;
        const LAWS: Laws = Laws::SEMIRING;
        fn lift(x: Word) -> Word {
            x
        }
        fn zero() -> Word {
            Word([0; 3])
        }
        fn one() -> Word {
            Word([255; 3])
        }
        fn add(a: Word, b: Word) -> Word {
            Word(a.0.max(b.0))
        }
        fn mul(a: Word, b: Word) -> Word {
            Word(a.0.min(b.0))
        }
        fn finish(x: Word) -> Word {
            x
        }
    }
    let words = [Word([1, 2, 3]), Word([7, 8, 9]), Word([4, 5, 6])];
    let views = [AnyView::from_slice(&words, 0, &[3], &[1])?];
    let longest = run(&Expression::new("i->")?.algebra(Longest), Arguments::new(&views))?.remove(0);
    assert_eq!(longest.dtype(), Word::dtype());
    assert_eq!(longest.into_array::<Word>().expect("a word")[[]], words[1]);
    Ok(())
}
