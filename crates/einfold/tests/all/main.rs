//! The facade as a user sees it.

mod api;
mod calls;
mod diagnostics;
mod errors;
mod errors_doc;
mod grouped;
mod long;
mod machine;
mod options;
mod orders;
mod programs;
mod readme;
mod recipe;
mod threads;
