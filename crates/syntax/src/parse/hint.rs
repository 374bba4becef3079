//! Levels 2 and 3: help for common mistakes.

use super::corrections::closing;
use super::expected::Expected;
use super::lex::TokenKind;
use super::parser::Parser;
use super::synonyms::assignment;
use crate::error::Level;
use crate::labels::meant_by;

const COMPARISON: &str =
    "the only comparison is `eq(a, b)`; pass a mask as an operand, as in `y[i,j] = where(m[i,j], x[i,j], 0)`";

const REMAINDER: &str = "there is no remainder; to count negative positions from the end, gather through an operand \
                         `t` = 0, 1, 2, … with `--oor t=wrap`, as in `y[i] = x[t[i]-k]*w[k]`";

/// Operators of other languages, with the help for each.
const HINTS: [(&str, &str); 24] = [
    ("**", "a power is `pow(x, 2)`"),
    ("//", "`/` divides and gives a float; there is no integer division"),
    ("==", "`eq(a, b)` compares; `=` assigns"),
    ("=>", "the arrow is written `->`; a text with `=` is a program"),
    ("=+", "addition to a result is written `+=`"),
    ("=*", "multiplication into a result is written `*=`"),
    ("-=", "add the negative: `Y[i] += -x[i]`"),
    ("/=", "multiply by the inverse: `Y[i] *= 1/x[i]`"),
    ("->", "a text with `=` is a program, which has no arrow: `Y[i,k] = A[i,j]*B[j,k]`"),
    ("!", "the only comparison is `eq(a, b)`; its negation is `1-eq(a, b)`"),
    ("<", COMPARISON),
    (">", COMPARISON),
    ("^", "a power is `pow(x, 2)`"),
    ("@", "write the indices of the product: `Y[i,k] = A[i,j]*B[j,k]`"),
    ("%", REMAINDER),
    ("|", "on bool, `+` is *or*; `|=` reduces by *or*"),
    ("&", "on bool, `*` is *and*; `&=` reduces by *and*"),
    (":=", "an assignment is written `=`"),
    ("{", "write indices in brackets, `x[i]`"),
    ("×", "a product is written `*`"),
    ("·", "a product is written `*`"),
    ("⋅", "a product is written `*`"),
    ("−", "a difference is written `-`"),
    ("＝", "an assignment is written `=`"),
];

/// The help for the next token, where it says more than a list of what the grammar allows.
pub(super) fn hint(p: &Parser<'_>, expected: Expected) -> Option<String> {
    let here = &p.text[p.token.span.start as usize..];
    let touches = p.previous.end == p.token.span.start && !p.previous.range().is_empty();
    let both = if touches { &p.text[p.previous.start as usize..] } else { here };
    let at = |what: Expected| expected == what;
    let help = match p.token.kind {
        TokenKind::Other(c) if meant_by(c).is_some() => return meant_by(c).map(|meant| format!("write `{meant}`")),
        TokenKind::Name if at(Expected::Term) => {
            "a term has brackets, as in `[i j]`; a program has an assignment, as in `Y[i] = x[i,j]`"
        }
        TokenKind::Integer | TokenKind::Real
            if at(Expected::AxisOrClose) || at(Expected::SpacedEnd) || at(Expected::OutputEnd) =>
        {
            "an axis is a name here, not a number"
        }
        TokenKind::OpenBracket if at(Expected::SpacedEnd) => "the spaced form has no brackets",
        TokenKind::Comma if at(Expected::NameOrClose) || at(Expected::Merged) => {
            "names that share an axis are separated by spaces: `(a b)`"
        }
        TokenKind::Plus | TokenKind::Minus | TokenKind::Star if at(Expected::NameOrClose) => {
            let open = p.open.last().map_or(p.text.len(), |open| open.span.start as usize);
            let after = closing(p.text, open).map_or("", |close| p.text[close + 1..].trim_start());
            if after.starts_with('%') { REMAINDER } else { "an index has no parentheses: `x[2*i+k]`" }
        }
        TokenKind::Plus | TokenKind::Minus | TokenKind::Star if p.level == Level::Named && expected.closes() => {
            "only programs have windows, as in `y[i] = x[i+k]*w[k]`"
        }
        _ if p.level == Level::Program => {
            return program(p, expected).or_else(|| foreign(here, both)).map(str::to_string);
        }
        _ => return None,
    };
    Some(help.to_string())
}

/// The help for a token of a program in the wrong place.
fn program(p: &Parser<'_>, expected: Expected) -> Option<&'static str> {
    use Expected::{ArgumentEnd, Assign, Expression, Index, IndexEnd, Integer, ParenthesisEnd, PositionEnd, Size};
    use Expected::{Statement, StatementEnd};
    let here = &p.text[p.token.span.end as usize..];
    let operand_ends = matches!(expected, StatementEnd | ParenthesisEnd | ArgumentEnd);
    Some(match (p.token.kind, expected) {
        (TokenKind::Comma, Assign) => {
            "a text with `=` is a program; the arrow of subscripts is `->`, as in `ij,jk->ik`"
        }
        (TokenKind::Name, Assign) if here.starts_with('=') => assignment(p.word(p.token.span))?,
        (TokenKind::Newline, Assign) => "a line end ends the statement; break the line after the assignment sign",
        (TokenKind::Name, Assign) if p.word(p.previous) == "for" => "write `for` in the line of its statement",
        (TokenKind::Plus | TokenKind::Minus | TokenKind::Star | TokenKind::Slash, Statement) => {
            "to continue a line, end it with its operator"
        }
        (TokenKind::Name | TokenKind::Integer | TokenKind::Real | TokenKind::OpenParenthesis, StatementEnd) => {
            "write `*` between factors, and `;` or a line end between statements"
        }
        (TokenKind::OpenBracket, _) if operand_ends => "only a name takes indices, in one pair of brackets: `x[i,j]`",
        (TokenKind::Other('.' | '\''), _) if operand_ends => {
            "a tensor has no attributes: a transpose is `Y[j,i] = X[i,j]`"
        }
        (TokenKind::Colon, Index | IndexEnd) => {
            "there are no slices: write a part of an axis as a window, `Y[k:2] = x[k+1]`"
        }
        (TokenKind::Name, IndexEnd | PositionEnd) => "separate indices by `,`, as in `x[i,j]`",
        (TokenKind::Real, Index | Size | Integer) => "positions and sizes are whole numbers",
        (TokenKind::Slash, IndexEnd | PositionEnd) => "an index has no division; positions are whole numbers",
        (TokenKind::Plus, Index) => "the first term of an index has no `+`",
        (TokenKind::Plus, Expression) if p.previous.end != p.token.span.start => "the first term of a sum has no `+`",
        _ => return None,
    })
}

/// The help for an operator of another language that ends or begins at the current token.
fn foreign(here: &str, both: &str) -> Option<&'static str> {
    let find = |text: &str| HINTS.iter().find(|(sign, _)| text.starts_with(sign)).map(|(_, help)| *help);
    find(both).or_else(|| find(here))
}

#[cfg(test)]
mod tests {
    use super::HINTS;
    use crate::text::parse;

    #[test]
    fn statements_in_hints_can_be_read() {
        let quoted = HINTS.iter().flat_map(|(_, help)| help.split('`').skip(1).step_by(2));
        let statements: Vec<&str> = quoted.filter(|code| code.contains('[') && code.contains('=')).collect();
        assert!(statements.len() > 5);
        for code in statements {
            assert!(parse(code).is_ok(), "{code}");
        }
    }
}
