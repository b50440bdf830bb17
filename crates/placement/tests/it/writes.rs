//! What operators write: each operation once, its refusals, and what it leaves.

use super::store;
use ::store::Store;
use http::testkit::{Answer, Api, Tokens, deps, member_of};
use placement::{Placement, api::router};
use policy::Policies;
use serde_json::{Value, json};

pub(super) const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(super) const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";
const C1: &str = "cccccccc-0000-4000-8000-000000000001";
const C2: &str = "cccccccc-0000-4000-8000-000000000002";

pub(super) struct World {
    pub(super) store: Store,
    api: Api,
}

impl World {
    pub(super) async fn new() -> Self {
        let store = store().await;
        Self::over(store)
    }

    pub(super) fn over(store: Store) -> Self {
        let tokens = Tokens::default()
            .with("admin", member_of("p0", "ann", &["admin", "service"]))
            .with("reader", member_of("p1", "ray", &["reader", "member"]));
        let policies = Policies::new(&[&placement::policy::POLICY]).unwrap();
        let api = Api::new(router(Placement { store: store.clone() }, deps(tokens, policies)));
        Self { store, api: api.token("admin") }
    }

    /// `PUT /traits/X` at a version.
    pub(super) async fn at(&self, version: &str, request: &str, body: impl Into<Option<Value>>) -> Answer {
        let (method, path) = request.split_once(' ').unwrap();
        let api = self.api.with("openstack-api-version", &format!("placement {version}"));
        api.call(&format!("{method} /placement{path}"), body).await
    }

    pub(super) async fn call(&self, request: &str, body: impl Into<Option<Value>>) -> Answer {
        self.at("1.39", request, body).await
    }

    /// The status, and `code` of the fault if there is one.
    #[track_caller]
    pub(super) fn is(answer: &Answer, status: u16, code: &str) {
        let told = answer.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status, told.as_str()), (status, code), "{}", answer.text());
    }

    pub(super) async fn provider(&self, id: &str, parent: Option<&str>) {
        let body = json!({"name": format!("name of {id}"), "uuid": id, "parent_provider_uuid": parent});
        Self::is(&self.call("POST /resource_providers", body).await, 200, "");
    }

    pub(super) async fn generation(&self, id: &str) -> u64 {
        self.call(&format!("GET /resource_providers/{id}"), None).await.json()["generation"].as_u64().unwrap()
    }

    pub(super) async fn inventories(&self, id: &str, inventories: Value) -> Answer {
        let body = json!({"resource_provider_generation": self.generation(id).await, "inventories": inventories});
        self.call(&format!("PUT /resource_providers/{id}/inventories"), body).await
    }

    fn sound(&self) {
        assert_eq!(placement::audit(&self.store.snapshot()), []);
    }
}

fn allocations(of: Value, generation: Value) -> Value {
    json!({"allocations": of, "consumer_generation": generation, "consumer_type": "INSTANCE", "project_id": "p", "user_id": "u"})
}

#[tokio::test]
async fn providers_are_made_moved_and_deleted() {
    let w = World::new().await;
    w.provider(A, None).await;
    w.provider(B, Some(A)).await;
    let again = json!({"name": "other", "uuid": A});
    World::is(&w.call("POST /resource_providers", again).await, 409, "placement.duplicate_name");
    let named = json!({"name": format!("name of {A}")});
    World::is(&w.call("POST /resource_providers", named.clone()).await, 409, "placement.duplicate_name");
    World::is(&w.call(&format!("PUT /resource_providers/{B}"), named).await, 409, "placement.duplicate_name");
    let undefined = "placement.undefined_code";
    for (body, status) in [
        (json!({"name": ""}), 400),
        (json!({"name": "c", "uuid": "no"}), 400),
        (json!({"name": "c", "colour": 1}), 400),
        (json!({"name": "c", "parent_provider_uuid": C1}), 400),
    ] {
        World::is(&w.call("POST /resource_providers", body).await, status, undefined);
    }
    // Old versions answer with the place only.
    let made = w.at("1.19", "POST /resource_providers", json!({"name": "c", "uuid": C1})).await;
    assert_eq!((made.status, made.text()), (201, String::new()));
    assert_eq!(made.header("location"), format!("http://cloud.test:5000/placement/resource_providers/{C1}"));
    // A parent cannot go, a loop cannot arise, and who has a parent keeps it before 1.37.
    let path = |id: &str| format!("/resource_providers/{id}");
    World::is(
        &w.call(&format!("DELETE {}", path(A)), None).await,
        409,
        "placement.resource_provider.cannot_delete_parent",
    );
    let below = |parent: Value| json!({"name": "moved", "parent_provider_uuid": parent});
    World::is(&w.call(&format!("PUT {}", path(A)), below(json!(B))).await, 400, undefined);
    World::is(&w.at("1.36", &format!("PUT {}", path(B)), below(json!(C1))).await, 400, undefined);
    World::is(&w.at("1.36", &format!("PUT {}", path(B)), below(json!(null))).await, 400, undefined);
    let moved = w.call(&format!("PUT {}", path(B)), below(json!(C1))).await.json();
    assert_eq!((&moved["root_provider_uuid"], &moved["name"]), (&json!(C1), &json!("moved")));
    assert_eq!(w.call(&format!("DELETE {}", path(A)), None).await.status, 204);
    World::is(&w.call(&format!("DELETE {}", path(A)), None).await, 404, undefined);
    // The name is free again.
    w.provider(A, None).await;
    w.sound();
}

#[tokio::test]
async fn inventories_are_written_by_generation() {
    let w = World::new().await;
    w.provider(A, None).await;
    let all = format!("/resource_providers/{A}/inventories");
    let undefined = "placement.undefined_code";
    let one = |class: &str, total: i64| json!({"resource_class": class, "total": total});
    let made = w.call(&format!("POST {all}"), one("VCPU", 4)).await;
    assert_eq!((made.status, &made.json()["max_unit"]), (201, &json!(2_147_483_647_u32)));
    assert_eq!(made.header("location"), format!("http://cloud.test:5000/placement{all}/VCPU"));
    World::is(&w.call(&format!("POST {all}"), one("VCPU", 4)).await, 409, "placement.concurrent_update");
    World::is(&w.call(&format!("POST {all}"), one("CUSTOM_NONE", 4)).await, 400, undefined);
    World::is(&w.call(&format!("POST {all}"), one("MEMORY_MB", 0)).await, 400, undefined);
    let update = |total: u64, reserved: u64, generation: u64| json!({"total": total, "reserved": reserved, "resource_provider_generation": generation});
    World::is(&w.call(&format!("PUT {all}/VCPU"), update(8, 0, 7)).await, 409, "placement.concurrent_update");
    World::is(&w.call(&format!("PUT {all}/DISK_GB"), update(8, 0, 1)).await, 400, undefined);
    // Everything may be reserved since 1.26, never more.
    World::is(&w.call(&format!("PUT {all}/VCPU"), update(8, 9, 1)).await, 400, undefined);
    assert_eq!(w.at("1.25", &format!("PUT {all}/VCPU"), update(8, 8, 1)).await.status, 400);
    assert_eq!(w.call(&format!("PUT {all}/VCPU"), update(8, 8, 1)).await.status, 200);
    assert_eq!(w.inventories(A, json!({"DISK_GB": {"total": 10}, "VCPU": {"total": 8}})).await.status, 200);
    let used = allocations(json!({A: {"resources": {"VCPU": 2}}}), json!(null));
    assert_eq!(w.call(&format!("PUT /allocations/{C1}"), used).await.status, 204);
    World::is(&w.inventories(A, json!({})).await, 409, "placement.inventory.inuse");
    World::is(&w.call(&format!("DELETE {all}"), None).await, 409, "placement.inventory.inuse");
    World::is(&w.call(&format!("DELETE {all}/VCPU"), None).await, 409, "placement.concurrent_update");
    World::is(
        &w.call(&format!("DELETE /resource_providers/{A}"), None).await,
        409,
        "placement.resource_provider.inuse",
    );
    assert_eq!(w.call(&format!("DELETE {all}/DISK_GB"), None).await.status, 204);
    World::is(&w.call(&format!("DELETE {all}/DISK_GB"), None).await, 404, undefined);
    assert_eq!(w.at("1.4", &format!("DELETE {all}"), None).await.status, 405);
    w.sound();
}

#[tokio::test]
async fn names_are_made_used_and_deleted() {
    let w = World::new().await;
    w.provider(A, None).await;
    for (kind, standard) in [("traits", "HW_ARCH_X86_64"), ("resource_classes", "VCPU")] {
        let it = format!("/{kind}/CUSTOM_IT");
        assert_eq!(w.call(&format!("GET {it}"), None).await.status, 404);
        assert_eq!(w.call(&format!("PUT {it}"), None).await.status, 201);
        assert_eq!(w.call(&format!("PUT {it}"), None).await.status, 204);
        assert_eq!(w.call(&format!("PUT /{kind}/{standard}"), None).await.status, 400);
        assert_eq!(w.call(&format!("DELETE /{kind}/{standard}"), None).await.status, 400);
    }
    let traits = |names: &[&str], generation: u64| json!({"traits": names, "resource_provider_generation": generation});
    let of = format!("/resource_providers/{A}/traits");
    World::is(&w.call(&format!("PUT {of}"), traits(&["CUSTOM_IT"], 5)).await, 409, "placement.concurrent_update");
    World::is(&w.call(&format!("PUT {of}"), traits(&["CUSTOM_NO"], 0)).await, 400, "placement.undefined_code");
    let set = w.call(&format!("PUT {of}"), traits(&["CUSTOM_IT", "HW_ARCH_X86_64"], 0)).await;
    assert_eq!((set.status, &set.json()["resource_provider_generation"]), (200, &json!(1)));
    // Nothing new, no new generation.
    let same = w.call(&format!("PUT {of}"), traits(&["HW_ARCH_X86_64", "CUSTOM_IT"], 1)).await;
    assert_eq!(same.json()["resource_provider_generation"], 1);
    assert_eq!(w.inventories(A, json!({"CUSTOM_IT": {"total": 3}})).await.status, 200);
    assert_eq!(w.call("DELETE /traits/CUSTOM_IT", None).await.status, 409);
    assert_eq!(w.call("DELETE /resource_classes/CUSTOM_IT", None).await.status, 409);
    assert_eq!(w.call(&format!("DELETE {of}"), None).await.status, 204);
    assert_eq!(w.call("DELETE /traits/CUSTOM_IT", None).await.status, 204);
    assert_eq!(w.call("DELETE /traits/CUSTOM_IT", None).await.status, 404);
}

/// Up to 1.6 a class could get another name; whatever uses it goes along.
#[tokio::test]
async fn a_class_is_renamed_where_it_is_used() {
    let w = World::new().await;
    w.provider(A, None).await;
    assert_eq!(w.call("POST /resource_classes", json!({"name": "CUSTOM_OLD"})).await.status, 201);
    assert_eq!(w.call("POST /resource_classes", json!({"name": "CUSTOM_OLD"})).await.status, 409);
    assert_eq!(w.inventories(A, json!({"CUSTOM_OLD": {"total": 3}})).await.status, 200);
    let used = allocations(json!({A: {"resources": {"CUSTOM_OLD": 2}}}), json!(null));
    assert_eq!(w.call(&format!("PUT /allocations/{C1}"), used).await.status, 204);
    let renamed = w.at("1.6", "PUT /resource_classes/CUSTOM_OLD", json!({"name": "CUSTOM_NEW"})).await;
    assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!("CUSTOM_NEW")));
    assert_eq!(w.at("1.6", "PUT /resource_classes/VCPU", json!({"name": "CUSTOM_NEW"})).await.status, 400);
    assert_eq!(w.at("1.6", "PUT /resource_classes/CUSTOM_OLD", json!({"name": "CUSTOM_X"})).await.status, 404);
    let usages = w.call(&format!("GET /resource_providers/{A}/usages"), None).await;
    assert_eq!(usages.json()["usages"], json!({"CUSTOM_NEW": 2}));
    w.sound();
}

#[tokio::test]
async fn aggregates_mind_the_generation_since_1_19() {
    let w = World::new().await;
    w.provider(A, None).await;
    let of = format!("/resource_providers/{A}/aggregates");
    assert_eq!(w.at("1.1", &format!("PUT {of}"), json!([C2, C1])).await.json(), json!({"aggregates": [C2, C1]}));
    assert_eq!(w.generation(A).await, 0);
    let with = |generation: u64| json!({"aggregates": [C1], "resource_provider_generation": generation});
    World::is(&w.call(&format!("PUT {of}"), with(3)).await, 409, "placement.concurrent_update");
    assert_eq!(w.call(&format!("PUT {of}"), with(0)).await.json()["resource_provider_generation"], 1);
    assert_eq!(w.at("1.1", &format!("PUT {of}"), json!(["here"])).await.status, 400);
    assert_eq!(w.at("1.1", &format!("PUT {of}"), json!([C1, C1])).await.status, 400);
}

#[tokio::test]
async fn allocations_fit_and_follow_generations() {
    let w = World::new().await;
    w.provider(A, None).await;
    w.provider(B, None).await;
    for id in [A, B] {
        assert_eq!(w.inventories(id, json!({"VCPU": {"total": 4}})).await.status, 200);
    }
    let take = |id: &str, n: u64| json!({id: {"resources": {"VCPU": n}}});
    let put = async |consumer: &str, of: Value, generation: Value| {
        w.call(&format!("PUT /allocations/{consumer}"), allocations(of, generation)).await
    };
    let (undefined, changed) = ("placement.undefined_code", "placement.concurrent_update");
    World::is(&put(C1, take(A, 5), json!(null)).await, 409, undefined);
    World::is(&put(C1, take(A, 3), json!(1)).await, 409, changed);
    World::is(&put(C1, take(C1, 3), json!(null)).await, 400, undefined);
    World::is(&put(C1, json!({A: {"resources": {"CUSTOM_NO": 1}}}), json!(null)).await, 400, undefined);
    World::is(&put(C1, json!({A: {"resources": {"DISK_GB": 1}}}), json!(null)).await, 409, undefined);
    World::is(&put("someone", take(A, 1), json!(null)).await, 400, undefined);
    assert_eq!(put(C1, take(A, 3), json!(null)).await.status, 204);
    World::is(&put(C1, take(A, 4), json!(null)).await, 409, changed);
    assert_eq!(put(C1, take(A, 4), json!(1)).await.status, 204);
    World::is(&put(C2, take(A, 1), json!(null)).await, 409, undefined);
    // What one gives another can take, at once.
    let swap = json!({C1: allocations(json!({}), json!(2)), C2: allocations(take(A, 4), json!(null))});
    assert_eq!(w.call("POST /allocations", swap).await.status, 204);
    let shown = w.call(&format!("GET /allocations/{C1}"), None).await.json();
    assert_eq!(shown, json!({"allocations": {}}));
    // Two at once are counted together.
    let both = json!({C1: allocations(take(B, 2), json!(null)), C2: allocations(take(B, 3), json!(1))});
    World::is(&w.call("POST /allocations", both).await, 409, undefined);
    w.sound();
    // Less than was used may be used where there is too little.
    assert_eq!(w.inventories(A, json!({"VCPU": {"total": 1}})).await.status, 200);
    assert_eq!(put(C2, take(A, 3), json!(1)).await.status, 204);
    World::is(&put(C2, take(A, 4), json!(2)).await, 409, undefined);
    assert_eq!(w.call(&format!("DELETE /allocations/{C2}"), None).await.status, 204);
    assert_eq!(w.call(&format!("DELETE /allocations/{C2}"), None).await.status, 404);
    w.sound();
}

/// Each version's own form of the same, and who owns what nobody said.
#[tokio::test]
async fn allocations_are_written_in_the_form_of_their_version() {
    let w = World::new().await;
    w.provider(A, None).await;
    assert_eq!(w.inventories(A, json!({"VCPU": {"total": 4}})).await.status, 200);
    let listed = json!([{"resource_provider": {"uuid": A}, "resources": {"VCPU": 1}}]);
    let keyed = json!({A: {"resources": {"VCPU": 1}}});
    let path = format!("PUT /allocations/{C1}");
    let owned = |of: &Value| json!({"allocations": of, "project_id": "p", "user_id": "u"});
    assert_eq!(w.at("1.7", &path, json!({"allocations": listed})).await.status, 204);
    let nobody = w.call(&format!("GET /allocations/{C1}"), None).await.json();
    assert_eq!(nobody["project_id"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(w.at("1.8", &path, json!({"allocations": listed})).await.status, 400);
    assert_eq!(w.at("1.8", &path, owned(&listed)).await.status, 204);
    assert_eq!(w.at("1.12", &path, owned(&listed)).await.status, 400);
    assert_eq!(w.at("1.12", &path, owned(&keyed)).await.status, 204);
    assert_eq!(w.at("1.28", &path, owned(&keyed)).await.status, 400);
    let shown = w.call(&format!("GET /allocations/{C1}"), None).await.json();
    assert_eq!((&shown["consumer_generation"], &shown["consumer_type"]), (&json!(3), &json!("unknown")));
    let usages = w.call("GET /usages?project_id=p", None).await.json();
    assert_eq!(usages, json!({"usages": {"unknown": {"VCPU": 1, "consumer_count": 1}}}));
}

#[tokio::test]
async fn the_reshaper_moves_inventories_with_what_is_allocated() {
    let w = World::new().await;
    w.provider(A, None).await;
    w.provider(B, Some(A)).await;
    assert_eq!(w.inventories(A, json!({"VCPU": {"total": 4}, "MEMORY_MB": {"total": 100}})).await.status, 200);
    let first = allocations(json!({A: {"resources": {"VCPU": 4, "MEMORY_MB": 50}}}), json!(null));
    assert_eq!(w.call(&format!("PUT /allocations/{C1}"), first).await.status, 204);
    let reshape = |generation: u64, moved: u64| {
        json!({
            "inventories": {
                A: {"resource_provider_generation": generation, "inventories": {"MEMORY_MB": {"total": 100}}},
                B: {"resource_provider_generation": 0, "inventories": {"VCPU": {"total": 4}}},
            },
            "allocations": {
                C1: allocations(json!({A: {"resources": {"MEMORY_MB": 50}}, B: {"resources": {"VCPU": moved}}}), json!(1)),
            },
        })
    };
    assert_eq!(w.at("1.29", "POST /reshaper", reshape(2, 4)).await.status, 404);
    World::is(&w.call("POST /reshaper", reshape(1, 4)).await, 409, "placement.concurrent_update");
    World::is(&w.call("POST /reshaper", reshape(2, 5)).await, 409, "placement.undefined_code");
    assert_eq!(w.call("POST /reshaper", reshape(2, 4)).await.status, 204);
    let usages = w.call(&format!("GET /resource_providers/{B}/usages"), None).await;
    assert_eq!(usages.json()["usages"], json!({"VCPU": 4}));
    let mut unknown = reshape(0, 4);
    unknown["inventories"] = json!({C2: {"resource_provider_generation": 0, "inventories": {}}});
    World::is(&w.call("POST /reshaper", unknown).await, 400, "placement.resource_provider.not_found");
    w.sound();
}

/// Bodies are judged in placement's order: media type, caller, object, JSON, schema.
#[tokio::test]
async fn bodies_are_judged_in_order() {
    let w = World::new().await;
    let plain = w.api.with("content-type", "text/plain");
    let none = "PUT /placement/resource_providers/none/inventories";
    assert_eq!(plain.send(none, "{}").await.status, 415);
    assert_eq!(w.api.with("content-length", "2").send(none, "{}").await.status, 400);
    let json = w.api.with("content-type", "application/json");
    assert_eq!(json.send(none, "{").await.status, 404);
    assert_eq!(json.token("reader").send("POST /placement/resource_providers", "{").await.status, 403);
    let broken = json.send("POST /placement/resource_providers", "{").await;
    assert!(broken.status == 400 && broken.text().contains("Malformed JSON"), "{}", broken.text());
    let wrong = json.send("POST /placement/resource_providers", r#"{"name": 1}"#).await;
    assert!(wrong.text().contains("JSON does not validate: 1 is not of type 'string'"), "{}", wrong.text());
    let html = w.api.with("accept", "text/html");
    assert_eq!(html.call("GET /placement/resource_providers", None).await.status, 406);
}
