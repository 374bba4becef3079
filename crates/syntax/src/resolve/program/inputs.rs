//! Binds the inputs and checks the options of a program.

use super::super::Options;
use super::super::letters::addressable;
use super::errors::ProgramErrors;
use super::hir::Tensor;
use super::nodes::Nodes;
use crate::ast::Definition;
use crate::ast::{Assign, Program};
use crate::edit::Edit;
use crate::error::{Error, ErrorKind, Feature, NameClass};
use crate::span::Span;
use einfold_ir::{Algebra, TensorType};
use smol_str::format_smolstr;
use std::collections::BTreeMap;

pub(super) struct ProgramInputs<'a> {
    pub(super) program: &'a Program,
    pub(super) inputs: &'a [TensorType],
    pub(super) options: &'a Options,
}

impl ProgramInputs<'_> {
    fn errors(&self) -> ProgramErrors<'_> {
        ProgramErrors { text: self.program.text(), tensors: &[] }
    }

    /// The start of the text, for errors without a span.
    fn text_start(&self) -> Span {
        Span::point(0)
    }

    /// The classes of the names of the program.
    fn classes(&self) -> BTreeMap<&str, NameClass> {
        (0..).zip(self.program.names().classes()).map(|(id, class)| (self.program.name(id), *class)).collect()
    }

    fn definitions(&self) -> BTreeMap<&str, &Definition> {
        self.program.names().definitions().iter().map(|d| (self.program.name(d.name), d)).collect()
    }

    /// Checks that each option applies to the name that it is given for.
    pub(super) fn check(&self) -> Result<(), Error> {
        let Options { algebra, sizes, fill, policy, .. } = self.options;
        if *algebra != Algebra::SUM_PRODUCT {
            let kind = ErrorKind::Unsupported { feature: Feature::AlgebraOfProgram };
            let operator = self.program.statements().first().map_or(self.text_start(), |s| s.operator);
            return Err(self.errors().error(kind, operator, "written here").help("for example, write `max=` with `+`"));
        }
        let names = self.program.names();
        if sizes.is_empty() && policy.is_empty() && fill.is_empty() {
            return Ok(());
        }
        let (classes, definitions) = (self.classes(), self.definitions());
        let is = |name: &str, class| classes.get(name) == Some(&class);
        if let Some(name) = sizes.keys().find(|name| !is(name, NameClass::Size)) {
            let declared: Vec<String> =
                names.sizes().iter().map(|&id| format!("`{}`", self.program.name(id))).collect();
            let kind = ErrorKind::UnknownSize { name: name.clone(), given: true };
            return Err(self.errors().error(kind, self.text_start(), "no such size here").help(
                match declared.is_empty() {
                    _ if is(name, NameClass::Axis) => {
                        format!(
                            "`{name}` is an axis: declare its size on the left, `{name}:10`, or after the statement, `for {name}:10`"
                        )
                    }
                    true => "the program has no size parameters, which are names after `:`".to_string(),
                    false => format!("size parameters: {}", declared.join(", ")),
                },
            ));
        }
        if let Some(name) = policy.keys().find(|name| !is(name, NameClass::Tensor)) {
            return Err(self.unknown(name, "given an out-of-range policy"));
        }
        for name in fill.keys() {
            match definitions.get(name.as_str()) {
                None => return Err(self.unknown(name, "given a value for empty groups")),
                Some(definition) if definition.assign == Assign::Equal => {
                    let kind = ErrorKind::Unsupported { feature: Feature::FillOfEqual };
                    let operator = self.program.statements()[definition.statements[0]].operator;
                    let error = self.errors().error(kind, operator, format!("`{name}` has no groups"));
                    return Err(error.help("write `+=` to give positions without points another value"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn unknown(&self, name: &str, note: &str) -> Error {
        let defined: Vec<String> =
            self.program.names().definitions().iter().map(|d| format!("`{}`", self.program.name(d.name))).collect();
        let kind = ErrorKind::UnknownName { name: name.to_string() };
        self.errors()
            .error(kind, self.text_start(), format!("`{name}` is {note}"))
            .help(format!("names that the program defines: {}", defined.join(", ")))
    }

    /// The output names: the requested ones, or those that no statement reads.
    pub(super) fn outputs(&self) -> Result<Vec<u32>, Error> {
        let names = self.program.names();
        let Some(asked) = &self.options.outputs else { return Ok(names.outputs().to_vec()) };
        let definitions = self.definitions();
        let defined = |name: &String| match definitions.get(name.as_str()) {
            Some(definition) => Ok(definition.name),
            None => Err(self.unknown(name, "asked for")),
        };
        asked.iter().map(defined).collect()
    }

    fn by_name(&self) -> bool {
        !self.inputs.is_empty() && self.inputs.iter().all(|input| input.name.is_some())
    }

    /// The operand of each input: by name if all operands have one, else by position.
    pub(super) fn bind(&self) -> Result<Vec<Option<usize>>, Error> {
        let names = self.program.names();
        let mut tensor_of = vec![None; names.classes().len()];
        let by_name = self.by_name();
        if !by_name && self.inputs.len() != names.inputs().len() {
            return Err(self.operands());
        }
        let given: BTreeMap<&str, usize> =
            self.inputs.iter().enumerate().filter_map(|(k, input)| Some((input.name.as_deref()?, k))).collect();
        let operand = |id: u32| given.get(self.program.name(id)).copied();
        for (position, &id) in names.inputs().iter().enumerate() {
            let operand = if by_name { operand(id) } else { Some(position) };
            tensor_of[id as usize] = Some(operand.ok_or_else(|| self.missing(id))?);
        }
        let written = names.definitions().iter().find(|d| by_name && operand(d.name).is_some());
        if let Some(definition) = written {
            let kind = ErrorKind::NameIsInput { name: self.program.name(definition.name).to_string() };
            let error = self.errors().error(kind, self.program.first(definition.name), "defined here");
            return Err(error.help("inputs are never written: give one of the two another name"));
        }
        let others = (0..).zip(names.classes()).filter(|(_, class)| **class != NameClass::Tensor);
        // Operands whose names the program does not use are ignored.
        let taken = others.filter(|_| by_name).find(|(id, _)| operand(*id).is_some());
        match taken {
            Some((id, class)) => Err(self.other_class(id, *class)),
            None => Ok(tensor_of),
        }
    }

    fn other_class(&self, id: u32, class: NameClass) -> Error {
        let name = self.program.name(id).to_string();
        let help = match class {
            NameClass::Axis => format!("to gather, index it as well: `{name}[n]`; an axis needs a name of its own"),
            _ => "give the size as a parameter, not as an operand".to_string(),
        };
        let kind = match class {
            NameClass::Axis => ErrorKind::IndexIsTensor { name },
            _ => ErrorKind::NameClass { name, first: class, second: NameClass::Tensor },
        };
        self.errors().error(kind, self.program.first(id), format!("{class} here, and an operand")).help(help)
    }

    fn operands(&self) -> Error {
        let (inputs, given) = (self.program.names().inputs(), self.inputs.len());
        let kind = ErrorKind::Operands { expected: inputs.len(), given };
        let names: Vec<&str> = inputs.iter().map(|&id| self.program.name(id)).collect();
        let error = match inputs.get(given) {
            Some(&id) => {
                self.errors().error(kind, self.program.first(id), format!("no operand for `{}`", names[given]))
            }
            None => self.errors().error(kind, self.text_start(), format!("no name for operand {}", inputs.len() + 1)),
        };
        let missing: Vec<String> = names.iter().skip(given).map(|name| format!("`{name}`")).collect();
        let error = match missing.len() {
            0 => error.help(format!("remove operand {}, or name it in the program", inputs.len() + 1)),
            1 => error.help(format!("operand {} is missing: {}", given + 1, missing[0])),
            n => error.help(format!("operands {} to {} are missing: {}", given + 1, given + n, missing.join(", "))),
        };
        let error = error.help(match names.is_empty() {
            true => "the program reads no operand".to_string(),
            false => format!("operands are given in the order in which their names appear: {}", names.join(", ")),
        });
        inputs.iter().skip(given).fold(error, |error, &id| self.constant(error, id))
    }

    fn missing(&self, id: u32) -> Error {
        let name = self.program.name(id);
        let given: Vec<&str> = self.inputs.iter().flat_map(|i| i.name.as_deref()).collect();
        let kind = ErrorKind::UnknownName { name: name.to_string() };
        let error = self
            .errors()
            .error(kind, self.program.first(id), "neither given nor defined")
            .help(format!("operand `{name}` is missing; given: {}", list(&given)));
        self.constant(error, id)
    }

    /// Adds a candidate if the missing operand has the name of a constant in other languages.
    fn constant(&self, error: Error, id: u32) -> Error {
        let (name, first) = (self.program.name(id), self.program.first(id));
        let value = match name.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => "(1/0)",
            "nan" => "(0/0)",
            "pi" => "3.141592653589793",
            _ => return error,
        };
        let words = format!("`{name}` is the name of an operand; the number is");
        error.candidate(words, Edit::new(self.program.text()).replace(first, value).finish())
    }

    /// All operands as the inputs of the module, in order.
    pub(super) fn tensors(&self, nodes: &mut Nodes) -> Result<Vec<Tensor>, Error> {
        let (names, by_name) = (self.program.names(), self.by_name());
        let by_position = |k: usize| names.inputs().get(k).map(|&id| self.program.name(id).into());
        let tensor = |(k, input): (usize, &TensorType)| {
            if !addressable(&input.shape, input.dtype) {
                return Err(self.errors().too_large(&input.shape, input.dtype, self.text_start()));
            }
            let name = if by_name { input.name.clone() } else { by_position(k) };
            let name = name.unwrap_or_else(|| format_smolstr!("x{k}"));
            let node = nodes.ir.input(name.clone(), input.dtype, input.shape.as_slice());
            let (shown, dtype, shape, conj) = (format!("`{name}`"), input.dtype, input.shape.clone(), input.conj);
            Ok(Tensor { name, shown, dtype, shape, conj, node })
        };
        self.inputs.iter().enumerate().map(tensor).collect()
    }
}

/// A list of names for a message.
fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
