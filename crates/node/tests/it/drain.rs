//! `tstack host`: a host of two is left by its servers for a while, as an operator does it.

use crate::rig::{Login, eventually, image, server_of, two_hosts, words};
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn is(admin: &Login, server: &str, status: &str) {
    eventually(&format!("a server is {status}"), async || {
        let shown = admin.must(&format!("GET /compute/v2.1/servers/{server}"), Value::Null).await;
        if shown["server"]["status"] == status { Ok(()) } else { Err(shown.to_string()) }
    })
    .await;
}

/// Where servers are.
async fn places(admin: &Login) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = admin.must("GET /compute/v2.1/servers/detail", Value::Null).await;
    let place = |s: &Value| (text(&s["id"]), text(&s["OS-EXT-SRV-ATTR:host"]));
    all["servers"].as_array().into_iter().flatten().map(place).collect()
}

#[tokio::test]
async fn a_host_is_drained_and_returns() {
    let (member, _other, admin) = two_hosts().await;
    let image = image(&admin).await;
    let [runs, off, asleep] = [
        server_of(&admin, &image, json!({"availability_zone": "nova:h2"})).await,
        server_of(&admin, &image, json!({"availability_zone": "nova:h2"})).await,
        server_of(&admin, &image, json!({"availability_zone": "nova:h2"})).await,
    ];
    for server in [&runs, &off, &asleep] {
        is(&admin, server, "ACTIVE").await;
    }
    for (server, action, status) in [(&off, "os-stop", "SHUTOFF"), (&asleep, "suspend", "SUSPENDED")] {
        admin.must(&format!("POST /compute/v2.1/servers/{server}/action"), json!({action: null})).await;
        is(&admin, server, status).await;
    }
    let drained = member.command("host", &["drain", "h2", "--reason", "a new disk", "--wait"]);
    let told = words(&drained);
    assert!(!drained.status.success(), "something is left: {told}");
    assert!(told.contains("draining (a new disk), 2 elsewhere"), "{told}");
    assert!(told.contains(&format!("  {asleep}  it is suspended, and such servers do not move")), "{told}");
    let on = |host: &str, server: &String| (server.clone(), host.to_owned());
    assert_eq!(places(&admin).await, [on("h1", &runs), on("h1", &off), on("h2", &asleep)].into());
    is(&admin, &runs, "ACTIVE").await;
    is(&admin, &off, "SHUTOFF").await;
    let elsewhere = server_of(&admin, &image, json!({})).await;
    is(&admin, &elsewhere, "ACTIVE").await;
    assert_eq!(places(&admin).await[&elsewhere], "h1", "nothing new comes to it");
    admin.must(&format!("DELETE /compute/v2.1/servers/{elsewhere}"), Value::Null).await;
    let returned = member.command("host", &["return", "h2", "--bring-back", "--wait"]);
    assert!(returned.status.success(), "{}", words(&returned));
    assert!(words(&returned).contains("3 servers  in service"), "{}", words(&returned));
    eventually("all are back, as they were", async || {
        let found = places(&admin).await;
        if found == [&runs, &off, &asleep].map(|s| on("h2", s)).into() { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
    is(&admin, &off, "SHUTOFF").await;
    eventually("the audit is clean", async || {
        let audit = member.command("audit", &[]);
        if audit.status.success() { Ok(()) } else { Err(words(&audit)) }
    })
    .await;
    assert!(!member.command("host", &["drain", "h9"]).status.success(), "there is no such host");
}
