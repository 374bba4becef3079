//! Random expressions keep their structure; random texts never panic.

use crate::rng::Rng;
use einfold_ir::{Dtype, TensorType};
use einfold_syntax::{Ast, ErrorKind, Options, Subscripts, parse, resolve, resolve_labels};

/// The structure of an expression without spans.
#[derive(Debug, PartialEq, Default)]
struct Model {
    /// Labels, and the number of labels before the ellipsis, if any.
    terms: Vec<(Vec<char>, Option<usize>)>,
    groups: Vec<std::ops::Range<usize>>,
    output: Option<(Vec<char>, Option<usize>)>,
}

impl Model {
    fn of(s: &Subscripts) -> Model {
        let term = |term| {
            let labels = s.labels(term).iter().map(|label| char::from_u32(label.id).unwrap()).collect();
            (labels, term.ellipsis.map(|e| e.before))
        };
        Model {
            terms: s.terms().iter().map(term).collect(),
            groups: s.groups().iter().map(|group| group.terms.clone()).collect(),
            output: s.output().map(|output| term(&output.term)),
        }
    }
}

const LABELS: [char; 12] = ['i', 'j', 'k', 'A', 'z', 'é', 'β', '字', '\u{301}', '×', '😀', 'ª'];

/// Writes a random expression, with insignificant white space, and its model.
struct Writer {
    rng: Rng,
    text: String,
    model: Model,
}

impl Writer {
    fn symbol(&mut self, symbol: &str) {
        self.text += symbol;
        self.text += &" ".repeat(self.rng.below(8).saturating_sub(5));
    }

    fn term(&mut self, labels: Vec<char>) -> (Vec<char>, Option<usize>) {
        let dots = (self.rng.below(4) == 0).then(|| self.rng.below(labels.len() + 1));
        for k in 0..=labels.len() {
            if dots == Some(k) {
                self.symbol("...");
            }
            if let Some(label) = labels.get(k) {
                self.symbol(label.encode_utf8(&mut [0; 4]));
            }
        }
        (labels, dots)
    }

    fn item(&mut self, depth: usize) {
        if depth < 4 && self.rng.below(4) == 0 {
            let (group, start) = (self.model.groups.len(), self.model.terms.len());
            self.model.groups.push(start..start);
            self.symbol("(");
            self.items(2, depth + 1);
            self.symbol(")");
            self.model.groups[group].end = self.model.terms.len();
        } else {
            let labels = (0..self.rng.below(4)).map(|_| self.rng.pick(&LABELS)).collect();
            let term = self.term(labels);
            self.model.terms.push(term);
        }
    }

    fn items(&mut self, least: usize, depth: usize) {
        for k in 0..least + self.rng.below(3) {
            if k > 0 {
                self.symbol(",");
            }
            self.item(depth);
        }
    }

    fn expression(seed: u64) -> (String, Model) {
        let mut w = Writer { rng: Rng::new(seed), text: String::new(), model: Model::default() };
        w.symbol("");
        w.items(1, 0);
        if w.rng.below(3) > 0 {
            w.symbol("->");
            let mut labels: Vec<char> = w.model.terms.iter().flat_map(|(labels, _)| labels.clone()).collect();
            labels.sort_unstable();
            labels.dedup();
            labels.truncate(w.rng.below(5));
            let output = w.term(labels);
            w.model.output = Some(output);
        }
        (w.text, w.model)
    }
}

fn read(text: &str) -> Model {
    match parse(text) {
        Ok(Ast::Letters(subscripts)) => Model::of(&subscripts),
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn reading_and_printing_keep_the_structure() {
    for seed in 0..20_000 {
        let (text, model) = Writer::expression(seed);
        assert_eq!(read(&text), model, "{text:?}");
        let printed = parse(&text).unwrap().to_string();
        assert_eq!(printed, text.replace(' ', ""));
        assert_eq!(read(&printed), model, "{text:?}");
    }
}

/// Parts of texts, the plausible ones more than once.
const PIECES: &str =
    "i j k i j A , , , -> -> ... ... ( ( ) ) - > . → … ， é \u{301} 字 😀 \u{202E} \u{FEFF} \0 1 # [ = \u{10FFFF}";

#[test]
fn hostile_texts_never_panic() {
    let pieces: Vec<&str> = PIECES.split(' ').chain([" ", " ", "\t", "\n", "\r\n"]).collect();
    let mut rng = Rng::new(1);
    let (mut good, mut wrong) = (0, 0);
    for _ in 0..100_000 {
        let text: String = (0..rng.below(12)).map(|_| rng.pick(&pieces)).collect();
        let types: Vec<TensorType> = (0..rng.below(4)).map(|_| tensor(&mut rng)).collect();
        let options = Options { strict: rng.below(4) == 0, ..Options::default() };
        let result = parse(&text).and_then(|ast| resolve(&ast, &types, &options));
        match result {
            Ok(_) => good += 1,
            Err(error) => {
                wrong += 1;
                assert!(!error.help_lines().is_empty(), "{error}");
                assert!(error.spans().iter().all(|note| text.get(note.span.range()).is_some()), "{error}");
                let (report, carets) = (error.to_string(), error.spans().len());
                assert!(report.lines().filter(|line| line.contains('^')).count() >= carets, "{report}");
                assert!(!report.chars().any(|c| einfold_ir::is_hidden(c) && c != '\n'), "{report}");
            }
        }
    }
    assert!(good > 500 && wrong > 10_000, "{good} good, {wrong} wrong");
}

fn tensor(rng: &mut Rng) -> TensorType {
    const EXTENTS: [usize; 8] = [0, 1, 2, 2, 2, 3, 1 << 40, usize::MAX];
    let shape = (0..rng.below(4)).map(|_| rng.pick(&EXTENTS)).collect();
    TensorType { name: None, dtype: rng.pick(&Dtype::BUILTIN), shape, conj: rng.below(2) == 0 }
}

#[test]
fn integer_labels_mean_what_letters_mean() {
    let mut rng = Rng::new(2);
    let mut good = 0;
    for _ in 0..20_000 {
        let terms: Vec<Vec<u32>> =
            (0..rng.below(4)).map(|_| (0..rng.below(4)).map(|_| rng.below(5) as u32).collect()).collect();
        let output: Option<Vec<u32>> =
            (rng.below(2) == 0).then(|| (0..rng.below(3)).map(|_| rng.below(5) as u32).collect());
        let types: Vec<TensorType> = terms
            .iter()
            .map(|term| TensorType {
                shape: term.iter().map(|_| rng.pick(&[1, 2, 2, 2])).collect(),
                ..tensor(&mut rng)
            })
            .collect();
        let letters = |term: &[u32]| term.iter().map(|&k| char::from(b'a' + k as u8)).collect::<String>();
        let mut text = terms.iter().map(|term| letters(term)).collect::<Vec<_>>().join(",");
        if let Some(output) = &output {
            text += &format!("->{}", letters(output));
        }
        let terms: Vec<&[u32]> = terms.iter().map(Vec::as_slice).collect();
        let options = Options::default();
        let by_integers = resolve_labels(&terms, output.as_deref(), &types, &options);
        if terms.is_empty() {
            // The empty text is a scalar, so a text always has an operand.
            continue;
        }
        let by_text = parse(&text).and_then(|ast| resolve(&ast, &types, &options));
        match (by_integers, by_text) {
            (Ok(a), Ok(b)) => {
                good += 1;
                let ends = [&a, &b].map(|ir| ir.node(ir.outputs()[0]).clone());
                assert_eq!((&ends[0].shape, ends[0].dtype), (&ends[1].shape, ends[1].dtype), "{text}");
                assert_eq!(a.nodes().len(), b.nodes().len(), "{text}");
            }
            (Err(a), Err(b)) => assert_eq!(a.code(), b.code(), "{text}\n{a}\n{b}"),
            (a, b) => panic!("{text}\n{a:?}\n{b:?}"),
        }
    }
    assert!(good > 1_000, "{good}");
}

#[test]
fn nesting_is_bounded_and_long_texts_are_refused() {
    let nested = |depth: usize| format!("{}i{}", "(".repeat(depth), ",i)".repeat(depth));
    assert_eq!(parse(&nested(128)).unwrap().to_string(), nested(128));
    let error = parse(&nested(129)).unwrap_err();
    assert_eq!(error.spans()[0].span.start, 128);
    assert!(error.to_string().contains("nested more than 128 deep"));
    assert!(parse(&"(".repeat(1 << 20)).is_err());

    let long = "i".repeat(einfold_syntax::MAX_TEXT);
    assert!(parse(&long).is_ok());
    let error = parse(&format!("{long}i")).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Syntax { .. }));
    assert!(error.spans().is_empty());
}

#[test]
fn many_operands_and_labels_are_no_problem() {
    let n = 3_000;
    let terms: Vec<[u32; 2]> = (0..n).map(|k| [k, k + 1]).collect();
    let terms: Vec<&[u32]> = terms.iter().map(|term| &term[..]).collect();
    let ty = TensorType { name: None, dtype: Dtype::F64, shape: vec![2, 2].into(), conj: false };
    let ir = resolve_labels(&terms, None, &vec![ty; n as usize], &Options::default()).unwrap();
    assert_eq!(ir.node(ir.outputs()[0]).shape[..], [2, 2]);
}
