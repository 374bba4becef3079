//! Everything that crosses a stage of einfold, in one test binary: an oracle, a corpus, properties, seams, fuzzing.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by a panic and prints to a terminal")]

mod asked;
mod case;
mod cases;
mod cli;
mod corpus;
mod draw;
mod examples_doc;
mod field;
mod fixing;
mod fuzz;
mod hostile;
mod layout;
mod library;
mod limits;
mod links;
mod meaning;
mod metamorphic;
mod mutant;
mod mutated;
mod npy;
mod num;
mod numpy;
mod oracle;
mod ordering;
mod packages;
mod passes;
mod planning;
mod programs;
mod promotion;
mod readme;
mod refused;
mod resolving;
mod running;
mod seams;
mod seeds;
mod semantics_doc;
mod settled;
mod sketch;
mod slicing;
mod small_set;
mod threads;
mod wild;
mod words;
mod written;
