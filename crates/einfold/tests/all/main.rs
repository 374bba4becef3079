//! Tests of the public interface of `einfold`.

mod api;
mod calls;
mod constants;
mod diagnostics;
mod dynamic;
mod errors;
mod errors_doc;
mod explain;
mod grouped;
mod long;
mod machine;
mod options;
mod orders;
mod programs;
mod readme;
mod recipe;
mod root;
mod threads;
