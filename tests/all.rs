//! Everything that crosses a stage of einfold, in one test binary: an oracle, a corpus, properties, seams, fuzzing.

mod case;
mod corpus;
mod draw;
mod fuzz;
mod layout;
mod meaning;
mod num;
mod oracle;
mod ordering;
mod promotion;
mod resolving;
mod seams;
