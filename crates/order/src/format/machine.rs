//! Machine models as JSON.

use einfold_ir::{Machine, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::FormatError;

/// The name and version of the schema.
const SCHEMA: &str = "einfold.machine/1";

/// Times are in nanoseconds.
#[derive(Serialize, Deserialize)]
struct Document {
    schema: String,
    product_ns: f64,
    half_speed: [u32; 2],
    product_setup_ns: f64,
    nest_ns: f64,
    gather_ns: f64,
    contraction_ns: f64,
    memory_byte_ns: f64,
    fork_ns: f64,
    search_work_ns: f64,
    search_split_ns: f64,
    partitions: u32,
    cache_bytes: [u64; 3],
}

/// The key that is read first, because another version may have other keys.
#[derive(Deserialize)]
struct Version {
    schema: String,
}

/// Returns a machine as JSON for [`machine_from_json`]: a key for each field of [`Machine`], with the suffix `_ns` for
/// times, which are in nanoseconds, and the key `schema`, which is `einfold.machine/1`.
pub fn machine_json(machine: &Machine) -> Value {
    let document = Document {
        schema: SCHEMA.into(),
        product_ns: machine.product.ns(),
        half_speed: machine.half_speed,
        product_setup_ns: machine.product_setup.ns(),
        nest_ns: machine.nest.ns(),
        gather_ns: machine.gather.ns(),
        contraction_ns: machine.contraction.ns(),
        memory_byte_ns: machine.memory_byte.ns(),
        fork_ns: machine.fork.ns(),
        search_work_ns: machine.search_work.ns(),
        search_split_ns: machine.search_split.ns(),
        partitions: machine.partitions,
        cache_bytes: machine.cache_bytes,
    };
    serde_json::to_value(document).unwrap_or_default()
}

/// Reads a machine that [`machine_json`] or `einfold calibrate` wrote. All keys are required; other keys are ignored.
///
/// ```
/// use einfold_ir::Machine;
/// use einfold_order::format::{machine_from_json, machine_json};
/// let text = machine_json(&Machine::default()).to_string();
/// assert_eq!(machine_from_json(&text)?, Machine::default());
/// # Ok::<(), einfold_order::format::FormatError>(())
/// ```
///
/// # Errors
/// [`FormatError`] if the text has another schema or version, a time is not between a femtosecond and a second, or the
/// number of partitions is 0.
pub fn machine_from_json(text: &str) -> Result<Machine, FormatError> {
    let Version { schema } = serde_json::from_str(text)?;
    if schema != SCHEMA {
        return Err(FormatError::Version { found: schema, expected: SCHEMA });
    }
    let d: Document = serde_json::from_str(text)?;
    let time = |key: &str, ns: f64| {
        let wrong = || FormatError::Shape(format!("`{key}` is {ns}; a time from 0.000001 to 1000000000 was expected"));
        Time::from_ns(ns).ok_or_else(wrong)
    };
    if d.partitions == 0 {
        return Err(FormatError::Shape("`partitions` is 0; at least 1 was expected".into()));
    }
    Ok(Machine {
        product: time("product_ns", d.product_ns)?,
        half_speed: d.half_speed,
        product_setup: time("product_setup_ns", d.product_setup_ns)?,
        nest: time("nest_ns", d.nest_ns)?,
        gather: time("gather_ns", d.gather_ns)?,
        contraction: time("contraction_ns", d.contraction_ns)?,
        memory_byte: time("memory_byte_ns", d.memory_byte_ns)?,
        fork: time("fork_ns", d.fork_ns)?,
        search_work: time("search_work_ns", d.search_work_ns)?,
        search_split: time("search_split_ns", d.search_split_ns)?,
        partitions: d.partitions,
        cache_bytes: d.cache_bytes,
    })
}

#[cfg(test)]
mod tests {
    use einfold_ir::{Machine, Time};
    use serde_json::{Value, json};

    use super::{machine_from_json, machine_json};

    #[test]
    fn a_machine_is_equal_after_writing_and_reading() {
        let other = Machine { product: Time::from_ns(0.013_337).unwrap(), partitions: 3, ..Machine::DEFAULT };
        for machine in [Machine::DEFAULT, other] {
            assert_eq!(machine_from_json(&machine_json(&machine).to_string()), Ok(machine));
        }
        let mut more = machine_json(&other);
        more["cpu"] = "some processor".into();
        assert_eq!(machine_from_json(&more.to_string()), Ok(other));
    }

    #[test]
    fn an_invalid_machine_is_an_error_that_names_the_key() {
        let with = |key: &str, value: Value| {
            let mut json = machine_json(&Machine::DEFAULT);
            json[key] = value;
            machine_from_json(&json.to_string()).unwrap_err().to_string()
        };
        assert_eq!(with("nest_ns", json!(0)), "`nest_ns` is 0; a time from 0.000001 to 1000000000 was expected");
        assert!(with("fork_ns", json!(1e300)).contains("`fork_ns` is 1"));
        assert!(with("product_ns", json!(-1)).contains("`product_ns` is -1"));
        assert_eq!(with("partitions", json!(0)), "`partitions` is 0; at least 1 was expected");
        assert!(with("cache_bytes", json!([1, 2])).contains("length 2"));
        assert!(with("half_speed", json!([1, -3])).contains("-3"));
        assert!(with("nest_ns", json!("fast\u{1b}")).contains("expected f64"));
        assert_eq!(
            with("schema", json!("einfold.machine/2")),
            "the text has the schema `einfold.machine/2`, this version reads `einfold.machine/1`"
        );
        let mut less = machine_json(&Machine::DEFAULT);
        less.as_object_mut().unwrap().remove("gather_ns");
        let refused = |text: &str| machine_from_json(text).unwrap_err().to_string();
        assert!(refused(&less.to_string()).contains("missing field `gather_ns`"));
        assert!(refused("{}").contains("missing field `schema`"));
        assert!(refused("product_ns = 3").starts_with("this is not JSON"));
        assert!(refused("").starts_with("this is not JSON"));
    }
}
