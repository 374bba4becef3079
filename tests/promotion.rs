//! The dtype of a result, compared with a stored table of NumPy's results that `data/make_result_type.py` writes.

use einfold_ir::Dtype::{self, *};

/// The dtypes of the table, in the order of their bits.
const SHARED: [Dtype; 14] = [Bool, I8, I16, I32, I64, U8, U16, U32, U64, F16, F32, F64, C32, C64];

static TABLE: &str = include_str!("data/result_type.txt");

/// NumPy's `result_type` of at least one dtype, extended to dtypes that NumPy lacks: `bf16` promotes as `f16`, but
/// `bf16` and `f16` promote to `f32`; Gaussian integers mix only with signed integers and `bool`.
pub(crate) fn result_type(dtypes: &[Dtype]) -> Option<Dtype> {
    if dtypes.iter().any(|d| matches!(d, CI32 | CI64)) {
        let fits = dtypes.iter().all(|d| matches!(d, CI32 | CI64 | Bool | I8 | I16 | I32 | I64));
        let wide = dtypes.iter().any(|d| matches!(d, CI64 | I64));
        return fits.then_some(if wide { CI64 } else { CI32 });
    }
    let bit = |d: &Dtype| SHARED.iter().position(|s| *s == if *d == BF16 { F16 } else { *d }).unwrap();
    let set = dtypes.iter().fold(0, |set, d| set | 1 << bit(d));
    let result = SHARED[usize::from(TABLE.as_bytes()[set] - b'a')];
    Some(match (result, dtypes.contains(&BF16), dtypes.contains(&F16)) {
        (F16, true, true) => F32,
        (F16, true, false) => BF16,
        _ => result,
    })
}

#[test]
fn every_set_of_dtypes_promotes_as_numpy_has_it() {
    for set in 1u32..1 << Dtype::BUILTIN.len() {
        let members = Dtype::BUILTIN.iter().enumerate().filter(|(k, _)| set >> k & 1 == 1);
        let members: Vec<Dtype> = members.map(|(_, d)| *d).collect();
        assert_eq!(Dtype::promote(&members), result_type(&members), "{members:?}");
    }
}
