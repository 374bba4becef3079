//! Parses the notation of `einfold.ebnf`: productions with their comments.

/// An expression of the grammar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    /// Another production.
    Name(String),
    /// Literal characters.
    Literal(String),
    /// A description in words.
    Words(String),
    Sequence(Vec<Expr>),
    Choice(Vec<Expr>),
    /// Optional.
    Optional(Box<Expr>),
    /// Any number of repetitions.
    Many(Box<Expr>),
}

/// A production.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) expr: Expr,
    /// The source without comments.
    pub(crate) source: String,
    /// The comment on its last line.
    pub(crate) comment: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Item {
    Rule(Rule),
    /// A separate comment.
    Note(String),
}

/// The productions after a comment in dashes, `(* ---- title ---- *)`.
#[derive(Debug)]
pub(crate) struct Section {
    /// Empty before the first such comment.
    pub(crate) title: String,
    pub(crate) items: Vec<Item>,
}

/// A syntax error in the file, with its position.
pub(crate) type Error = String;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Literal(String),
    Words(String),
    Sign(char),
}

/// Parses a file.
pub(crate) fn read(text: &str) -> Result<Vec<Section>, Error> {
    let mut sections = vec![Section { title: String::new(), items: Vec::new() }];
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let section = sections.last_mut().ok_or("there is no section")?;
        if let Some((comment, after)) = comment(rest)? {
            match comment.strip_prefix("----") {
                Some(title) => {
                    sections.push(Section { title: title.trim_matches([' ', '-']).to_string(), items: Vec::new() })
                }
                None => section.items.push(Item::Note(comment)),
            }
            rest = after.trim_start();
        } else {
            let (rule, after) = rule(rest)?;
            section.items.push(Item::Rule(rule));
            rest = after.trim_start();
        }
    }
    Ok(sections)
}

/// A comment at the start of `text`, and the rest.
fn comment(text: &str) -> Result<Option<(String, &str)>, Error> {
    let Some(text) = text.strip_prefix("(*") else { return Ok(None) };
    let (comment, rest) = text.split_once("*)").ok_or("a comment is not closed")?;
    let paragraphs = comment.trim().split("\n\n").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(Some((paragraphs.collect::<Vec<_>>().join("\n\n"), rest)))
}

fn rule(text: &str) -> Result<(Rule, &str), Error> {
    let (tokens, rest) = tokens(text)?;
    let source = text[..text.len() - rest.len()].trim_end().to_string();
    let mut tokens = tokens.into_iter().peekable();
    let Some(Token::Name(name)) = tokens.next() else { return Err(format!("no name before `{source}`")) };
    if tokens.next() != Some(Token::Sign('=')) {
        return Err(format!("no `=` after `{name}`"));
    }
    let expr = choice(&mut tokens)?;
    if tokens.next() != Some(Token::Sign(';')) {
        return Err(format!("`{name}` does not end with `;`"));
    }
    let beside = rest.split('\n').next().unwrap_or_default().trim_start();
    let (comment, rest) = match comment(&rest[rest.find(beside).unwrap_or(0)..])? {
        Some((comment, rest)) if !beside.is_empty() => (Some(comment), rest),
        _ => (None, rest),
    };
    Ok((Rule { name, expr, source, comment }, rest))
}

/// The symbols up to the first `;`, included.
fn tokens(text: &str) -> Result<(Vec<Token>, &str), Error> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let closed = |sign: char| rest[1..].split_once(sign).ok_or_else(|| format!("`{sign}` is not closed"));
        let token = match first {
            '"' => {
                let (literal, after) = closed('"')?;
                rest = after;
                Token::Literal(literal.to_string())
            }
            '?' => {
                let (words, after) = closed('?')?;
                rest = after;
                Token::Words(words.split_whitespace().collect::<Vec<_>>().join(" "))
            }
            first if first.is_alphabetic() => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let name = rest[..end].to_string();
                rest = &rest[end..];
                Token::Name(name)
            }
            sign => {
                rest = &rest[sign.len_utf8()..];
                Token::Sign(sign)
            }
        };
        let last = token == Token::Sign(';');
        tokens.push(token);
        if last {
            return Ok((tokens, rest));
        }
        rest = rest.trim_start();
    }
    Err("a production does not end with `;`".to_string())
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<Token>>;

fn choice(tokens: &mut Tokens) -> Result<Expr, Error> {
    let mut choices = vec![sequence(tokens)?];
    while tokens.next_if_eq(&Token::Sign('|')).is_some() {
        choices.push(sequence(tokens)?);
    }
    Ok(if choices.len() == 1 { choices.remove(0) } else { Expr::Choice(choices) })
}

fn sequence(tokens: &mut Tokens) -> Result<Expr, Error> {
    let mut parts = Vec::new();
    while let Some(token) = tokens.next_if(|token| !matches!(token, Token::Sign('|' | ')' | ']' | '}' | ';'))) {
        let mut inside = |close: char| {
            let expr = choice(tokens)?;
            match tokens.next() == Some(Token::Sign(close)) {
                true => Ok(expr),
                false => Err(format!("`{close}` is missing")),
            }
        };
        parts.push(match token {
            Token::Name(name) => Expr::Name(name),
            Token::Literal(literal) => Expr::Literal(literal),
            Token::Words(words) => Expr::Words(words),
            Token::Sign('(') => inside(')')?,
            Token::Sign('[') => Expr::Optional(Box::new(inside(']')?)),
            Token::Sign('{') => Expr::Many(Box::new(inside('}')?)),
            Token::Sign(sign) => return Err(format!("unexpected `{sign}`")),
        });
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Sequence(parts) })
}

impl Expr {
    /// Calls `f` with the name of each production that the expression mentions.
    pub(crate) fn for_each_name<'e>(&'e self, f: &mut impl FnMut(&'e str)) {
        match self {
            Expr::Name(name) => f(name),
            Expr::Literal(_) | Expr::Words(_) => {}
            Expr::Sequence(parts) | Expr::Choice(parts) => parts.iter().for_each(|part| part.for_each_name(f)),
            Expr::Optional(inner) | Expr::Many(inner) => inner.for_each_name(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Expr, Item, read};

    #[test]
    fn a_production_is_read_with_its_comments() {
        let sections =
            read("(* about *)\n(* ---- one ---- *)\na = \"x\" { \",\" b } | [ ? any ? ] ; (* beside *)\n(* alone *)\n")
                .unwrap();
        assert_eq!(sections.iter().map(|s| s.title.as_str()).collect::<Vec<_>>(), ["", "one"]);
        let [Item::Rule(rule), Item::Note(note)] = &sections[1].items[..] else { panic!("{sections:?}") };
        assert_eq!((rule.name.as_str(), rule.comment.as_deref(), note.as_str()), ("a", Some("beside"), "alone"));
        assert_eq!(rule.source, "a = \"x\" { \",\" b } | [ ? any ? ] ;");
        let list = Expr::Many(Box::new(Expr::Sequence(vec![Expr::Literal(",".into()), Expr::Name("b".into())])));
        let first = Expr::Sequence(vec![Expr::Literal("x".into()), list]);
        let second = Expr::Optional(Box::new(Expr::Words("any".into())));
        assert_eq!(rule.expr, Expr::Choice(vec![first, second]));
    }

    #[test]
    fn what_breaks_the_notation_is_refused() {
        for text in ["a = b", "a b ;", "= b ;", "a = ( b ;", "a = \"b ;", "(* a", "a = b ) ;"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
