//! Plans made by hand, bound to views of every kind, against loops.

mod einsums;
mod support;
