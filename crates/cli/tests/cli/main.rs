//! The tool as a user has it: every test starts the real binary. The arrays in `tests/data` were made by NumPy, by
//! `tests/data/make.py`.

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
mod signals;
mod snapshots;
mod terminals;
