//! Plans made by hand, bound to views of every kind, against loops.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod accuracy;
mod cancel;
mod dtypes;
mod einsums;
mod errors;
mod expressions;
mod grouped;
mod ids;
mod products;
mod random;
mod regions;
mod remembered;
mod scalars;
mod scattered;
mod support;
mod threads;
