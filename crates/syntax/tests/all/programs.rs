//! Random programs and named subscripts keep their structure; random texts never panic; long or deep texts are read or
//! refused.

use crate::rng::Rng;
use crate::structure::{of_named, of_program};
use crate::writer::Writer;
use einfold_ir::{Dtype, TensorType};
use einfold_syntax::{Ast, Error, parse, parse_spaced, resolve};

fn structure(ast: &Ast) -> String {
    match ast {
        Ast::Named(named) => of_named(named),
        Ast::Program(program) => of_program(program),
        other => panic!("{other:?}"),
    }
}

fn check(text: &str, meant: &str, parsed: Result<Ast, Error>) {
    let ast = parsed.unwrap_or_else(|error| panic!("{text:?}\n{error}"));
    assert_eq!(structure(&ast), meant, "{text:?}");
    let printed = ast.to_string();
    let again = parse(&printed).unwrap_or_else(|error| panic!("{printed:?}\n{error}"));
    assert_eq!(structure(&again), meant, "{text:?}");
    assert_eq!(again.to_string(), printed, "{text:?}");
}

#[test]
fn programs_keep_their_structure() {
    for seed in 0..5_000 {
        let mut w = Writer::new(seed);
        let meant = w.program();
        check(&w.text, &meant, parse(&w.text));
    }
}

#[test]
fn named_subscripts_keep_their_structure() {
    for seed in 0..20_000 {
        let mut w = Writer::new(seed);
        let meant = w.named(seed % 2 == 0);
        let parsed = if seed % 2 == 0 { parse_spaced(&w.text) } else { parse(&w.text) };
        check(&w.text, &meant, parsed);
    }
}

/// Parts of texts, the plausible ones more than once.
const PIECES: &str = "i j n X X Y Y g K [ [ [ ] ] ] ( ( ) ) , , : ; = = = += *= max= min= |= &= lse= mean= max size exp where \
    for re + - - * * / -> ... . .. 0 1 2 3.5 1e 9999999999999999999 # é \u{301} 字 😀 → − \u{202E} \u{FEFF} \0 @ ' \" \\ ** == \
    \u{10FFFF} X[i] Y[i] g[n] exp(";

/// A random text of the language, with one part replaced by noise.
fn spoilt(rng: &mut Rng, seed: u64, write: impl Fn(&mut Writer) -> String, noise: &str) -> String {
    let mut w = Writer::new(seed);
    write(&mut w);
    let mut text: Vec<char> = w.text.chars().collect();
    let start = rng.below(text.len() + 1);
    let end = (start + rng.below(3)).min(text.len());
    text.splice(start..end, noise.chars());
    text.into_iter().collect()
}

/// Types for the operands of a text, with the ranks that the text has.
fn some_types(rng: &mut Rng, ast: &Ast) -> Vec<TensorType> {
    let mut ranks: Vec<usize> = match ast {
        Ast::Named(named) => named.terms().iter().map(|term| term.axes.len()).collect(),
        Ast::Program(program) => vec![0; program.names().inputs().len()],
        _ => return Vec::new(),
    };
    if let Ast::Program(program) = ast {
        for (rank, &id) in ranks.iter_mut().zip(program.names().inputs()) {
            // The first use of the form `name[…]`, up to the first bracket: often the rank.
            let bracket = format!("{}[", program.name(id));
            let list = program.text().split_once(&bracket).map_or("", |(_, rest)| rest.split(']').next().unwrap_or(""));
            *rank = if list.trim().is_empty() { 0 } else { list.split(',').count() };
        }
    }
    let mut ty = |rank: usize| {
        let dtype = rng.pick(&[Dtype::F64, Dtype::I64, Dtype::I64, Dtype::U8, Dtype::F16, Dtype::Bool, Dtype::C32]);
        TensorType { name: None, dtype, shape: (0..rank).map(|_| rng.below(4)).collect(), conj: false }
    };
    ranks.into_iter().map(&mut ty).collect()
}

#[test]
fn hostile_texts_never_panic() {
    let pieces: Vec<&str> = PIECES.split_whitespace().chain([" ", " ", "\t", "\n", "\r\n", "\u{85}"]).collect();
    let mut rng = Rng::new(3);
    let (mut good, mut meant, mut wrong) = (0, 0, 0);
    for k in 0..100_000 {
        let noise: String = (0..rng.below(8)).map(|_| rng.pick(&pieces)).collect();
        let text = match k % 4 {
            0 => noise,
            1 => format!("Y[i] = {noise}"),
            2 => spoilt(&mut rng, k, |w| w.named(false), &noise),
            _ => spoilt(&mut rng, k, Writer::program, &noise),
        };
        let parsed = if k % 5 == 0 { parse_spaced(&text) } else { parse(&text) };
        good += usize::from(parsed.is_ok());
        match parsed.and_then(|ast| resolve(&ast, &some_types(&mut rng, &ast), &Default::default())) {
            Ok(_) => meant += 1,
            Err(error) => {
                wrong += 1;
                assert!(!error.help_lines().is_empty(), "{error}");
                assert!(error.suggestions().iter().all(|text| parse(text).is_ok()), "{error}");
                assert!(error.spans().iter().all(|note| text.get(note.span.range()).is_some()), "{error}");
                let (report, carets) = (error.to_string(), error.spans().len());
                assert!(report.lines().filter(|line| line.contains('^')).count() >= carets, "{report}");
                assert!(!report.chars().any(|c| einfold_ir::is_hidden(c) && c != '\n'), "{report}");
            }
        }
    }
    assert!(good > 500 && meant > 100 && wrong > 10_000, "{good} good, {meant} meant, {wrong} wrong");
}

#[test]
fn nesting_is_bounded() {
    let nest = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("Y = {}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    for (open, close) in [("(", ")"), ("-", ""), ("exp(", ")"), ("(x*", ")"), ("(x-", ")"), ("g[", "]")] {
        // Brackets of the outermost access: index tensors are read inside it.
        let (open_first, close_last) = if open == "g[" { ("X[", "]") } else { ("", "") };
        let text = |depth: usize| {
            let outer = usize::from(open == "g[");
            nest(open, "n", close, depth - outer).replacen("Y = ", &format!("Y = {open_first}"), 1) + close_last
        };
        let ast = parse(&text(128)).unwrap_or_else(|error| panic!("{open}\n{error}"));
        assert_eq!(parse(&ast.to_string()).unwrap().to_string(), ast.to_string());
        let error = parse(&text(129)).unwrap_err();
        assert!(error.to_string().contains("nested more than 128 deep"), "{error}");
        assert!(parse(&format!("Y = {}", open.repeat(1 << 16))).is_err());
    }
    assert!(parse(&"[(".repeat(1 << 16)).is_err());
}

#[test]
fn long_chains_are_flat() {
    let n = 10_000;
    for (operator, count) in [(" + ", n), ("*", n)] {
        let text = format!("Y = {}", vec!["x"; count].join(operator));
        assert_eq!(parse(&text).unwrap().to_string(), text);
    }
    let statements: Vec<String> = (0..n).map(|k| format!("Y{k} = x{k}")).collect();
    let Ast::Program(program) = parse(&statements.join("\n")).unwrap() else { panic!("a program") };
    assert_eq!((program.names().outputs().len(), program.names().inputs().len()), (n, n));
    let terms = vec!["[i]"; n].join(", ");
    assert_eq!(parse(&format!("{terms} -> [i]")).unwrap().to_string(), format!("{terms} -> [i]"));
}
