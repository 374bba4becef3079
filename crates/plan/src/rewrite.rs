//! The rewrites: from module to module before it is ordered; what of the statements of a program is computed together. Each is a
//! stage of the pipeline and keeps the meaning, up to the rounding that an order is free to change.

pub(crate) mod contract;
pub(crate) mod inline;
pub(crate) mod module;
pub(crate) mod share;

#[cfg(test)]
mod tests;
