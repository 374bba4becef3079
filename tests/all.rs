//! Everything that crosses a stage of einfold, in one test binary: an oracle, a corpus, properties, seams, fuzzing.

mod corpus;
mod layout;
mod num;
mod oracle;
mod promotion;
