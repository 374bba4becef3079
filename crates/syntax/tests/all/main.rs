//! Tests across the modules of the crate: the grammar files, the table of errors, random texts.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod cases;
mod element;
mod errors_doc;
mod evaluate;
mod grammar;
mod long;
mod meaning;
mod programs;
mod random;
mod rng;
mod seeds;
mod settled;
mod structure;
mod values;
#[path = "../../../../tests/words.rs"]
mod words;
mod writer;
