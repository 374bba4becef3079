//! The examples of the documents outside the crates, as doctests.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
