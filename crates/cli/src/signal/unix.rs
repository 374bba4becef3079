//! Signals of Unix.

use signal_hook::consts::signal::{
    SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::fs;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::thread;

/// The signals whose default action ends the process and that do not report a fault of the program. SIGPIPE is already
/// ignored, so that a closed pipe is an error of `write`.
const ENDING: [i32; 10] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU];
/// The stack size of the signal thread.
const STACK: usize = 1 << 17;

/// The number of a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Signal(i32);

impl Signal {
    /// Ctrl-C.
    pub(crate) const INTERRUPT: Signal = Signal(SIGINT);

    /// Ends the process by this signal.
    pub(crate) fn end(self) -> ! {
        let _ = emulate_default_handler(self.0);
        std::process::exit(128 + self.0)
    }
}

/// Calls `arrive` for each signal, on a separate thread. When this function returns, the thread has made all its
/// allocations: while a [reservation](crate::reserve_memory) holds all memory, an allocation on another thread would abort
/// the process. Signals that the process ignores, for example under `nohup`, stay ignored.
pub(crate) fn listen(arrive: fn(Signal)) {
    // With a handler, a file above the size limit is an error of `write`. The flag is not used.
    let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let ignored = ignored();
    let listened = ENDING.into_iter().filter(move |signal| ignored & 1 << (signal - 1) == 0);
    // The handlers are registered on the thread only: without a thread they would swallow the signals.
    let (starting, started) = mpsc::channel::<()>();
    let _ = thread::Builder::new().name("signals".to_owned()).stack_size(STACK).spawn(move || {
        let signals = Signals::new(listened);
        drop(starting);
        if let Ok(mut signals) = signals {
            signals.forever().for_each(|signal| arrive(Signal(signal)));
        }
    });
    // The sender is dropped when the handlers are registered, or with a thread that could not start.
    let _ = started.recv();
}

/// Returns the signals that the process ignored from its start, one bit for each. If the system does not report them,
/// SIGHUP is assumed to be one.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(1 << (SIGHUP - 1))
}
