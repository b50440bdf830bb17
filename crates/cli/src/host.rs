//! `tstack host`: hosts, and their maintenance.

use crate::Cloud;
use kernel::Result;
use serde_json::{Value, json};
use std::{fmt::Write, time::Duration};

/// How often somebody who waits looks.
const LOOK: Duration = Duration::from_secs(2);

/// All hosts, a line each, and below one that is drained what is still there.
pub async fn hosts(cloud: &Cloud) -> Result<String> {
    let answer = cloud.get("cloud", "/hosts").await?;
    Ok(answer["hosts"].as_array().into_iter().flatten().map(lines).collect())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn lines(host: &Value) -> String {
    let maintenance = &host["maintenance"];
    let state = match (text(&maintenance["phase"]), host["disabled"] == true) {
        ("", false) => "in service".to_owned(),
        ("", true) => format!("disabled ({})", text(&host["reason"])),
        (phase, _) => format!("{phase} ({}), {} elsewhere", text(&host["reason"]), maintenance["gone"]),
    };
    let mut out =
        format!("{:<24} {:>5} servers  {state}\n", text(&host["name"]), host["servers"].as_u64().unwrap_or_default());
    for left in maintenance["left"].as_array().into_iter().flatten() {
        let why = left["why"].as_str().unwrap_or("goes in its turn");
        let _ = writeln!(out, "  {}  {why}", text(&left["server"]));
    }
    out
}

/// Sends a host's servers elsewhere and keeps others away. With `wait`, until nothing is left that goes by itself; the answer says
/// whether nothing is left at all.
pub async fn drain(cloud: &Cloud, host: &str, reason: Option<&str>, wait: bool) -> Result<(String, bool)> {
    let path = format!("/hosts/{host}/maintenance");
    cloud.call("PUT", "cloud", &path, Some(&json!({ "reason": reason }))).await?;
    loop {
        let found = named(cloud, host).await?;
        let left = found["maintenance"]["left"].as_array().map(Vec::as_slice).unwrap_or_default();
        let moving = left.iter().any(|one| one["why"].is_null());
        if !(wait && moving) {
            return Ok((lines(&found), left.is_empty()));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Puts a host back into service; with `bring_back`, its servers come back.
pub async fn restore(cloud: &Cloud, host: &str, bring_back: bool, wait: bool) -> Result<String> {
    let path = format!("/hosts/{host}/maintenance?bring_back={bring_back}");
    cloud.call("DELETE", "cloud", &path, None).await?;
    loop {
        let found = named(cloud, host).await?;
        if !wait || found["maintenance"].is_null() {
            return Ok(lines(&found));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn named(cloud: &Cloud, host: &str) -> Result<Value> {
    let answer = cloud.get("cloud", "/hosts").await?;
    let found = answer["hosts"].as_array().and_then(|all| all.iter().find(|h| h["name"] == host)).cloned();
    found.ok_or_else(|| kernel::Error::not_found(format!("there is no host {host}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_in_lines() {
        let check = |host: Value, expect: &str| assert_eq!(lines(&host), expect);
        let host = json!({"name": "h1", "servers": 3, "disabled": false, "reason": null, "maintenance": null});
        check(host, "h1                           3 servers  in service\n");
        let disabled = json!({"name": "h1", "servers": 3, "disabled": true, "reason": "new disk", "maintenance": null});
        check(disabled, "h1                           3 servers  disabled (new disk)\n");
        let left = json!([{"server": "a", "why": null}, {"server": "b", "why": "it is error"}]);
        let maintenance = json!({"phase": "draining", "gone": 1, "left": left});
        let host =
            json!({"name": "h1", "servers": 2, "disabled": true, "reason": "new disk", "maintenance": maintenance});
        let text = "h1                           2 servers  draining (new disk), 1 elsewhere\n  a  goes in its turn\n  b  it is error\n";
        check(host, text);
    }
}
