//! `tstack limits` and `tstack resize`: what a server is held to, and another flavor for it, in the way that is asked for.

use crate::Cloud;
use kernel::{Error, Kind, Result};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write};

/// The id of a server, which is named or given by it.
async fn server(cloud: &Cloud, named: &str) -> Result<String> {
    let id = |server: &Value| server["id"].as_str().unwrap_or_default().to_owned();
    if is_id(named) {
        match cloud.get("compute", &format!("/servers/{named}")).await {
            Err(e) if e.is(Kind::NotFound) => {}
            found => return found.map(|found| id(&found["server"])),
        }
    }
    let answer = cloud.get("compute", &format!("/servers?all_tenants=1&limit=2&name={}", exactly(named))).await?;
    match answer["servers"].as_array().map(Vec::as_slice).unwrap_or_default() {
        [one] => Ok(id(one)),
        [] => Err(Error::not_found(format!("there is no server {named}"))),
        _ => Err(Error::conflict(format!("several servers are named {named}: give an id"))),
    }
}

/// The id of a flavor, which is named or given by it. Nova cannot be asked for a name, so the list is read to its end.
async fn flavor_id(cloud: &Cloud, named: &str) -> Result<String> {
    let mut marker = String::new();
    loop {
        let page = cloud.get("compute", &format!("/flavors?is_public=None{marker}")).await?;
        let all = page["flavors"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(found) = all.iter().find(|f| f["name"] == named || f["id"] == named) {
            return Ok(found["id"].as_str().unwrap_or_default().to_owned());
        }
        match all.last().and_then(|last| last["id"].as_str()) {
            Some(last) => marker = format!("&marker={last}"),
            None => return Err(Error::not_found(format!("there is no flavor {named}"))),
        }
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// A name as Nova's filter takes it: an expression that matches nothing else, in a URL's query.
fn exactly(name: &str) -> String {
    let mut expression = String::from("^");
    for c in name.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            expression.push('\\');
        }
        expression.push(c);
    }
    expression.push('$');
    let encoded = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
    expression.bytes().map(encoded).collect()
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
    for disk in names([asked, in_force].map(|all| &all["disks"])) {
        let both = [asked, in_force].map(|all| &all["disks"][disk]);
        for name in names(both).into_iter().filter(|name| both.iter().any(|limits| !limits[*name].is_null())) {
            line(&mut text, &format!("{} {name}", short(disk)), "", (&both[0][name], &both[1][name]));
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
    for volume in told["volumes"].as_array().into_iter().flatten() {
        let (asked, now) = (&volume["asked"], &volume["in_force"]);
        let id = short(volume["volume_id"].as_str().unwrap_or_default());
        for name in names([asked, now]) {
            line(&mut text, &format!("pool of {id} {name}"), "", (&asked[name], &now[name]));
        }
        if let Some(why) = volume["why"].as_str() {
            let _ = writeln!(text, "pool of {id}: {why}");
        }
    }
    if let Some(why) = told["limits"]["silent"].as_str() {
        let _ = writeln!(text, "what is in force cannot be told: {why}");
    }
    Ok(text)
}

/// The keys of two objects.
fn names(objects: [&Value; 2]) -> BTreeSet<&str> {
    objects.into_iter().filter_map(Value::as_object).flat_map(|object| object.keys()).map(String::as_str).collect()
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
    let flavor = flavor_id(cloud, flavor).await?;
    let asked = way.map_or(String::new(), |way| format!("&way={way}"));
    let told = cloud.get("cloud", &format!("/servers/{id}/resize?flavor={flavor}{asked}")).await?;
    let why: Vec<&str> = told["resize"]["why"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let manner = told["resize"]["manner"].as_str().unwrap_or("refused");
    let text = format!("{manner}: {}\n", why.join("; "));
    if only_ask {
        let elsewhere = told["resize"]["elsewhere"].as_array().into_iter().flatten().filter_map(Value::as_str);
        return Ok(elsewhere.fold(text, |text, why| text + "  " + why + "\n"));
    }
    let mut body = json!({"flavorRef": flavor});
    if let Some(way) = way {
        body["tstack:way"] = json!(way);
    }
    cloud.post("compute", &format!("/servers/{id}/action"), json!({"resize": body})).await?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_for_as_they_stand() {
        for (name, expect) in [("web", "%5Eweb%24"), ("a.b c", "%5Ea%5C%2Eb%20c%24"), ("ü&", "%5E%C3%BC%5C%26%24")] {
            assert_eq!(exactly(name), expect, "{name}");
        }
        for (text, expect) in [("web", false), ("01234567-89ab-cdef-0123-456789abcdef", true)] {
            assert_eq!(is_id(text), expect, "{text}");
        }
    }
}
