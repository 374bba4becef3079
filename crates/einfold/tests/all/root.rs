//! The number of names at the root of the crate is limited.

/// The names that lines such as `pub use a::{b, c as d};`, `pub mod` and `pub fn` export.
fn names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for item in source.split("\npub ").skip(1) {
        let (kind, rest) = item.split_once(' ').unwrap_or_default();
        let end = |ends: &[char]| rest.find(ends).map_or(rest, |end| &rest[..end]);
        match kind {
            "mod" | "fn" | "struct" | "enum" | "trait" | "type" | "const" => {
                names.push(end(&[';', ' ', '<', '(', ':']).to_string());
            }
            _ => {
                assert_eq!(kind, "use", "{item}");
                let path = end(&[';']);
                let list = path.split_once('{').map_or(path, |(_, list)| list.trim_end_matches('}'));
                let last = |path: &str| path.rsplit([':', ' ']).next().unwrap_or_default().to_string();
                names.extend(list.split(',').map(|path| last(path.trim())).filter(|name| !name.is_empty()));
            }
        }
    }
    names
}

#[test]
fn the_root_has_few_names() {
    let (_, items) = include_str!("../../src/lib.rs").split_once("#![forbid(unsafe_code)]").unwrap_or_default();
    let names = names(items);
    assert!(
        ["einsum", "Plan", "AnyViewMut", "ndarray", "algebra", "typed"]
            .iter()
            .all(|name| names.contains(&name.to_string()))
    );
    let (modules, others): (Vec<&String>, Vec<_>) =
        names.iter().partition(|name| items.contains(&format!("\npub mod {name}")));
    assert!(others.len() <= 35, "{} names: {others:?}", others.len());
    assert!(names.len() <= 40, "{} names, {} of modules: {modules:?}", names.len(), modules.len());
    let public = ["Run", "Slots", "Target", "Spec", "PASSES", "STRATEGIES", "NamedNetwork", "IntoOrder", "NewArray"];
    assert!(public.iter().all(|name| !names.contains(&name.to_string())), "{names:?}");
}
