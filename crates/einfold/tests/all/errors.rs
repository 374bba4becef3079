//! Invalid input does not panic or abort, and errors state the cause, the position and a fix.

use einfold::ndarray::{Array1, Array2, ArrayD, IxDyn, arr0, array};
use einfold::{
    AnyArray, AnyView, Dtype, Error, ErrorKind, Expression,
    algebra::MinPlus,
    einsum,
    errors::{BindError, ExpressionError as Written},
    spec,
};

fn any(text: &str, operands: &[AnyArray]) -> Result<AnyArray, Error> {
    einsum(text, operands)
}

fn zeros(shape: &[usize]) -> AnyArray {
    ArrayD::<f64>::zeros(shape).into()
}

fn refused(text: &str, shapes: &[&[usize]]) -> Error {
    let operands: Vec<AnyArray> = shapes.iter().map(|shape| zeros(shape)).collect();
    any(text, &operands).expect_err(text)
}

#[test]
fn errors_are_small_cross_threads_and_chain() {
    fn holds<T: std::error::Error + Send + Sync + 'static>() {}
    holds::<Error>();
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    let error = refused("ij,jk", &[&[2, 3], &[4, 2]]);
    assert_eq!(format!("{error}"), format!("{error:?}"), "`main` and `unwrap` print the report");
}

#[test]
fn bad_expressions_and_shapes_are_typed() {
    let cases: [(&str, &[&[usize]], &str); 16] = [
        ("ij,jk->ik", &[&[2, 3], &[4, 5]], "size"),
        ("ij->ij", &[&[2]], "rank"),
        ("ij->iz", &[&[2, 3]], "output-unknown"),
        ("ij->ii", &[&[2, 2]], "output-repeated"),
        ("ii->i", &[&[2, 3]], "size"),
        ("kk->k", &[&[0, 3]], "size"),
        ("kk->k", &[&[3, 0]], "size"),
        ("", &[], "operands"),
        ("ij,jk->ik", &[&[2, 3]], "operands"),
        ("ij", &[&[2, 3], &[3, 2]], "operands"),
        ("...i,...i->...", &[&[2, 4], &[5, 4]], "size"),
        ("...i->i", &[&[2, 4]], "ellipsis-dropped"),
        ("ij->jk->ik", &[&[2, 3]], "syntax"),
        ("ij,@#->ik", &[&[2, 3], &[3, 2]], "syntax"),
        ("ij,jk- >ik", &[&[2, 3], &[3, 2]], "syntax"),
        ("[i j] -> [j k]", &[&[2, 3]], "output-unknown"),
    ];
    for (text, shapes, code) in cases {
        let error = refused(text, shapes);
        assert_eq!(error.code(), code, "{error}");
        assert!(matches!(error.kind(), ErrorKind::Expression(_)), "{error}");
        assert!(error.to_string().starts_with(&format!("error[{code}]: ")), "{error}");
        assert_eq!(error.text(), text);
        assert!(!error.spans().is_empty() && !error.help_lines().is_empty(), "{error}");
    }
}

#[test]
fn odd_but_valid_input_gives_values() -> Result<(), Error> {
    assert_eq!(any("ij,jk", &[zeros(&[2, 0]), zeros(&[0, 3])])?, zeros(&[2, 3]));
    assert_eq!(any("αβ,βγ", &[zeros(&[2, 3]), zeros(&[3, 4])])?.shape(), [2, 4]);
    let nan: f64 = einsum("i,i->", (array![f64::NAN, 1.0], array![0.0, 0.0]))?;
    assert!(nan.is_nan());
    let labels: Vec<u32> = (0..70).collect();
    let wide = ArrayD::<f64>::ones(IxDyn(&[1; 70]));
    let y: AnyArray = einfold::einsum_labels(&[&labels], None, &wide)?;
    assert_eq!(y.ndim(), 70);
    let x = Array1::<f64>::ones(2);
    let many = vec![&x; 70];
    let labels: Vec<u32> = (0..70).collect();
    let lists: Vec<&[u32]> = labels.chunks(1).collect();
    assert_eq!(einfold::einsum_labels::<f64>(&lists, Some(&[]), &many)?, 2f64.powi(70));
    // From left to right this needs 65 GB; the order search finds another order.
    let a = Array2::<f64>::ones((300, 300));
    let y: Array2<f64> = einsum("ab,cd,bc->ad", (&a, &a, &a))?;
    assert_eq!(y[[7, 8]], 90_000.0);
    Ok(())
}

#[test]
fn results_beyond_memory_are_typed() -> Result<(), Error> {
    let one = arr0(1.0);
    let view = |n: usize| one.broadcast(n).expect("a scalar stretches");
    // 10^25 elements: the number of bytes exceeds the address space.
    let x = view(100_000);
    let error = einsum::<AnyArray>("a,b,c,d,e->abcde", (x, x, x, x, x)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Expression(Written::TooLarge { .. })), "{error}");
    assert!(error.kind().is_limit());
    // 64 TB: the number of bytes is valid, but cannot be allocated.
    let x = view(2_900_000);
    let error = einsum::<Array2<f64>>("a,b->ab", (x, x)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Bind(BindError::Memory(_))), "{error}");
    assert!(error.kind().is_limit());
    // The same tensor as an intermediate, without and with a limit.
    let error = Expression::new("(a,b),b->a")?.run::<Array1<f64>>((x, x, x)).unwrap_err();
    assert_eq!(error.code(), "memory", "{error}");
    let error = Expression::new("a,b->ab")?.memory(1 << 30).run::<Array2<f64>>((x, x)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Plan(_)), "{error}");
    assert!(error.to_string().contains("result `ab`, 2900000x2900000 f64, takes 61.2 TiB"), "{error}");
    Ok(())
}

#[test]
fn a_result_of_the_wrong_type_is_named() {
    let (a, x) = (array![[1.0, 2.0], [3.0, 4.0]], array![1.0_f32, 2.0]);
    let error = einsum::<Array2<f64>>("ij,j->i", (&a, &x)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::OutputRank { asked: 2, given: 1, .. }));
    assert_eq!(
        error.to_string(),
        "error[output-rank]: the result has 1 axis, not 2\n  = help: name an array of 1 axis, `ArrayD` or `AnyArray`"
    );
    let error = einsum::<Array1<f32>>("ij,j->i", (&a, &x)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::OutputDtype { asked: Dtype::F32, given: Dtype::F64, .. }));
    assert_eq!(
        error.to_string(),
        "error[output-dtype]: the result is of type f64, not f32\n  \
         = help: name an array of f64, or `AnyArray`, which fits every type"
    );
    assert_eq!(einsum::<f64>("ij,j->i", (&a, &x)).unwrap_err().code(), "output-rank");
    let any = AnyArray::from(a);
    assert_eq!(any.clone().into_array::<i8, einfold::ndarray::Ix2>().unwrap_err().code(), "output-dtype");
    assert_eq!(any.into_array::<f64, einfold::ndarray::Ix3>().unwrap_err().code(), "output-rank");
}

#[test]
fn a_plan_refuses_other_operands() -> Result<(), Error> {
    let plan = Expression::new("ij,jk->ik")?.plan((spec::<f64>([2, 3]), spec::<f64>([3, 4])))?;
    let good = Array2::<f64>::ones((2, 3));
    let error = plan.run_any((&good, Array2::<f32>::ones((3, 4)))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "error[dtype]: operand 2 is planned as f64, f32 was given\n  | ij,jk->ik\n  |    ^^\n  \
         = help: make a plan for these operands, or use `Expression::run`, which plans for what it is given"
    );
    let error = plan.run_any((&good, &good)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Bind(BindError::Shape { .. })), "{error}");
    assert!(error.to_string().contains("operand 2 is planned with shape [3, 4], [2, 3] was given"), "{error}");
    assert!(matches!(
        plan.run_any(&good).unwrap_err().kind(),
        ErrorKind::Bind(BindError::Operands { expected: 2, found: 1 })
    ));
    let none: [AnyView<'_>; 0] = [];
    assert_eq!(plan.run_any(&none).unwrap_err().code(), "operands");
    let mut wrong = Array2::<f64>::zeros((4, 2));
    let other = Array2::<f64>::ones((3, 4));
    assert_eq!(plan.call((&good, &other)).into(&mut wrong).unwrap_err().code(), "shape");
    Ok(())
}

#[test]
fn conjugation_belongs_to_a_plan() -> Result<(), Error> {
    let z = array![num_complex::Complex::new(0.0, 1.0)];
    let plan = Expression::new("i->i")?.plan_for(&z)?;
    let error = plan.run_any(einfold::conj(&z)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Conj { operand: 0, planned: false }));
    let plan = Expression::new("i->i")?.plan_for(einfold::conj(&z))?;
    assert_eq!(plan.run_any(&z).unwrap_err().code(), "conj");
    let real = array![1.0];
    let plan = Expression::new("i->i")?.plan_for(&real)?;
    assert!(plan.run_any(einfold::conj(&real)).is_ok(), "real elements are their own conjugates");
    Ok(())
}

#[test]
fn factors_that_do_not_fit_are_refused() -> Result<(), Error> {
    let a = array![[1_i32, 2], [3, 4]];
    let plan = Expression::new("ij->i")?.plan_for(&a)?;
    assert_eq!(plan.call(&a).alpha(0.5).run_any().unwrap_err().code(), "scalar");
    assert_eq!(plan.call(&a).beta(1_u64 << 40).into(&mut array![1, 2]).unwrap_err().code(), "scalar");
    assert_eq!(plan.call(&a).beta(2).run_any().unwrap_err().code(), "beta");
    Ok(())
}

#[test]
fn orders_and_paths_that_are_none_are_refused() -> Result<(), Error> {
    let expression = Expression::new("ij,jk,kl->il")?;
    let types = [spec::<f64>([2, 2]), spec::<f64>([2, 2]), spec::<f64>([2, 2])];
    let error = expression.clone().order("fastest").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Order(_)));
    assert!(error.to_string().contains("greedy"), "{error}");
    for path in [&[[0, 3], [0, 1]][..], &[[0, 0], [0, 1]], &[[0, 1]]] {
        assert_eq!(expression.clone().path(path).plan(&types[..]).unwrap_err().code(), "path");
    }
    let grouped = Expression::new("(ij,jk),kl->il")?.path([[0, 1], [0, 1]]);
    assert_eq!(grouped.plan(&types[..]).unwrap_err().code(), "path");
    Ok(())
}

#[test]
fn an_algebra_without_kernels_is_refused() -> Result<(), Error> {
    let error = Expression::new("i->")?.algebra(MinPlus).run::<AnyArray>(&array![Some(1.0)].mapv(|_| 'c')).unwrap_err();
    assert_eq!(error.code(), "algebra", "{error}");
    Ok(())
}
