//! What servers are made of and run on.

use crate::world::{Cloud, id_of, new_server};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::testkit::Api;
use serde_json::{Value, json};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIujx/Bf06UGfCWMlRPRKRkWyDXZphbfHYy4jwuJuObk me@here";

async fn call(api: &Api, request: &str, body: impl Into<Option<Value>>, status: u16) -> Value {
    let (method, path) = request.split_once(' ').unwrap();
    let answer = api.call(&format!("{method} /compute/v2.1/{path}"), body).await;
    assert_eq!(answer.status, status, "{request}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn flavors_come_and_go() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin").with("openstack-api-version", "compute 2.55"), api.token("member"));
    let flavor = |changes: Value| {
        let mut flavor = json!({"name": "f", "ram": "64", "vcpus": 1, "disk": 0});
        flavor.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        json!({ "flavor": flavor })
    };
    for (changes, status) in [
        (json!({"ram": 0}), 400),
        (json!({"vcpus": -1}), 400),
        (json!({"disk": "x"}), 400),
        (json!({"name": ""}), 400),
        (json!({"id": " x"}), 400),
        (json!({"id": "f1"}), 200),
        (json!({"id": "f1", "name": "g"}), 409),
        (json!({"id": "f2"}), 409),
        (json!({"id": "p", "name": "private", "os-flavor-access:is_public": "false"}), 200),
    ] {
        call(&admin, "POST flavors", flavor(changes), status).await;
    }
    let shown = call(&member, "GET flavors/f1", None, 200).await;
    assert_eq!((&shown["flavor"]["ram"], &shown["flavor"]["swap"]), (&json!(64), &json!("")));
    call(&member, "GET flavors/p", None, 404).await;
    call(&admin, "POST flavors/p/action", json!({"addTenantAccess": {"tenant": "p1"}}), 200).await;
    call(&admin, "POST flavors/p/action", json!({"addTenantAccess": {"tenant": "p1"}}), 409).await;
    call(&admin, "POST flavors/p/action", json!({"addTenantAccess": {"tenant": "nobody"}}), 400).await;
    call(&admin, "POST flavors/f1/action", json!({"addTenantAccess": {"tenant": "p1"}}), 409).await;
    call(&admin, "POST flavors/p/action", json!({"fly": {}}), 400).await;
    call(&member, "GET flavors/p", None, 200).await;
    let names = |list: &Value| list["flavors"].as_array().unwrap().iter().map(|f| f["id"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&call(&member, "GET flavors", None, 200).await), ["42", "84", "f1", "p"]);
    assert_eq!(names(&call(&api.token("other"), "GET flavors", None, 200).await), ["42", "84", "f1"]);
    assert_eq!(names(&call(&member, "GET flavors?minRam=150&sort_dir=desc", None, 200).await), ["84"]);
    assert_eq!(names(&call(&member, "GET flavors?sort_key=memory_mb&limit=2", None, 200).await), ["f1", "p"]);
    assert_eq!(names(&call(&member, "GET flavors?marker=84", None, 200).await), ["f1", "p"]);
    call(&admin, "POST flavors/p/action", json!({"removeTenantAccess": {"tenant": "p1"}}), 200).await;
    call(&admin, "POST flavors/p/action", json!({"removeTenantAccess": {"tenant": "p1"}}), 404).await;
    call(&admin, "PUT flavors/f1", json!({"flavor": {"description": "good"}}), 200).await;
    let specs = json!({"extra_specs": {"hw:a": "1", "b": 2}});
    call(&admin, "POST flavors/f1/os-extra_specs", specs, 200).await;
    assert_eq!(
        call(&member, "GET flavors/f1/os-extra_specs", None, 200).await["extra_specs"],
        json!({"hw:a": "1", "b": "2"})
    );
    let late = admin.with("openstack-api-version", "compute 2.86");
    let why = call(&late, "POST flavors/f1/os-extra_specs", json!({"extra_specs": {"hw:a": "1"}}), 400).await;
    assert_eq!(
        why["badRequest"]["message"],
        "Validation failed; extra spec 'hw:a' does not appear to be a valid extra spec."
    );
    call(&late, "PUT flavors/f1/os-extra_specs/hw:cpu_sockets", json!({"hw:cpu_sockets": 0}), 400).await;
    call(&late, "PUT flavors/f1/os-extra_specs/ours:a", json!({"ours:a": "1"}), 200).await;
    call(&late, "DELETE flavors/f1/os-extra_specs/ours:a", None, 200).await;
    call(&admin, "PUT flavors/f1/os-extra_specs/b", json!({"b": "3"}), 200).await;
    call(&admin, "PUT flavors/f1/os-extra_specs/b", json!({"c": "3"}), 400).await;
    call(&admin, "DELETE flavors/f1/os-extra_specs/b", None, 200).await;
    call(&admin, "DELETE flavors/f1/os-extra_specs/b", None, 404).await;
    call(&member, "GET flavors/f1/os-extra_specs/b", None, 404).await;
    call(&admin, "DELETE flavors/f1", None, 202).await;
    call(&admin, "DELETE flavors/f1", None, 404).await;
    call(&admin, "POST flavors", flavor(json!({"id": "f1"})), 200).await;
}

#[tokio::test]
async fn key_pairs_are_users_own() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.10");
    let key = |name: &str, public: Option<&str>| {
        let mut key = json!({ "name": name });
        if let Some(public) = public {
            key["public_key"] = public.into();
        }
        json!({ "keypair": key })
    };
    let made = call(&member, "POST os-keypairs", key("made", None), 201).await;
    let private = made["keypair"]["private_key"].as_str().unwrap();
    assert!(private.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"), "{private}");
    assert!(made["keypair"]["public_key"].as_str().unwrap().starts_with("ssh-rsa AAAA"));
    let mut windows = key("windows", None);
    windows["keypair"]["type"] = "x509".into();
    let certificate = call(&member, "POST os-keypairs", windows, 201).await["keypair"].clone();
    assert!(certificate["public_key"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----\n"), "{certificate}");
    assert_eq!((certificate["fingerprint"].as_str().unwrap().len(), &certificate["type"]), (59, &json!("x509")));
    // PKCS #12 begins with its version, 3.
    let file = STANDARD.decode(certificate["private_key"].as_str().unwrap()).unwrap();
    assert_eq!((file[0], &file[4..7]), (0x30, &[0x02, 0x01, 0x03][..]));
    call(&member, "DELETE os-keypairs/windows", None, 204).await;
    call(&member, "POST os-keypairs", key("brought", Some(KEY)), 201).await;
    for (name, public, status) in [
        ("brought", Some(KEY), 409),
        ("junk", Some("ssh-rsa JUNK me"), 400),
        ("empty", Some(""), 400),
        ("", Some(KEY), 400),
        ("a/b", Some(KEY), 400),
    ] {
        call(&member, "POST os-keypairs", key(name, public), status).await;
    }
    let late = member.with("openstack-api-version", "compute 2.92");
    call(&late, "POST os-keypairs", key("late", None), 400).await;
    call(&late, "POST os-keypairs", key("a@b.c", Some(KEY)), 201).await;
    let shown = call(&member, "GET os-keypairs/brought", None, 200).await;
    assert_eq!(shown["keypair"]["fingerprint"], "94:47:52:9a:94:57:54:84:74:f3:9d:4f:a9:c6:2b:e2");
    assert_eq!(shown["keypair"].get("private_key"), None);
    call(&api.token("other"), "GET os-keypairs/brought", None, 404).await;
    let admin = api.token("admin").with("openstack-api-version", "compute 2.35");
    let of_mia = call(&admin, "GET os-keypairs?user_id=mia&limit=2", None, 200).await;
    assert_eq!(of_mia["keypairs"].as_array().unwrap().len(), 2);
    assert!(of_mia["keypairs_links"][0]["href"].as_str().unwrap().contains("marker=brought"));
    let mut server = new_server();
    server["server"]["key_name"] = "brought".into();
    let id = id_of(&call(&api.token("member"), "POST servers", server, 202).await);
    let server = cloud.reach(&id, "ACTIVE").await;
    assert_eq!(server.key.as_ref().unwrap().public, KEY);
    call(&member, "DELETE os-keypairs/brought", None, 204).await;
    call(&member, "DELETE os-keypairs/brought", None, 404).await;
    call(&api.token("member"), "DELETE os-keypairs/made", None, 202).await;
    let quota = json!({"quota_set": {"key_pairs": 1}});
    call(&admin, "PUT os-quota-sets/p1", quota, 200).await;
    let refused = call(&member, "POST os-keypairs", key("more", Some(KEY)), 403).await;
    assert_eq!(refused["forbidden"]["message"], "Quota exceeded, too many key pairs.");
}

#[tokio::test]
async fn aggregates_make_zones() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.41");
    let zones = async || {
        let list = call(&api.token("member"), "GET os-availability-zone", None, 200).await;
        list["availabilityZoneInfo"].as_array().unwrap().iter().map(|z| z["zoneName"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(zones().await, ["nova"]);
    let new = |name: &str, zone: Value| json!({"aggregate": {"name": name, "availability_zone": zone}});
    let made = call(&admin, "POST os-aggregates", new("a", json!("east")), 200).await;
    assert_eq!((&made["aggregate"]["id"], made["aggregate"].get("hosts")), (&json!(1), None));
    call(&admin, "POST os-aggregates", new("a", json!(null)), 409).await;
    call(&admin, "POST os-aggregates", new("b", json!("a:b")), 400).await;
    call(&admin, "POST os-aggregates", new("b", json!("west")), 200).await;
    let host = |action: &str, host: &str| json!({ action: { "host": host } });
    call(&admin, "POST os-aggregates/1/action", host("add_host", "h1"), 200).await;
    call(&admin, "POST os-aggregates/1/action", host("add_host", "h1"), 409).await;
    call(&admin, "POST os-aggregates/2/action", host("add_host", "h1"), 409).await;
    call(&admin, "POST os-aggregates/1/action", host("add_host", "h9"), 404).await;
    assert_eq!(zones().await, ["east", "nova"]);
    let set = json!({"set_metadata": {"metadata": {"ssd": "yes", "availability_zone": "south"}}});
    let changed = call(&admin, "POST os-aggregates/1/action", set, 200).await;
    assert_eq!(changed["aggregate"]["metadata"], json!({"ssd": "yes", "availability_zone": "south"}));
    assert_eq!(zones().await, ["nova", "south"]);
    let renamed = call(&admin, "PUT os-aggregates/1", json!({"aggregate": {"name": "z"}}), 200).await;
    assert_eq!(
        (&renamed["aggregate"]["name"], &renamed["aggregate"]["availability_zone"]),
        (&json!("z"), &json!("south"))
    );
    call(&admin, "PUT os-aggregates/1", json!({"aggregate": {}}), 400).await;
    call(&admin, "PUT os-aggregates/1", json!({"aggregate": {"name": "b"}}), 409).await;
    call(&admin, "DELETE os-aggregates/1", None, 400).await;
    call(&admin, "POST os-aggregates/1/action", host("remove_host", "h1"), 200).await;
    call(&admin, "POST os-aggregates/1/action", host("remove_host", "h1"), 404).await;
    call(&admin, "DELETE os-aggregates/1", None, 200).await;
    call(&admin, "GET os-aggregates/1", None, 404).await;
    call(&admin, "POST os-aggregates", new("z", json!(null)), 200).await;
    assert_eq!(zones().await, ["nova"]);
}

#[tokio::test]
async fn a_disabled_host_takes_no_servers() {
    let cloud = Cloud::with_hosts(&["h1"]).await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.53");
    let id = call(&admin, "GET os-services", None, 200).await["services"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("PUT os-services/{id}");
    let disable = json!({"status": "disabled", "disabled_reason": "dust"});
    let changed = call(&admin, &path, disable, 200).await;
    assert_eq!(
        (&changed["service"]["status"], &changed["service"]["disabled_reason"]),
        (&json!("disabled"), &json!("dust"))
    );
    call(&admin, &path, json!({"disabled_reason": "dust"}), 400).await;
    call(&admin, &path, json!({}), 400).await;
    call(&admin, "PUT os-services/x", json!({"status": "enabled"}), 400).await;
    call(&admin, "PUT os-services/11111111-1111-4111-8111-111111111111", json!({"status": "enabled"}), 404).await;
    let member = api.token("member");
    let server = id_of(&call(&member, "POST servers", new_server(), 202).await);
    cloud.reach(&server, "ERROR").await;
    let enabled = call(&admin, &path, json!({"status": "enabled"}), 200).await;
    assert_eq!(enabled["service"]["disabled_reason"], Value::Null);
    let server = id_of(&call(&member, "POST servers", new_server(), 202).await);
    cloud.reach(&server, "ACTIVE").await;
    call(&admin, &format!("DELETE os-services/{id}"), None, 409).await;
    cloud.hosts.mood("h1", |m| m.away = true);
    call(&admin, &format!("DELETE os-services/{id}"), None, 409).await;
    let old = api.token("admin").with("openstack-api-version", "compute 2.11");
    let which = |extra: Value| {
        let mut body = json!({"host": "h1", "binary": "nova-compute"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    call(&old, "PUT os-services/disable-log-reason", which(json!({"disabled_reason": "dust"})), 200).await;
    call(&old, "PUT os-services/disable-log-reason", which(json!({})), 400).await;
    call(&old, "PUT os-services/enable", which(json!({})), 200).await;
    call(&old, "PUT os-services/force-down", which(json!({"forced_down": true})), 200).await;
    call(&old, "PUT os-services/fly", which(json!({})), 404).await;
    call(&old, "PUT os-services/enable", json!({"host": "h9", "binary": "nova-compute"}), 404).await;
}

#[tokio::test]
async fn a_host_without_servers_can_be_forgotten() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin");
    cloud.hosts.mood("h2", |m| m.away = true);
    call(&admin, "DELETE os-services/1", None, 409).await;
    call(&admin, "DELETE os-services/2", None, 204).await;
    call(&admin, "DELETE os-services/2", None, 404).await;
    let left = call(&admin, "GET os-hypervisors", None, 200).await;
    assert_eq!(left["hypervisors"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn quotas_limit() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    let id = id_of(&call(&member, "POST servers", new_server(), 202).await);
    cloud.reach(&id, "ACTIVE").await;
    let detail = call(&member, "GET os-quota-sets/p1/detail", None, 200).await;
    assert_eq!(detail["quota_set"]["ram"], json!({"in_use": 128, "limit": 51200, "reserved": 0}));
    let set = |values: Value| json!({"quota_set": values});
    call(&admin, "PUT os-quota-sets/p1", set(json!({"cores": 0})), 400).await;
    call(&admin, "PUT os-quota-sets/p1", set(json!({"cores": 0, "force": true})), 200).await;
    call(&admin, "PUT os-quota-sets/p1", set(json!({"cores": "many"})), 400).await;
    call(&admin, "PUT os-quota-sets/p1", set(json!({"colours": 1})), 400).await;
    call(&admin, "PUT os-quota-sets/nobody", set(json!({"cores": 1})), 400).await;
    let refused = call(&member, "POST servers", new_server(), 403).await;
    let text = "Quota exceeded for cores: Requested 1, but already used 1 of 0 cores";
    assert_eq!(refused["forbidden"]["message"], text);
    let limits = call(&member, "GET limits", None, 200).await;
    assert_eq!(
        (&limits["limits"]["absolute"]["maxTotalCores"], &limits["limits"]["absolute"]["totalCoresUsed"]),
        (&json!(0), &json!(1))
    );
    call(&admin, "DELETE os-quota-sets/p1", None, 202).await;
    call(&admin, "PUT os-quota-class-sets/default", json!({"quota_class_set": {"instances": 1}}), 200).await;
    call(&admin, "PUT os-quota-class-sets/gold", json!({"quota_class_set": {"instances": 1}}), 400).await;
    assert_eq!(call(&member, "GET os-quota-sets/p1/defaults", None, 200).await["quota_set"]["instances"], 1);
    call(&member, "POST servers", new_server(), 403).await;
    call(&member, &format!("DELETE servers/{id}"), None, 204).await;
    cloud.gone(&id).await;
    let detail = call(&member, "GET os-quota-sets/p1/detail", None, 200).await;
    assert_eq!(detail["quota_set"]["instances"]["in_use"], 0);
}

#[tokio::test]
async fn server_groups() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let new = |minor: u16, group: Value, status: u16| {
        let api = api.token("member").with("openstack-api-version", &format!("compute 2.{minor}"));
        async move { call(&api, "POST os-server-groups", json!({ "server_group": group }), status).await }
    };
    let old = new(1, json!({"name": "a", "policies": ["affinity"]}), 200).await;
    assert_eq!(old["server_group"]["policies"], json!(["affinity"]));
    new(1, json!({"name": "a", "policies": ["soft-affinity"]}), 400).await;
    new(15, json!({"name": "a", "policies": ["soft-affinity"]}), 200).await;
    new(1, json!({"name": "a", "policies": ["affinity", "anti-affinity"]}), 400).await;
    new(1, json!({"name": "a", "policies": []}), 400).await;
    new(63, json!({"name": "a", "policy": "affinity"}), 400).await;
    new(64, json!({"name": "a", "policies": ["affinity"]}), 400).await;
    new(64, json!({"name": "a", "policy": "affinity", "rules": {"max_server_per_host": 2}}), 400).await;
    let made =
        new(64, json!({"name": "a", "policy": "anti-affinity", "rules": {"max_server_per_host": "2"}}), 200).await;
    assert_eq!(made["server_group"]["rules"], json!({"max_server_per_host": 2}));
    let id = made["server_group"]["id"].as_str().unwrap().to_owned();
    let mut server = new_server();
    server["os:scheduler_hints"] = json!({ "group": id });
    let server = id_of(&call(&member, "POST servers", server, 202).await);
    cloud.reach(&server, "ACTIVE").await;
    let shown = call(&member, &format!("GET os-server-groups/{id}"), None, 200).await;
    assert_eq!(shown["server_group"]["members"], json!([server]));
    call(&api.token("other"), &format!("GET os-server-groups/{id}"), None, 404).await;
    call(&member, &format!("DELETE os-server-groups/{id}"), None, 204).await;
    call(&member, &format!("DELETE os-server-groups/{id}"), None, 404).await;
    assert_eq!(cloud.server(&server).group, None);
    let mut lost = new_server();
    lost["os:scheduler_hints"] = json!({ "group": id });
    call(&member, "POST servers", lost, 400).await;
}

#[tokio::test]
async fn events_from_other_services() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let service = api.token("service").with("openstack-api-version", "compute 2.51");
    let id = id_of(&call(&api.token("member"), "POST servers", new_server(), 202).await);
    cloud.reach(&id, "ACTIVE").await;
    let unknown = "11111111-1111-4111-8111-111111111111";
    let events = |ids: &[&str], name: &str| json!({"events": ids.iter().map(|id| json!({"name": name, "server_uuid": id})).collect::<Vec<_>>()});
    let path = "POST os-server-external-events";
    call(&service, path, events(&[&id], "network-vif-plugged"), 200).await;
    let mixed = call(&service, path, events(&[&id, unknown], "volume-extended"), 207).await;
    assert_eq!((&mixed["events"][0]["code"], &mixed["events"][1]["code"]), (&json!(200), &json!(404)));
    call(&service, path, events(&[unknown], "network-changed"), 404).await;
    call(&service, path, events(&[&id], "power-update"), 400).await;
    call(&service, path, events(&[], "network-changed"), 400).await;
}
