//! The views of all versions in one file: what a version changes is what differs there from the version before.

use super::api::all_views;
use serde_json::Value;
use std::fmt::Write;

#[tokio::test]
async fn views_change_with_their_version() {
    let mut text = String::new();
    let mut before = Value::Null;
    for minor in 0..=39 {
        let views = all_views(&format!("1.{minor}")).await;
        for (path, view) in views.as_object().unwrap() {
            let view: Value = without_request_id(view);
            if before.get(path) != Some(&view) {
                writeln!(text, "1.{minor} {path} {view}").unwrap();
            }
        }
        before = views.as_object().unwrap().iter().map(|(k, v)| (k.clone(), without_request_id(v))).collect();
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/views.txt");
    if std::env::var_os("UPDATE_VIEWS").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let expected = std::fs::read_to_string(file).unwrap();
    assert_eq!(text, expected, "run with UPDATE_VIEWS=1 and read the difference");
}

/// Faults carry the request's id.
fn without_request_id(view: &Value) -> Value {
    let mut view = view.clone();
    if let Some(fault) = view.pointer_mut("/body/errors/0").and_then(Value::as_object_mut) {
        fault.remove("request_id");
    }
    view
}
