//! Arrays whose dtype and rank are known only at run time.

use crate::error::{Error, ErrorKind};
use crate::lists::for_each_builtin;
use einfold_exec::{AnyView, AnyViewMut, Element};
use einfold_ir::Dtype;
use ndarray::{Array, ArrayD, Dimension};
use std::any::Any;

macro_rules! define_any_array {
    ($($tag:ident: $element:ty,)+) => {
        /// An owned array of any built-in dtype and any rank, for example the contents of a file.
        ///
        /// It can be passed as an operand (`&array`) and received as a result. The variants have the names of
        /// [`Dtype`], so that code can match on them to reach the elements; [`into_array`](AnyArray::into_array)
        /// returns a typed array.
        ///
        /// ```
        /// use einfold::{AnyArray, Dtype, einsum};
        /// use einfold::ndarray::{Array2, array};
        ///
        /// let a = AnyArray::from(array![[1_i32, 2], [3, 4]]);
        /// let y: AnyArray = einsum("ij->ji", &a)?;
        /// assert_eq!((y.dtype(), y.shape()), (Dtype::I32, &[2, 2][..]));
        /// let y: Array2<i32> = y.into_array()?;
        /// assert_eq!(y, array![[1, 3], [2, 4]]);
        /// # Ok::<(), einfold::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum AnyArray {
            $(
                #[doc = concat!("Elements of type `", stringify!($element), "`.")]
                $tag(ArrayD<$element>),
            )+
        }

        /// Evaluates `$body` with `$array` bound to the array of the variant.
        macro_rules! with_array {
            ($any:expr, $array:ident => $body:expr) => {
                match $any { $(AnyArray::$tag($array) => $body,)+ }
            };
        }

        impl AnyArray {
            /// The dtype of the elements.
            pub fn dtype(&self) -> Dtype {
                match self { $(AnyArray::$tag(_) => Dtype::$tag,)+ }
            }
        }

        $(
            impl<D: Dimension> From<Array<$element, D>> for AnyArray {
                fn from(array: Array<$element, D>) -> AnyArray {
                    AnyArray::$tag(array.into_dyn())
                }
            }
        )+
    };
}

for_each_builtin!(define_any_array);

impl AnyArray {
    /// The shape: the extent of each axis.
    pub fn shape(&self) -> &[usize] {
        with_array!(self, a => a.shape())
    }

    /// The rank: the number of axes.
    pub fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        with_array!(self, a => a.len())
    }

    /// Whether the array has no elements, because some extent is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A read-only view of the elements.
    pub fn view(&self) -> AnyView<'_> {
        with_array!(self, a => AnyView::from(&**a))
    }

    /// A mutable view of the elements.
    pub fn view_mut(&mut self) -> AnyViewMut<'_> {
        with_array!(self, a => AnyViewMut::from(&mut **a))
    }

    /// Converts to an array of a static element type and rank, without a copy.
    ///
    /// # Errors
    /// [`ErrorKind::OutputDtype`] or [`ErrorKind::OutputRank`] if the array has another dtype or rank.
    pub fn into_array<T: Element, D: Dimension>(self) -> Result<Array<T, D>, Error> {
        let (given, rank) = (self.dtype(), self.ndim());
        let any: Box<dyn Any> = with_array!(self, array => Box::new(array));
        let wrong_dtype = |_| ErrorKind::OutputDtype { output: 0, asked: T::dtype(), given };
        let array = *any.downcast::<ArrayD<T>>().map_err(wrong_dtype)?;
        let wrong_rank = |_| ErrorKind::OutputRank { output: 0, asked: D::NDIM.unwrap_or(rank), given: rank }.into();
        array.into_dimensionality().map_err(wrong_rank)
    }
}
