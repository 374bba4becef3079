//! The memory of a run, and a warning before a large one.

use einfold::{Plan, TensorType};
use indicatif::HumanBytes;
use std::io::Write;

/// The memory above which a run is announced: the size that an index of 2^31-1 gives even for elements of one byte.
const LARGE: usize = 1 << 31;

/// Returns the bytes of results and intermediates; `usize::MAX` if they exceed it.
pub(super) fn besides_operands(plan: &Plan) -> usize {
    plan.peak_bytes().exact().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX)
}

/// Prints a warning on a terminal before a large allocation.
pub(super) fn warn(plan: &Plan, indices_determine_shapes: bool) {
    let mut stderr = anstream::stderr().lock();
    if stderr.is_terminal() && besides_operands(plan) >= LARGE {
        // If standard error is closed, the warning is lost.
        let _ = writeln!(stderr, "{}", warning(plan, indices_determine_shapes));
    }
}

/// Returns the warning, which names the largest result if it is large.
fn warning(plan: &Plan, indices_determine_shapes: bool) -> String {
    let whole = format!("warning: the run needs {} besides its operands", human(besides_operands(plan)));
    let types = plan.output_types();
    let Some(largest) = types.iter().max_by_key(|ty| bytes(ty)).filter(|ty| bytes(ty) >= LARGE) else { return whole };
    let name = largest.name.as_deref().map_or_else(String::new, |name| format!(" {name}"));
    let suffix = if indices_determine_shapes { "; index tensors determine the sizes of the results" } else { "" };
    let shape = super::shape(&largest.shape);
    format!("{whole}; {} of it for the result{name}, {shape} {}{suffix}", human(bytes(largest)), largest.dtype)
}

fn bytes(ty: &TensorType) -> usize {
    ty.shape.iter().fold(ty.dtype.size(), |bytes, &extent| bytes.saturating_mul(extent))
}

fn human(bytes: usize) -> HumanBytes {
    HumanBytes(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use einfold::{Dtype, Expression};

    fn of(text: &str, shapes: &[&[usize]]) -> Plan {
        let ty = |shape: &&[usize]| TensorType { name: None, dtype: Dtype::F64, shape: (*shape).into(), conj: false };
        Expression::new(text).unwrap().plan(shapes.iter().map(ty).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_largest_result_is_named_if_it_is_large() {
        let outer = of("Y[i,j] = x[i]*y[j]", &[&[1 << 16], &[1 << 15]]);
        assert_eq!(
            warning(&outer, false),
            "warning: the run needs 16.00 GiB besides its operands; 16.00 GiB of it for the result Y, 65536x32768 f64"
        );
        assert!(warning(&outer, true).ends_with(" f64; index tensors determine the sizes of the results"));
    }
}
