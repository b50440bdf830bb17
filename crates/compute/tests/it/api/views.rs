//! Every resource as it is shown at the first version, at each change and at the last, in one file: what a version changes
//! is what differs there from the version before.

use crate::world::{Cloud, IMAGE, NETWORK, expect, id_of, new_server};
use compute::api::versions::{HISTORY, MAX};
use http::testkit::Api;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

const VOLUME: &str = "77777777-7777-4777-8777-777777777777";
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIujx/Bf06UGfCWMlRPRKRkWyDXZphbfHYy4jwuJuObk me@here";

struct Fixture {
    api: Api,
    /// What is looked at, and by whom.
    paths: Vec<(String, &'static str, String)>,
    _cloud: Cloud,
    _engine: flow::Engine,
}

async fn post(api: &Api, path: &str, body: Value) -> Value {
    let answer = api.call(&format!("POST /compute/v2.1/{path}"), body).await;
    assert!(answer.status < 300, "{path}: {}", answer.text());
    answer.json()
}

async fn fixture() -> Fixture {
    let cloud = Cloud::with_hosts(&["h1"]).await;
    cloud.volumes.put(VOLUME).await;
    let (api, engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.100");
    let admin = api.token("admin").with("openstack-api-version", "compute 2.100");
    post(&admin, "flavors/42/os-extra_specs", json!({"extra_specs": {"hw:cpu_policy": "shared"}})).await;
    post(&member, "os-keypairs", json!({"keypair": {"name": "key", "public_key": KEY}})).await;
    let group = json!({"server_group": {"name": "g", "policy": "anti-affinity", "rules": {"max_server_per_host": 3}}});
    let group = post(&member, "os-server-groups", group).await["server_group"]["id"].clone();
    let aggregate = json!({"aggregate": {"name": "a", "availability_zone": "east"}});
    let aggregate = post(&admin, "os-aggregates", aggregate).await["aggregate"]["id"].clone();
    post(&admin, &format!("os-aggregates/{aggregate}/action"), json!({"add_host": {"host": "h1"}})).await;
    post(
        &admin,
        "flavors",
        json!({"flavor": {"name": "private", "id": "7", "ram": 64, "vcpus": 1, "disk": 1, "swap": 8,
        "os-flavor-access:is_public": false, "description": "for few"}}),
    )
    .await;
    post(&admin, "flavors/7/action", json!({"addTenantAccess": {"tenant": "p1"}})).await;
    let server = json!({"server": {
        "name": "one", "imageRef": IMAGE, "flavorRef": "42", "networks": [{"uuid": NETWORK, "tag": "nic"}], "key_name": "key",
        "metadata": {"color": "red"}, "tags": ["blue"], "description": "first", "availability_zone": "east",
        "user_data": "aGk=", "config_drive": true, "accessIPv4": "192.0.2.1",
    }, "os:scheduler_hints": {"group": group}});
    let id = id_of(&post(&member, "servers", server).await);
    cloud.reach(&id, "ACTIVE").await;
    let attachment = json!({"volumeAttachment": {"volumeId": VOLUME, "tag": "disk"}});
    post(&member, &format!("servers/{id}/os-volume_attachments"), attachment).await;
    cloud.reach(&id, "ACTIVE").await;
    post(&member, &format!("servers/{id}/action"), json!({"lock": {"locked_reason": "mine"}})).await;
    let mut failing = new_server();
    (failing["server"]["name"], failing["server"]["networks"]) = ("broken".into(), "none".into());
    cloud.hosts.mood("h1", |m| m.refuses = Some("the disk is full".into()));
    let broken = id_of(&post(&member, "servers", failing).await);
    cloud.reach(&broken, "ERROR").await;
    let actions = expect(&member.call(&format!("GET /compute/v2.1/servers/{id}/os-instance-actions"), None).await, 200);
    let created = actions["instanceActions"].as_array().unwrap().iter().find(|a| a["action"] == "create").unwrap();
    let request = created["request_id"].as_str().unwrap().to_owned();
    let failed =
        expect(&member.call(&format!("GET /compute/v2.1/servers/{broken}/os-instance-actions"), None).await, 200);
    let failed = failed["instanceActions"][0]["request_id"].as_str().unwrap().to_owned();
    let port = cloud.server(&id).nics[0].plan.port.to_string();
    let hosts = expect(&admin.call("GET /compute/v2.1/os-hypervisors", None).await, 200);
    let hypervisor = hosts["hypervisors"][0]["id"].as_str().unwrap().to_owned();
    super::migrations::two_migrations(&cloud, &id).await;
    let mut paths = Vec::new();
    let mut look = |shown: &str, who, path: String| paths.push((shown.to_owned(), who, path));
    for who in ["member", "admin"] {
        look("servers/{active}", who, format!("servers/{id}"));
        look("servers/{error}", who, format!("servers/{broken}"));
    }
    for path in ["servers?name=one", "servers/detail?name=one", "servers?limit=1&sort_key=display_name&sort_dir=asc"] {
        look(path, "member", path.into());
    }
    for sub in [
        "metadata",
        "metadata/color",
        "tags",
        "ips",
        "ips/net",
        "os-volume_attachments",
        "os-interface",
        "os-server-password",
        "os-instance-actions",
    ] {
        look(&format!("servers/{{active}}/{sub}"), "member", format!("servers/{id}/{sub}"));
    }
    look(
        "servers/{active}/os-volume_attachments/{volume}",
        "member",
        format!("servers/{id}/os-volume_attachments/{VOLUME}"),
    );
    look("servers/{active}/os-interface/{port}", "member", format!("servers/{id}/os-interface/{port}"));
    for who in ["member", "admin"] {
        look(
            "servers/{active}/os-instance-actions/{create}",
            who,
            format!("servers/{id}/os-instance-actions/{request}"),
        );
    }
    look(
        "servers/{error}/os-instance-actions/{create}",
        "admin",
        format!("servers/{broken}/os-instance-actions/{failed}"),
    );
    for path in [
        "flavors",
        "flavors/detail",
        "flavors/42",
        "flavors/7",
        "flavors/42/os-extra_specs",
        "flavors/42/os-extra_specs/hw:cpu_policy",
        "os-keypairs",
        "os-keypairs/key",
        "os-availability-zone",
        "os-server-groups",
        "limits",
        "os-quota-sets/p1",
        "os-quota-sets/p1/detail",
        "os-quota-sets/p1/defaults",
        "os-simple-tenant-usage/p1?start=2020-01-01T00:00:00",
        "extensions/os-keypairs",
    ] {
        look(path, "member", path.into());
    }
    for path in [
        "flavors/7/os-flavor-access",
        "os-availability-zone/detail",
        "os-services",
        "os-hosts",
        "os-hosts/h1",
        "os-hypervisors",
        "os-hypervisors/detail",
        "os-hypervisors/statistics",
        "os-hypervisors/1",
        "os-hypervisors/1/uptime",
        "os-hypervisors/h/search",
        "os-hypervisors/h/servers",
        "os-hypervisors?with_servers=true",
        "os-aggregates",
        "os-aggregates/1",
        "os-quota-class-sets/default",
        "os-migrations",
        "os-simple-tenant-usage?detailed=1&start=2020-01-01T00:00:00",
    ] {
        look(path, "admin", path.into());
    }
    for who in ["member", "admin"] {
        look("servers/{active}/topology", who, format!("servers/{id}/topology"));
    }
    look("servers/{active}/tags/blue", "member", format!("servers/{id}/tags/blue"));
    for sub in ["migrations", "migrations/2"] {
        look(&format!("servers/{{active}}/{sub}"), "admin", format!("servers/{id}/{sub}"));
    }
    look("os-hypervisors/{id}", "admin", format!("os-hypervisors/{hypervisor}?with_servers=true"));
    look("os-server-groups/{id}", "member", format!("os-server-groups/{}", group.as_str().unwrap()));
    Fixture { api, paths, _cloud: cloud, _engine: engine }
}

#[tokio::test]
async fn views_change_with_their_version() {
    let fixture = fixture().await;
    let mut minors: BTreeSet<u16> = HISTORY.iter().map(|(minor, _)| *minor).collect();
    minors.extend([1, MAX.minor]);
    let (mut text, mut before, mut names) = (String::new(), BTreeMap::new(), Names::default());
    for minor in minors {
        for (shown, who, path) in &fixture.paths {
            let api = fixture.api.token(who).with("openstack-api-version", &format!("compute 2.{minor}"));
            let answer = api.call(&format!("GET /compute/v2.1/{path}"), None).await;
            let mut body = answer.json();
            names.settle(&mut body);
            let view = format!("{} {body}", answer.status);
            // A fault names the version; that it stays the same fault is no change.
            let view = view.replace(&format!("API version 2.{minor} "), "API version ");
            if before.insert((shown, who), view.clone()).as_ref() != Some(&view) {
                writeln!(text, "2.{minor} {who} {shown} {view}").unwrap();
            }
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/views.txt");
    if std::env::var_os("UPDATE_VIEWS").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let expected = std::fs::read_to_string(file).unwrap();
    let differs = text.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert!(text == expected, "run with UPDATE_VIEWS=1 and read the difference; first: {differs:#?}");
}

/// Ids and times are others each time; here they become the same each time, and stay well-formed.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn settle(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.settle(item)),
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    match key.as_str() {
                        "hours"
                        | "total_hours"
                        | "total_vcpus_usage"
                        | "total_memory_mb_usage"
                        | "total_local_gb_usage" => {
                            *value = json!(0.5);
                        }
                        "uptime" if value.is_number() => *value = json!(1),
                        _ => self.settle(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) -> String {
        let is_stamp = |t: &str| t.len() >= 19 && t.as_bytes()[4] == b'-' && t.as_bytes()[10] == b'T';
        // `uptime` begins with the time of day.
        if text.get(9..13) == Some(" up ") {
            return format!(" 00:00:00{}", &text[9..]);
        }
        if is_stamp(text) && text.len() <= 27 {
            return format!("2026-01-01T00:00:00{}", text[19..].replace(|c: char| c.is_ascii_digit(), "0"));
        }
        if let Some(rest) = text.strip_prefix("r-")
            && rest.len() == 8
        {
            return "r-00000000".into();
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = (0..rest.len()).find(|at| rest.get(*at..at + 36).is_some_and(is_uuid)) {
            out.push_str(&rest[..at]);
            let next = self.0.len() + 1;
            let name = self.0.entry(rest[at..at + 36].to_owned());
            out.push_str(name.or_insert_with(|| format!("00000000-0000-4000-8000-{next:012}")));
            rest = &rest[at + 36..];
        }
        out + rest
    }
}

fn is_uuid(text: &str) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    text.bytes().enumerate().all(|(at, b)| if dash(at) { b == b'-' } else { b.is_ascii_hexdigit() })
}
