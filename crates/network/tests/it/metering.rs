use crate::support::{RED, World, id};
use serde_json::{Value, json};

#[tokio::test]
async fn labels_and_their_rules() {
    let world = World::new().await;
    let red = world.client("red-manager");
    world
        .red()
        .refused(403, "PolicyNotAuthorized", "POST metering/metering-labels", json!({"metering_label": {}}))
        .await;
    let made = red.make("metering_label", json!({"name": "out", "description": "to the world"})).await;
    let label = id(&made);
    assert_eq!(
        (made["shared"].as_bool(), made["project_id"].as_str(), made["description"].as_str()),
        (Some(false), Some(RED), Some("to the world"))
    );
    assert_eq!(red.names("metering/metering-labels?name=out").await, ["out"]);
    let rule = |more: Value| {
        let mut body = json!({"metering_label_id": label, "direction": "ingress"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"metering_label_rule": body})
    };
    let post = "POST metering/metering-label-rules";
    let remote = rule(json!({"remote_ip_prefix": "10.0.0.0/24"}));
    let first = red.expect(201, post, remote.clone()).await["metering_label_rule"].take();
    assert_eq!((first["excluded"].as_bool(), first["source_ip_prefix"].clone()), (Some(false), Value::Null));
    for (body, status, name) in [
        (remote, 409, "MeteringLabelRuleOverlaps"),
        (rule(json!({"remote_ip_prefix": "10.0.0.0/16"})), 409, "MeteringLabelRuleOverlaps"),
        (rule(json!({})), 400, "HTTPBadRequest"),
        (rule(json!({"remote_ip_prefix": "10.1.0.0/16", "source_ip_prefix": "10.1.0.0/16"})), 400, "HTTPBadRequest"),
        (rule(json!({"source_ip_prefix": "x"})), 400, "InvalidCIDR"),
        (rule(json!({"metering_label_id": id(&first)})), 400, "HTTPBadRequest"),
        (
            rule(json!({"metering_label_id": id(&first), "source_ip_prefix": "10.1.0.0/16"})),
            404,
            "MeteringLabelNotFound",
        ),
    ] {
        red.refused(status, name, post, body).await;
    }
    red.expect(201, post, rule(json!({"remote_ip_prefix": "10.0.0.0/24", "excluded": true}))).await;
    red.expect(201, post, rule(json!({"source_ip_prefix": "10.0.0.0/24", "destination_ip_prefix": "::/0"}))).await;
    assert_eq!(red.list(&format!("metering/metering-label-rules?metering_label_id={label}")).await.len(), 3);
    world.blue().refused(404, "MeteringLabelNotFound", &format!("GET metering/metering-labels/{label}"), None).await;
    red.delete("metering_label_rule", &id(&first)).await;
    red.delete("metering_label", &label).await;
    assert!(red.list("metering/metering-label-rules").await.is_empty(), "rules go with their label");
}
