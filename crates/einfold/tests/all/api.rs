//! All kinds of operands and results.

use einfold::ndarray::{Array0, Array1, Array2, Array3, ArrayD, ArrayRef2, CowArray, Ix2, arr0, array, aview0, s};
use einfold::{AnyArray, AnyView, Dtype, Error, conj, einsum, einsum_labels};
use half::{bf16, f16};
use num_complex::Complex;

type Result = std::result::Result<(), Error>;

#[test]
fn operands_of_every_form_are_the_same_tensor() -> Result {
    let a = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let b = array![[1.0, -1.0], [2.0, 0.0], [0.0, 1.0]];
    let want = a.dot(&b);
    let check = |got: Array2<f64>| assert_eq!(got, want);
    let transposed = b.t().to_owned();
    let (any_a, any_b) = (AnyArray::from(a.clone()), AnyArray::from(b.clone()));
    let mut flat: Vec<f64> = b.iter().copied().collect();
    flat.reverse();
    let reversed = AnyView::from_slice(&flat, 5, &[3, 2], &[-2, -1])?;
    let shared = a.to_shared();
    let cow: CowArray<f64, Ix2> = CowArray::from(b.view());
    let reference: &ArrayRef2<f64> = &a;
    check(einsum("ij,jk->ik", (&a, &b))?);
    check(einsum("ij,jk->ik", (a.view(), b.view()))?);
    check(einsum("ij,jk->ik", (&a.view(), transposed.t()))?);
    check(einsum("ij,jk->ik", (&any_a, &any_b))?);
    check(einsum("ij,jk->ik", (any_a.view(), reversed.clone()))?);
    check(einsum("ij,jk->ik", (&shared, &cow))?);
    check(einsum("ij,jk->ik", (reference, &b.clone().into_dyn()))?);
    check(einsum("ij,jk->ik", (a.slice(s![.., ..]), b.slice(s![..;-1, ..]).slice(s![..;-1, ..])))?);
    let list = [&any_a, &any_b];
    let by_reference = &list;
    check(einsum("ij,jk->ik", by_reference)?);
    check(einsum("ij,jk->ik", list)?);
    check(einsum("ij,jk->ik", vec![any_a.view(), reversed])?);
    let list = vec![any_a.clone(), any_b.clone()];
    check(einsum("ij,jk->ik", &list)?);
    check(einsum("ij,jk->ik", list)?);
    check(einsum("ij,jk->ik", &[any_a, any_b][..])?);
    check(einsum("ij,jk->ik", (conj(&a), conj(&b)))?);
    Ok(())
}

#[test]
fn one_operand_needs_no_tuple() -> Result {
    let a = array![[1, 2], [3, 4]];
    let alone: i32 = einsum("ii->", &a)?;
    let tuple: i32 = einsum("ii->", (&a,))?;
    let view: i32 = einsum("ii->", a.t())?;
    let scalar: f64 = einsum("->", 2.5)?;
    assert_eq!((alone, tuple, view, scalar), (5, 5, 5, 2.5));
    Ok(())
}

#[test]
fn twelve_operands_in_a_tuple() -> Result {
    let x = array![1.0, 2.0];
    let y: f64 = einsum("a,a,a,a,a,a,a,a,a,a,a,a->", (&x, &x, &x, &x, &x, &x, &x, &x, &x, &x, &x, &x))?;
    assert_eq!(y, 1.0 + 4096.0);
    Ok(())
}

#[test]
fn scalars_of_every_dtype_are_operands_and_results() -> Result {
    macro_rules! square {
        ($($x:expr => $want:expr),+ $(,)?) => {
            $(assert_eq!(einsum::<_>(",->", ($x, $x)).map(Some)?, Some($want));)+
        };
    }
    square! {
        true => true,
        -3_i8 => 9_i8,
        100_i8 => 16_i8,
        300_i16 => 24464_i16,
        7_i32 => 49_i32,
        7_i64 => 49_i64,
        16_u8 => 0_u8,
        7_u16 => 49_u16,
        7_u32 => 49_u32,
        7_u64 => 49_u64,
        f16::from_f32(1.5) => f16::from_f32(2.25),
        bf16::from_f32(1.5) => bf16::from_f32(2.25),
        1.5_f32 => 2.25_f32,
        1.5_f64 => 2.25_f64,
        Complex::new(0_f32, 1.0) => Complex::new(-1_f32, 0.0),
        Complex::new(1_f64, 1.0) => Complex::new(0_f64, 2.0),
        Complex::new(0_i32, 1) => Complex::new(-1_i32, 0),
        Complex::new(1_i64, 1) => Complex::new(0_i64, 2),
    }
    Ok(())
}

#[test]
fn results_of_every_form() -> Result {
    let (x, y) = (array![1.0, 2.0], array![3.0, 4.0, 5.0]);
    let want = array![[3.0, 4.0, 5.0], [6.0, 8.0, 10.0]];
    let fixed: Array2<f64> = einsum("i,j->ij", (&x, &y))?;
    let dynamic: ArrayD<f64> = einsum("i,j->ij", (&x, &y))?;
    let any: AnyArray = einsum("i,j->ij", (&x, &y))?;
    assert_eq!((&fixed, &dynamic), (&want, &want.clone().into_dyn()));
    assert_eq!((any.dtype(), any.shape(), any.ndim(), any.len()), (Dtype::F64, &[2, 3][..], 2, 6));
    assert_eq!(any.into_array::<f64, Ix2>()?, want);
    let point: Array0<f64> = einsum("i,i->", (&x, &x))?;
    let number: f64 = einsum("i,i->", (&x, &x))?;
    assert_eq!((point, number), (arr0(5.0), 5.0));
    let empty: Array3<f64> = einsum("i,j,k->ijk", (&x, &Array1::<f64>::zeros(0), &y))?;
    assert_eq!(empty.shape(), [2, 0, 3]);
    Ok(())
}

#[test]
fn dtypes_promote_as_in_numpy() -> Result {
    let dtype = |operands: (&AnyArray, &AnyArray)| -> std::result::Result<Dtype, Error> {
        Ok(einsum::<AnyArray>("i,i->i", operands)?.dtype())
    };
    let i8s = AnyArray::from(array![1_i8, 2]);
    let u8s = AnyArray::from(array![1_u8, 2]);
    let i64s = AnyArray::from(array![1_i64, 2]);
    let f32s = AnyArray::from(array![1_f32, 2.0]);
    let c32s = AnyArray::from(array![Complex::new(1_f32, 0.0), Complex::new(0.0, 1.0)]);
    assert_eq!(dtype((&i8s, &u8s))?, Dtype::I16);
    assert_eq!(dtype((&i64s, &f32s))?, Dtype::F64);
    assert_eq!(dtype((&f32s, &c32s))?, Dtype::C32);
    assert_eq!(dtype((&i64s, &c32s))?, Dtype::C64);
    Ok(())
}

#[test]
fn words_are_integers_of_their_width() -> Result {
    let sum: Array1<usize> = einsum("ij->i", &array![[1_usize, 2], [3, 4]])?;
    assert_eq!(sum, array![3, 7]);
    Ok(())
}

#[test]
fn conjugation_is_a_way_to_read() -> Result {
    let i = Complex::new(0.0, 1.0);
    let a = array![[i, i + 1.0], [i * 2.0, -i]];
    let hermitian: Array2<Complex<f64>> = einsum("ji->ij", conj(&a))?;
    assert_eq!(hermitian, a.t().mapv(|z| z.conj()));
    let twice: Array2<Complex<f64>> = einsum("ij->ij", conj(conj(&a)))?;
    assert_eq!(twice, a);
    let gram: Array2<Complex<f64>> = einsum("ki,kj->ij", (conj(&a), &a))?;
    assert_eq!(gram, a.t().mapv(|z| z.conj()).dot(&a));
    Ok(())
}

#[test]
fn integer_labels_have_no_limit() -> Result {
    let a = array![[1.0, 2.0], [3.0, 4.0]];
    let sorted: Array2<f64> = einsum_labels(&[&[u32::MAX, 0]], None, &a)?;
    assert_eq!(sorted, a.t());
    let many: Vec<[u32; 2]> = (0..60).map(|k| [k, k + 1]).collect();
    let labels: Vec<&[u32]> = many.iter().map(|l| &l[..]).collect();
    let identity = Array2::<i64>::eye(2);
    let operands: Vec<&Array2<i64>> = vec![&identity; 60];
    let chain: Array2<i64> = einsum_labels(&labels, Some(&[60, 0]), &operands)?;
    assert_eq!(chain, identity);
    Ok(())
}

#[test]
fn broadcast_views_cost_no_memory() -> Result {
    // One product over four axes of 1000 would take 8 TB; the plan sums each operand first.
    let one = arr0(1.0);
    let x = one.broadcast(1000).unwrap();
    let total: f64 = einsum("a,b,c,d->", (x, x, x, x))?;
    assert_eq!(total, 1e12);
    let zero_strides: f64 = einsum("ij,->", (aview0(&2.0).broadcast((3, 4)).unwrap(), 0.5))?;
    assert_eq!(zero_strides, 12.0);
    Ok(())
}
