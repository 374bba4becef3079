//! Scalars of a call, which are converted to the dtype of the result.

use crate::lists::for_each_builtin;
use einfold_exec::AnyView;
use einfold_ir::Dtype;
use half::{bf16, f16};
use num_complex::Complex;

/// A factor such as `alpha`. It is weakly typed, as a Python scalar in NumPy: it is converted to the dtype of the
/// result, which must be able to represent it. `2` scales results of any dtype, `2.5` those of float and complex
/// dtypes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalar(Value);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Integer(i128),
    Real(f64),
    Complex(Complex<f64>),
    Gaussian(Complex<i64>),
}

macro_rules! from {
    ($($variant:ident($($from:ty),+): $convert:expr;)+) => { $($(
        impl From<$from> for Scalar {
            #[allow(clippy::useless_conversion, reason = "one expression serves several types")]
            fn from(value: $from) -> Scalar {
                let convert: fn($from) -> _ = $convert;
                Scalar(Value::$variant(convert(value)))
            }
        }
    )+)+ };
}

from! {
    Integer(bool, i8, i16, i32, i64, u8, u16, u32, u64): |x| x.into();
    Integer(usize, isize): |x| x as i128;
    Real(f16, bf16, f32, f64): |x| x.into();
    Complex(Complex<f32>, Complex<f64>): |x| Complex::new(x.re.into(), x.im.into());
    Gaussian(Complex<i32>, Complex<i64>): |x| Complex::new(x.re.into(), x.im.into());
}

impl Scalar {
    /// Converts the value to `dtype`, if `dtype` can represent it: integers exactly, floats rounded.
    pub(crate) fn as_element(self, dtype: Dtype) -> Option<Element> {
        Some(match dtype {
            Dtype::Bool => Element::Bool(self.integer().filter(|x| matches!(x, 0 | 1))? == 1),
            Dtype::I8 => Element::I8(self.integer()?.try_into().ok()?),
            Dtype::I16 => Element::I16(self.integer()?.try_into().ok()?),
            Dtype::I32 => Element::I32(self.integer()?.try_into().ok()?),
            Dtype::I64 => Element::I64(self.integer()?.try_into().ok()?),
            Dtype::U8 => Element::U8(self.integer()?.try_into().ok()?),
            Dtype::U16 => Element::U16(self.integer()?.try_into().ok()?),
            Dtype::U32 => Element::U32(self.integer()?.try_into().ok()?),
            Dtype::U64 => Element::U64(self.integer()?.try_into().ok()?),
            Dtype::F16 => Element::F16(f16::from_f64(self.real()?)),
            Dtype::BF16 => Element::BF16(bf16::from_f64(self.real()?)),
            Dtype::F32 => Element::F32(self.real()? as f32),
            Dtype::F64 => Element::F64(self.real()?),
            Dtype::C32 => self.complex().map(|z| Element::C32(Complex::new(z.re as f32, z.im as f32)))?,
            Dtype::C64 => Element::C64(self.complex()?),
            Dtype::CI32 => {
                let z = self.gaussian()?;
                Element::CI32(Complex::new(z.re.try_into().ok()?, z.im.try_into().ok()?))
            }
            Dtype::CI64 => Element::CI64(self.gaussian()?),
            _ => return None,
        })
    }

    fn integer(self) -> Option<i128> {
        if let Value::Integer(x) = self.0 { Some(x) } else { None }
    }

    fn real(self) -> Option<f64> {
        match self.0 {
            Value::Integer(x) => Some(x as f64),
            Value::Real(x) => Some(x),
            _ => None,
        }
    }

    fn complex(self) -> Option<Complex<f64>> {
        match self.0 {
            Value::Complex(z) => Some(z),
            _ => self.real().map(Complex::from),
        }
    }

    fn gaussian(self) -> Option<Complex<i64>> {
        match self.0 {
            Value::Gaussian(z) => Some(z),
            _ => self.integer()?.try_into().ok().map(|x: i64| Complex::from(x)),
        }
    }
}

macro_rules! define_element {
    ($($tag:ident: $element:ty,)+) => {
        /// One element of a built-in dtype.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(crate) enum Element {
            $($tag($element),)+
        }

        impl Element {
            pub(crate) fn view(&self) -> AnyView<'_> {
                match self { $(Element::$tag(value) => AnyView::scalar(value),)+ }
            }
        }
    };
}

for_each_builtin!(define_element);

#[cfg(test)]
mod tests {
    use super::{Element, Scalar};
    use einfold_ir::Dtype;
    use num_complex::Complex;

    #[test]
    fn a_scalar_takes_on_the_dtype_that_can_hold_it() {
        let two = Scalar::from(2);
        for dtype in Dtype::BUILTIN {
            assert_eq!(two.as_element(dtype).is_some(), dtype != Dtype::Bool, "{dtype}");
            assert!(Scalar::from(true).as_element(dtype).is_some(), "{dtype}");
        }
        assert_eq!(Scalar::from(-1).as_element(Dtype::U8), None);
        assert_eq!(Scalar::from(u64::MAX).as_element(Dtype::I64), None);
        assert_eq!(Scalar::from(u64::MAX).as_element(Dtype::U64), Some(Element::U64(u64::MAX)));
        let half = Scalar::from(0.5);
        assert_eq!(half.as_element(Dtype::F32), Some(Element::F32(0.5)));
        assert_eq!(half.as_element(Dtype::C64), Some(Element::C64(Complex::new(0.5, 0.0))));
        assert_eq!(half.as_element(Dtype::I32), None);
        assert_eq!(half.as_element(Dtype::CI32), None);
        let i = Scalar::from(Complex::new(0, 1));
        assert_eq!(i.as_element(Dtype::CI64), Some(Element::CI64(Complex::new(0, 1))));
        assert_eq!(i.as_element(Dtype::C64), None);
        assert_eq!(Scalar::from(Complex::new(0.0, 1.0)).as_element(Dtype::F64), None);
        assert_eq!(half.as_element(Dtype::custom::<(u8, u8)>()), None);
    }
}
