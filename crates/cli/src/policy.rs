//! `tstack policy check`

use crate::Cloud;
use kernel::Result;
use serde_json::Value;

/// Whether the operator's policy is in force, in words.
pub async fn policy_file(cloud: &Cloud) -> Result<(String, bool)> {
    let answer = cloud.get("cloud", "/policy").await?;
    let path = answer["path"].as_str().unwrap_or_default();
    Ok(match (answer["exists"].as_bool(), answer["problem"].as_str()) {
        (Some(true), None) => (format!("{path}: in force\n"), true),
        (_, Some(problem)) => (format!("{path}: not in force\n  {}\n", problem.replace('\n', "\n  ")), false),
        _ => (format!("there is no {path}: the defaults are in force\n"), true),
    })
}

/// Why a rule allows or refuses somebody, and which of the two.
pub async fn policy_check(cloud: &Cloud, question: Value) -> Result<(String, bool)> {
    let answer = cloud.post("cloud", "/policy/check", question).await?;
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    let allowed = answer["allowed"].as_bool().unwrap_or_default();
    Ok((format!("in force: {}\n{}", text("check"), text("explanation")), allowed))
}
