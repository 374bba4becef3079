//! Rewrites subscripts as statements of a program.

use crate::ast::{Ast, Named, NamedAxis, NamedTerm, Subscripts, Term};
use crate::edit::{free, names};
use crate::parse::{read_letters, read_named};
use std::collections::{BTreeMap, BTreeSet};

/// An item of a term.
pub(super) enum AxisItem {
    /// An axis.
    Axis(String),
    /// `...`
    Dots,
    /// `(a b)`
    Merged(Vec<String>),
    /// An unnamed axis of size 1.
    One,
}

impl AxisItem {
    fn names(&self) -> &[String] {
        match self {
            AxisItem::Axis(name) => std::slice::from_ref(name),
            AxisItem::Merged(names) => names,
            AxisItem::Dots | AxisItem::One => &[],
        }
    }
}

/// The terms of letters or of named subscripts.
pub(super) struct SubscriptTerms {
    inputs: Vec<Vec<AxisItem>>,
    output: Vec<AxisItem>,
}

impl SubscriptTerms {
    /// Reads letters with any output; `None` without an output.
    pub(super) fn of_letters(text: &str) -> Option<SubscriptTerms> {
        let s = read_letters(text).ok()?;
        let term = |term: &Term| letters(&s, term);
        Some(SubscriptTerms { inputs: s.terms().iter().map(term).collect(), output: term(&s.output()?.term) })
    }

    /// Reads named subscripts with any output. Names that begin with `one` stand for axes of size 1.
    pub(super) fn of_named(text: &str, one: Option<&str>) -> Option<SubscriptTerms> {
        let named = read_named(text).ok()?;
        let term = |term: &NamedTerm| term.axes.iter().map(|axis| item(&named, axis, one)).collect();
        Some(SubscriptTerms { inputs: named.terms().iter().map(term).collect(), output: term(named.output()) })
    }

    /// The terms of a parsed text.
    pub(super) fn of(ast: &Ast) -> Option<SubscriptTerms> {
        match ast {
            Ast::Letters(s) => SubscriptTerms::of_letters(s.text()),
            Ast::Named(named) => SubscriptTerms::of_named(named.text(), None),
            Ast::Program(_) => None,
        }
    }

    /// A statement that counts the points where the product holds.
    fn counting(self) -> String {
        SubscriptTerms::program(&[self], &BTreeMap::new()).replacen("= ", "= 1*", 1)
    }

    /// One statement for each output over the same operands. Axes that no operand has get a size from `sizes`, else 2.
    pub(super) fn program(all: &[SubscriptTerms], sizes: &BTreeMap<String, String>) -> String {
        let mut taken = UsedNames::of(all);
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
        taken: &mut UsedNames,
        sizes: &BTreeMap<String, String>,
    ) -> String {
        let known: BTreeSet<&String> = self.inputs.iter().flatten().flat_map(AxisItem::names).collect();
        let (mut left, mut sizes_after, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
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
                AxisItem::Axis(name) if new[0] => size(name).map_or(index.clone(), |size| format!("{index}:{size}")),
                AxisItem::One => format!("{}:1", taken.next(["one"], "one")),
                _ => index,
            });
            if let AxisItem::Merged(names) = item {
                let sized = names.iter().filter_map(|name| Some(format!("{name}:{}", size(name)?)));
                sizes_after.extend(sized);
            }
        }
        // Sizes of summed axes.
        let summed = sizes.iter().filter(|(name, _)| known.contains(name) && !seen.contains(name));
        sizes_after.extend(summed.map(|(name, size)| format!("{name}:{size}")));
        let reads =
            self.inputs.iter().zip(operands).map(|(items, name)| access(name, items.iter().map(index).collect()));
        let right = reads.collect::<Vec<_>>().join("*");
        let assign = if repeats { "+=" } else { "=" };
        let sizes_after =
            if sizes_after.is_empty() { String::new() } else { format!(" for {}", sizes_after.join(", ")) };
        format!("{} {assign} {right}{sizes_after}", access(result, left))
    }
}

/// A program that adds numbers where these subscripts sum `bool`; `None` for an implicit output.
pub(crate) fn counting(ast: &Ast) -> Option<String> {
    SubscriptTerms::of(ast).map(SubscriptTerms::counting)
}

/// The names in use.
struct UsedNames(String);

impl UsedNames {
    fn of(all: &[SubscriptTerms]) -> UsedNames {
        let items = all.iter().flat_map(|terms| terms.inputs.iter().flatten().chain(&terms.output));
        UsedNames(items.flat_map(AxisItem::names).fold(String::new(), |all, name| all + name + " "))
    }

    /// The first unused name of `wanted`, else a numbered one.
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

fn letters(s: &Subscripts, term: &Term) -> Vec<AxisItem> {
    let mut items: Vec<AxisItem> =
        s.labels(term).iter().map(|label| AxisItem::Axis(s.name(label.id).to_string())).collect();
    if let Some(dots) = term.ellipsis {
        items.insert(dots.before, AxisItem::Dots);
    }
    items
}

fn item(named: &Named, axis: &NamedAxis, one: Option<&str>) -> AxisItem {
    let name = |name: &crate::ast::Name| named.name(name.id).to_string();
    match axis {
        NamedAxis::Name(n) if one.is_some_and(|one| named.name(n.id).starts_with(one)) => AxisItem::One,
        NamedAxis::Name(n) => AxisItem::Axis(name(n)),
        NamedAxis::Ellipsis(_) => AxisItem::Dots,
        NamedAxis::Merged(merged) => AxisItem::Merged(merged.names.iter().map(name).collect()),
    }
}

fn index(item: &AxisItem) -> String {
    match item {
        AxisItem::Axis(name) => name.clone(),
        AxisItem::Dots => "...".into(),
        AxisItem::Merged(names) => format!("({})", names.join(" ")),
        AxisItem::One => "0".into(),
    }
}

fn access(name: &str, indices: Vec<String>) -> String {
    if indices.is_empty() { name.into() } else { format!("{name}[{}]", indices.join(",")) }
}
