//! Plans made by hand, bound to views of every kind, against loops.

mod dtypes;
mod einsums;
mod errors;
mod ids;
mod random;
mod regions;
mod scalars;
mod support;
mod threads;
