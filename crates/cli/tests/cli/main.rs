//! Tests of the real binary. NumPy made the arrays in `tests/data` with `tests/data/make.py`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod archives;
mod chaos;
mod escapes;
mod failures;
mod files;
mod harness;
mod inputs;
mod machine;
mod networks;
mod options;
mod order;
mod pictures;
mod printing;
mod programs;
mod saved_orders;
mod signals;
mod snapshots;
mod terminals;
