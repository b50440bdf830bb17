//! `tstack explain ID`: what TStack's own API knows of one object, printed for people.

use crate::Cloud;
use kernel::{Result, Timestamp};
use serde_json::Value;
use std::{fmt::Write, ops::Range};

/// From 2001 to 2286.
const MOMENTS: Range<i64> = 1_000_000_000_000_000..10_000_000_000_000_000;

/// Everything about one object: its record, what works on it now, what happened to it.
pub async fn explain(cloud: &Cloud, id: &str) -> Result<String> {
    let answer = cloud.get("cloud", &format!("/explain/{id}")).await?;
    let list = |name: &str| answer[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = String::new();
    for object in list("objects") {
        let _ = writeln!(text, "{}", object["kind"].as_str().unwrap_or_default());
        fields(&mut text, 1, &object["value"]);
    }
    for flow in list("flows") {
        let _ = writeln!(text, "flow {}", word(&flow["id"]));
        for name in ["kind", "object", "phase", "step", "error", "request_id", "started", "updated", "owner"] {
            field(&mut text, 1, name, &flow[name]);
        }
    }
    if !list("history").is_empty() {
        text.push_str("history\n");
    }
    for entry in list("history") {
        let _ = writeln!(text, "  {}  {}", word(&entry["at"]), happened(&entry["record"]));
    }
    Ok(text)
}

/// One line for a record of history: an instance action, or an event.
fn happened(record: &Value) -> String {
    let mut words = Vec::new();
    match record["verb"].as_str() {
        Some(verb) => {
            let how = match (&record["end"], record["end"]["error"].as_str()) {
                (Value::Null, _) => "began".to_owned(),
                (_, Some(error)) => format!("failed: {error}"),
                (end, None) => end["host"].as_str().map_or("done".to_owned(), |host| format!("done on {host}")),
            };
            words.extend([verb.to_owned(), how]);
        }
        None => words.extend([word(&record["action"]), word(&record["outcome"])]),
    }
    let who = [&record["user"], &record["initiator"]["id"]].into_iter().find_map(Value::as_str);
    let request = [&record["request_id"], &record["initiator"]["request_id"]].into_iter().find_map(Value::as_str);
    words.push(format!("by {}", who.unwrap_or("TStack")));
    words.extend(request.map(|r| format!("({r})")));
    words.join(" ")
}

fn fields(text: &mut String, depth: usize, value: &Value) {
    for (name, value) in value.as_object().into_iter().flatten() {
        field(text, depth, name, value);
    }
}

/// Nothing is printed for what is not there.
fn field(text: &mut String, depth: usize, name: &str, value: &Value) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Null => {}
        Value::Object(inner) if inner.is_empty() => {}
        Value::Array(items) if items.is_empty() => {}
        Value::Object(_) => {
            let _ = writeln!(text, "{indent}{name}:");
            fields(text, depth + 1, value);
        }
        Value::Array(items) => {
            let _ = writeln!(text, "{indent}{name}:");
            for item in items {
                let _ = writeln!(text, "{indent}  - {}", word(item));
            }
        }
        _ => {
            let _ = writeln!(text, "{indent}{name}: {}", word(value));
        }
    }
}

fn word(value: &Value) -> String {
    match (value.as_str(), value.as_i64()) {
        (Some(text), _) => text.to_owned(),
        // The store counts microseconds since 1970; nothing else of ours gets that large.
        (None, Some(micros)) if MOMENTS.contains(&micros) => Timestamp::from_micros(micros).iso_micros_z(),
        _ => value.to_string(),
    }
}
