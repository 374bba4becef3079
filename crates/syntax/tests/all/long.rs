//! Texts with many parts. Work quadratic in `MANY` would take minutes here; linear work takes a moment. Messages stay
//! short, whatever the length of the names.

use einfold_ir::{Dtype, TensorType};
use einfold_syntax::{Error, Options, SizeQuery, parse, resolve, resolve_with_queries};

const MANY: usize = 50_000;

fn listed(between: &str, part: impl Fn(usize) -> String) -> String {
    (0..MANY).map(part).collect::<Vec<_>>().join(between)
}

fn ty(name: &str, shape: impl Into<Vec<usize>>) -> TensorType {
    TensorType { name: Some(name.into()), ..unnamed(shape) }
}

fn unnamed(shape: impl Into<Vec<usize>>) -> TensorType {
    TensorType { name: None, dtype: Dtype::F64, shape: shape.into().into(), conj: false }
}

fn check(text: &str, types: &[TensorType], options: &Options) -> Result<(), Error> {
    resolve(&parse(text)?, types, options).map(drop)
}

#[test]
fn many_axes() {
    let plain = listed(",", |k| format!("i{k}"));
    let ones = listed(",", |k| format!("i{k}:1"));
    let options = Options::default();
    check(&format!("Y[{plain}] = x[{plain}]"), &[ty("x", vec![1; MANY])], &options).unwrap();
    check(&format!("Y[{ones}] = x[({})]", plain.replace(',', " ")), &[ty("x", [1])], &options).unwrap();
    check(&format!("Y[{ones}] += x[{}]", plain.replace(',', "+")), &[ty("x", [1])], &options).unwrap();
    let names = plain.replace(',', " ");
    check(&format!("[{names}] -> [({names})]"), &[unnamed(vec![1; MANY])], &options).unwrap();
}

#[test]
fn a_chain_of_windows_is_solved_axis_by_axis() {
    let windows = listed("*", |k| format!("x{k}[i{k}+i{}]", k + 1));
    let types: Vec<TensorType> = (0..MANY).map(|k| ty(&format!("x{k}"), [3])).chain([ty("s", [2])]).collect();
    check(&format!("Y += {windows}*s[i0]"), &types, &Options::default()).unwrap();
}

#[test]
fn many_names() {
    let product = listed("*", |k| format!("x{k}[i]"));
    let types: Vec<TensorType> = (0..MANY).map(|k| ty(&format!("x{k}"), [2])).collect();
    check(&format!("Y[i] += {product}"), &types, &Options::default()).unwrap();
    let sum = listed(" + ", |k| format!("x{k}[i]"));
    check(&format!("Y[i] = {sum}"), &types, &Options::default()).unwrap();
    let sizes: Vec<(String, usize)> = (0..MANY).map(|k| (format!("i{k}"), 1)).collect();
    let options = Options { sizes: sizes.into_iter().collect(), ..Options::default() };
    let names = listed(" ", |k| format!("i{k}"));
    check(&format!("[{names}] -> []"), &[unnamed(vec![1; MANY])], &options).unwrap();
}

#[test]
fn many_statements() {
    let statements = listed("\n", |k| format!("Y{k}[i] = x[i]*{k}"));
    let outputs = (0..MANY).map(|k| format!("Y{k}")).collect();
    let options = Options { outputs: Some(outputs), ..Options::default() };
    check(&statements, &[ty("x", [2])], &options).unwrap();
    let contributions = listed("\n", |k| format!("Y[i] += x[i]*{k}"));
    check(&contributions, &[ty("x", [2])], &Options::default()).unwrap();
}

#[test]
fn many_size_queries() {
    let ids = |name: String| TensorType { dtype: Dtype::I64, ..ty(&name, [2]) };
    let types: Vec<TensorType> = (0..MANY).map(|k| ids(format!("g{k}"))).chain([ty("x", [2])]).collect();
    for text in [listed("\n", |k| format!("Y[g{k}[i]] += x[i]")), listed("\n", |k| format!("Y{k}[g{k}[i]] += x[i]"))] {
        let (mut asked, mut read) = (0, 0);
        let mut answer = |query: &SizeQuery| {
            (asked, read) = (asked + 1, read + query.operands().len());
            Some(4)
        };
        resolve_with_queries(&parse(&text).unwrap(), &types, &Options::default(), &mut answer, &mut Vec::new())
            .unwrap();
        assert_eq!((asked, read), (MANY, MANY));
    }
}

#[test]
fn messages_are_short() {
    let name = "a".repeat(1_000_000);
    let list = (0..100_000).map(|k| format!("x{k}")).collect::<Vec<_>>();
    let product = list.iter().map(|name| format!("{name}[i]")).collect::<Vec<_>>().join("*");
    let x = [ty("x", [2])];
    let texts = [
        (format!("Y[i] = {name}[i]; Z = {name}"), &x[..]),
        (format!("Y[{name}] = x[{name}+5]"), &x),
        (format!("Y[{name}] = x[{name}]*x[2*{name}+{name}]*z[{name}]"), &[ty("x", [2]), ty("z", [3])]),
        (format!("Y[i] = {name}(x[i])"), &x),
        (format!("Y[i] = {name}[i]\n{name}[i] = 1"), &x),
        (format!("Y[i:{}] = x[i]", "9".repeat(1_000_000)), &x),
        (format!("Y[i] = x[i]*{}.5.5", "9".repeat(1_000_000)), &x),
        (format!("Y[i] = {product}"), &x),
        (format!("[{name}] -> [{name} {name}]"), &x),
        (format!("batch {name} i -> batch"), &x),
        (format!("{}->{}", "i".repeat(1000), "\u{4e00}".repeat(1_000_000)), &x),
    ];
    for (text, types) in texts {
        let error = parse(&text).and_then(|ast| resolve(&ast, types, &Options::default()));
        let report = match error {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{}… is right", &text[..40]),
        };
        assert!(report.len() < 8000, "{} bytes of {}", report.len(), report.lines().next().unwrap_or_default());
    }
}
