//! The corpora and random cases through the public interface.

use std::collections::BTreeMap;
use std::fmt::Write;

use einfold::{AnyArray, Error, Expression, MemoryOrder, Plan, Scratch, explain::PASSES, order::STRATEGIES};
use ndarray::ArrayD;

use crate::case::{self, Case};
use crate::corpus::{INVALID, VALID};
use crate::draw::{Bytes, check};
use crate::layout::{Array, Layout, hold, tensor_of};
use crate::num::{Num, Tensor, with_elem};
use crate::ordering::path;
use crate::{oracle, passes};

/// The tensor of a result of any dtype.
pub(crate) fn tensor(array: &AnyArray) -> Tensor {
    with_elem!(array.dtype(), T => {
        let typed: ArrayD<T> = array.clone().into_array().unwrap();
        tensor_of(&typed.view())
    })
}

pub(crate) fn arrays(operands: &[(Tensor, Layout)]) -> Vec<Box<dyn Array>> {
    operands.iter().map(|(t, l)| hold(t, l)).collect()
}

/// The value of an einsum.
pub(crate) fn einsum(text: &str, operands: &[(Tensor, Layout)]) -> Result<Tensor, Error> {
    let arrays = arrays(operands);
    let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
    let result: AnyArray = einfold::einsum(text, &views)?;
    Ok(tensor(&result))
}

fn row_major(operands: Vec<Tensor>) -> Vec<(Tensor, Layout)> {
    let layouts: Vec<Layout> = operands.iter().map(|t| Layout::row_major(t.shape.len())).collect();
    operands.into_iter().zip(layouts).collect()
}

#[test]
fn the_library_answers_as_numpy() {
    let mut failures = String::new();
    for case in VALID.iter() {
        match einsum(&case.text, &case.operands).map(|found| found.differs(&case.result, case.tolerance)) {
            Ok(None) => {}
            Ok(Some(difference)) => writeln!(failures, "{case}\n{difference}").unwrap(),
            Err(error) => writeln!(failures, "{case}\n{error}").unwrap(),
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn the_library_refuses_what_numpy_refuses() {
    let mut kinds = BTreeMap::<(&str, &str), usize>::new();
    for case in INVALID.iter() {
        let ones = case.shapes.iter().map(|s| Tensor::full(einfold::Dtype::F64, s, Num::ONE)).collect();
        match einsum(&case.text, &row_major(ones)) {
            Err(error) => *kinds.entry((&case.category, error.code())).or_default() += 1,
            Ok(_) => panic!("accepted: #{} `{}` {:?}", case.id, case.text, case.shapes),
        }
    }
    let table: String = kinds.iter().map(|((category, kind), n)| format!("{category}: {kind} {n}\n")).collect();
    insta::assert_snapshot!(table);
}

#[test]
fn a_diagonal_of_two_sizes_is_an_error_even_where_one_is_0() {
    for shape in [[0, 3], [3, 0], [1, 3], [0, 1]] {
        let operand = Tensor::full(einfold::Dtype::F64, &shape, Num::ONE);
        let error = einsum("kk->k", &row_major(vec![operand])).unwrap_err();
        assert_eq!(error.code(), "size", "{shape:?}");
    }
}

/// An expression with random options that do not change its value. A path is valid only for a single contraction.
fn expression(case: &Case, bytes: &mut Bytes<'_>) -> Result<Expression, Error> {
    let expression = Expression::new(&case.text)?.passes(passes::choice(bytes));
    let how = bytes.below(STRATEGIES.len() + 1);
    match STRATEGIES.get(how) {
        Some(strategy) => expression.order(strategy.name),
        None if case.text.contains('(') => Ok(expression),
        None => Ok(expression.path(path(bytes, case.operands.len()))),
    }
}

#[test]
fn options_leave_the_value_alone() {
    check(4000, |bytes| {
        let case = Case::draw(bytes);
        let want = oracle::einsum(&case.text, &case.tensors()).ok_or("not valid")?;
        let arrays = arrays(&case.operands);
        let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
        let found = expression(&case, bytes).and_then(|e| e.plan_for(&views)).and_then(|plan| {
            let again = Plan::from_recipe(&plan.to_recipe())?;
            assert_eq!((plan.path(), plan.cost()), (again.path(), again.cost()), "{case}");
            let order = bytes.pick(&[MemoryOrder::C, MemoryOrder::F]);
            again.call(&views).threads(bytes.below(3)).out_order(order).run_any()
        });
        let found = tensor(&found.map_err(|e| format!("{case}\n{e}"))?);
        found.differs(&want, 0.0).map_or(Ok(()), |d| Err(format!("{case}\n{d}")))
    });
}

#[test]
fn results_go_where_they_are_wanted_and_scratch_is_used_again() {
    let scratch = std::cell::RefCell::new(Scratch::new());
    check(2000, |bytes| {
        let case = Case::draw(bytes);
        let mut want = oracle::einsum(&case.text, &case.tensors()).ok_or("not valid")?;
        let arrays = arrays(&case.operands);
        let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
        let before = case::tensor(&mut bytes.noise(), want.dtype, &want.shape, true);
        let mut out = hold(&before, &case::layout(bytes, &want.shape, false));
        let plan = Expression::new(&case.text).and_then(|e| e.plan_for(&views)).map_err(|e| e.to_string())?;
        let scratch = &mut scratch.borrow_mut();
        let mut call = plan.call(&views).scratch(scratch);
        // Exact only if rounding the result is the only possible rounding.
        let exact = want.data.iter().all(|x| x.parts().0.abs() < 50.0 && x.parts().1.abs() < 50.0);
        if exact && bytes.once_in(2) {
            let (alpha, beta) = (bytes.below(2) as u8, bytes.below(2) as u8);
            call = call.alpha(alpha).beta(beta);
            let term = |x: Num, factor: u8| x.mul(Num::Int(factor.into(), 0).to(want.dtype));
            for (x, old) in want.data.iter_mut().zip(&before.data) {
                *x = term(*x, alpha).add(term(*old, beta)).to(want.dtype);
            }
        }
        call.into(out.view_mut()).map_err(|e| format!("{case}\n{e}"))?;
        out.tensor().differs(&want, 0.0).map_or(Ok(()), |d| Err(format!("{case}\n{d}")))
    });
}

#[test]
fn every_choice_of_passes_gives_equal_results() {
    for (text, shapes) in [
        ("ij,jk,kl->il", &[&[7, 9][..], &[9, 8], &[8, 11]][..]),
        ("pi,qj,ijkl,rk,sl->pqrs", &[&[4, 4], &[4, 4], &[4, 4, 4, 4], &[4, 4], &[4, 4]]),
        ("iij,jkk->ik", &[&[5, 5, 6], &[6, 7, 7]]),
        ("bij,bkj->kbi", &[&[3, 8, 9], &[3, 7, 9]]),
        ("ijk->kij", &[&[4, 5, 6]]),
        ("...a,ab,...b->...", &[&[3, 5], &[5, 6], &[2, 1, 6]]),
        ("ab,bc,cd,de,ea->", &[&[3, 4], &[4, 5], &[5, 6], &[6, 7], &[7, 3]]),
    ] {
        let operand = |(k, shape): (usize, &&[usize])| {
            let mut noise = crate::draw::Noise(k as u64);
            case::tensor(&mut noise, einfold::Dtype::F64, shape, true)
        };
        let operands: Vec<Tensor> = shapes.iter().enumerate().map(operand).collect();
        let want = oracle::einsum(text, &operands).unwrap();
        let arrays = arrays(&row_major(operands));
        let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
        for set in einfold::explain::PassSet::subsets() {
            let found: AnyArray = Expression::new(text).unwrap().passes(set).run(&views).unwrap();
            assert_eq!(tensor(&found), want, "{text} with {:?}", set.iter().map(|p| p.name).collect::<Vec<_>>());
        }
    }
    assert_eq!(PASSES.len(), 5);
}
