//! A run computes the results of its plan on arrays of any layout, with any kernels and any number of threads, into
//! outputs with previous values.

use std::num::NonZeroUsize;

use einfold_exec::{AnyView, BindOptions, Control, Isa, Scratch, UserSemiring, bind};
use einfold_ir::{Dtype, Plan};
use einfold_plan::optimize;

use crate::case::{self, Case};
use crate::draw::{Bytes, check};
use crate::layout::{Array, Layout, hold};
use crate::num::{Num, Tensor};
use crate::{oracle, passes};

/// The options of a run.
#[derive(Debug, Default)]
pub(crate) struct How {
    pub(crate) isa: Option<Isa>,
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) semirings: Vec<UserSemiring>,
    /// α and β, of the dtype of the result.
    pub(crate) alpha: Option<Num>,
    pub(crate) beta: Option<Num>,
    /// The limit of scratch memory, in bytes.
    pub(crate) memory: Option<usize>,
}

impl How {
    /// Random kernels and a random number of threads.
    pub(crate) fn draw(bytes: &mut Bytes<'_>) -> How {
        let isa = Some(bytes.pick(&Isa::available()));
        How { isa, threads: NonZeroUsize::new(bytes.below(4)), ..How::default() }
    }
}

/// Binds a plan and runs it into existing arrays.
pub(crate) fn run(
    plan: &Plan,
    inputs: &[Box<dyn Array>],
    outputs: &mut [Box<dyn Array>],
    how: &How,
) -> Result<(), String> {
    let scalar =
        |x: Option<Num>| x.map(|x| hold(&Tensor::full(outputs[0].tensor().dtype, &[], x), &Layout::row_major(0)));
    let (alpha, beta) = (scalar(how.alpha), scalar(how.beta));
    let (alpha, beta) = (alpha.as_ref().map(|a| a.view()), beta.as_ref().map(|b| b.view()));
    let options = BindOptions {
        alpha: alpha.as_ref(),
        beta: beta.as_ref(),
        semirings: &how.semirings,
        memory: how.memory,
        isa: how.isa,
    };
    let ins: Vec<AnyView<'_>> = inputs.iter().map(|i| i.view()).collect();
    let mut outs: Vec<_> = outputs.iter_mut().map(|o| o.view_mut()).collect();
    let mut scratch = Scratch::new();
    let bound = bind(plan, &ins, &mut outs, &options, &mut scratch).map_err(|e| e.to_string())?;
    bound.run(&Control { threads: how.threads, ..Control::default() }).map_err(|e| e.to_string())
}

/// Arrays for the results of a plan, filled with values that results must not depend on.
pub(crate) fn blank(plan: &Plan) -> Vec<Box<dyn Array>> {
    let one = |b: &einfold_ir::BufferId| {
        let buffer = plan.buffer(*b);
        let tensor = Tensor::full(buffer.dtype, &buffer.extents, Num::Int(55, 0));
        hold(&tensor, &Layout::row_major(buffer.extents.len()))
    };
    plan.outputs.iter().map(one).collect()
}

/// Plans and runs a random case with random options.
pub(crate) fn check_case(bytes: &mut Bytes<'_>) -> Result<(), String> {
    check_drawn(bytes, false)
}

/// As [`check_case`]; always sliced if `sliced`.
pub(crate) fn check_drawn(bytes: &mut Bytes<'_>, sliced: bool) -> Result<(), String> {
    let case = Case::draw(bytes);
    let operands = case.tensors();
    let mut want = oracle::einsum(&case.text, &operands).ok_or("not valid")?;
    let draft = passes::draft(&case, &operands, bytes, sliced)?;
    let plan = optimize(draft, passes::choice(bytes), &mut |_, _, _| {}).map_err(|e| e.to_string())?;
    let mut how = How::draw(bytes);
    let mut before = case::tensor(&mut bytes.noise(), want.dtype, &want.shape, true);
    if bytes.once_in(3) && holds_small_numbers(&want) {
        (how.alpha, how.beta) = (factor(bytes, want.dtype), factor(bytes, want.dtype));
        for (e, old) in want.data.iter_mut().zip(&before.data) {
            let scaled = how.alpha.map_or(*e, |a| a.mul(*e));
            *e = how.beta.map_or(scaled, |b| scaled.add(b.mul(*old))).to(want.dtype);
        }
    }
    if how.beta.is_none() {
        before = Tensor::full(want.dtype, &want.shape, Num::Int(55, 0));
    }
    let inputs: Vec<_> = case.operands.iter().map(|(t, l)| hold(t, l)).collect();
    let mut outputs = vec![hold(&before, &case::layout(bytes, &want.shape, false))];
    let about = format!("{how:?}\n{plan:#?}");
    run(&plan, &inputs, &mut outputs, &how).map_err(|e| format!("{case}\n{e}\n{about}"))?;
    let difference = outputs[0].tensor().differs(&want, 0.0);
    difference.map_or(Ok(()), |d| Err(format!("{case}\n{d}\n{about}")))
}

/// Whether 16-bit floats stay exact with α and β.
fn holds_small_numbers(tensor: &Tensor) -> bool {
    let narrow = matches!(tensor.dtype, Dtype::F16 | Dtype::BF16);
    !narrow || tensor.data.iter().all(|x| x.parts().0.abs() < 50.0)
}

fn factor(bytes: &mut Bytes<'_>, dtype: Dtype) -> Option<Num> {
    let number = bytes.pick(&[None, Some(1), Some(2), Some(0), Some(3)]);
    number.map(|n| Num::Int(n, if dtype.is_complex() { 1 - n } else { 0 }).to(dtype))
}

#[test]
fn a_run_gives_what_the_oracle_says() {
    check(10_000, check_case);
}

/// The forced kernels run, and the best kernels of the CPU are available; `.ci/run` relies on both.
#[test]
fn small_set_runs_on_the_kernels_that_are_forced() {
    let chosen = Isa::chosen().unwrap();
    match std::env::var("EINFOLD_KERNEL") {
        Ok(forced) if !forced.is_empty() => assert_eq!(chosen.name(), forced),
        _ => assert_eq!(Some(chosen), Isa::available().pop()),
    }
}
