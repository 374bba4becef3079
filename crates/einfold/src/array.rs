//! Arrays whose element type and rank are known at run time only.

use crate::builtin::for_each_builtin;
use crate::error::{Error, ErrorKind};
use einfold_exec::{AnyView, AnyViewMut, Element};
use einfold_ir::Dtype;
use ndarray::{Array, ArrayD, Dimension};
use std::any::Any;

macro_rules! define_any_array {
    ($($tag:ident: $element:ty,)+) => {
        /// An owned array of any built-in dtype and any rank: what files hold and what tools pass on.
        ///
        /// It is an operand (`&array`) and a result. The variants are named like those of [`Dtype`], so that code that needs
        /// the elements matches on them; [`into_array`](AnyArray::into_array) gives a typed array.
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

        /// Evaluates `$body` with `$array` bound to the array of whichever variant.
        macro_rules! with_array {
            ($any:expr, $array:ident => $body:expr) => {
                match $any { $(AnyArray::$tag($array) => $body,)+ }
            };
        }

        impl AnyArray {
            /// The type of the elements.
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
    /// The extents.
    pub fn shape(&self) -> &[usize] {
        with_array!(self, a => a.shape())
    }

    /// The number of axes.
    pub fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        with_array!(self, a => a.len())
    }

    /// Whether there is no element: some extent is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements, to read.
    pub fn view(&self) -> AnyView<'_> {
        with_array!(self, a => AnyView::from(a.view()))
    }

    /// The elements, to write.
    pub fn view_mut(&mut self) -> AnyViewMut<'_> {
        with_array!(self, a => AnyViewMut::from(a.view_mut()))
    }

    /// The array as one of a known element type and rank, without a copy.
    ///
    /// # Errors
    /// [`ErrorKind::OutputDtype`] or [`ErrorKind::OutputRank`] if it has another type or rank.
    pub fn into_array<T: Element, D: Dimension>(self) -> Result<Array<T, D>, Error> {
        let (given, rank) = (self.dtype(), self.ndim());
        let mut slot: Option<ArrayD<T>> = None;
        with_array!(self, array => {
            let mut array = Some(array);
            if let Some(array) = (&mut array as &mut dyn Any).downcast_mut::<Option<ArrayD<T>>>() {
                slot = array.take();
            }
        });
        let array = slot.ok_or_else(|| ErrorKind::OutputDtype { output: 0, asked: T::dtype(), given })?;
        let wrong_rank = |_| ErrorKind::OutputRank { output: 0, asked: D::NDIM.unwrap_or(rank), given: rank }.into();
        array.into_dimensionality().map_err(wrong_rank)
    }
}
