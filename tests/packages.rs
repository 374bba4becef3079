//! The metadata of published packages. `.ci/run` packs and builds each package.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The published packages of the workspace.
fn published() -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(["metadata", "--no-deps", "--format-version=1", "--offline"]).current_dir(root).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut workspace: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = workspace["packages"].as_array_mut().unwrap();
    packages.retain(|package| package["publish"].is_null());
    std::mem::take(packages)
}

#[test]
fn every_published_package_describes_itself() {
    let packages = published();
    assert_eq!(packages.len(), 7);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for field in ["description", "license", "repository", "documentation", "readme", "rust_version"] {
            assert!(package[field].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {field}");
        }
        let count = |field: &str| package[field].as_array().map_or(0, Vec::len);
        assert!((3..=5).contains(&count("keywords")) && count("categories") > 0, "{name} cannot be found");
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            let text = std::fs::read_to_string(folder.join(licence)).unwrap_or_default();
            assert!(text.len() > 1000, "{name} has no {licence}");
        }
        assert!(folder.join(package["readme"].as_str().unwrap()).is_file(), "{name}'s page does not exist");
    }
}
