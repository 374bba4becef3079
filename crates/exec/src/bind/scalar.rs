//! Binds α, β and the other constants.

use einfold_ir::Dtype;

use super::step::StepContext;
use super::{BindOptions, Binder};
use crate::bound_program::{BaseAddress, Constant, ConstantSource, Scalar};
use crate::error::BindError;
use crate::kernels::{self, Dst, Src};
use crate::view::AnyView;

impl Scalar {
    fn name(self) -> &'static str {
        match self {
            Scalar::Alpha => "alpha",
            Scalar::Beta => "beta",
        }
    }

    /// The value, if the caller passed it.
    fn of<'a>(self, options: &BindOptions<'a>) -> Option<&'a AnyView<'a>> {
        match self {
            Scalar::Alpha => options.alpha,
            Scalar::Beta => options.beta,
        }
    }
}

impl Binder<'_> {
    /// A caller's scalar in the dtype that the step computes in; `None` if it is the identity of ⊗, which changes
    /// nothing.
    pub(super) fn scalar(
        &mut self,
        scalar: Scalar,
        value: &AnyView<'_>,
        context: StepContext<'_>,
    ) -> Result<Option<BaseAddress>, BindError> {
        let wanted = context.compute;
        let refused = BindError::Scalar { name: scalar.name(), wanted };
        let widens = Dtype::promote(&[value.dtype(), wanted]) == Some(wanted);
        let lift = self.conversion(context, value.dtype(), wanted, false);
        if !value.extents().is_empty() || !(widens || context.lifts(value.dtype())) {
            return Err(refused);
        }
        let source = match lift.map_err(|_| refused)? {
            None => ConstantSource::Copy(scalar, wanted.size()),
            Some(load) => ConstantSource::Load(scalar, load),
        };
        if self.is_one(context, source)? {
            return Ok(None);
        }
        Ok(Some(BaseAddress::Constant(self.constant(wanted.size(), source)?)))
    }

    /// Whether a value of a built-in dtype has the bits of the identity of ⊗.
    fn is_one(&self, context: StepContext<'_>, source: ConstantSource) -> Result<bool, BindError> {
        if matches!(context.compute, Dtype::Custom(_)) {
            return Ok(false);
        }
        // The largest built-in element has 16 bytes.
        let mut pair = [0u128; 2];
        let [value, one] = &mut pair;
        write_constant(&Constant { at: 0, source }, self.options, |_| (&raw mut *value).cast());
        let fill = ConstantSource::Fill(self.step_kernels(context)?.fill_one);
        write_constant(&Constant { at: 0, source: fill }, self.options, |_| (&raw mut *one).cast());
        Ok(value == one)
    }
}

impl StepContext<'_> {
    fn lifts(&self, from: Dtype) -> bool {
        matches!(self.step.algebra, einfold_ir::Algebra::User(u) if (from, self.compute) == (u.element, u.accumulator))
    }
}

/// Writes a constant. `at` returns the address of the constant at a byte, which must be aligned and have room for it. The
/// scalars of `options` have the dtypes that the constant was bound for.
pub(super) fn write_constant(constant: &Constant, options: &BindOptions<'_>, mut at: impl FnMut(usize) -> *mut u8) {
    let one = [1, 1];
    let src = |ptr: *const u8| Src { ptr, strides: [0, 0] };
    let given = |scalar: Scalar| scalar.of(options).map(|view| src(view.ptr()));
    let dst = Dst { ptr: at(constant.at), strides: [0, 0] };
    // SAFETY: one element is written, at an address with room for it that is aligned to 64 bytes or to the alignment of
    // its dtype. The source is an element behind a view, a constant written earlier, or the bytes of a literal. The
    // kernels were chosen for these dtypes.
    unsafe {
        match constant.source {
            ConstantSource::Fill(fill) => fill(one, dst),
            ConstantSource::Convert(from, convert) => convert(one, dst, src(at(from))),
            ConstantSource::Load(scalar, load) => given(scalar).into_iter().for_each(|from| load(one, dst, from)),
            ConstantSource::Copy(scalar, size) => {
                given(scalar).into_iter().for_each(|from| kernels::copy(size, one, dst, from));
            }
            ConstantSource::Bytes(bytes, size) => kernels::copy(size, one, dst, src(bytes.as_ptr())),
        }
    }
}
