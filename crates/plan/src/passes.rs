//! The passes: from draft to draft, with the same results and the same number of flops. Each is a stage of the
//! pipeline.

pub(crate) mod gemm;
pub(crate) mod layout;
pub(crate) mod views;

#[cfg(test)]
pub(crate) mod tests;
