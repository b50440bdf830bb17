//! `cargo xtask prove fuzz`, `prove net-why` and `prove net-rules`: tests that try what comes at random, for longer than a test may.

use crate::cloud::write_report;
use serde_json::{Value, json};
use std::process::Stdio;

/// Crate, test and for how many seconds.
const FUZZ: &[(&str, &str, u64)] = &[
    ("identity", "fuzz::tokens::", 600),
    ("policy", "fuzz::checks", 600),
    ("policy", "fuzz::files", 600),
    ("identity", "fuzz::bodies::bodies_of_every_route", 1200),
];

/// `percent` of the time that is meant, cases counted from `seed` on.
pub fn fuzz(percent: u64, seed: u64) -> Result<(), String> {
    let one = |(package, test, seconds): &(&str, &str, u64)| {
        let seconds = seconds * percent / 100;
        println!("{package} {test}: {seconds} s");
        let told = told(package, test, &[("TSTACK_FUZZ_SECONDS", seconds), ("TSTACK_FUZZ_SEED", seed)])?;
        Ok::<_, String>(json!({"test": format!("{package} {test}"), "seconds": seconds, "told": told}))
    };
    let rows: Vec<Value> = FUZZ.iter().map(one).collect::<Result<_, _>>()?;
    println!("report: {}", write_report("prove-fuzz", json!({"proof": "fuzz", "seed": seed, "rows": rows}))?.display());
    Ok(())
}

/// Clouds whose agreement is written down together.
const SLICE: u64 = 100;

/// Clouds made at random, from `seed` on: what we say becomes of packets is what OVN says. It is written down slice by slice; one
/// that was broken off goes on where it was with `--seed` of the next and the rounds that are left.
pub fn net_why(rounds: u64, seed: u64) -> Result<(), String> {
    let mut all: Vec<String> = Vec::new();
    for first in (0..rounds).step_by(SLICE as usize) {
        let some = SLICE.min(rounds - first);
        let settings = [("TSTACK_WHY_ROUNDS", some), ("TSTACK_WHY_SEED", seed + first)];
        all.extend(told("drivers-net", "why::what_we_say_is_what_ovn_says", &settings)?);
        let report = json!({"proof": "net-why", "rounds": first + some, "seed": seed, "told": all});
        println!("report: {}", write_report("prove-net-why", report)?.display());
    }
    Ok(())
}

/// A group of many rules: how soon a change holds, and what a connection that stands pays for them.
pub fn net_rules(rules: u64) -> Result<(), String> {
    let told = told("drivers-net", "many_rules::a_rule_among_many_holds_and_is_gone", &[("TSTACK_RULES", rules)])?;
    let report = json!({"proof": "net-rules", "rules": rules, "told": told});
    println!("report: {}", write_report(&format!("prove-net-rules-{rules}"), report)?.display());
    Ok(())
}

/// Runs a test with settings; the lines in which it tells what it tried.
pub fn told(package: &str, test: &str, settings: &[(&str, u64)]) -> Result<Vec<String>, String> {
    let mut cargo = crate::cargo();
    cargo.args(["test", "--quiet", "--package", package, "--test", "it", test, "--", "--nocapture"]);
    cargo.envs(settings.iter().map(|(name, value)| (name, value.to_string())));
    let output = cargo.stdin(Stdio::null()).output().map_err(|e| format!("starting cargo: {e}"))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(format!("{test} found something:\n{text}"));
    }
    let tells = |line: &&str| ["fuzz ", "answers", "why ", "data ", "rules "].iter().any(|word| line.starts_with(word));
    let told: Vec<String> = text.lines().filter(tells).map(str::to_owned).collect();
    if told.is_empty() {
        return Err(format!("{test} tried nothing:\n{text}"));
    }
    told.iter().for_each(|line| println!("{line}"));
    Ok(told)
}
