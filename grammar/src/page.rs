//! Writes the page with the diagrams.

use crate::diagram;
use crate::ebnf::{Error, Item, Rule, Section, read};
use std::collections::BTreeMap;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// The rules that mention each rule, in the order of the file.
type Uses<'s> = BTreeMap<&'s str, Vec<&'s str>>;

/// The page of the grammar in this text: one file without external scripts, fonts or images.
pub(crate) fn page(grammar: &str) -> Result<String, Error> {
    let sections = read(grammar)?;
    let uses = uses(&sections)?;
    let mut page = String::new();
    write(&mut page, &sections, &uses).map_err(|error| error.to_string())?;
    Ok(page)
}

fn rules(section: &Section) -> impl Iterator<Item = &Rule> {
    section.items.iter().filter_map(|item| match item {
        Item::Rule(rule) => Some(rule),
        Item::Note(_) => None,
    })
}

fn uses(sections: &[Section]) -> Result<Uses<'_>, Error> {
    let mut uses: Uses<'_> = BTreeMap::new();
    for rule in sections.iter().flat_map(rules) {
        if uses.insert(&rule.name, Vec::new()).is_some() {
            return Err(format!("`{}` is defined twice", rule.name));
        }
    }
    for rule in sections.iter().flat_map(rules) {
        let mut unknown = None;
        rule.expr.for_each_name(&mut |name| match uses.get_mut(name) {
            Some(users) if users.last() == Some(&&*rule.name) => {}
            Some(users) => users.push(&rule.name),
            None => unknown = Some(name),
        });
        if let Some(name) = unknown {
            return Err(format!("`{}` mentions `{name}`, which is not defined", rule.name));
        }
    }
    Ok(uses)
}

fn write(page: &mut String, sections: &[Section], uses: &Uses<'_>) -> std::fmt::Result {
    writeln!(page, "<!DOCTYPE html>\n<!-- Generated from grammar/einfold.ebnf by `cargo run -p einfold-grammar`. -->")?;
    writeln!(page, "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>The grammar of einfold</title>")?;
    writeln!(page, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(page, "<style>\n{STYLE}</style>\n</head>\n<body>")?;
    contents(page, sections)?;
    writeln!(page, "<main>\n<h1>The grammar of einfold</h1>")?;
    writeln!(
        page,
        "<p>The grammar as diagrams: follow a line from its left end to its right end. <span class=\"key \
         token\">Round</span> boxes are literal, <a class=\"key rule\" href=\"#text\">square</a> ones lead to \
         another diagram, <i>slanted</i> words describe characters. The text form is \
         <a href=\"../grammar/einfold.ebnf\">grammar/einfold.ebnf</a>; what a text means is said in \
         <a href=\"semantics.md\">semantics.md</a>.</p>"
    )?;
    for (number, section) in sections.iter().enumerate() {
        write_section(page, number, section, uses)?;
    }
    writeln!(page, "</main>\n</body>\n</html>")
}

fn contents(page: &mut String, sections: &[Section]) -> std::fmt::Result {
    writeln!(page, "<nav>")?;
    for (number, section) in sections.iter().enumerate() {
        if !section.title.is_empty() {
            let (head, _) = split_title(&section.title);
            writeln!(page, "<a class=\"section\" href=\"#section-{number}\">{}</a>", escape(&capital(head)))?;
        }
        for rule in rules(section) {
            writeln!(page, "<a href=\"#{0}\">{0}</a>", rule.name)?;
        }
    }
    writeln!(page, "</nav>")
}

/// A title and its remark after `;`.
fn split_title(title: &str) -> (&str, &str) {
    title.split_once("; ").unwrap_or((title, ""))
}

fn write_section(page: &mut String, number: usize, section: &Section, uses: &Uses<'_>) -> std::fmt::Result {
    writeln!(page, "<section>")?;
    if !section.title.is_empty() {
        let (head, more) = split_title(&section.title);
        writeln!(page, "<h2 id=\"section-{number}\">{}</h2>", escape(&capital(head)))?;
        if !more.is_empty() {
            writeln!(page, "<p>{}.</p>", prose(&capital(more)))?;
        }
    }
    for item in &section.items {
        match item {
            Item::Note(note) => {
                for paragraph in note.split("\n\n") {
                    writeln!(page, "<p>{}</p>", prose(paragraph))?;
                }
            }
            Item::Rule(rule) => write_rule(page, rule, uses)?,
        }
    }
    writeln!(page, "</section>")
}

fn write_rule(page: &mut String, rule: &Rule, uses: &Uses<'_>) -> std::fmt::Result {
    let name = &rule.name;
    writeln!(page, "<article id=\"{name}\">\n<h3><a href=\"#{name}\">{name}</a></h3>")?;
    if let Some(comment) = &rule.comment {
        writeln!(page, "<p class=\"beside\">{}</p>", prose(comment))?;
    }
    writeln!(page, "<div class=\"diagram\">\n{}\n</div>", diagram::svg(&rule.expr).trim_end())?;
    writeln!(page, "<details><summary>as text</summary><pre>{}</pre></details>", escape(&rule.source))?;
    let users = uses.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
    if !users.is_empty() {
        let links: Vec<String> = users.iter().map(|user| format!("<a href=\"#{user}\">{user}</a>")).collect();
        writeln!(page, "<p class=\"users\">in {}</p>", links.join(", "))?;
    }
    writeln!(page, "</article>")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text with quoted symbols marked up.
fn prose(text: &str) -> String {
    let mut html = String::new();
    for (k, piece) in text.split(['"', '`']).enumerate() {
        match k % 2 {
            0 => html.push_str(&escape(piece)),
            _ => html.push_str(&format!("<code>{}</code>", escape(piece))),
        }
    }
    html
}
