//! Documents that the program writes itself. The tests fail when a checked-in one is not what it would be today;
//! `cargo xtask compat` (these tests with `TSTACK_WRITE_DOCS=1`) writes them anew.

mod compatibility;
mod operations;

use std::{fs, path::PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("reading {name}: {e}"))
}

fn current(name: &str, text: &str) {
    if std::env::var_os("TSTACK_WRITE_DOCS").is_some() {
        return fs::write(root().join(name), text).unwrap_or_else(|e| panic!("writing {name}: {e}"));
    }
    let there = fs::read_to_string(root().join(name)).unwrap_or_default();
    let differs = there.lines().zip(text.lines()).find(|(a, b)| a != b);
    assert!(there == text, "{name} is not current, at {differs:?}: run `cargo xtask compat` and commit what it writes");
}

#[test]
fn the_table_of_compatibility_is_current() {
    current("docs/compatibility.md", &compatibility::document());
}

#[test]
fn the_reference_of_the_configuration_is_current() {
    let head = "# Configuration\n\nOne file, `tstack.toml` in the data directory; `--set KEY=VALUE` on a command line comes on top of it, and \
        `tstack up --keep` writes\nthe result into the file. A key that is not known is refused, and the nearest known one named. `tstack config show` prints what\n\
        differs from the defaults. This page is `tstack config reference`.\n\n";
    current("docs/guides/configuration.md", &format!("{head}```toml\n{}```\n", node::config::reference()));
}

/// A reader who follows a path in a document arrives.
#[test]
fn paths_that_documents_name_are_there() {
    let mut documents = vec!["ARCHITECTURE.md".to_owned(), "README.md".to_owned()];
    for entry in fs::read_dir(root().join("docs/guides")).expect("there are guides") {
        documents.push(format!("docs/guides/{}", entry.expect("it can be read").file_name().to_string_lossy()));
    }
    let mut lost = Vec::new();
    for document in &documents {
        let text = read(document);
        let quoted = text.split('`').skip(1).step_by(2);
        let ours = |path: &&str| ["crates/", "docs/", "xtask/", "dist/", "images/"].iter().any(|d| path.starts_with(d));
        let bare = quoted.filter(ours).filter(|path| !path.contains([' ', '*', '<', '\n']));
        lost.extend(bare.filter(|path| !root().join(path).exists()).map(|path| format!("{document}: {path}")));
    }
    assert!(lost.is_empty(), "not there: {lost:#?}");
}
