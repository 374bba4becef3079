//! Results are bitwise equal for any number of threads, on operands large enough to be divided.

use einfold::{Dtype, Expression};
use rayon::ThreadPoolBuilder;

use crate::case::{Case, Scale};
use crate::draw::{Bytes, Noise, check};
use crate::layout::Layout;
use crate::library::{arrays, tensor};
use crate::num::{Num, Tensor};

/// Numbers in -1..1, so that the rounding of a sum depends on its order.
pub(crate) fn reals(noise: &mut Noise, dtype: Dtype, shape: &[usize]) -> Tensor {
    let im = |x: f64| if dtype.is_complex() { x } else { 0.0 };
    let data = (0..shape.iter().product()).map(|_| Num::Float(noise.unit(), im(noise.unit())).to(dtype)).collect();
    Tensor { dtype, shape: shape.to_vec(), data }
}

pub(crate) fn bits(tensor: &Tensor) -> Vec<(u64, u64)> {
    tensor.data.iter().map(|x| x.parts()).map(|(re, im)| (re.to_bits(), im.to_bits())).collect()
}

/// Compares the results on 1, 2, 3 and 8 threads.
fn check_bits(text: &str, operands: &[(Tensor, Layout)]) -> Result<(), String> {
    let arrays = arrays(operands);
    let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
    let plan = Expression::new(text).and_then(|e| e.plan_for(&views)).map_err(|e| e.to_string())?;
    let pool = ThreadPoolBuilder::new().num_threads(8).build().unwrap();
    let run = |threads| pool.install(|| plan.call(&views).threads(threads).run_any());
    let one = tensor(&run(1).map_err(|e| e.to_string())?);
    for threads in [2, 3, 8] {
        let many = tensor(&run(threads).map_err(|e| e.to_string())?);
        if bits(&many) != bits(&one) {
            return Err(format!("`{text}` differs on {threads} threads"));
        }
    }
    Ok(())
}

#[test]
fn large_results_are_the_same_bits_on_any_number_of_threads() {
    for (text, shapes) in [
        ("ij,jk->ik", &[&[300, 200][..], &[200, 250]][..]),
        // A product in packed blocks, and one in parts of the contracted axis.
        ("ij,jk->ik", &[&[700, 530], &[530, 1000]]),
        ("ij,jk->ik", &[&[40, 9001], &[9001, 30]]),
        ("ij,jk->ik", &[&[3, 90_000], &[90_000, 2]]),
        ("bij,bjk->bik", &[&[20, 60, 70], &[20, 70, 50]]),
        ("ij->", &[&[900, 700]]),
        ("ij->i", &[&[3, 400_000]]),
        ("ij->j", &[&[400_000, 3]]),
        ("i,i->", &[&[1_000_000], &[1_000_000]]),
        ("ij,j->i", &[&[900, 900], &[900]]),
        ("ijk,ijk,ijk->j", &[&[70, 80, 90], &[70, 80, 90], &[70, 80, 90]]),
        ("ijkl->lkji", &[&[30, 31, 32, 33]]),
        ("iij->", &[&[300, 300, 30]]),
        ("i,j->ij", &[&[1000], &[900]]),
    ] {
        for dtype in [Dtype::F64, Dtype::BF16] {
            let mut noise = Noise(7);
            let operand = |shape: &&[usize]| (reals(&mut noise, dtype, shape), Layout::row_major(shape.len()));
            let operands: Vec<_> = shapes.iter().map(operand).collect();
            assert_eq!(check_bits(text, &operands), Ok(()), "{dtype}");
        }
    }
}

/// A random case with real numbers instead of integers.
pub(crate) fn real_case(bytes: &mut Bytes<'_>) -> Case {
    let mut case = Case::draw_scaled(bytes, Scale::LARGE);
    let (dtype, mut noise) = (bytes.pick(&[Dtype::F64, Dtype::C64]), bytes.noise());
    for (tensor, layout) in &mut case.operands {
        layout.repeated.fill(false);
        *tensor = reals(&mut noise, dtype, &tensor.shape);
    }
    case
}

#[test]
fn random_results_are_the_same_bits_on_any_number_of_threads() {
    check(100, |bytes| {
        let case = real_case(bytes);
        check_bits(&case.text, &case.operands).map_err(|e| format!("{case}\n{e}"))
    });
}
