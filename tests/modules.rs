//! The modules of each crate have no cyclic dependencies.
//!
//! The test compares siblings: files and directories of one directory. A use of a module by a file is a dependency
//! between siblings among their ancestors; a use of an ancestor does not count. A re-exported name counts for the
//! module that defines it. Test modules are excluded.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The path of a module from the root of the crate.
type Module = Vec<String>;

/// The source text of a module.
struct Source {
    /// Each path of a `use`, with the name that it introduces.
    uses: Vec<(String, Vec<String>)>,
    /// Paths that occur elsewhere in the code.
    paths: Vec<Vec<String>>,
}

impl Source {
    fn read(text: &str) -> Source {
        let text = code(text);
        let mut uses = Vec::new();
        let (mut rest, mut other) = (&text[..], String::new());
        while let Some(at) = find_use(rest) {
            let end = at + rest[at..].find(';').unwrap_or(rest.len() - at);
            flatten(&mut Vec::new(), rest[at..end].trim_start_matches("use "), &mut uses);
            other += &rest[..at];
            rest = &rest[end..];
        }
        Source { uses, paths: paths(&(other + rest)) }
    }
}

/// The text without comments and without its test module, which is the last item of a file or a file of its own.
fn code(text: &str) -> String {
    let mut parts = text.split("#[cfg(test)]\nmod ");
    let first = parts.next().unwrap_or_default();
    let declared = parts.map_while(|part| part.split_once(";\n").filter(|(name, _)| !name.contains('{')));
    let text = declared.fold(first.to_owned(), |all, (_, rest)| all + rest);
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .fold(String::new(), |all, line| all + line + "\n")
}

/// The position of the next `use` keyword at the start of an item.
fn find_use(text: &str) -> Option<usize> {
    let starts = text.match_indices("use ").map(|(at, _)| at);
    starts.into_iter().find(|&at| {
        let line = text[..at].rsplit('\n').next().unwrap_or_default().trim();
        line.is_empty() || line.starts_with("pub") && !line.contains(|c: char| "{;=".contains(c))
    })
}

/// Splits a `use` tree into its paths.
fn flatten(prefix: &mut Vec<String>, tree: &str, all: &mut Vec<(String, Vec<String>)>) {
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, Some(group.rsplit_once('}').map_or(group, |(group, _)| group))),
        None => (tree, None),
    };
    let (head, renamed) = head.split_once(" as ").map_or((head, None), |(head, name)| (head, Some(name.trim())));
    let before = prefix.len();
    prefix.extend(head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(String::from));
    match group {
        None => {
            if prefix.last().is_some_and(|last| last == "self") {
                prefix.pop();
            }
            let name = renamed.map(String::from).or_else(|| prefix.last().cloned()).unwrap_or_default();
            all.push((name, prefix.clone()));
        }
        Some(group) => {
            let (mut depth, mut start) = (0, 0);
            for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        if !group[start..at].trim().is_empty() {
                            flatten(prefix, &group[start..at], all);
                        }
                        start = at + 1;
                    }
                    _ => {}
                }
            }
        }
    }
    prefix.truncate(before);
}

/// All paths of several names, `a::b::c`, and single names followed by `::`.
fn paths(text: &str) -> Vec<Vec<String>> {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    text.split(|c: char| !word(c))
        .filter(|path| path.contains("::"))
        .map(|path| path.split("::").map(String::from).collect())
        .collect()
}

/// Reads all modules of a crate.
fn read_crate(folder: &Path) -> BTreeMap<Module, Source> {
    let (mut modules, mut open) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let path = entry.strip_prefix(folder).unwrap().with_extension("");
                let mut module: Module = path.iter().map(|name| name.to_str().unwrap().into()).collect();
                module.pop_if(|last| ["lib", "main", "mod"].contains(&&last[..]));
                if !module.iter().any(|name| ["tests", "testing", "bin"].contains(&&name[..])) {
                    modules.insert(module, Source::read(&fs::read_to_string(&entry).unwrap()));
                }
            }
        }
    }
    modules
}

/// Resolves paths of a crate.
struct Names<'m> {
    modules: &'m BTreeMap<Module, Source>,
}

impl Names<'_> {
    /// Converts a path to one from the root of the crate; `None` if it refers to another crate.
    fn absolute(&self, from: &Module, path: &[String]) -> Option<Vec<String>> {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let (base, rest) = match path.first().map(String::as_str) {
            Some("crate") => (&from[..0], &path[1..]),
            Some("self") => (&from[..], &path[1..]),
            Some("super") => (&from[..from.len().checked_sub(supers)?], &path[supers..]),
            Some(name) if self.modules.contains_key(&[&from[..], &[name.to_string()]].concat()) => (&from[..], path),
            _ => return None,
        };
        Some([base, rest].concat())
    }

    /// The module that defines the item of a path.
    fn home(&self, path: &[String], depth: usize) -> Module {
        let known = (0..=path.len()).rev().find(|&n| self.modules.contains_key(&path[..n])).unwrap_or(0);
        let module = path[..known].to_vec();
        let exported = path.get(known).filter(|_| depth < 8).and_then(|name| {
            let (_, to) = self.modules[&module].uses.iter().find(|(introduced, _)| introduced == name)?;
            self.absolute(&module, to)
        });
        exported.map_or(module, |exported| self.home(&exported, depth + 1))
    }
}

/// The dependencies between siblings, each with the modules that cause it.
fn arrows(modules: &BTreeMap<Module, Source>) -> BTreeMap<(Module, Module), BTreeSet<String>> {
    let names = Names { modules };
    let mut arrows: BTreeMap<(Module, Module), BTreeSet<String>> = BTreeMap::new();
    for (from, source) in modules {
        let used = source.uses.iter().map(|(_, path)| path).chain(&source.paths);
        for to in used.filter_map(|path| names.absolute(from, path)).map(|path| names.home(&path, 0)) {
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if common < from.len() && common < to.len() {
                let cause = format!("{} uses {}", from.join("::"), to.join("::"));
                arrows.entry((from[..=common].to_vec(), to[..=common].to_vec())).or_default().insert(cause);
            }
        }
    }
    arrows
}

/// The dependencies that are part of a cycle: each end reaches the other.
fn circles(arrows: &BTreeMap<(Module, Module), BTreeSet<String>>) -> Vec<String> {
    let reaches = |from: &Module, to: &Module| {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(next) = open.pop() {
            for ((_, end), _) in arrows.range((next.clone(), Vec::new())..).take_while(|((start, _), _)| start == next)
            {
                if end == to {
                    return true;
                }
                if seen.insert(end) {
                    open.push(end);
                }
            }
        }
        false
    };
    let on_circle = arrows.iter().filter(|((from, to), _)| reaches(to, from));
    on_circle.map(|((from, to), why)| format!("{} -> {}: {why:?}", from.join("::"), to.join("::"))).collect()
}

#[test]
fn modules_form_no_circle() {
    let crates = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut found = Vec::new();
    for krate in fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path()) {
        let name = krate.file_name().unwrap().to_str().unwrap().to_owned();
        let modules = read_crate(&krate.join("src"));
        assert!(modules.len() > 1, "{name} has no modules");
        found.extend(circles(&arrows(&modules)).into_iter().map(|arrow| format!("{name}: {arrow}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_through_re_exports_and_written_paths() {
    let module = |path: &str, text: &str| {
        let names: Module = path.split("::").filter(|name| !name.is_empty()).map(String::from).collect();
        (names, Source::read(text))
    };
    let modules = BTreeMap::from([
        module("", "mod a;\nmod b;\n#[cfg(test)]\nmod testing;\npub use b::{inner::B, *};\n"),
        // The module uses a name of `b` through the root.
        module("a", "use std::fmt;\nuse crate::B;\npub fn f() {}\n"),
        module("b", "pub(crate) mod inner;\n"),
        module(
            "b::inner",
            "// use crate::c;\npub struct B;\nfn g() { crate::a::f(); }\n#[cfg(test)]\nmod tests { use crate::c; }\n",
        ),
    ]);
    let arrows = arrows(&modules);
    assert_eq!(circles(&arrows).len(), 2, "{arrows:?}");
}
