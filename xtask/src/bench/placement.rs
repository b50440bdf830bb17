//! Placement: what a decision among 5,000 hosts costs, candidates of the API, and how full hosts become, beside `hspace`.

use super::profile;
use crate::cloud::write_report;
use serde_json::Value;

pub(super) fn run() -> Result<(), String> {
    let report = example("placements")?;
    for row in report["rows"].as_array().into_iter().flatten() {
        let name = row["name"].as_str().unwrap_or_default();
        println!("{name:<46} p50 {} ms  p99 {} ms  {}/s", row["p50_ms"], row["p99_ms"], row["per_second"]);
    }
    println!("report: {}", write_report("bench-placement", report)?.display());
    let report = example("packing")?;
    for row in report["rows"].as_array().into_iter().flatten() {
        let name = row["name"].as_str().unwrap_or_default();
        println!("{name:<46} {} more fit; hspace says {}", row["ours"], row["hspace"]);
    }
    println!("report: {}", write_report("bench-packing", report)?.display());
    Ok(())
}

/// Runs an example of the crate, which prints its report.
fn example(name: &str) -> Result<Value, String> {
    let mut cargo = crate::cargo();
    cargo.args(["run", "--quiet", "--package", "placement", "--example", name]).args(profile());
    let output = cargo.output().map_err(|e| format!("starting cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!("measuring placement: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("reading what {name} measured: {e}"))
}
