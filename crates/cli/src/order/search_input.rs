//! The input of an order search.

use crate::args::OrderArgs;
use crate::error::Failure;
use crate::{operands, reserve_memory, stdin, text_file};
use einfold::{Dtype, Expression, TensorType, order::NamedNetwork};
use einfold_order::Network;
use einfold_order::format::LabeledNetwork;
use std::ffi::OsStr;
use std::path::Path;

/// A network from a file or an expression.
pub(super) struct SearchInput {
    pub(super) network: Network,
    /// The label of each axis.
    pub(super) labels: Vec<String>,
    /// The element type of intermediates.
    pub(super) dtype: Dtype,
}

impl SearchInput {
    /// Reads the network from the file, or takes it from the expression.
    ///
    /// # Errors
    /// The file does not contain a network, the expression does not fit its shapes, or operands are given for a file.
    pub(super) fn read(args: &OrderArgs) -> Result<SearchInput, Failure> {
        let file = Path::new(&args.input);
        let is_file = stdin::is_meant(file) || file.extension() == Some(OsStr::new("json")) || file.is_file();
        let input = if is_file {
            if args.shapes.is_some() || !args.files.is_empty() {
                return Err(usage("a file has the shapes of its network; leave out operands and `--shapes`"));
            }
            of_file(file)?
        } else {
            of_expression(args)?
        };
        Ok(SearchInput { dtype: args.dtype.unwrap_or(input.dtype), ..input })
    }
}

fn of_file(file: &Path) -> Result<SearchInput, Failure> {
    let text = text_file::read(file)?;
    reserve_memory::to_plan(text.len())?;
    let LabeledNetwork { network, labels } =
        LabeledNetwork::from_json(&text).map_err(|source| Failure::format(file, source))?;
    Ok(SearchInput { network, labels, dtype: Dtype::F64 })
}

fn of_expression(args: &OrderArgs) -> Result<SearchInput, Failure> {
    let text = args.input.to_string_lossy();
    reserve_memory::to_plan(text.len())?;
    let expression = if args.spaced { Expression::spaced(&text)? } else { Expression::new(&text)? };
    let expression = args.language.apply(expression, "order")?;
    let NamedNetwork { network, labels, dtype } = expression.network(types(args, &expression)?)?;
    let labels = labels.iter().map(ToString::to_string).collect();
    Ok(SearchInput { network, labels, dtype })
}

fn types(args: &OrderArgs, expression: &Expression) -> Result<Vec<TensorType>, Failure> {
    match &args.shapes {
        Some(shapes) if args.files.is_empty() => Ok(shapes.0.clone()),
        None if !args.files.is_empty() || expression.operands() == 0 => {
            let files: Vec<&OsStr> = args.files.iter().map(AsRef::as_ref).collect();
            Ok(operands::types(&operands::open(&files)?))
        }
        _ => Err(usage("give the types of the operands by files or by `--shapes`")),
    }
}

fn usage(what: &'static str) -> Failure {
    Failure::Usage { verb: "order", what }
}
