use einfold_ir::{Draft, Ir, verify_steps};

use super::{diagonal, gemm, layout, loop_order, merge_axes, transpose};
use crate::lower::{Hints, lower};
use crate::memory;
use crate::testing::{applied, show};

/// A pass with its name.
type Named = (&'static str, fn(&mut Draft) -> usize);

const ALL: [Named; 6] = [
    ("diagonal", diagonal::run),
    ("transpose", transpose::run),
    ("layout", layout::run),
    ("gemm", gemm::run),
    ("loop_order", loop_order::run),
    ("merge_axes", merge_axes::run),
];

/// The draft of an expression whose last node is expanded along this path, lowered and changed by these passes only,
/// printed.
pub(crate) fn after(passes: &[&str], ir: &Ir, path: &[&[u32]]) -> String {
    let mut draft = lower(&applied(ir, path), &Hints::default()).unwrap();
    for (name, pass) in ALL.iter().filter(|(name, _)| passes.contains(name)) {
        let before = draft.clone();
        let changes = pass(&mut draft);
        assert_eq!(changes == 0, before == draft, "{name} counts wrongly");
        assert_eq!(before.flops(), draft.flops());
        verify_steps(&draft).unwrap();
    }
    memory::assign(&mut draft, passes.contains(&"buffers")).unwrap();
    show(&draft)
}
