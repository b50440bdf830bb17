//! `status`, `audit`, `token`: TStack's own API, printed for people.

use crate::Cloud;
use kernel::Result;
use serde_json::{Value, json};
use std::fmt::Write;

pub async fn status(cloud: &Cloud) -> Result<String> {
    let status = cloud.get("cloud", "/status").await?;
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let mut out = format!(
        "TStack {} at {}\nregion {}  node {}  store {} (revision {})\n",
        text(&status["version"]),
        text(&status["url"]),
        text(&status["region"]),
        text(&status["node"]),
        text(&status["store"]["backend"]),
        status["store"]["revision"],
    );
    for host in status["hosts"].as_array().into_iter().flatten() {
        let _ = writeln!(
            out,
            "host   {:<24} {:<5} last seen {}",
            text(&host["name"]),
            text(&host["state"]),
            text(&host["last_seen"])
        );
    }
    for (state, count) in status["servers"].as_object().into_iter().flatten() {
        let _ = writeln!(out, "servers {state:<23} {count}");
    }
    for flow in status["flows"].as_array().into_iter().flatten() {
        let line = [&flow["kind"], &flow["object"], &flow["phase"], &flow["step"], &flow["error"]].map(text);
        let _ = writeln!(out, "flow   {}", line.join("  "));
    }
    Ok(out)
}

/// The text, and whether everything is as it must be.
pub async fn audit(cloud: &Cloud) -> Result<(String, bool)> {
    let answer = cloud.get("cloud", "/audit").await?;
    let findings: Vec<&str> = answer["findings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match findings.len() {
        0 => Ok(("clean\n".to_owned(), true)),
        n => Ok((format!("{}\n{n} finding{}\n", findings.join("\n"), if n == 1 { "" } else { "s" }), false)),
    }
}

pub async fn join_token(cloud: &Cloud, host: Option<&str>) -> Result<String> {
    let answer = cloud.post("cloud", "/join_tokens", json!({"host": host})).await?;
    Ok(answer["token"].as_str().unwrap_or_default().to_owned())
}
