//! Signals of Unix.

use signal_hook::consts::signal::{
    SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

/// The signals whose default action ends the process and that do not report a fault of the program. SIGPIPE is ignored already, so that
/// a closed pipe is an error of `write`.
const ENDING: [i32; 10] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU];
/// Enough for what a signal leads to.
const STACK: usize = 1 << 17;

/// A signal by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Signal(i32);

impl Signal {
    /// Ctrl-C.
    pub(crate) const INTERRUPT: Signal = Signal(SIGINT);

    /// Ends the process as this signal does.
    pub(crate) fn end(self) -> ! {
        let _ = emulate_default_handler(self.0);
        std::process::exit(128 + self.0)
    }
}

/// Calls `arrive` for each signal, on a thread of its own. Signals that are ignored, as `nohup` has it, stay so.
pub(crate) fn listen(arrive: fn(Signal)) {
    // With a handler, a file that may not grow is an error of `write`. Nobody looks at the flag.
    let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let ignored = ignored();
    let listened = ENDING.into_iter().filter(move |signal| ignored & 1 << (signal - 1) == 0);
    // Where the thread cannot be had, nothing has been registered: a handler that nobody hears would swallow signals.
    let _ = thread::Builder::new().name("signals".to_owned()).stack_size(STACK).spawn(move || {
        if let Ok(mut signals) = Signals::new(listened) {
            signals.forever().for_each(|signal| arrive(Signal(signal)));
        }
    });
}

/// The signals that whoever started the process has it ignore, one a bit. Where the system does not tell, SIGHUP may be one of
/// them.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(1 << (SIGHUP - 1))
}
