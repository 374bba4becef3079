//! Everything that crosses a stage of einfold, in one test binary: an oracle, a corpus, properties, seams, fuzzing.

mod case;
mod cli;
mod corpus;
mod draw;
mod fuzz;
mod layout;
mod meaning;
mod npy;
mod num;
mod oracle;
mod ordering;
mod passes;
mod promotion;
mod readme;
mod resolving;
mod running;
mod seams;
mod wild;
