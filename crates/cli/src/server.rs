//! `tstack limits` and `tstack resize`: what a server is held to, and another flavor for it, in the way that is asked for.

use crate::Cloud;
use kernel::{Error, Result};
use serde_json::{Value, json};
use std::fmt::Write;

/// The id of a server, which is named or given by it.
async fn server(cloud: &Cloud, named: &str) -> Result<String> {
    let answer = cloud.get("compute", "/servers?all_tenants=1").await?;
    let all = answer["servers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut found = all.iter().filter(|s| s["id"] == named || s["name"] == named);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one["id"].as_str().unwrap_or_default().to_owned()),
        (None, _) => Err(Error::not_found(format!("there is no server {named}"))),
        (Some(_), Some(_)) => Err(Error::conflict(format!("several servers are named {named}: give an id"))),
    }
}

/// A line for each limit: what was asked for, and what the host says is in force.
pub async fn limits(cloud: &Cloud, named: &str) -> Result<String> {
    let id = server(cloud, named).await?;
    let told = cloud.get("cloud", &format!("/servers/{id}/limits")).await?;
    let (asked, in_force) = (&told["limits"]["asked"], &told["limits"]["in_force"]);
    let mut text = format!("{:<44} {:>14} {:>14}\n", "", "asked for", "in force");
    for (name, unit) in
        [("vcpus", ""), ("memory_mib", " MiB"), ("lent_mib", " MiB"), ("cpu_shares", ""), ("cpu_quota_milli", " mCPU")]
    {
        line(&mut text, name, unit, (&asked[name], &in_force[name]));
    }
    for (disk, limits) in asked["disks"].as_object().into_iter().flatten() {
        for (name, limit) in limits.as_object().into_iter().flatten() {
            let now = &in_force["disks"][disk][name];
            if !limit.is_null() || !now.is_null() {
                line(&mut text, &format!("{} {name}", short(disk)), "", (limit, now));
            }
        }
    }
    for port in told["ports"].as_array().into_iter().flatten() {
        let id = short(port["port_id"].as_str().unwrap_or_default());
        for way in ["ingress", "egress"] {
            let (asked, now) = (&port["asked"][way]["kbps"], &port["in_force"][way]["kbps"]);
            if !asked.is_null() || !now.is_null() {
                line(&mut text, &format!("port {id} {way}"), " kbit/s", (asked, now));
            }
        }
    }
    if let Some(why) = told["limits"]["silent"].as_str() {
        let _ = writeln!(text, "what is in force cannot be told: {why}");
    }
    Ok(text)
}

fn short(id: &str) -> String {
    id.chars().take(16).collect()
}

fn line(text: &mut String, name: &str, unit: &str, (asked, in_force): (&Value, &Value)) {
    let say = |value: &Value| if value.is_null() { "-".to_owned() } else { format!("{value}{unit}") };
    let _ = writeln!(text, "{name:<44} {:>14} {:>14}", say(asked), say(in_force));
}

/// How a resize would go, or has been asked for.
pub async fn resize(cloud: &Cloud, named: &str, flavor: &str, way: Option<&str>, only_ask: bool) -> Result<String> {
    let id = server(cloud, named).await?;
    let by_name = cloud.named("compute", "/flavors", "flavors", flavor).await?;
    let flavor = by_name.as_ref().and_then(|f| f["id"].as_str()).unwrap_or(flavor);
    let asked = way.map_or(String::new(), |way| format!("&way={way}"));
    let told = cloud.get("cloud", &format!("/servers/{id}/resize?flavor={flavor}{asked}")).await?;
    let why: Vec<&str> = told["resize"]["why"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let manner = told["resize"]["manner"].as_str().unwrap_or("refused");
    let text = format!("{manner}: {}\n", why.join("; "));
    if only_ask {
        return Ok(text);
    }
    let mut body = json!({"flavorRef": flavor});
    if let Some(way) = way {
        body["tstack:way"] = json!(way);
    }
    cloud.post("compute", &format!("/servers/{id}/action"), json!({"resize": body})).await?;
    Ok(text)
}
