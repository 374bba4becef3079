//! What was probably meant by the name of a function that there is not.

use crate::ast::{Assign, FUNCTIONS};

/// Other names of functions.
const ALIASES: [(&str, &str); 21] = [
    ("absolute", "abs"),
    ("fabs", "abs"),
    ("maximum", "max"),
    ("fmax", "max"),
    ("minimum", "min"),
    ("fmin", "min"),
    ("ln", "log"),
    ("power", "pow"),
    ("conjugate", "conj"),
    ("adjoint", "conj"),
    ("real", "re"),
    ("imag", "im"),
    ("equal", "eq"),
    ("equals", "eq"),
    ("logistic", "sigmoid"),
    ("expit", "sigmoid"),
    ("signum", "sign"),
    ("sgn", "sign"),
    ("select", "where"),
    ("if", "where"),
    ("cond", "where"),
];

/// Reductions, which are not called but said by the assignment.
const REDUCTIONS: [(&str, Assign); 13] = [
    ("sum", Assign::Add),
    ("einsum", Assign::Add),
    ("prod", Assign::Multiply),
    ("product", Assign::Multiply),
    ("amax", Assign::Max),
    ("amin", Assign::Min),
    ("any", Assign::Or),
    ("all", Assign::And),
    ("mean", Assign::Mean),
    ("average", Assign::Mean),
    ("lse", Assign::LogSumExp),
    ("logsumexp", Assign::LogSumExp),
    ("logaddexp", Assign::LogSumExp),
];

/// The reduction that `word` calls in other languages.
pub(super) fn reduction(word: &str) -> Option<Assign> {
    REDUCTIONS.iter().find(|(name, _)| *name == word).map(|(_, assign)| *assign)
}

/// The function that `word` calls in other languages, or one of nearly the same name.
pub(super) fn similar(word: &str) -> Option<&'static str> {
    let alias = ALIASES.iter().find(|(name, _)| *name == word).map(|(_, function)| *function);
    alias.or_else(|| {
        let names = FUNCTIONS.iter().map(|function| function.name());
        let near = names.map(|name| (distance(word, name), name)).min_by_key(|(distance, _)| *distance);
        near.filter(|(distance, name)| *distance <= name.len() / 3).map(|(_, name)| name)
    })
}

/// How many letters have to be put in, taken out or replaced: the distance of Levenshtein. Long words are far from all.
fn distance(word: &str, name: &str) -> usize {
    if word.len() > 2 * name.len() {
        return word.len();
    }
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, a) in word.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in name.bytes().enumerate() {
            let replaced = diagonal + usize::from(a.to_ascii_lowercase() != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[name.len()]
}

#[cfg(test)]
mod tests {
    use super::{ALIASES, similar};
    use crate::ast::function;

    #[test]
    fn aliases_are_of_functions_that_there_are() {
        assert!(ALIASES.iter().all(|(alias, name)| function(alias).is_none() && function(name).is_some()));
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        for (word, name) in [("exq", "exp"), ("sigmoyd", "sigmoid"), ("Exp", "exp"), ("sqr", "sqrt"), ("ln", "log")] {
            assert_eq!(similar(word), Some(name));
        }
        for word in ["X", "relu", "f", "gather", "exponential", ""] {
            assert_eq!(similar(word), None, "{word}");
        }
    }
}
