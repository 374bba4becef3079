//! α and β, and the other values that are made once.

use einfold_ir::Dtype;

use super::step::Work;
use super::{Binder, Options};
use crate::error::BindError;
use crate::kernels::{self, Dst, Src};
use crate::program::{Constant, Home, Make, Scalar};
use crate::view::AnyView;

impl Scalar {
    fn name(self) -> &'static str {
        match self {
            Scalar::Alpha => "alpha",
            Scalar::Beta => "beta",
        }
    }

    /// The value, if it is given.
    fn of<'a>(self, options: &Options<'a>) -> Option<&'a AnyView<'a>> {
        match self {
            Scalar::Alpha => options.alpha,
            Scalar::Beta => options.beta,
        }
    }
}

impl Binder<'_> {
    /// A caller's scalar in the dtype that `work` is computed in; none where it is the identity of ⊗, which changes nothing.
    pub(super) fn scalar(
        &mut self,
        scalar: Scalar,
        value: &AnyView<'_>,
        work: Work<'_>,
    ) -> Result<Option<Home>, BindError> {
        let wanted = work.compute;
        let refused = BindError::Scalar { name: scalar.name(), wanted };
        let widens = Dtype::promote(&[value.dtype(), wanted]) == Some(wanted);
        let lift = self.conversion(work, value.dtype(), wanted, false);
        if !value.extents().is_empty() || !(widens || work.lifts(value.dtype())) {
            return Err(refused);
        }
        let make = match lift.map_err(|_| refused)? {
            None => Make::Copy(scalar, wanted.size()),
            Some(load) => Make::Load(scalar, load),
        };
        if self.is_one(work, make)? {
            return Ok(None);
        }
        Ok(Some(Home::Constant(self.constant(wanted.size(), make)?)))
    }

    /// Whether a value of a built-in dtype is the identity of ⊗, bit by bit.
    fn is_one(&self, work: Work<'_>, make: Make) -> Result<bool, BindError> {
        if matches!(work.compute, Dtype::Custom(_)) {
            return Ok(false);
        }
        // The largest built-in element has 16 bytes.
        let mut pair = [0u128; 2];
        let [value, one] = &mut pair;
        self::make(&Constant { at: 0, make }, self.options, |_| (&raw mut *value).cast());
        let fill = Make::Fill(self.step_kernels(work)?.fill_one);
        self::make(&Constant { at: 0, make: fill }, self.options, |_| (&raw mut *one).cast());
        Ok(value == one)
    }
}

impl Work<'_> {
    fn lifts(&self, from: Dtype) -> bool {
        matches!(self.step.algebra, einfold_ir::Algebra::User(u) if (from, self.compute) == (u.element, u.accumulator))
    }
}

/// Writes a constant. `at` gives the address of the constant at a byte; there must be room for it, aligned. `options` have
/// scalars of the dtypes that the constant was chosen for.
pub(super) fn make(constant: &Constant, options: &Options<'_>, mut at: impl FnMut(usize) -> *mut u8) {
    let one = [1, 1];
    let src = |ptr: *const u8| Src { ptr, strides: [0, 0] };
    let given = |scalar: Scalar| scalar.of(options).map(|view| src(view.ptr()));
    let dst = Dst { ptr: at(constant.at), strides: [0, 0] };
    // SAFETY: one element is written at an address with room for it, aligned to 64 or to its dtype's own alignment. What is
    // read is an element behind a view, a constant made earlier, or the bytes of a literal. The kernels were chosen for these
    // dtypes.
    unsafe {
        match constant.make {
            Make::Fill(fill) => fill(one, dst),
            Make::Convert(from, convert) => convert(one, dst, src(at(from))),
            Make::Load(scalar, load) => given(scalar).into_iter().for_each(|from| load(one, dst, from)),
            Make::Copy(scalar, size) => {
                given(scalar).into_iter().for_each(|from| kernels::copy(size, one, dst, from));
            }
            Make::Bytes(bytes, size) => kernels::copy(size, one, dst, src(bytes.as_ptr())),
        }
    }
}
