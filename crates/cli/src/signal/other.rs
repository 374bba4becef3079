//! Ctrl-C on systems without signals.

/// Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Signal;

impl Signal {
    /// Ctrl-C.
    pub(crate) const INTERRUPT: Signal = Signal;

    /// Ends the process.
    pub(crate) fn end(self) -> ! {
        std::process::exit(130)
    }
}

/// Calls `arrive` for each Ctrl-C.
pub(crate) fn listen(arrive: fn(Signal)) {
    let _ = ctrlc::set_handler(move || arrive(Signal));
}
