//! Compiler messages for type errors name the types that are accepted. Each program is checked by `cargo check`.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A program that does not compile, and the messages that the compiler has to print.
struct Mistake {
    name: &'static str,
    body: &'static str,
    says: &'static [&'static str],
}

const MISTAKES: [Mistake; 8] = [
    Mistake {
        name: "vector",
        body: r#"einsum::<Array1<f64>>("i,i->i", (&a, &vec![1.0, 2.0]))?;"#,
        says: &["is not a list of operands of einfold", "einfold::ndarray::aview1(&elements)"],
    },
    Mistake {
        name: "conjugate",
        body: r#"conj(vec![1.0]);"#,
        says: &["`Vec<{float}>` is not an operand of einfold", "einfold::ndarray::aview1(&elements)"],
    },
    Mistake {
        name: "other_ndarray",
        body: r#"struct ArrayBase(f64); einsum::<Array1<f64>>("i->i", &ArrayBase(1.0))?;"#,
        says: &["is not a list of operands of einfold", "another version of ndarray is another type"],
    },
    Mistake {
        name: "missing_result",
        body: r#"let y = einsum("i->i", &a)?;"#,
        says: &["is not the type of the results of einfold", "let y: Array2<f64> = einsum(..)?"],
    },
    Mistake {
        name: "wrong_result",
        body: r#"let y: Vec<String> = einsum("i->i", &a)?;"#,
        says: &["`Vec<String>` is not the type of the results of einfold", "`to_vec` makes a `Vec`"],
    },
    Mistake {
        name: "wrong_named_result",
        body: r#"einsum::<Results>("y[i] = a[i]", named("a", &a))?.take::<String>("y")?;"#,
        says: &["`String` is not the type of a result of einfold", "such as `Array2<f64>`"],
    },
    Mistake {
        name: "target",
        body: r#"Expression::new("i->i")?.plan_for(&a)?.call(&a).into(&mut vec![0.0; 2])?;"#,
        says: &["results of einfold cannot be written to `&mut Vec<{float}>`", "ArrayViewMut::from_shape"],
    },
    Mistake {
        name: "spec",
        body: r#"Expression::new("i->i")?.plan(&a)?;"#,
        says: &["is not a list of types of operands of einfold", "`plan_for` takes the operands themselves"],
    },
];

/// Writes a package with one program for each mistake.
fn write(folder: &Path, einfold: &Path) {
    let programs = folder.join("src/bin");
    fs::create_dir_all(&programs).unwrap();
    let manifest = format!(
        "[package]\nname = \"mistakes\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\neinfold = {{ path = {einfold:?} }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // Uses the locked versions, so that the registry is not queried.
    fs::copy(einfold.join("../../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    for Mistake { name, body, .. } in MISTAKES {
        let program = format!(
            "#![allow(unused)]\nuse einfold::{{Expression, Results, conj, einsum, named, ndarray::{{Array1, array}}}};\n\
             fn main() -> Result<(), einfold::Error> {{\n    let a = array![1.0, 2.0];\n    {body}\n    Ok(())\n}}\n"
        );
        fs::write(programs.join(format!("{name}.rs")), program).unwrap();
    }
}

/// The compiler messages of each program.
fn messages(folder: &Path) -> BTreeMap<String, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["check", "--offline", "--quiet", "--bins", "--keep-going", "--message-format=json"]);
    // Sanitizer flags would recompile everything.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = cargo.current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target")).output().unwrap();
    assert!(!output.status.success(), "the mistakes compile");
    let mut messages = BTreeMap::<String, String>::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(report) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        if let (Some(name), Some(text)) = (report["target"]["name"].as_str(), report["message"]["rendered"].as_str()) {
            messages.entry(name.into()).or_default().push_str(text);
        }
    }
    assert!(!messages.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    messages
}

#[test]
fn the_compiler_says_what_to_pass_instead() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes");
    write(&folder, Path::new(env!("CARGO_MANIFEST_DIR")));
    let messages = messages(&folder);
    for Mistake { name, says, .. } in MISTAKES {
        let text = messages.get(name).unwrap_or_else(|| panic!("{name} compiles"));
        for part in says {
            assert!(text.contains(part), "{name} does not say {part:?}:\n{text}");
        }
    }
}
