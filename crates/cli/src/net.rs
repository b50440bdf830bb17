//! `tstack net why`, `net traffic` and `net export`

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

/// What passed ports, a line each, or what it adds up to by project.
pub async fn net_traffic(cloud: &Cloud, project: Option<&str>, by_port: bool) -> Result<String> {
    let whose = project.map_or_else(|| "all_projects=true".to_owned(), |id| format!("project_id={id}"));
    let (key, id) = if by_port { ("ports", "port_id") } else { ("projects", "project_id") };
    let mut told = format!(
        "{:<36} {:>16} {:>14} {:>9} {:>16} {:>14} {:>9}\n",
        id, "received bytes", "packets", "dropped", "sent bytes", "packets", "dropped"
    );
    let mut marker = String::new();
    loop {
        let answer = cloud.get("cloud", &format!("/traffic/{key}?{whose}{marker}")).await?;
        let lines = answer[key].as_array().map(Vec::as_slice).unwrap_or_default();
        for line in lines {
            let n = |name: &str| line[name].as_u64().unwrap_or_default();
            let _ = writeln!(
                told,
                "{:<36} {:>16} {:>14} {:>9} {:>16} {:>14} {:>9}",
                line[id].as_str().unwrap_or_default(),
                n("rx_bytes"),
                n("rx_packets"),
                n("rx_dropped"),
                n("tx_bytes"),
                n("tx_packets"),
                n("tx_dropped")
            );
        }
        match lines.last().and_then(|last| last[id].as_str()) {
            Some(last) if !answer["links"].as_array().is_none_or(Vec::is_empty) => marker = format!("&marker={last}"),
            _ => return Ok(told),
        }
    }
}

/// Has samples of a network's packets sent to a collector, or no more; then all that is exported, a line each.
pub async fn net_export(cloud: &Cloud, change: Option<(&str, Option<(&str, u32)>)>) -> Result<String> {
    match change {
        Some((network, Some((collector, sampling)))) => {
            let body = json!({"collector": collector, "sampling": sampling});
            cloud.call("PUT", "cloud", &format!("/net/exports/{network}"), Some(&body)).await?;
        }
        Some((network, None)) => {
            cloud.call("DELETE", "cloud", &format!("/net/exports/{network}"), None).await?;
        }
        None => {}
    }
    let answer = cloud.get("cloud", "/net/exports").await?;
    let line = |export: &Value| {
        let text = |name: &str| export[name].as_str().unwrap_or_default().to_owned();
        let (sampling, domain) = (&export["sampling"], &export["domain"]);
        format!("{} to {}, one packet in {sampling}, domain {domain}\n", text("network"), text("collector"))
    };
    Ok(answer["exports"].as_array().into_iter().flatten().map(line).collect())
}
