//! Signals that end a process: Ctrl-C, the end of a terminal, `kill`.
//!
//! While there is something to stop gently, the first signal asks for that; else, and the second time, the process ends at
//! once. Either way it dies by that signal, which shells report as 128 and its number, and a file that is being written under
//! a name of its own is removed before. Reading and planning leave nothing behind that would need care.

use crate::error::Failure;
use crate::signal::{self, Signal};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

static STATE: Mutex<State> = Mutex::new(State { gentle: false, came: None, unfinished: None });
/// Whether a signal came that something is to stop for.
static ASKED: AtomicBool = AtomicBool::new(false);

struct State {
    /// Whether there is something that looks at [`ASKED`].
    gentle: bool,
    /// The signal that asked.
    came: Option<Signal>,
    /// A file that is to be removed if the process ends now.
    unfinished: Option<PathBuf>,
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens for signals from now on. Where that is not possible the system's own way of ending remains.
pub(crate) fn listen() {
    signal::listen(arrive);
}

/// What a signal leads to. The lock is held to the end, so that nothing is renamed meanwhile.
fn arrive(signal: Signal) {
    let mut state = state();
    if state.gentle && state.came.is_none() {
        state.came = Some(signal);
        ASKED.store(true, SeqCst);
        return;
    }
    if let Some(unfinished) = state.unfinished.take() {
        // Where that fails there is nobody left who could do better.
        let _ = fs::remove_file(unfinished);
    }
    signal.end();
}

/// Runs something that looks at the flag, and stops where it is set.
///
/// # Errors
/// [`Failure::Interrupted`] if a signal came meanwhile, whatever the outcome.
pub(crate) fn gently<T, E>(work: impl FnOnce(&AtomicBool) -> Result<T, E>) -> Result<T, Failure>
where
    Failure: From<E>,
{
    match while_listening(work) {
        (_, Some(signal)) => Err(Failure::Interrupted(signal)),
        (outcome, None) => Ok(outcome?),
    }
}

/// Runs something that looks at the flag, and comes to an early end where it is set. Tells whether Ctrl-C came, which has
/// done what it can then: what follows runs as if it had not come.
///
/// # Errors
/// [`Failure::Interrupted`] for all other signals: who sends those does not wait for an answer.
pub(crate) fn until_asked<T>(work: impl FnOnce(&AtomicBool) -> T) -> Result<(T, bool), Failure> {
    match while_listening(work) {
        (_, Some(signal)) if signal != Signal::INTERRUPT => Err(Failure::Interrupted(signal)),
        (outcome, signal) => Ok((outcome, signal.is_some())),
    }
}

fn while_listening<T>(work: impl FnOnce(&AtomicBool) -> T) -> (T, Option<Signal>) {
    state().gentle = true;
    let outcome = work(&ASKED);
    let mut state = state();
    state.gentle = false;
    ASKED.store(false, SeqCst);
    (outcome, state.came.take())
}

/// Runs something that no signal cuts short, and that may leave the name of a file to remove if one comes later.
pub(crate) fn undisturbed<T>(work: impl FnOnce(&mut Option<PathBuf>) -> T) -> T {
    work(&mut state().unfinished)
}
