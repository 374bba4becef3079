//! Signals that end the process: Ctrl-C, the end of a terminal, `kill`.
//!
//! If a part of the tool polls the flag, the first signal sets it; otherwise, and at the second signal, the process
//! ends at once. In both cases it ends by that signal, which shells report as 128 and its number, after removing a
//! temporary file that has a name. Reading and planning need no cleanup.

use crate::error::Failure;
use crate::signal::{self, Signal};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

static STATE: Mutex<State> = Mutex::new(State { gentle: false, received: None, unfinished: None });
/// Whether a signal requested a stop.
static STOP: AtomicBool = AtomicBool::new(false);

struct State {
    /// Whether a part of the tool polls [`STOP`].
    gentle: bool,
    /// The signal that requested the stop.
    received: Option<Signal>,
    /// A temporary file to remove if the process ends now.
    unfinished: Option<PathBuf>,
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts to handle signals. If that fails, the default actions of the system remain.
pub(crate) fn listen() {
    signal::listen(arrive);
}

/// Handles a signal. The lock is held to the end, so that no file is renamed meanwhile.
fn arrive(signal: Signal) {
    let mut state = state();
    if state.gentle && state.received.is_none() {
        state.received = Some(signal);
        STOP.store(true, SeqCst);
        return;
    }
    if let Some(unfinished) = state.unfinished.take() {
        // If the removal fails, nothing else can be done.
        let _ = fs::remove_file(unfinished);
    }
    signal.end();
}

/// Runs a function that polls the flag and stops if it is set.
///
/// # Errors
/// [`Failure::Interrupted`] if a signal arrived, whatever the outcome.
pub(crate) fn gently<T, E>(work: impl FnOnce(&AtomicBool) -> Result<T, E>) -> Result<T, Failure>
where
    Failure: From<E>,
{
    match while_listening(work) {
        (_, Some(signal)) => Err(Failure::Interrupted(signal)),
        (outcome, None) => Ok(outcome?),
    }
}

/// Runs a function that polls the flag and returns early if it is set. Also returns whether Ctrl-C arrived, which has
/// then had its effect: later signals are handled as if it had not.
///
/// # Errors
/// [`Failure::Interrupted`] for all other signals, whose sender does not expect a result.
pub(crate) fn until_interrupted<T>(work: impl FnOnce(&AtomicBool) -> T) -> Result<(T, bool), Failure> {
    match while_listening(work) {
        (_, Some(signal)) if signal != Signal::INTERRUPT => Err(Failure::Interrupted(signal)),
        (outcome, signal) => Ok((outcome, signal.is_some())),
    }
}

fn while_listening<T>(work: impl FnOnce(&AtomicBool) -> T) -> (T, Option<Signal>) {
    state().gentle = true;
    let outcome = work(&STOP);
    let mut state = state();
    state.gentle = false;
    STOP.store(false, SeqCst);
    (outcome, state.received.take())
}

/// Runs a function that no signal interrupts. It may set the temporary file to remove at a later signal.
pub(crate) fn undisturbed<T>(work: impl FnOnce(&mut Option<PathBuf>) -> T) -> T {
    work(&mut state().unfinished)
}
