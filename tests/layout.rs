//! Memory layouts, and arrays with a given layout.

use einfold_exec::{AnyView, AnyViewMut};
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis, Dimension, IxDyn, Slice};

use crate::num::{Elem, Num, Tensor, with_elem};

/// The memory layout of an operand. Results must not depend on it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Layout {
    /// The axes from the slowest to the fastest.
    pub(crate) order: Vec<usize>,
    /// The step along each axis, in elements.
    pub(crate) step: Vec<usize>,
    /// The axes with negative strides.
    pub(crate) reversed: Vec<bool>,
    /// The axes with stride 0, along which the tensor is constant.
    pub(crate) repeated: Vec<bool>,
}

impl Layout {
    pub(crate) fn row_major(rank: usize) -> Layout {
        let order = (0..rank).collect();
        Layout { order, step: vec![1; rank], reversed: vec![false; rank], repeated: vec![false; rank] }
    }

    /// The layouts of the corpus: `C`, `F`, `perm:2,0,1`, `step`, `neg`, `bcast`.
    pub(crate) fn named(name: &str, rank: usize) -> Layout {
        let mut layout = Layout::row_major(rank);
        match name {
            "C" => {}
            "F" => layout.order.reverse(),
            "step" => layout.step.fill(2),
            "neg" => layout.reversed.fill(true),
            "bcast" => layout.repeated[rank - 1] = true,
            _ => layout.order = name["perm:".len()..].split(',').map(|p| p.parse().unwrap()).collect(),
        }
        layout
    }
}

/// An array whose view has the requested strides; the gaps between its elements are not 0.
pub(crate) struct Held<T> {
    base: ArrayD<T>,
    shape: Vec<usize>,
}

impl<T: Elem> Held<T> {
    pub(crate) fn new(tensor: &Tensor, layout: &Layout) -> Held<T> {
        let extent = |k: usize| if layout.repeated[k] { tensor.shape[k].min(1) } else { tensor.shape[k] };
        let shape: Vec<usize> = layout.order.iter().map(|&k| extent(k) * layout.step[k]).collect();
        let between = T::from_num(Num::Int(77, 0));
        let mut place = vec![0; shape.len()];
        layout.order.iter().enumerate().for_each(|(at, &k)| place[k] = at);
        let mut base = ArrayD::from_elem(IxDyn(&shape), between).permuted_axes(IxDyn(&place));
        for k in 0..shape.len() {
            base.slice_axis_inplace(Axis(k), Slice::new(0, None, layout.step[k] as isize));
            if layout.reversed[k] {
                base.invert_axis(Axis(k));
            }
        }
        for (at, x) in base.indexed_iter_mut() {
            *x = T::from_num(tensor.data[tensor.offset(at.as_array_view().iter().copied())]);
        }
        Held { base, shape: tensor.shape.clone() }
    }

    pub(crate) fn view(&self) -> ArrayViewD<'_, T> {
        self.base.broadcast(IxDyn(&self.shape)).unwrap()
    }

    pub(crate) fn view_mut(&mut self) -> ArrayViewMutD<'_, T> {
        assert_eq!(self.base.shape(), self.shape, "a repeated axis cannot be written");
        self.base.view_mut()
    }
}

/// An array of any dtype.
pub(crate) trait Array {
    fn view(&self) -> AnyView<'_>;
    fn view_mut(&mut self) -> AnyViewMut<'_>;
    fn tensor(&self) -> Tensor;
}

impl<T: Elem> Array for Held<T> {
    fn view(&self) -> AnyView<'_> {
        Held::view(self).into()
    }

    fn view_mut(&mut self) -> AnyViewMut<'_> {
        Held::view_mut(self).into()
    }

    fn tensor(&self) -> Tensor {
        tensor_of(&Held::view(self))
    }
}

/// Copies a tensor to an array of its dtype with the given layout.
pub(crate) fn hold(tensor: &Tensor, layout: &Layout) -> Box<dyn Array> {
    with_elem!(tensor.dtype, T => Box::new(Held::<T>::new(tensor, layout)))
}

/// The elements of an array, in row-major order.
pub(crate) fn tensor_of<T: Elem>(array: &ArrayViewD<'_, T>) -> Tensor {
    Tensor { dtype: T::DTYPE, shape: array.shape().to_vec(), data: array.iter().map(|x| x.num()).collect() }
}

#[test]
fn layouts_have_the_strides_they_say_and_the_same_elements() {
    let tensor = Tensor::ints(einfold_ir::Dtype::I32, &[2, 3, 4], 0..24);
    let strides = |name: &str| {
        let held = Held::<i32>::new(&tensor, &Layout::named(name, 3));
        assert_eq!(tensor_of(&held.view()) == tensor, name != "bcast", "{name}");
        held.view().strides().to_vec()
    };
    assert_eq!(strides("C"), [12, 4, 1]);
    assert_eq!(strides("F"), [1, 2, 6]);
    assert_eq!(strides("perm:2,0,1"), [3, 1, 6]);
    assert_eq!(strides("step"), [96, 16, 2]);
    assert_eq!(strides("neg"), [-12, -4, -1]);
    assert_eq!(strides("bcast"), [3, 1, 0]);
}
