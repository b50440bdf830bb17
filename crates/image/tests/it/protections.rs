//! Property protections, through the router.

use crate::world::{Cloud, create, expect, refused};
use http::testkit::{Answer, Api};
use image::{ImageDeps, PropertyRules};
use serde_json::{Value, json};

const RULES: &str = "
# the first that fits decides
[x_bill_secret]
create = admin
read = admin
update = admin
delete = admin
[x_bill_.*]
create = admin, member
read = @
update = admin
delete = !
[x_.*]
create = @
read = @
update = @
delete = @
";

async fn patch(api: &Api, id: &str, change: Value) -> Answer {
    let api = api.with("content-type", "application/openstack-images-v2.1-json-patch");
    api.send(&format!("PATCH /image/v2/images/{id}"), json!([change]).to_string()).await
}

#[tokio::test]
async fn properties_belong_to_roles() {
    let rules = PropertyRules::parse(RULES).unwrap();
    let cloud = Cloud::with(|deps, _| ImageDeps { properties: rules, ..deps }).await;
    let (admin, member) = (cloud.api.token("admin"), cloud.api.token("member"));
    let id = create(&member, "raw").await;
    let add = |name: &str| json!({"op": "add", "path": format!("/{name}"), "value": "v"});
    let remove = |name: &str| json!({"op": "remove", "path": format!("/{name}")});

    expect(&patch(&member, &id, add("x_free")).await, 200);
    expect(&patch(&member, &id, remove("x_free")).await, 200);
    // Made once, then only the administrator's to change, and nobody's to remove.
    expect(&patch(&member, &id, add("x_bill_to")).await, 200);
    refused(&patch(&member, &id, add("x_bill_to")).await, 403, "'x_bill_to' is reserved");
    expect(&patch(&admin, &id, add("x_bill_to")).await, 200);
    refused(&patch(&admin, &id, remove("x_bill_to")).await, 403, "reserved");
    // What no rule names is nobody's.
    refused(&patch(&admin, &id, add("colour")).await, 403, "'colour' is reserved");
    let new = json!({"name": "n", "x_bill_secret": "s"});
    refused(&member.call("POST /image/v2/images", new).await, 403, "'x_bill_secret' is reserved");

    // What cannot be read is not there: neither shown nor found.
    expect(&patch(&admin, &id, add("x_bill_secret")).await, 200);
    for (api, sees) in [(&admin, true), (&member, false)] {
        let shown = expect(&api.call(&format!("GET /image/v2/images/{id}"), None).await, 200);
        assert_eq!((shown.get("x_bill_secret").is_some(), shown.get("x_bill_to").is_some()), (sees, true));
        let listed = expect(&api.call("GET /image/v2/images?x_bill_secret=v", None).await, 200);
        assert_eq!(listed["images"].as_array().unwrap().len(), usize::from(sees));
    }
    refused(&patch(&member, &id, remove("x_bill_secret")).await, 409, "does not exist");
    assert_eq!(cloud.image(&id).properties["x_bill_secret"], "v");
}
