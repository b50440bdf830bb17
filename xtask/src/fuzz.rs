//! `cargo xtask prove fuzz`: the tests that try whatever comes, for minutes instead of seconds.

use crate::cloud::write_report;
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// Crate, test and for how many seconds.
const RUNS: &[(&str, &str, u64)] = &[
    ("identity", "fuzz::tokens::", 600),
    ("policy", "fuzz::checks", 600),
    ("policy", "fuzz::files", 600),
    ("identity", "fuzz::bodies::bodies_of_every_route", 1200),
];

/// `percent` of the time that is meant, cases counted from `seed` on.
pub fn run(percent: u64, seed: u64) -> Result<(), String> {
    let rows = RUNS.iter().map(|(package, test, seconds)| one(package, test, seconds * percent / 100, seed));
    let rows: Vec<Value> = rows.collect::<Result<_, _>>()?;
    println!("report: {}", write_report("prove-fuzz", json!({"proof": "fuzz", "seed": seed, "rows": rows}))?.display());
    Ok(())
}

fn one(package: &str, test: &str, seconds: u64, seed: u64) -> Result<Value, String> {
    println!("{package} {test}: {seconds} s");
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--package", package, "--test", "it", test, "--", "--nocapture"]);
    cargo.env("TSTACK_FUZZ_SECONDS", seconds.to_string()).env("TSTACK_FUZZ_SEED", seed.to_string());
    let output = cargo.stdin(Stdio::null()).output().map_err(|e| format!("starting cargo: {e}"))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(format!("{test} found something:\n{text}"));
    }
    let told: Vec<&str> =
        text.lines().filter(|line| line.starts_with("fuzz ") || line.starts_with("answers")).collect();
    if told.is_empty() {
        return Err(format!("{test} tried nothing:\n{text}"));
    }
    told.iter().for_each(|line| println!("{line}"));
    Ok(json!({"test": format!("{package} {test}"), "seconds": seconds, "told": told}))
}
