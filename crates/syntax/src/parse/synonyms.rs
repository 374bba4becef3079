//! Names of functions and assignments in other languages.

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

/// Reductions, which an assignment names, not a call.
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

/// Assignments of other languages that have no counterpart, with what to write instead.
const ASSIGNMENTS: [(&str, &str); 9] = [
    ("median", "there is no median: sort the values of each group elsewhere; `mean=`, `min=` and `max=` reduce groups"),
    ("first", FIRST),
    (
        "last",
        "compute the position of the last of each group, `f[g[n]] max= p[n]` with `p` = 0, 1, 2, …; a second run reads it, `y[s] = x[f[s]]`",
    ),
    ("argmax", EXTREME),
    (
        "argmin",
        "the first position of the minimum of each group: `m[g[n]] min= x[n]; f[g[n]] min= where(eq(x[n], m[g[n]]), p[n], size(x, 0))`, `p` = 0, 1, 2, …",
    ),
    ("var", "from the mean: `m[g[n]] mean= x[n]; v[g[n]] mean= (x[n]-m[g[n]])*(x[n]-m[g[n]])`"),
    ("std", "from the variance: `m[g[n]] mean= x[n]; v[g[n]] mean= (x[n]-m[g[n]])*(x[n]-m[g[n]]); s[k] = sqrt(v[k])`"),
    ("count", "to count, add ones: `c[g[n]] += 1`"),
    ("norm", "from the squares: `v[i] += x[i,j]*x[i,j]; y[i] = sqrt(v[i])`"),
];

const FIRST: &str = "compute the position of the first of each group, `f[g[n]] min= p[n]` with `p` = 0, 1, 2, …; a second run reads it, `y[s] = x[f[s]]`";

const EXTREME: &str = "the first position of the maximum of each group: \
                       `m[g[n]] max= x[n]; f[g[n]] min= where(eq(x[n], m[g[n]]), p[n], size(x, 0))`, `p` = 0, 1, 2, …";

/// The help for the unknown assignment `word=`.
pub(super) fn assignment(word: &str) -> Option<&'static str> {
    ASSIGNMENTS.iter().find(|(name, _)| *name == word).map(|(_, help)| *help)
}

/// The reduction that other languages call `word`.
pub(super) fn reduction(word: &str) -> Option<Assign> {
    REDUCTIONS.iter().find(|(name, _)| *name == word).map(|(_, assign)| *assign)
}

/// The function that other languages call `word`, or a function with a similar name.
pub(super) fn similar(word: &str) -> Option<&'static str> {
    let alias = ALIASES.iter().find(|(name, _)| *name == word).map(|(_, function)| *function);
    alias.or_else(|| {
        let names = FUNCTIONS.iter().map(|function| function.name());
        let near = names.map(|name| (distance(word, name), name)).min_by_key(|(distance, _)| *distance);
        near.filter(|(distance, name)| *distance <= name.len() / 3).map(|(_, name)| name)
    })
}

/// The number of letters to insert, delete or replace (the Levenshtein distance). Long words are similar to none.
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
    use super::{ALIASES, ASSIGNMENTS, similar};
    use crate::ast::function;
    use crate::text::parse;

    #[test]
    fn statements_instead_of_assignments_can_be_read() {
        for (word, help) in ASSIGNMENTS {
            for code in help.split('`').skip(1).step_by(2).filter(|code| code.contains('[')) {
                assert!(parse(code).is_ok(), "{word}: {code}");
            }
        }
    }

    #[test]
    fn aliases_name_existing_functions() {
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
