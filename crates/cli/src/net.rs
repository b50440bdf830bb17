//! `tstack net why`

use crate::Cloud;
use kernel::Result;
use serde_json::{Value, json};
use std::fmt::Write;

/// Whether A reaches B, and what decides, in words; and whether it does.
pub async fn net_why(cloud: &Cloud, from: &str, to: &str, what: &str, prove: bool) -> Result<(String, bool)> {
    let answer = cloud.post("cloud", "/net/why", json!({"from": from, "to": to, "what": what, "prove": prove})).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let reaches = answer["reaches"].as_bool().unwrap_or_default();
    let verb = if reaches { "reaches" } else { "does not reach" };
    let mut told = format!("{from} {verb} {to} by {}\n", text(&answer["what"]));
    for (n, step) in answer["steps"].as_array().into_iter().flatten().enumerate() {
        let _ = writeln!(told, "  {}. {}: {}", n + 1, text(&step["by"]), text(&step["says"]));
    }
    if reaches {
        let _ = writeln!(told, "it arrives from {}", text(&answer["source"]));
    }
    match answer["proof"]["agreement"].as_str() {
        Some("same") => told.push_str("the back end says the same\n"),
        Some("unknown") => told.push_str("the back end cannot tell yet: a router has to learn a neighbour first\n"),
        Some(_) => {
            let _ = writeln!(told, "the back end says otherwise:\n{}", text(&answer["proof"]["text"]));
        }
        None => {}
    }
    Ok((told, reaches))
}
