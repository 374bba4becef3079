//! Ctrl-C.
//!
//! While there is something to stop gently, the first Ctrl-C asks for that; else, and the second time, the process ends at
//! once. Reading and planning leave nothing behind that would need care.

use crate::error::Failure;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

static ASKED: AtomicBool = AtomicBool::new(false);
static GENTLE: AtomicBool = AtomicBool::new(false);

/// The exit code of a process that Ctrl-C ends, as shells report it.
const CODE: i32 = 130;

/// Listens for Ctrl-C from now on. Where that is not possible the system's own way of ending remains.
pub(crate) fn listen() {
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, SeqCst) || !GENTLE.load(SeqCst) {
            std::process::exit(CODE);
        }
    });
}

/// Runs something that looks at the flag, and stops where it is set.
///
/// # Errors
/// [`Failure::Interrupted`] if Ctrl-C came meanwhile, whatever the outcome.
pub(crate) fn gently<T, E>(work: impl FnOnce(&AtomicBool) -> Result<T, E>) -> Result<T, Failure>
where
    Failure: From<E>,
{
    let (outcome, asked) = until_asked(work);
    if asked { Err(Failure::Interrupted) } else { Ok(outcome?) }
}

/// Runs something that looks at the flag, and comes to an early end where it is set. Tells whether Ctrl-C came, which has
/// done what it can then: what follows runs as if it had not come.
pub(crate) fn until_asked<T>(work: impl FnOnce(&AtomicBool) -> T) -> (T, bool) {
    GENTLE.store(true, SeqCst);
    let outcome = work(&ASKED);
    GENTLE.store(false, SeqCst);
    (outcome, ASKED.swap(false, SeqCst))
}
