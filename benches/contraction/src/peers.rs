//! The other libraries, each as a contender; `None` if a library cannot express the row.

use crate::contender::Contender;
use crate::plain;
use crate::problem::Problem;
use crate::product::{Product, Side};
use crate::scalar::Scalar;
use cpueinsum::{EinsumPlan, EinsumSpec, Exec, Layout, Pool, strided_view};
use einsum_ndarray::Strategy;
use faer::linalg::matmul::matmul;
use faer::traits::ComplexField;
use faer::{Accum, MatMut, MatRef, Par};
use gemm::Parallelism;
use matrixmultiply::CGemmOption;
use ndarray::{ArrayD, IxDyn};
use ndarray_einsum::{ArrayLike, EinsumPath, SizedContraction};
use num_complex::{Complex32, Complex64};
use strided_opteinsum::{EinsumOperand, EinsumScalar};

/// Writes the product of two slices to a third one, on a number of threads.
type Multiply<T> = fn(&Product, usize, &[T], &[T], &mut [T]);

/// The contraction of two tensors as a product, if it is one.
fn product<T: Scalar>(problem: &Problem<'_, T>) -> Option<Product> {
    let [a, b] = &problem.terms[..] else { return None };
    Product::new(a, b, &problem.output, &problem.extents)
}

/// A product of matrices that are used as they are.
fn direct<'a, T: Scalar>(
    problem: &'a Problem<'_, T>,
    name: &'static str,
    multiply: Multiply<T>,
) -> Option<Contender<'a, T>> {
    let product = product(problem).filter(Product::is_direct)?;
    let [a, b] = [0, 1].map(|i| problem.operands[i].as_slice().expect("operands are in C order"));
    Some(Contender::into(name, move |out| {
        multiply(&product, problem.threads, a, b, out.as_slice_mut().expect("outputs are in C order"));
    }))
}

/// Calls a function with pointers to the first elements of the three matrices of each product of the batch. The slices
/// have the elements of the whole tensors, so that all elements of these matrices follow the pointers in the slices.
fn each<T>(product: &Product, a: &[T], b: &[T], c: &mut [T], mut multiply: impl FnMut(*const T, *const T, *mut T)) {
    let Product { batch, m, n, k, .. } = *product;
    assert_eq!([a.len(), b.len(), c.len()], [batch * m * k, batch * k * n, batch * m * n]);
    let at = |side: &Side, matrix: usize| side.strides.batch.unsigned_abs() * matrix;
    for i in 0..batch {
        let (a, b) = (&a[at(&product.a, i)..], &b[at(&product.b, i)..]);
        multiply(a.as_ptr(), b.as_ptr(), c[at(&product.c, i)..].as_mut_ptr());
    }
}

/// `matrixmultiply` on one thread: its threads are a feature, which would change `ndarray` and einfold too.
macro_rules! matrixmultiply {
    ($($name:ident, $t:ty, $number:ty, $one:expr, $zero:expr, [$($options:expr),*];)*) => { $(
        pub fn $name<'a>(problem: &'a Problem<'_, $t>) -> Option<Contender<'a, $t>> {
            direct(problem, "matrixmultiply", |product, _, a, b, c| {
                let (x, y, z) = (product.a.strides, product.b.strides, product.c.strides);
                each(product, a, b, c, |a, b, c| {
                    // SAFETY: `each` has matrices of these extents and strides behind the pointers; a complex number
                    // has the layout of an array of its parts.
                    unsafe {
                        matrixmultiply::$name(
                            $($options,)*
                            product.m, product.k, product.n,
                            $one, a.cast::<$number>(), x.row, x.column, b.cast::<$number>(), y.row, y.column,
                            $zero, c.cast::<$number>(), z.row, z.column,
                        );
                    }
                });
            })
        }
    )* };
}

matrixmultiply! {
    sgemm, f32, f32, 1.0, 0.0, [];
    dgemm, f64, f64, 1.0, 0.0, [];
    cgemm, Complex32, [f32; 2], [1.0, 0.0], [0.0, 0.0], [CGemmOption::Standard, CGemmOption::Standard];
    zgemm, Complex64, [f64; 2], [1.0, 0.0], [0.0, 0.0], [CGemmOption::Standard, CGemmOption::Standard];
}

fn gemm_multiply<T: Scalar>(product: &Product, threads: usize, a: &[T], b: &[T], c: &mut [T]) {
    let parallelism = if threads == 1 { Parallelism::None } else { Parallelism::Rayon(threads) };
    let (x, y, z) = (product.a.strides, product.b.strides, product.c.strides);
    each(product, a, b, c, |a, b, c| {
        // SAFETY: `each` has matrices of these extents and strides behind the pointers.
        unsafe {
            gemm::gemm(
                product.m,
                product.n,
                product.k,
                c,
                z.column,
                z.row,
                false,
                a,
                x.column,
                x.row,
                b,
                y.column,
                y.row,
                T::zero(),
                T::one(),
                false,
                false,
                false,
                parallelism,
            );
        }
    });
}

pub fn gemm<'a, T: Scalar>(problem: &'a Problem<'_, T>) -> Option<Contender<'a, T>> {
    direct(problem, "gemm", gemm_multiply)
}

pub fn faer<'a, T: Scalar + ComplexField>(problem: &'a Problem<'_, T>) -> Option<Contender<'a, T>> {
    direct(problem, "faer", |product, threads, a, b, c| {
        let par = if threads == 1 { Par::Seq } else { Par::rayon(threads) };
        let Product { m, n, k, .. } = *product;
        let (x, y, z) = (product.a.strides, product.b.strides, product.c.strides);
        each(product, a, b, c, |a, b, c| {
            // SAFETY: `each` has matrices of these extents and strides behind the pointers, and that of `c` alone is
            // written.
            let (a, b, c) = unsafe {
                (
                    MatRef::from_raw_parts(a, m, k, x.row, x.column),
                    MatRef::from_raw_parts(b, k, n, y.row, y.column),
                    MatMut::from_raw_parts_mut(c, m, n, z.row, z.column),
                )
            };
            matmul(c, Accum::Replace, a, b, <T as num_traits::One>::one(), par);
        });
    })
}

/// The product of `gemm` with permuted copies before and after it, where matrices cannot be used as they are.
pub fn permute_gemm<'a, T: Scalar>(problem: &'a Problem<'_, T>) -> Option<Contender<'a, T>> {
    let product = product(problem).filter(|product| !product.is_direct())?;
    let [a, b] = [(0, &product.a), (1, &product.b)].map(|(i, side)| (&problem.operands[i], side.copy.clone()));
    let buffer = |(tensor, axes): &(&ArrayD<T>, Option<Vec<usize>>)| {
        axes.as_ref().map(|axes| ArrayD::zeros(tensor.view().permuted_axes(&axes[..]).raw_dim()))
    };
    let (mut a_copy, mut b_copy) = (buffer(&a), buffer(&b));
    let mut c_copy = product.c.copy.as_ref().map(|axes| {
        let shape = problem.shape(&problem.output);
        ArrayD::<T>::zeros(IxDyn(&axes.iter().map(|axis| shape[*axis]).collect::<Vec<_>>()))
    });
    Some(Contender::into("permute + gemm", move |out| {
        let [a, b] = [(&a, &mut a_copy), (&b, &mut b_copy)].map(|((tensor, axes), copy)| match (axes, copy) {
            (Some(axes), Some(copy)) => {
                copy.assign(&tensor.view().permuted_axes(&axes[..]));
                copy.as_slice().expect("a new array is in C order")
            }
            _ => tensor.as_slice().expect("operands are in C order"),
        });
        let target = c_copy.as_mut().unwrap_or(&mut *out);
        gemm_multiply(&product, problem.threads, a, b, target.as_slice_mut().expect("outputs are in C order"));
        if let (Some(axes), Some(copy)) = (&product.c.copy, &c_copy) {
            out.view_mut().permuted_axes(&axes[..]).assign(copy);
        }
    }))
}

/// The plain loops for a sum of products that wraps.
pub fn integers<'a, T: Scalar + plain::Wrapping>(problem: &'a Problem<'_, T>) -> Option<Contender<'a, T>> {
    plain(problem, T::zero(), T::wrapping_multiply_add)
}

/// Plain loops, blocked and vectorised by the compiler, for products with contiguous rows.
pub fn plain<'a, T: Scalar>(
    problem: &'a Problem<'_, T>,
    zero: T,
    multiply_add: impl Fn(T, T, T) -> T + Copy + 'a,
) -> Option<Contender<'a, T>> {
    let product = product(problem).filter(Product::is_direct)?;
    let Product { batch: 1, m, n, k, .. } = product else { return None };
    let [a, b] = [0, 1].map(|i| problem.operands[i].as_slice().expect("operands are in C order"));
    let in_c_order =
        |side: &Side, columns: usize| (side.strides.row.unsigned_abs(), side.strides.column) == (columns, 1);
    (in_c_order(&product.a, k) && in_c_order(&product.b, n) && in_c_order(&product.c, n)).then(|| {
        Contender::into("plain loops", move |out| {
            let c = out.as_slice_mut().expect("outputs are in C order");
            plain::multiply(plain::Product { extents: [m, n, k], a, b, c, zero }, multiply_add);
        })
    })
}

pub fn cpueinsum<'a, T: Scalar + cpueinsum::Scalar>(problem: &'a Problem<'_, T>) -> Option<Contender<'a, T>> {
    let integers = |labels: &[char]| labels.iter().map(|label| i64::from(u32::from(*label))).collect::<Vec<_>>();
    let terms: Vec<Vec<i64>> = problem.terms.iter().map(|term| integers(term)).collect();
    let terms: Vec<&[i64]> = terms.iter().map(Vec::as_slice).collect();
    let spec = EinsumSpec::new(&terms, &integers(&problem.output), &problem.pairs()?).ok()?;
    let layouts: Option<Vec<_>> =
        problem.operands.iter().map(|array| Layout::new(array.shape(), array.strides()).ok()).collect();
    let shape = problem.shape(&problem.output);
    let strides = strided_view::row_major_strides(&shape);
    let plan = EinsumPlan::<T>::new(&spec, &layouts?, Layout::new(&shape, &strides).ok()?).ok()?;
    let views: Option<Vec<_>> = problem
        .operands
        .iter()
        .map(|array| strided_view::StridedView::new(array.as_slice()?, array.shape(), array.strides(), 0).ok())
        .collect();
    let views = views?;
    let pool = Pool::owned(threadteam::Pool::builder().threads(problem.threads).build().ok()?);
    let mut scratch = cpueinsum::Scratch::new();
    Some(Contender::into("cpueinsum", move |out| {
        let elements = out.as_slice_mut().expect("outputs are in C order");
        let mut out = strided_view::StridedViewMut::new(elements, &shape, &strides, 0).expect("a view");
        let mut exec = match problem.threads {
            1 => Exec::serial(),
            threads => Exec::new(&pool, threads).expect("threads"),
        };
        plan.execute_into(&mut exec, &views, &mut out, &mut scratch).expect("a run of cpueinsum");
    }))
}

/// `strided-opteinsum` with the planned order in parentheses.
pub fn strided<'a, T: Scalar + EinsumScalar>(problem: &'a Problem<'_, T>) -> Option<Contender<'a, T>> {
    let mut terms: Vec<String> = problem.terms.iter().map(|term| term.iter().collect()).collect();
    for [a, b] in problem.pairs()? {
        terms.push(format!("({},{})", terms[a], terms[b]));
    }
    let text = format!("{}->{}", terms.last()?, problem.output.iter().collect::<String>());
    let shape = problem.shape(&problem.output);
    let strides = ::strided_view::row_major_strides(&shape);
    let views: Option<Vec<_>> = problem
        .operands
        .iter()
        .map(|array| ::strided_view::StridedView::new(array.as_slice()?, array.shape(), array.strides(), 0).ok())
        .collect();
    let views = views?;
    // Its operands are numbered in the order in which the text names them.
    let order = leaves(problem.operands.len(), &problem.pairs()?);
    Some(Contender::into("strided-opteinsum", move |out| {
        let operands = order.iter().map(|leaf| EinsumOperand::from_view(&views[*leaf])).collect();
        let elements = out.as_slice_mut().expect("outputs are in C order");
        let out = ::strided_view::StridedViewMut::new(elements, &shape, &strides, 0).expect("a view");
        let (one, zero) = (<T as num_traits::One>::one(), <T as num_traits::Zero>::zero());
        strided_opteinsum::einsum_into(&text, operands, out, one, zero, None).expect("a run of strided-opteinsum");
    }))
}

/// The operands of a path in SSA form, from left to right.
fn leaves(operands: usize, pairs: &[[usize; 2]]) -> Vec<usize> {
    let mut tensors: Vec<Vec<usize>> = (0..operands).map(|operand| vec![operand]).collect();
    for [a, b] in pairs {
        tensors.push([&tensors[*a][..], &tensors[*b]].concat());
    }
    tensors.pop().unwrap_or_default()
}

/// `ndarray-einsum`, one contraction of two tensors after another: it has no orders of its own.
pub fn ndarray_einsum<'a, T: Scalar>(problem: &'a Problem<'_, T>) -> Option<Contender<'a, T>> {
    let pairs = problem.pairs()?;
    let mut terms = problem.terms.clone();
    let mut used = vec![false; terms.len()];
    let mut steps = Vec::new();
    for (i, &[a, b]) in pairs.iter().enumerate() {
        (used[a], used[b]) = (true, true);
        let later = terms.iter().zip(&used).filter(|(_, used)| !**used).flat_map(|(term, _)| term);
        let needed: Vec<char> = later.chain(&problem.output).copied().collect();
        let mut term: Vec<char> =
            terms[a].iter().chain(&terms[b]).copied().filter(|label| needed.contains(label)).collect();
        let mut seen = Vec::new();
        term.retain(|label| {
            !seen.contains(label) && {
                seen.push(*label);
                true
            }
        });
        if i + 1 == pairs.len() {
            term.clone_from(&problem.output);
        }
        let text = |term: &[char]| term.iter().collect::<String>();
        let step = format!("{},{}->{}", text(&terms[a]), text(&terms[b]), text(&term));
        let shapes = [problem.shape(&terms[a]), problem.shape(&terms[b])];
        let sized = SizedContraction::from_string_and_shapes(&step, &shapes).ok()?;
        steps.push((EinsumPath::<T>::new(&sized), a, b));
        terms.push(term);
        used.push(false);
    }
    Some(Contender::fresh("ndarray-einsum", move || {
        let mut results: Vec<ArrayD<T>> = Vec::with_capacity(steps.len());
        for (step, a, b) in &steps {
            let tensor = |i: &usize| -> &dyn ArrayLike<T> {
                problem.operands.get(*i).unwrap_or_else(|| &results[*i - problem.operands.len()])
            };
            let result = step.contract_operands(&[tensor(a), tensor(b)]);
            results.push(result);
        }
        results.pop().expect("a row has two operands or more")
    }))
}

pub fn einsum_ndarray<'a, T: Scalar>(problem: &'a Problem<'_, T>) -> Option<Contender<'a, T>> {
    let shapes: Vec<&[usize]> = problem.operands.iter().map(ArrayD::shape).collect();
    let path = problem.plan.path().iter().map(|step| step.iter().map(|i| *i as usize).collect()).collect();
    let strategy = if shapes.len() == 2 { Strategy::Auto } else { Strategy::Explicit(path) };
    let plan = einsum_ndarray::EinsumPlan::with_strategy(&problem.row.text, &shapes, strategy).ok()?;
    let views: Vec<_> = problem.operands.iter().map(|array| array.view()).collect();
    Some(Contender::fresh("einsum-ndarray", move || plan.execute(&views).expect("a run of einsum-ndarray")))
}
