//! The project's automation: `cargo xtask NAME`. Besides `./quickstart` and `./test` the only one.

mod bench;
mod cloud;
mod data;
mod image;
mod live;
mod longer;
mod operations;
mod prove;
mod shape;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask tidy             the workspace's rules: who may depend on whom, sizes, licences
cargo xtask image [--out F]  the guest image tinycloud
cargo xtask bench [NAME]     speed and CPU per operation: store, api, identity, network, image, blocks (default all)
cargo xtask prove NAME       long proofs: killed, data, fuzz, live-migration, live-limits, net-why, net-rules
cargo xtask compat           writes what docs/ has from the program: compatibility.md, guides/configuration.md
cargo xtask operations DIR   docs/data/operations.csv anew, from a directory of OpenStack's OpenAPI documents
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = args.split_first().map_or(("help", &[][..]), |(name, rest)| (name.as_str(), rest));
    let done = match name {
        "tidy" => tidy::run(),
        "image" => image::run(rest),
        "bench" => bench::run(rest),
        "prove" => prove::run(rest),
        "compat" => compat(),
        "operations" => operations::run(rest),
        _ => {
            print!("{HELP}");
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask {name}: {why}");
            ExitCode::FAILURE
        }
    }
}

pub fn cargo() -> std::process::Command {
    e2e::by_hand("cargo")
}

/// The writer is the test that fails when the documents are not current: it alone sees the router.
fn compat() -> Result<(), String> {
    let mut cargo = crate::cargo();
    cargo.args(["test", "--quiet", "--package", "tstack", "--test", "it", "documents::"]).env("TSTACK_WRITE_DOCS", "1");
    let status = cargo.status().map_err(|e| format!("starting cargo: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo test: {status}")) }
}
