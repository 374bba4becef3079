//! The reference semantics of the language: every point of the iteration space in sequence. All parts of einfold are
//! compared with this. It is an independent implementation of the definition: it takes the syntax trees of named
//! subscripts and programs from the parser, reads letters from the text, and determines names, sizes, dtypes and sums
//! itself.

mod bounded;
mod evaluate;
mod letters;
mod model;
mod names;
mod read;
mod sizes;
mod sums;
mod types;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use einfold_ir::{Algebra, BinaryOp, Dtype, Function, Literal, OutOfRange};
use einfold_syntax::{Assign, Ast, Options, parse};

use crate::num::{Num, Tensor};
use model::{Expr, Left, Size, Statement};
use sizes::Sizes;
use value::{Trace, fold};

/// The code of the error that the definition requires.
pub(crate) type Refusal = &'static str;

/// Not an error of the language: the points or elements exceed what the oracle evaluates.
pub(crate) const TOO_MANY: Refusal = "more than the oracle can do";

/// The largest number of points of a statement and of elements of a tensor, for questions of any size.
const MOST: usize = 1 << 18;

/// A position that depends on index tensors is out of range: `index-out-of-range` if a result needs the name.
const OUTSIDE: Refusal = "outside of the axis";

/// The codes of all errors of a text that has several.
pub(crate) type Refusals = BTreeSet<Refusal>;

/// The results by name; results of letters and named subscripts have no names.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) results: Vec<(String, Tensor)>,
    /// For each element of each result, a bound of the difference that another order of operations makes: infinite if
    /// every value is right.
    pub(crate) errors: Vec<Vec<f64>>,
    /// Whether no operation rounded.
    pub(crate) exact: bool,
    /// Whether a sum, a product or a quotient produced a NaN or an infinity, so that the result depends on the order.
    pub(crate) invalid: bool,
    /// Whether rounding may have changed the value of a discontinuous function.
    pub(crate) jumped: bool,
    /// The largest finite intermediate value.
    pub(crate) largest: f64,
    /// The largest factor by which an exponential may have amplified a relative error.
    pub(crate) steepest: f64,
    /// Whether an index is out of range in a statement of a name that no result needs. An implementation may skip or
    /// reject it.
    pub(crate) unneeded: bool,
}

/// The environment of the evaluation of statements.
pub(crate) struct Env<'a> {
    options: &'a Options,
    /// The largest number of points of a statement and of elements of a tensor.
    most: usize,
    tensors: BTreeMap<String, Tensor>,
    /// The bounds of the elements of computed tensors, as [`Answer::errors`].
    errors: BTreeMap<String, Vec<f64>>,
    trace: Trace,
    /// The tensors to which the points of each name refer.
    refers: BTreeMap<String, BTreeSet<String>>,
    /// The names with an index out of range, with zeros for their elements.
    outside: Vec<String>,
}

/// Evaluates a text of any level. Operands of a program are bound by name if they have names, otherwise by position.
pub(crate) fn answer(text: &str, operands: &[(String, Tensor)], options: &Options) -> Result<Answer, Refusals> {
    let one = |code| Refusals::from([code]);
    let (add, mul) = match options.algebra {
        Algebra::Builtin { add, mul } => (add, mul),
        Algebra::User(_) => unreachable!("no semirings of users here"),
    };
    let ast = parse(text).map_err(|e| one(e.code()))?;
    let about_names = !options.policy.is_empty() || !options.fill.is_empty() || options.outputs.is_some();
    match ast {
        // The text has no named tensors for the options to refer to. Other errors may be reported first.
        Ast::Letters(_) | Ast::Named(_) if about_names => {
            let (fill, policy) = Default::default();
            let without = Options { fill, policy, outputs: None, ..options.clone() };
            Err(answer(text, operands, &without).err().into_iter().flatten().chain(["names"]).collect())
        }
        Ast::Named(named) => {
            let mut statement = read::named(&named, add, mul);
            let axes: Vec<String> = statement.axes().into_iter().map(String::from).collect();
            let sizes = options.sizes.iter().filter(|(axis, _)| axes.contains(axis));
            statement.sizes = sizes.map(|(axis, n)| (axis.clone(), Size::Number(*n))).collect();
            let unknown = statement.sizes.len() < options.sizes.len();
            let answer = subscripts(statement, operands.iter().map(|o| &o.1), options, MOST);
            match answer {
                _ if !unknown => answer,
                answer => Err(answer.err().into_iter().flatten().chain(["unknown-size"]).collect()),
            }
        }
        Ast::Program(tree) => program(&read::program(&tree), operands, options),
        _ if !options.sizes.is_empty() => Err(one("unknown-size")),
        _ => subscripts(letters::letters(text, add, mul), operands.iter().map(|o| &o.1), options, MOST),
    }
}

/// Evaluates an expression in letters without options; `None` if ranks, sizes, output or dtypes are not valid.
pub(crate) fn einsum(text: &str, operands: &[Tensor]) -> Option<Tensor> {
    let statement = letters::letters(text, BinaryOp::Add, BinaryOp::Mul);
    let answer = subscripts(statement, operands.iter(), &Options::default(), usize::MAX);
    answer.ok().map(|mut answer| answer.results.remove(0).1)
}

fn subscripts<'t>(
    statement: Statement,
    operands: impl ExactSizeIterator<Item = &'t Tensor>,
    options: &Options,
    most: usize,
) -> Result<Answer, Refusals> {
    letters::check(&statement, operands.len()).map_err(|code| Refusals::from([code]))?;
    let operands = operands.enumerate().map(|(k, t)| (read::operand(k), t.clone()));
    let mut env = Env::new(options, most, operands.collect());
    env.define("", &[&statement])?;
    Ok(env.answer(&[""]))
}

fn program(program: &[Statement], operands: &[(String, Tensor)], options: &Options) -> Result<Answer, Refusals> {
    let one = |code| Refusals::from([code]);
    let names = names::names(program).map_err(one)?;
    if options.algebra != Algebra::SUM_PRODUCT {
        return Err(one("unsupported"));
    }
    let axes: Vec<&str> = program.iter().flat_map(Statement::axes).collect();
    let defines = |name: &str| names.definitions.iter().any(|d| d.name == name);
    let mut tensors = BTreeMap::new();
    let named = operands.iter().all(|(name, _)| !name.is_empty());
    if operands.len() != names.inputs.len() && (!named || operands.is_empty()) {
        // The tensors that options refer to are checked before.
        let given = check_options(&names, &BTreeMap::new(), options, program);
        return Err(given.err().into_iter().flatten().chain(["operands"]).collect());
    }
    let mut wrong = Refusals::new();
    for (k, (name, tensor)) in operands.iter().enumerate() {
        let name = if named { name.as_str() } else { names.inputs[k] };
        wrong.extend(defines(name).then_some("name-is-input"));
        wrong.extend(axes.contains(&name).then_some("index-is-tensor"));
        wrong.extend(names.parameters.contains(name).then_some("name-class"));
        tensors.insert(name.to_string(), tensor.clone());
    }
    wrong.extend(check_options(&names, &tensors, options, program).err().into_iter().flatten());
    if !wrong.is_empty() {
        if wrong == one("unknown-size") {
            // A statement before the one with the size may have an error of dtypes, which no size changes.
            let mut sized = options.clone();
            names.parameters.iter().for_each(|name| _ = sized.sizes.entry(name.to_string()).or_insert(1));
            let mut env = Env::new(&sized, MOST, tensors);
            let mut found = names.definitions.iter().map(|d| env.define(d.name, &d.statements));
            let first = found.find_map(Result::err).unwrap_or_default();
            wrong.extend(first.into_iter().filter(|code| *code == "dtype"));
        }
        return Err(wrong);
    }
    let mut env = Env::new(options, MOST, tensors);
    let outputs = match &options.outputs {
        Some(asked) => &asked.iter().map(String::as_str).collect::<Vec<_>>(),
        None => &names.outputs,
    };
    for definition in &names.definitions {
        env.define(definition.name, &definition.statements)?;
    }
    let needed = names.needed(outputs, &env.refers);
    if env.outside.iter().any(|name| needed.contains(name.as_str())) {
        return Err(one("index-out-of-range"));
    }
    Ok(env.answer(outputs))
}

/// Checks that every name in the options exists.
fn check_options(
    names: &names::Names<'_>,
    tensors: &BTreeMap<String, Tensor>,
    options: &Options,
    program: &[Statement],
) -> Result<(), Refusals> {
    let mut wrong = Refusals::new();
    let mut require = |holds: bool, code: Refusal| wrong.extend((!holds).then_some(code));
    let defines = |name: &str| names.definitions.iter().any(|d| d.name == name);
    names.inputs.iter().for_each(|name| require(tensors.contains_key(*name), "unknown-name"));
    options.sizes.keys().for_each(|name| require(names.parameters.contains(name.as_str()), "unknown-size"));
    names.parameters.iter().for_each(|name| require(options.sizes.contains_key(*name), "unknown-size"));
    let known = |name: &str| names.inputs.contains(&name) || defines(name);
    options.policy.keys().for_each(|name| require(known(name), "unknown-name"));
    options.outputs.iter().flatten().for_each(|name| require(defines(name), "unknown-name"));
    for name in options.fill.keys() {
        require(defines(name), "unknown-name");
        let equal = program.iter().any(|s| s.name == *name && s.assign == Assign::Equal);
        require(!equal, "unsupported");
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

impl<'a> Env<'a> {
    fn new(options: &'a Options, most: usize, tensors: BTreeMap<String, Tensor>) -> Env<'a> {
        let (errors, trace, refers, outside) = Default::default();
        Env { options, most, tensors, errors, trace, refers, outside }
    }
}

impl Env<'_> {
    fn tensor(&self, name: &str) -> &Tensor {
        &self.tensors[name]
    }

    /// The out-of-range policy of this index tensor.
    fn policy(&self, ids: &str) -> OutOfRange {
        self.options.policy.get(ids).copied().unwrap_or(self.options.out_of_range)
    }

    fn size(&self, size: &Size) -> Result<usize, Refusal> {
        match size {
            Size::Number(n) => Ok(*n),
            Size::Parameter(name) => self.options.sizes.get(name).copied().ok_or("unknown-size"),
            Size::Of(tensor, axis) => self.tensor(tensor).shape.get(*axis).copied().ok_or("size"),
        }
    }

    fn answer(self, names: &[&str]) -> Answer {
        let results = names.iter().map(|name| (name.to_string(), self.tensors[*name].clone())).collect();
        let errors = names.iter().map(|name| self.errors[*name].clone()).collect();
        let Trace { rounded, invalid, jumped, largest, steepest, powers, .. } = self.trace;
        let invalid = invalid.get() || powers.get() > 100.0;
        let (exact, jumped, steepest) = (!rounded.get(), jumped.get(), 1.0 + steepest.get());
        Answer {
            results,
            errors,
            exact,
            invalid,
            jumped,
            largest: largest.get(),
            steepest,
            unneeded: !self.outside.is_empty(),
        }
    }

    /// Evaluates all contributions to a name. If an index is out of range, its elements are zeros.
    fn define(&mut self, name: &str, statements: &[&Statement]) -> Result<(), Refusals> {
        let one = |code| Refusals::from([code]);
        let spread = |s: &&Statement| -> Result<Statement, Refusal> {
            let mut s = sizes::spread(s, self)?;
            s.right = self.folded(&s.right)?;
            s.left.iter().try_for_each(|l| l.index.ids().into_iter().try_for_each(|a| self.is_index(&a.tensor)))?;
            let ids = s.right.reads().into_iter().flat_map(|r| r.ids()).map(|a| a.tensor.clone()).collect::<Vec<_>>();
            ids.iter().try_for_each(|ids| self.is_index(ids))?;
            Ok(s)
        };
        let contributions = statements.iter().map(spread).collect::<Result<Vec<_>, _>>().map_err(one)?;
        let contributions = &contributions[..];
        let clear = contributions.iter().try_for_each(sums::check);
        let (dtype, shape) = (self.dtype(contributions), self.shape(contributions));
        match (clear, dtype, shape) {
            (Ok(()), Ok(dtype), Ok((shape, sizes))) => {
                let (value, errors) = match evaluate::evaluate(self, contributions, (dtype, &shape), &sizes) {
                    Err(OUTSIDE) => {
                        self.outside.push(name.to_string());
                        let zeros = Tensor::full(dtype, &shape, Num::ZERO);
                        let errors = vec![0.0; zeros.data.len()];
                        (zeros, errors)
                    }
                    value => value.map_err(one)?,
                };
                self.refers.insert(name.to_string(), evaluate::refers(contributions, &sizes));
                self.tensors.insert(name.to_string(), value);
                self.errors.insert(name.to_string(), errors);
                Ok(())
            }
            (clear, dtype, shape) => {
                let shape = shape.err().map(|code| if code == OUTSIDE { "index-out-of-range" } else { code });
                Err(clear.err().into_iter().chain(dtype.err()).chain(shape).collect())
            }
        }
    }

    fn is_index(&self, ids: &str) -> Result<(), Refusal> {
        use Dtype::{I8, I16, I32, I64, U8, U16, U32, U64};
        let whole = matches!(self.tensor(ids).dtype, I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64);
        if whole { Ok(()) } else { Err("index-dtype") }
    }

    /// The shape of a name and the sizes of the axes of each contribution (point 11 of the definition).
    fn shape(&self, contributions: &[Statement]) -> Result<(Vec<usize>, Vec<Sizes>), Refusal> {
        let rank = contributions[0].left.len();
        if contributions.iter().any(|c| c.left.len() != rank) {
            return Err("rank");
        }
        let mut declared = Vec::new();
        for k in 0..rank {
            let all = contributions.iter().filter_map(|c| c.left[k].size.as_ref()).map(|size| self.size(size));
            let all = all.collect::<Result<BTreeSet<usize>, _>>()?;
            declared.push(if all.len() > 1 { return Err("size") } else { all.first().copied() });
        }
        // The sizes that each contribution starts from: declared sizes, and those found by other contributions.
        let mut told = vec![declared.clone(); contributions.len()];
        let mut solved = Vec::new();
        for ones in [false, true] {
            let mut rounds = 0;
            loop {
                let solve = |(c, told): (&Statement, &Vec<_>)| sizes::solve(c, self, told, ones);
                solved = contributions.iter().zip(&told).map(solve).collect::<Vec<_>>();
                let found = solved.iter().map(|(sizes, _)| sizes).collect::<Vec<_>>();
                let news = self.news(contributions, &declared, &told, &found);
                if news == told {
                    break;
                }
                told = news;
                rounds += 1;
                if rounds > 2 * rank + 2 {
                    return Err("unresolved");
                }
            }
        }
        if let Some(wrong) = solved.iter().find_map(|(_, wrong)| *wrong) {
            return Err(wrong);
        }
        let solved: Vec<Sizes> = solved.into_iter().map(|(sizes, _)| sizes).collect();
        let found: Vec<&Sizes> = solved.iter().collect();
        let all = (0..rank).map(|k| self.size_of_result(k, contributions, &declared, &told, &found));
        self.reached(contributions, all.collect::<Result<_, _>>()?, solved)
    }

    /// The size of an axis of the result: the declared size, or the size found by contributions that did not start from
    /// it.
    fn size_of_result(
        &self,
        k: usize,
        contributions: &[Statement],
        declared: &[Option<usize>],
        told: &[Vec<Option<usize>>],
        found: &[&Sizes],
    ) -> Result<Option<usize>, Refusal> {
        if declared[k].is_some() {
            return Ok(declared[k]);
        }
        let mut said = Vec::new();
        for n in 0..contributions.len() {
            if told[n][k].is_none() {
                said.extend(plain(&contributions[n].left[k], found[n]));
            }
        }
        self.held(said.into_iter())
    }

    /// The sizes that each contribution starts from in the next round.
    fn news(
        &self,
        contributions: &[Statement],
        declared: &[Option<usize>],
        told: &[Vec<Option<usize>>],
        found: &[&Sizes],
    ) -> Vec<Vec<Option<usize>>> {
        let rank = declared.len();
        let all: Vec<Option<usize>> =
            (0..rank).map(|k| self.size_of_result(k, contributions, declared, told, found).unwrap_or(None)).collect();
        let mut news = vec![declared.to_vec(); contributions.len()];
        for (n, c) in contributions.iter().enumerate() {
            for k in (0..rank).filter(|&k| declared[k].is_none()) {
                let index = &c.left[k].index;
                let has_size = matches!(index, model::Index::Axis(_) | model::Index::Group(_));
                let knew = told[n][k].is_none() && plain(&c.left[k], found[n]) == all[k];
                // The same axis also indexes another position of the left side with a size other than 1, which applies
                // here too.
                let twin = |other: usize| match (index, &c.left[other].index) {
                    (model::Index::Axis(one), model::Index::Axis(other)) => one == other,
                    _ => false,
                };
                let stretched = (0..rank).any(|other| twin(other) && all[other].is_some_and(|size| size != 1));
                if has_size && !knew && !(all[k] == Some(1) && stretched && !self.options.strict) {
                    news[n][k] = all[k];
                }
            }
        }
        news
    }

    /// The common size of all; sizes of 1 broadcast to it.
    fn held(&self, sizes: impl Iterator<Item = usize>) -> Result<Option<usize>, Refusal> {
        let mut held = None;
        for size in sizes {
            held = match held {
                None | Some(1) if !self.options.strict => Some(size),
                None => Some(size),
                Some(other) if other == size || (size == 1 && !self.options.strict) => Some(other),
                Some(_) => return Err("size"),
            };
        }
        Ok(held)
    }

    /// Determines the sizes of the remaining axes of the result so that they contain all positions.
    fn reached(
        &self,
        contributions: &[Statement],
        left: Vec<Option<usize>>,
        sizes: Vec<Sizes>,
    ) -> Result<(Vec<usize>, Vec<Sizes>), Refusal> {
        let mut known = contributions.iter().zip(&sizes).flat_map(|(c, s)| c.axes().into_iter().map(|a| s.get(a)));
        if known.any(|size| size.is_none()) {
            return Err("unresolved");
        }
        let mut shape = Vec::new();
        for (k, size) in left.iter().enumerate() {
            let mut open = 0;
            for (c, s) in contributions.iter().zip(&sizes).filter(|_| size.is_none()) {
                open = evaluate::reach(self, c, s, k)?.max(open);
            }
            shape.push(size.unwrap_or(open));
        }
        Ok((shape, sizes))
    }

    /// Replaces sizes by numbers in an expression, and folds subexpressions of numbers.
    fn folded(&self, e: &Expr) -> Result<Expr, Refusal> {
        let chain = |list: &[(bool, Expr)], plain: Function, other: Function, make: fn(Vec<(bool, Expr)>) -> Expr| {
            let list = list.iter().map(|(b, e)| Ok((*b, self.folded(e)?))).collect::<Result<Vec<_>, Refusal>>()?;
            let numbers: Option<Vec<(bool, Literal)>> = list.iter().map(|(b, e)| Some((*b, number(e)?))).collect();
            let Some(numbers) = numbers else { return Ok(make(list)) };
            let join = |a: Literal, (b, n): &(bool, Literal)| fold(if *b { other } else { plain }, &[a, *n]);
            let mut value = numbers[0].1;
            if numbers[0].0 {
                value = fold(Function::Neg, &[value]).ok_or("dtype")?;
            }
            numbers[1..].iter().try_fold(value, join).map(Expr::Number).ok_or("dtype")
        };
        match e {
            Expr::Size(size) => Ok(Expr::Number(Literal::Int(self.size(size)? as i128))),
            Expr::Negation(inner) => match self.folded(inner)? {
                Expr::Number(n) => fold(Function::Neg, &[n]).map(Expr::Number).ok_or("dtype"),
                other => Ok(Expr::Negation(Box::new(other))),
            },
            Expr::Sum(list) => chain(list, Function::Add, Function::Sub, Expr::Sum),
            Expr::Product(list) => chain(list, Function::Mul, Function::Div, Expr::Product),
            Expr::Call(function, list) => {
                let list = list.iter().map(|e| self.folded(e)).collect::<Result<Vec<_>, _>>()?;
                let numbers: Option<Vec<Literal>> = list.iter().map(number).collect();
                let value = numbers.and_then(|numbers| fold(*function, &numbers));
                Ok(value.map_or(Expr::Call(*function, list), Expr::Number))
            }
            other => Ok(other.clone()),
        }
    }
}

fn number(e: &Expr) -> Option<Literal> {
    if let Expr::Number(n) = e { Some(*n) } else { None }
}

/// The size of an axis of the result that is indexed by an axis or a merged axis.
fn plain(left: &Left, sizes: &Sizes) -> Option<usize> {
    match &left.index {
        model::Index::Axis(axis) => sizes.get(axis).copied(),
        model::Index::Group(axes) => axes.iter().map(|a| sizes.get(a).copied()).product(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, operands: &[Tensor]) -> Result<Answer, Refusals> {
        let operands: Vec<(String, Tensor)> = operands.iter().map(|t| (String::new(), t.clone())).collect();
        answer(text, &operands, &Options::default())
    }

    #[test]
    fn a_quotient_by_a_rounding_error_has_any_value() {
        let error = |sum: [i128; 3]| {
            let operands = [Tensor::ints(Dtype::I8, &[3], sum), Tensor::ints(Dtype::I8, &[], [-45])];
            of("Y += x[i]/n[]; Z = 2/Y", &operands).unwrap().errors[0][0]
        };
        assert_eq!(error([3, -1, -2]), f64::INFINITY);
        let other = error([3, -1, -1]);
        assert!(other > 0.0 && other < 1e-11, "{other}");
        let exact = of("Y += x[i]; Z = 2/Y", &[Tensor::ints(Dtype::I8, &[3], [3, -1, -2])]).unwrap();
        assert_eq!((exact.results[0].1.data[0], exact.errors[0][0]), (Num::Float(f64::INFINITY, 0.0), 0.0));
    }

    #[test]
    fn an_unknown_size_hides_no_error_of_dtypes() {
        let x = || (String::new(), Tensor::ints(Dtype::C64, &[2], [1, 2]));
        let options = Options { acc: Some(Dtype::Bool), ..Options::default() };
        let both = answer("Y mean= x[i]; Z[i, j:n] = w[i]", &[x(), x()], &options).unwrap_err();
        assert_eq!(both, Refusals::from(["dtype", "unknown-size"]));
    }

    #[test]
    fn functions_of_large_complex_numbers_are_near_their_values() {
        let z = |re: i128| Tensor::ints(Dtype::C64, &[], [re]);
        let sigmoid = of("Y = sigmoid(z[])", &[z(-3_000_000_000)]).unwrap();
        assert_eq!(sigmoid.results[0].1.data[0], Num::Float(0.0, 0.0));
        let power = of("Y = pow(z[], 2)", &[z(1 << 120)]).unwrap();
        let difference = power.results[0].1.data[0].parts().0 - 2_f64.powi(240);
        assert!(difference.abs() <= power.errors[0][0], "{difference}");
    }

    #[test]
    fn an_index_may_be_out_of_range_where_no_point_of_a_result_refers() {
        let text = "Y[i] max= x[g[i]]; Z[j] max= Y[i]*w[j]";
        let with = |n: usize| {
            let x = Tensor::ints(Dtype::I64, &[2], [1, 2]);
            let w = Tensor::ints(Dtype::I64, &[n], (0..n as i128).map(|k| k + 1));
            of(text, &[x, Tensor::ints(Dtype::I64, &[2], [0, 2]), w])
        };
        assert!(with(0).unwrap().unneeded);
        assert_eq!(with(1).unwrap_err(), Refusals::from(["index-out-of-range"]));
    }
}
