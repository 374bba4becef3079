//! Subscripts as statements of a program, which can do more.

use super::edit::{free, names};
use crate::ast::{Ast, Axis, Bracket, Named, Subscripts, Term};
use crate::parse::{read_letters, read_named};
use std::collections::{BTreeMap, BTreeSet};

/// What stands for an axis of an operand or of the output, or for several.
pub(super) enum Item {
    /// An axis.
    Axis(String),
    /// `...`
    Dots,
    /// `(a b)`
    Merged(Vec<String>),
    /// An axis of size 1 without a name.
    One,
}

impl Item {
    fn names(&self) -> &[String] {
        match self {
            Item::Axis(name) => std::slice::from_ref(name),
            Item::Merged(names) => names,
            Item::Dots | Item::One => &[],
        }
    }
}

/// Subscripts of either level.
pub(super) struct Terms {
    inputs: Vec<Vec<Item>>,
    output: Vec<Item>,
}

impl Terms {
    /// Letters, whatever the output has; none without one.
    pub(super) fn of_letters(text: &str) -> Option<Terms> {
        let s = read_letters(text).ok()?;
        let term = |term: &Term| letters(&s, term);
        Some(Terms { inputs: s.terms().iter().map(term).collect(), output: term(&s.output()?.term) })
    }

    /// Named subscripts, whatever the output has. Names that begin with `one` stand for axes of size 1.
    pub(super) fn of_named(text: &str, one: Option<&str>) -> Option<Terms> {
        let named = read_named(text).ok()?;
        let term = |term: &Bracket| term.axes.iter().map(|axis| item(&named, axis, one)).collect();
        Some(Terms { inputs: named.terms().iter().map(term).collect(), output: term(named.output()) })
    }

    /// As what they are read.
    pub(super) fn of(ast: &Ast) -> Option<Terms> {
        match ast {
            Ast::Letters(s) => Terms::of_letters(s.text()),
            Ast::Named(named) => Terms::of_named(named.text(), None),
            Ast::Program(_) => None,
        }
    }

    /// A statement that counts where the products hold.
    fn counting(self) -> String {
        Terms::program(&[self], &BTreeMap::new()).replacen("= ", "= 1*", 1)
    }

    /// One statement for each of several outputs of the same operands; axes that no operand has are of the sizes given, else 2.
    pub(super) fn program(all: &[Terms], sizes: &BTreeMap<String, String>) -> String {
        let mut taken = Names::of(all);
        let operands = all.first().map_or_else(Vec::new, |terms| taken.operands(terms.inputs.len()));
        let statements = all.iter().map(|terms| {
            let result = taken.next(["y", "z", "u", "v", "w"], "y");
            terms.statement(&result, &operands, &mut taken, sizes)
        });
        statements.collect::<Vec<_>>().join("; ")
    }

    fn statement(
        &self,
        result: &str,
        operands: &[String],
        taken: &mut Names,
        sizes: &BTreeMap<String, String>,
    ) -> String {
        let known: BTreeSet<&String> = self.inputs.iter().flatten().flat_map(Item::names).collect();
        let (mut left, mut behind, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut repeats = false;
        for item in &self.output {
            let new: Vec<bool> = item.names().iter().map(|name| seen.insert(name)).collect();
            repeats |= new.contains(&false);
            let size = |name: &String| match (sizes.get(name), known.contains(name)) {
                (Some(size), _) => Some(size.clone()),
                (None, true) => None,
                (None, false) => Some("2".to_string()),
            };
            let index = index(item);
            left.push(match item {
                Item::Axis(name) if new[0] => size(name).map_or(index.clone(), |size| format!("{index}:{size}")),
                Item::One => format!("{}:1", taken.next(["one"], "one")),
                _ => index,
            });
            if let Item::Merged(names) = item {
                let sized = names.iter().filter_map(|name| Some(format!("{name}:{}", size(name)?)));
                behind.extend(sized);
            }
        }
        // Sizes of axes that are summed over.
        let summed = sizes.iter().filter(|(name, _)| known.contains(name) && !seen.contains(name));
        behind.extend(summed.map(|(name, size)| format!("{name}:{size}")));
        let reads =
            self.inputs.iter().zip(operands).map(|(items, name)| access(name, items.iter().map(index).collect()));
        let right = reads.collect::<Vec<_>>().join("*");
        let assign = if repeats { "+=" } else { "=" };
        let behind = if behind.is_empty() { String::new() } else { format!(" for {}", behind.join(", ")) };
        format!("{} {assign} {right}{behind}", access(result, left))
    }
}

/// A program that adds up numbers where these subscripts sum `bool`; none for an implicit output.
pub(crate) fn counting(ast: &Ast) -> Option<String> {
    Terms::of(ast).map(Terms::counting)
}

/// Names that are not free.
struct Names(String);

impl Names {
    fn of(all: &[Terms]) -> Names {
        let items = all.iter().flat_map(|terms| terms.inputs.iter().flatten().chain(&terms.output));
        Names(items.flat_map(Item::names).fold(String::new(), |all, name| all + name + " "))
    }

    /// The first of these names that is free, else one with a number.
    fn next<const N: usize>(&mut self, wanted: [&str; N], numbered: &str) -> String {
        let is_free = |name: &&str| names(&self.0).all(|taken| taken != *name);
        let name = wanted.into_iter().find(is_free).map_or_else(|| free(&self.0, numbered), str::to_string);
        self.0 = format!("{}{name} ", self.0);
        name
    }

    fn operands(&mut self, count: usize) -> Vec<String> {
        match count {
            1 => vec![self.next(["x"], "X")],
            _ => (0..count).map(|_| self.next(["a", "b", "c", "d", "A", "B", "C", "D"], "x")).collect(),
        }
    }
}

fn letters(s: &Subscripts, term: &Term) -> Vec<Item> {
    let mut items: Vec<Item> = s.labels(term).iter().map(|label| Item::Axis(s.name(label.id).to_string())).collect();
    if let Some(dots) = term.ellipsis {
        items.insert(dots.before, Item::Dots);
    }
    items
}

fn item(named: &Named, axis: &Axis, one: Option<&str>) -> Item {
    let name = |name: &crate::ast::Name| named.name(name.id).to_string();
    match axis {
        Axis::Name(n) if one.is_some_and(|one| named.name(n.id).starts_with(one)) => Item::One,
        Axis::Name(n) => Item::Axis(name(n)),
        Axis::Ellipsis(_) => Item::Dots,
        Axis::Merged(merged) => Item::Merged(merged.names.iter().map(name).collect()),
    }
}

fn index(item: &Item) -> String {
    match item {
        Item::Axis(name) => name.clone(),
        Item::Dots => "...".into(),
        Item::Merged(names) => format!("({})", names.join(" ")),
        Item::One => "0".into(),
    }
}

fn access(name: &str, indices: Vec<String>) -> String {
    if indices.is_empty() { name.into() } else { format!("{name}[{}]", indices.join(",")) }
}
