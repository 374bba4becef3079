//! Tests of the searches through the public interface.

#![allow(clippy::unwrap_used, reason = "what fails here fails a test")]

mod constants;
mod costs;
mod data;
mod deep;
mod large;
mod machine;
mod orders;
mod registry;
mod slices;
