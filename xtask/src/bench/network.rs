//! Network: what ports and rules cost, among few and among many.

use super::{Bench, quotas};
use crate::cloud::{Hosts, TestCloud, write_report};
use cli::Cloud;
use serde_json::{Value, json};
use std::sync::Arc;

/// Ports or rules of one request.
const BULK: usize = 100;
const MANY: usize = 10_000;
const MOST: usize = 50_000;
/// Created one by one, to be measured.
const SINGLE: usize = 500;

pub(super) async fn run() -> Result<(), String> {
    let text = |e: kernel::Error| e.internal_text();
    let mut cloud = TestCloud::new("bench-network", Hosts::Fake)?;
    cloud.start()?;
    let admin = Arc::new(Cloud::login(&cloud.clouds(), "tstack-admin").await.map_err(text)?);
    quotas(&admin).await?;
    let bench = Bench { cloud: &cloud, admin };
    let network = network(&bench.admin).await.map_err(text)?;
    let port = &json!({"network_id": network});
    let mut rows = Vec::new();
    rows.push(ports(&bench, "port: create, at 8, the first 500", port).await?);
    fill(&bench, port, MANY - SINGLE).await?;
    rows.push(ports(&bench, "port: create, at 8, after 10,000", port).await?);
    rows.push(rules(&bench).await?);
    fill(&bench, port, MOST - MANY - SINGLE).await?;
    rows.push(ports(&bench, "port: create, at 8, after 50,000", port).await?);
    rows.push(
        bench
            .repeat("ports: the first 1,000 of 50,000", 20, 1, |c, _| async move {
                c.get("network", "/ports?limit=1000").await
            })
            .await?,
    );
    println!("memory {} MiB with {MOST} ports", cloud.memory_mib());
    let report = json!({
        "benchmark": "network on fakes, redb, HTTP from another process",
        "memory_mib_with_50000_ports": cloud.memory_mib(),
        "rows": rows,
    });
    println!("report: {}", write_report("bench-network", report)?.display());
    Ok(())
}

/// A network with room for all.
async fn network(admin: &Cloud) -> kernel::Result<Value> {
    let network = admin.post("network", "/networks", json!({"network": {"name": "bench"}})).await?;
    let id = network["network"]["id"].clone();
    let subnet = json!({"subnet": {"network_id": id, "ip_version": 4, "cidr": "10.64.0.0/14"}});
    admin.post("network", "/subnets", subnet).await?;
    Ok(id)
}

async fn ports(bench: &Bench<'_>, name: &str, port: &Value) -> Result<Value, String> {
    let create = |c: Arc<Cloud>, _| async move { c.post("network", "/ports", json!({"port": port})).await };
    bench.repeat(name, SINGLE, 8, create).await
}

/// `n` more ports, by the hundred.
async fn fill(bench: &Bench<'_>, port: &Value, n: usize) -> Result<(), String> {
    let body = &json!({"ports": vec![port; BULK]});
    let create = |c: Arc<Cloud>, _| async move { c.post("network", "/ports", body.clone()).await };
    bench.repeat(&format!("ports: {BULK} in one request"), n / BULK, 4, create).await?;
    Ok(())
}

/// Requests of a hundred rules, each for a group of its own.
async fn rules(bench: &Bench<'_>) -> Result<Value, String> {
    let mut groups = Vec::new();
    for i in 0..20 {
        let group = json!({"security_group": {"name": format!("bench-{i}")}});
        let group = bench.admin.post("network", "/security-groups", group).await.map_err(|e| e.internal_text())?;
        groups.push(group["security_group"]["id"].clone());
    }
    let groups = &groups;
    let create = |c: Arc<Cloud>, i: usize| async move {
        let rule = |n: usize| {
            let port = 1000 + n;
            json!({"security_group_id": groups[i], "direction": "ingress", "protocol": "tcp",
                "port_range_min": port, "port_range_max": port})
        };
        let rules: Vec<_> = (0..BULK).map(rule).collect();
        c.post("network", "/security-group-rules", json!({"security_group_rules": rules})).await
    };
    bench.repeat("rules: 100 in one request", groups.len(), 1, create).await
}
