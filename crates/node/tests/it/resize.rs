//! `tstack resize`: a guest whose host may not be given more work goes to another one, while it runs, and grows there.

use crate::rig::{Login, Node, eventually, image, server_of, two_hosts, words};
use serde_json::{Value, json};

async fn shown(admin: &Login, server: &str) -> Value {
    admin.must(&format!("GET /compute/v2.1/servers/{server}"), Value::Null).await["server"].clone()
}

async fn is(admin: &Login, server: &str, status: &str, host: &str) {
    eventually(&format!("a server is {status} on {host}"), async || {
        let server = shown(admin, server).await;
        let so = server["status"] == status && server["OS-EXT-SRV-ATTR:host"] == host;
        if so { Ok(()) } else { Err(server.to_string()) }
    })
    .await;
}

async fn audited(node: &Node) {
    eventually("the audit is clean", async || {
        let audit = node.command("audit", &[]);
        if audit.status.success() { Ok(()) } else { Err(words(&audit)) }
    })
    .await;
}

#[tokio::test]
async fn a_guest_grows_on_another_host() {
    let (member, _other, admin) = two_hosts().await;
    let image = image(&admin).await;
    let server = server_of(&admin, &image, json!({"availability_zone": "nova:h2"})).await;
    is(&admin, &server, "ACTIVE", "h2").await;
    for (name, memory) in [("small", 256), ("large", 512), ("huge", 1024)] {
        let flavor = json!({"flavor": {"id": name, "name": name, "ram": memory, "vcpus": 1, "disk": 1}});
        admin.must("POST /compute/v2.1/flavors", flavor).await;
    }
    let resize = |flavor: &'static str, more: &[&str]| {
        let done = member.command("resize", &[[server.as_str(), flavor].as_slice(), more].concat());
        assert!(done.status.success(), "{}", words(&done));
        words(&done)
    };
    let confirm = async || {
        admin.must(&format!("POST /compute/v2.1/servers/{server}/action"), json!({"confirmResize": null})).await;
    };
    // At home while there is room.
    assert!(resize("small", &["--dry-run"]).starts_with("in-place: memory is lent"));
    resize("small", &[]);
    is(&admin, &server, "VERIFY_RESIZE", "h2").await;
    confirm().await;
    is(&admin, &server, "ACTIVE", "h2").await;
    // A host that others have filled is left.
    let filler = filler(&admin, &image).await;
    is(&admin, &filler, "ACTIVE", "h2").await;
    let told = resize("large", &["--dry-run"]);
    assert!(told.starts_with("live-migration: its host has no room for it; the guest goes"), "{told}");
    assert!(!told.contains("no other host"), "{told}");
    assert_eq!(shown(&admin, &server).await["status"], "ACTIVE", "nothing was begun");
    resize("large", &[]);
    is(&admin, &server, "VERIFY_RESIZE", "h1").await;
    let explained = words(&member.command("explain", &[&server]));
    for told in ["compute.migration\n", "manner: live-migration", "512 MEMORY_MB asked"] {
        assert!(explained.contains(told), "{told}: {explained}");
    }
    confirm().await;
    is(&admin, &server, "ACTIVE", "h1").await;
    admin.must(&format!("DELETE /compute/v2.1/servers/{filler}"), Value::Null).await;
    // So is one that is to be given nothing more.
    admin.must("PUT /compute/v2.1/os-services/disable", json!({"host": "h1", "binary": "nova-compute"})).await;
    assert!(resize("huge", &["--dry-run"]).starts_with("live-migration: its host is none for the other flavor;"));
    resize("huge", &[]);
    is(&admin, &server, "VERIFY_RESIZE", "h2").await;
    confirm().await;
    is(&admin, &server, "ACTIVE", "h2").await;
    audited(&member).await;
    // Nobody else is left: it stays as it is, and is told why.
    admin.must("PUT /compute/v2.1/os-services/disable", json!({"host": "h2", "binary": "nova-compute"})).await;
    let told = resize("large", &["--dry-run"]);
    assert!(told.contains("; no other host fits now, so it would stay as it is\n"), "{told}");
    assert!(told.contains("\n  h1: ") && told.contains("\n  h2: "), "{told}");
    resize("large", &[]);
    eventually("it is given up", async || {
        let actions = admin.must(&format!("GET /compute/v2.1/servers/{server}/os-instance-actions"), Value::Null).await;
        let last = actions["instanceActions"][0].clone();
        if last["action"] == "resize" && last["message"] == "Error" { Ok(()) } else { Err(last.to_string()) }
    })
    .await;
    is(&admin, &server, "ACTIVE", "h2").await;
    audited(&member).await;
}

/// A server on the second host that leaves it 200 MiB.
async fn filler(admin: &Login, image: &str) -> String {
    let found = admin.must("GET /placement/resource_providers?name=h2", Value::Null).await;
    let provider = found["resource_providers"][0]["uuid"].as_str().expect("it is known").to_owned();
    let has = admin.must(&format!("GET /placement/resource_providers/{provider}/inventories"), Value::Null).await;
    let used = admin.must(&format!("GET /placement/resource_providers/{provider}/usages"), Value::Null).await;
    let memory = &has["inventories"]["MEMORY_MB"];
    let mib = |n: &Value| n.as_u64().unwrap_or_else(|| panic!("{n} is no number"));
    let free = mib(&memory["total"]) - mib(&memory["reserved"]) - mib(&used["usages"]["MEMORY_MB"]);
    let project = admin.must("GET /identity/v3/auth/projects", Value::Null).await;
    let project = project["projects"][0]["id"].as_str().expect("the administrator has one").to_owned();
    let much = json!({"quota_set": {"ram": -1}});
    admin.must(&format!("PUT /compute/v2.1/os-quota-sets/{project}"), much).await;
    let flavor = json!({"flavor": {"id": "filler", "name": "filler", "ram": free - 200, "vcpus": 1, "disk": 1}});
    admin.must("POST /compute/v2.1/flavors", flavor).await;
    server_of(admin, image, json!({"flavorRef": "filler", "availability_zone": "nova:h2"})).await
}
