//! QoS specs hold where a volume is, in the guest and on its pool: before it moves under the guest, after, and for its new type.

use crate::rig::{Login, Node, eventually, id, server};
use serde_json::{Value, json};

/// A type of a back end, whose volumes may be read so often in a second, by each guest and by all together.
async fn limited_type(admin: &Login, name: &str, back_end: &str, iops: u64) {
    let body = json!({"volume_type": {"name": name, "extra_specs": {"volume_backend_name": back_end}}});
    let made = id(&admin.must("POST /volume/v3/types", body).await["volume_type"]);
    let specs = json!({"qos_specs": {"name": name, "consumer": "both", "read_iops_sec": iops.to_string()}});
    let specs = id(&admin.must("POST /volume/v3/qos-specs", specs).await["qos_specs"]);
    admin.must(&format!("GET /volume/v3/qos-specs/{specs}/associate?vol_type_id={made}"), Value::Null).await;
}

async fn shown(admin: &Login, volume: &str) -> Value {
    admin.must(&format!("GET /volume/v3/volumes/{volume}"), Value::Null).await["volume"].clone()
}

/// It is in use on a back end, and guest and pool are held to `iops`.
async fn holds(admin: &Login, server: &str, volume: &str, back_end: &str, iops: u64) {
    eventually(&format!("{back_end} holds the volume to {iops}"), async || {
        let now = shown(admin, volume).await;
        let told = admin.must(&format!("GET /cloud/v1/servers/{server}/limits"), Value::Null).await;
        let guest = &told["limits"]["in_force"]["disks"][format!("vol-{volume}")]["read_iops_sec"];
        let pool = &told["volumes"][0]["in_force"]["read_iops_sec"];
        let at = now["os-vol-host-attr:host"].as_str().unwrap_or_default();
        let there = now["status"] == "in-use" && at.contains(&format!("@{back_end}#"));
        (there && *guest == iops && *pool == iops).then_some(()).ok_or_else(|| format!("{now} {told}"))
    })
    .await;
}

#[tokio::test]
async fn limits_of_a_volume_go_where_it_goes() {
    let mut node = Node::new().with(r#"volume.backends=["bulk=fake"]"#);
    node.start().await;
    let admin = node.admin().await;
    for (name, back_end, iops) in [("quick", "fake", 900), ("slow", "bulk", 50), ("slower", "bulk", 7)] {
        limited_type(&admin, name, back_end, iops).await;
    }
    let guest = server(&admin).await;
    eventually("the server is up", async || {
        let shown = admin.must(&format!("GET /compute/v2.1/servers/{guest}"), Value::Null).await;
        if shown["server"]["status"] == "ACTIVE" { Ok(()) } else { Err(shown.to_string()) }
    })
    .await;
    let volume = json!({"volume": {"size": 1, "volume_type": "quick"}});
    let volume = id(&admin.must("POST /volume/v3/volumes", volume).await["volume"]);
    eventually("the volume is there", async || {
        let now = shown(&admin, &volume).await;
        if now["status"] == "available" { Ok(()) } else { Err(now.to_string()) }
    })
    .await;
    let attach = format!("POST /compute/v2.1/servers/{guest}/os-volume_attachments");
    admin.must(&attach, json!({"volumeAttachment": {"volumeId": volume}})).await;
    holds(&admin, &guest, &volume, "fake", 900).await;
    let act = format!("POST /volume/v3/volumes/{volume}/action");
    for (name, back_end, iops) in [("slow", "bulk", 50), ("slower", "bulk", 7), ("quick", "fake", 900)] {
        let retype = json!({"os-retype": {"new_type": name, "migration_policy": "on-demand"}});
        eventually("what it left behind is gone, and it may move again", async || {
            let answer = admin.ask(&act, &retype).await;
            if answer.status == 202 { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
        holds(&admin, &guest, &volume, back_end, iops).await;
    }
    eventually("the audit is clean", async || {
        let audit = node.command("audit", &[]);
        if audit.status.success() { Ok(()) } else { Err(crate::rig::words(&audit)) }
    })
    .await;
}
