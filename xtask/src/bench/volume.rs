//! Volumes: what it costs to make, list and remove them. On a back end that keeps no bytes, so the control plane is what is measured.

use super::Bench;
use crate::cloud::{Hosts, TestCloud, write_report};
use cli::Cloud;
use kernel::{Error, Result as Asked};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Volumes that are there while lists are measured.
const MANY: usize = 1000;

pub(super) async fn run() -> Result<(), String> {
    let mut cloud = TestCloud::new("bench-volume", Hosts::Fake)?;
    cloud.start()?;
    let text = |e: Error| e.internal_text();
    let admin = Arc::new(Cloud::login(&cloud.clouds(), "tstack-admin").await.map_err(text)?);
    let set = json!({"quota_set": {"volumes": -1, "gigabytes": -1, "snapshots": -1}});
    admin.call("PUT", "volumev3", &format!("/os-quota-sets/{}", admin.project), Some(&set)).await.map_err(text)?;
    let bench = Bench { cloud: &cloud, admin };
    let create = |c: Arc<Cloud>, _| async move { create(&c).await };
    let list = |c: Arc<Cloud>, _| async move { c.get("volumev3", "/volumes/detail?limit=1000").await };
    let mut rows = vec![
        bench.repeat("volume: create to available, alone", 50, 1, create).await?,
        bench.repeat("volume: create to available, at 16", 300, 16, create).await?,
    ];
    rows.push(bench.repeat("volume: create, up to 1,000", MANY - 350, 16, create).await?);
    rows.push(bench.repeat("volumes: 1,000 with details", 20, 1, list).await?);
    let ids = all(&bench.admin).await.map_err(text)?;
    let ids = &ids;
    let snapshot = |c: Arc<Cloud>, i: usize| async move { snapshot(&c, &ids[i]).await };
    rows.push(bench.repeat("snapshot: create to available, at 16", 200, 16, snapshot).await?);
    let delete = |c: Arc<Cloud>, i: usize| async move {
        c.call("DELETE", "volumev3", &format!("/volumes/{}?cascade=True", ids[i]), None).await
    };
    rows.push(bench.repeat("volume: delete (202), at 16", MANY, 16, delete).await?);
    let report = json!({"benchmark": "volumes on a fake back end, redb, HTTP from another process", "rows": rows});
    println!("report: {}", write_report("bench-volume", report)?.display());
    Ok(())
}

async fn create(cloud: &Cloud) -> Asked<Value> {
    let made = cloud.post("volumev3", "/volumes", json!({"volume": {"size": 1, "name": "bench"}})).await?;
    available(cloud, "volumes", "volume", made["volume"]["id"].as_str().unwrap_or_default()).await
}

async fn snapshot(cloud: &Cloud, volume: &str) -> Asked<Value> {
    let body = json!({"snapshot": {"volume_id": volume, "name": "bench"}});
    let made = cloud.post("volumev3", "/snapshots", body).await?;
    available(cloud, "snapshots", "snapshot", made["snapshot"]["id"].as_str().unwrap_or_default()).await
}

async fn available(cloud: &Cloud, kind: &str, key: &str, id: &str) -> Asked<Value> {
    loop {
        let shown = cloud.get("volumev3", &format!("/{kind}/{id}")).await?;
        match shown[key]["status"].as_str() {
            Some("creating") => tokio::time::sleep(Duration::from_millis(3)).await,
            Some("available") => return Ok(shown),
            other => return Err(Error::conflict(format!("{key} {id} is {other:?}"))),
        }
    }
}

async fn all(cloud: &Cloud) -> Asked<Vec<String>> {
    let listed = cloud.get("volumev3", "/volumes?limit=1000").await?;
    let ids = listed["volumes"].as_array().into_iter().flatten();
    Ok(ids.filter_map(|v| v["id"].as_str().map(str::to_owned)).collect())
}
