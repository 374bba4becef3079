//! Levels 2 and 3: what was probably meant by what cannot stand at a place.

use super::lex::Kind;
use super::meant::closing;
use super::parser::Parser;
use super::suggest::assignment;
use super::wanted::Wanted;
use crate::error::Level;
use crate::labels::meant_by;

const COMPARISON: &str =
    "there are no comparisons but `eq(a, b)`; a mask is an operand, as in `y[i,j] = where(m[i,j], x[i,j], 0)`";

const REMAINDER: &str = "there is no remainder; what goes around the end of an axis takes its positions from an operand \
                         `t` = 0, 1, 2, … with `--oor t=wrap`, as in `y[i] = x[t[i]-k]*w[k]`";

/// Signs of other languages, and what to write here.
const HINTS: [(&str, &str); 24] = [
    ("**", "a power is `pow(x, 2)`"),
    ("//", "`/` divides; there is no division that rounds"),
    ("==", "`eq(a, b)` compares; `=` assigns"),
    ("=>", "the arrow is written `->`; a text with `=` is a program"),
    ("=+", "what adds up is written `+=`"),
    ("=*", "what multiplies up is written `*=`"),
    ("-=", "add the negative: `Y[i] += -x[i]`"),
    ("/=", "multiply by the inverse: `Y[i] *= 1/x[i]`"),
    ("->", "a text with `=` is a program, which has no arrow: `Y[i,k] = A[i,j]*B[j,k]`"),
    ("!", "there are no comparisons but `eq(a, b)`; its opposite is `1-eq(a, b)`"),
    ("<", COMPARISON),
    (">", COMPARISON),
    ("^", "a power is `pow(x, 2)`"),
    ("@", "write the indices of the product: `Y[i,k] = A[i,j]*B[j,k]`"),
    ("%", REMAINDER),
    ("|", "on bool, `+` is *or*; `|=` reduces by *or*"),
    ("&", "on bool, `*` is *and*; `&=` reduces by *and*"),
    (":=", "an assignment is written `=`"),
    ("{", "indices stand in brackets, `x[i]`"),
    ("×", "a product is written `*`"),
    ("·", "a product is written `*`"),
    ("⋅", "a product is written `*`"),
    ("−", "a difference is written `-`"),
    ("＝", "an assignment is written `=`"),
];

/// What was probably meant by the next token, where that says more than what could have stood there.
pub(super) fn hint(p: &Parser<'_>, wanted: Wanted) -> Option<String> {
    let here = &p.text[p.token.span.start as usize..];
    let touches = p.previous.end == p.token.span.start && !p.previous.range().is_empty();
    let both = if touches { &p.text[p.previous.start as usize..] } else { here };
    let at = |what: Wanted| wanted == what;
    let help = match p.token.kind {
        Kind::Other(c) if meant_by(c).is_some() => return meant_by(c).map(|meant| format!("write `{meant}`")),
        Kind::Name if at(Wanted::Term) => {
            "a term has brackets, as in `[i j]`; a program has an assignment, as in `Y[i] = x[i,j]`"
        }
        Kind::Integer | Kind::Real if at(Wanted::AxisOrClose) || at(Wanted::SpacedEnd) || at(Wanted::OutputEnd) => {
            "axes have names here, not numbers"
        }
        Kind::OpenBracket if at(Wanted::SpacedEnd) => "the spaced form has no brackets",
        Kind::Comma if at(Wanted::NameOrClose) || at(Wanted::Merged) => {
            "names that share an axis are separated by spaces: `(a b)`"
        }
        Kind::Plus | Kind::Minus | Kind::Star if at(Wanted::NameOrClose) => {
            let open = p.open.last().map_or(p.text.len(), |open| open.span.start as usize);
            let behind = closing(p.text, open).map_or("", |close| p.text[close + 1..].trim_start());
            if behind.starts_with('%') { REMAINDER } else { "an index has no parentheses: `x[2*i+k]`" }
        }
        Kind::Plus | Kind::Minus | Kind::Star if p.level == Level::Named && wanted.closes() => {
            "windows are for programs, as in `y[i] = x[i+k]*w[k]`"
        }
        _ if p.level == Level::Program => {
            return program(p, wanted).or_else(|| foreign(here, both)).map(str::to_string);
        }
        _ => return None,
    };
    Some(help.to_string())
}

/// The hint for a token of a program that could stand elsewhere.
fn program(p: &Parser<'_>, wanted: Wanted) -> Option<&'static str> {
    use Wanted::{ArgumentEnd, Assign, Expression, Index, IndexEnd, Integer, ParenthesisEnd, PositionEnd, Size};
    use Wanted::{Statement, StatementEnd};
    let here = &p.text[p.token.span.end as usize..];
    let operand_ends = matches!(wanted, StatementEnd | ParenthesisEnd | ArgumentEnd);
    Some(match (p.token.kind, wanted) {
        (Kind::Comma, Assign) => "a text with `=` is a program; the arrow of subscripts is `->`, as in `ij,jk->ik`",
        (Kind::Name, Assign) if here.starts_with('=') => assignment(p.word(p.token.span))?,
        (Kind::Newline, Assign) => "a line end ends the statement; break the line after the assignment sign",
        (Kind::Name, Assign) if p.word(p.previous) == "for" => "`for` stands in the line of its statement",
        (Kind::Plus | Kind::Minus | Kind::Star | Kind::Slash, Statement) => {
            "a line that is not complete ends with its operator: write the sign at the end of the line before"
        }
        (Kind::Name | Kind::Integer | Kind::Real | Kind::OpenParenthesis, StatementEnd) => {
            "write `*` between factors, and `;` or a line end between statements"
        }
        (Kind::OpenBracket, _) if operand_ends => "only a name has indices, all in one pair of brackets: `x[i,j]`",
        (Kind::Other('.' | '\''), _) if operand_ends => "a tensor has no attributes: a transpose is `Y[j,i] = X[i,j]`",
        (Kind::Colon, Index | IndexEnd) => "there are no slices: a part of an axis is a window, `Y[k:2] = x[k+1]`",
        (Kind::Name, IndexEnd | PositionEnd) => "separate indices by `,`, as in `x[i,j]`",
        (Kind::Real, Index | Size | Integer) => "positions and sizes are whole numbers",
        (Kind::Slash, IndexEnd | PositionEnd) => "an index has no division; positions are whole numbers",
        (Kind::Plus, Index) => "a first part has no `+`",
        (Kind::Plus, Expression) if p.previous.end != p.token.span.start => "a first term has no `+`",
        _ => return None,
    })
}

/// The hint for a sign of another language that begins with the token before, or here.
fn foreign(here: &str, both: &str) -> Option<&'static str> {
    let find = |text: &str| HINTS.iter().find(|(sign, _)| text.starts_with(sign)).map(|(_, help)| *help);
    find(both).or_else(|| find(here))
}

#[cfg(test)]
mod tests {
    use super::HINTS;
    use crate::parse::parse;

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
