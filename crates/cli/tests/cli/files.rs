//! Reading and writing array files.

use crate::harness::{Folder, data, doubles, einfold, listing, npy, run};
use std::fs::{self, File};
use std::io::Write;
use std::process::Stdio;

/// Returns the bytes that `run EXPR FILE -o` writes.
fn copied(expression: &str, file: &str) -> Vec<u8> {
    let folder = Folder::new();
    let out = folder.file("out.npy");
    assert_eq!(run(["run", expression, file, "-o", &out]).ok(), "");
    fs::read(out).unwrap()
}

#[test]
fn every_type_is_written_byte_for_byte_as_numpy_writes_it() {
    let mut types = 0;
    for path in listing("types") {
        let path = path.to_str().unwrap();
        let plain = path.replace("_big_fortran", "");
        assert!(copied("ij->ij", path) == fs::read(&plain).unwrap(), "{path}");
        types += 1;
    }
    assert_eq!(types, 28);
}

#[test]
fn every_format_version_is_read() {
    let want = fs::read(data("types/f8.npy")).unwrap();
    for version in 1..=3 {
        assert_eq!(copied("ij->ij", &data(&format!("version{version}.npy"))), want, "version {version}");
    }
}

#[test]
fn scalars_and_empty_arrays_come_back() {
    for file in ["scalar.npy", "empty.npy"] {
        assert_eq!(copied("...->...", &data(file)), fs::read(data(file)).unwrap(), "{file}");
    }
}

#[test]
fn members_of_archives_are_named_by_their_keys() {
    let want = fs::read(data("types/f8.npy")).unwrap();
    assert_eq!(copied("ij->ij", &data("one.npz")), want);
    assert_eq!(copied("ij->ij", &data("one.npz:only")), want);
    assert_eq!(copied("ij->ij", &data("two.npz:a")), want);
    assert_eq!(copied("ij->ji", &data("two.npz:b/c")), want);
    assert_eq!(run(["run", "ij->", &data("packed.npz:ones")]).ok(), "10000.0\n");
    assert_eq!(run(["run", "i->", &data("packed.npz:half")]).ok(), "3.0\n");
}

#[test]
fn a_file_whose_name_looks_like_a_member_is_that_file() {
    let folder = Folder::new();
    let file = folder.write("a.npz:b", &doubles(&[2], [1.0, 2.0]));
    assert_eq!(run(["run", "i->", &file]).ok(), "3.0\n");
}

#[test]
fn bytes_after_the_data_are_left_alone_as_numpy_does() {
    let folder = Folder::new();
    let mut bytes = doubles(&[2], [1.0, 2.0]);
    bytes.extend(b"more");
    assert_eq!(run(["run", "i->", &folder.write("a.npy", &bytes)]).ok(), "3.0\n");
}

#[test]
fn any_nonzero_byte_is_true() {
    let folder = Folder::new();
    assert_eq!(
        run(["run", "i->i", &folder.write("a.npy", &npy("|b1", &[3], &[0, 1, 255]))]).ok(),
        "[False  True  True]\n"
    );
}

#[test]
fn every_file_without_numbers_says_what_it_is_and_what_to_do() {
    let folder = Folder::new();
    let mut report = String::new();
    for path in listing("refused") {
        let out = folder.file("out.npy");
        let stderr = run(["run", "...->...", path.to_str().unwrap(), "-o", &out]).failed(1);
        report += &stderr.replace(&data("refused/"), "");
    }
    assert_eq!(folder.names(), [""; 0]);
    insta::assert_snapshot!(report);
}

#[test]
fn a_missing_member_is_an_error_that_lists_the_others() {
    for (argument, part) in [
        (
            "two.npz",
            "error[file]: `two.npz` cannot be used: the archive holds 2 arrays\n  = help: name one as FILE.npz:KEY; the archive has a, b/c\n",
        ),
        (
            "two.npz:x",
            "error[file]: `two.npz:x` cannot be used: the archive has no array `x`\n  = help: it has a, b/c\n",
        ),
        ("nowhere.npz:x", "error[file]: `nowhere.npz:x` cannot be used: No such file or directory (os error 2)\n"),
    ] {
        let output = einfold().args(["run", "ij", argument]).current_dir(data("")).output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), part);
        assert_eq!(output.status.code(), Some(1));
    }
    let folder = Folder::new();
    let file = folder.write("a.npz", &doubles(&[1], [1.0]));
    assert!(run(["run", "i", &format!("{file}:b")]).failed(1).contains("single array and has no member `b`"));
}

#[test]
fn standard_input_and_output_make_a_pipe() {
    let bytes = fs::read(data("types/f4.npy")).unwrap();
    let mut child = einfold()
        .args(["run", "ij->ij", "/dev/stdin", "-o", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), bytes));
}

#[test]
fn a_pipe_that_ends_early_is_truncated() {
    let bytes = fs::read(data("refused/huge.npy")).unwrap();
    let mut child =
        einfold().args(["run", "i->", "/dev/stdin"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("announces 8796093022208 bytes of data, but there are 48"), "{stderr}");
}

#[test]
fn a_failure_leaves_the_old_file_and_nothing_else() {
    let folder = Folder::new();
    let out = folder.write("out.npy", b"old");
    run(["run", "ij,jk", &data("types/f8.npy"), &data("types/f8.npy"), "-o", &out]).failed(1);
    assert_eq!(folder.names(), ["out.npy"]);
    assert_eq!(fs::read(&out).unwrap(), b"old");
}

#[test]
fn an_output_that_cannot_be_written_is_found_before_anything_is_read() {
    let folder = Folder::new();
    for (out, part) in [(folder.file("no/out.npy"), "No such file"), (folder.file("."), "directory")] {
        let stderr = run(["run", "i", "missing.npy", "-o", &out]).failed(1);
        assert!(stderr.starts_with("error[output]: ") && stderr.contains(part), "{stderr}");
    }
}

#[test]
fn a_result_may_replace_its_own_operand() {
    let folder = Folder::new();
    let file = folder.write("a.npy", &fs::read(data("types/f8.npy")).unwrap());
    run(["run", "ij->ji", &file, "-o", &file]).ok();
    run(["run", "ij->ji", &file, "-o", &file]).ok();
    assert_eq!(fs::read(&file).unwrap(), fs::read(data("types/f8.npy")).unwrap());
    assert_eq!(folder.names(), ["a.npy"]);
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(file: &str) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_has_the_permissions_of_any_new_file() {
        let folder = Folder::new();
        let out = folder.file("out.npy");
        run(["run", "ij->ij", &data("types/f8.npy"), "-o", &out]).ok();
        assert_eq!(mode(&out), mode(&folder.write("other", b"")));
    }

    #[test]
    fn a_replaced_file_keeps_its_permissions() {
        let folder = Folder::new();
        let out = folder.write("out.npy", b"old");
        fs::set_permissions(&out, fs::Permissions::from_mode(0o600)).unwrap();
        run(["run", "ij->ij", &data("types/f8.npy"), "-o", &out]).ok();
        assert_eq!(mode(&out), 0o600);
        assert_eq!(fs::read(&out).unwrap(), fs::read(data("types/f8.npy")).unwrap());
    }

    #[test]
    fn a_link_is_followed_and_stays() {
        let folder = Folder::new();
        let (file, link) = (folder.write("file.npy", b"old"), folder.file("link.npy"));
        symlink(&file, &link).unwrap();
        run(["run", "ij->ij", &data("types/f8.npy"), "-o", &link]).ok();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), fs::read(data("types/f8.npy")).unwrap());
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        run(["run", "ij->ij", &data("types/f8.npy"), "-o", "/dev/null"]).ok();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let full = run(["run", "ij->ij", &data("types/f8.npy"), "-o", "/dev/full"]).failed(1);
        assert!(
            full.starts_with("error[output]: the result cannot be written to `/dev/full`: No space left"),
            "{full}"
        );
    }

    #[test]
    fn a_full_standard_output_is_an_error() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = einfold().args(["run", "ij->ij", &data("types/f8.npy")]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8(output.stderr).unwrap().starts_with("error[output]: standard output cannot be written: ")
        );
    }

    /// The file is as long as its header claims, but sparse, so that it takes no space.
    #[test]
    fn a_file_larger_than_memory_is_a_limit() {
        let folder = Folder::new();
        let file = folder.write("a.npy", &npy("|u1", &[1 << 32], &[]));
        File::options().write(true).open(&file).unwrap().set_len((1 << 32) + 1000).unwrap();
        let command = format!("ulimit -v 2000000; exec {} run 'i->' {file}", env!("CARGO_BIN_EXE_einfold"));
        let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("there is too little memory for its 4294967296 bytes"), "{stderr}");
    }
}
