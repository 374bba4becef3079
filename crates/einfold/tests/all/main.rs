//! The facade as a user sees it.

mod api;
mod calls;
mod errors;
mod errors_doc;
mod options;
mod programs;
mod readme;
mod recipe;
mod threads;
