//! `/servers/{id}/diagnostics`: a guest's counters, in libvirt's words before 2.48, in everybody's from then on.

use super::{
    check_query,
    schema::{by_version, query},
};
use crate::{
    Compute,
    driver::VmStats,
    model::Server,
    ops::servers,
    policy::{DIAGNOSTICS, TOPOLOGY_HOST, TOPOLOGY_SHOW},
};
use http::{ApiResult, ApiRouter, Cx, Params, Path, State, ok};
use policy::{Authorize, target};
use ports::CellFit;
use serde_json::{Map, Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/servers/{server_id}/diagnostics", show)
        .get("/v2.1/servers/{server_id}/topology", topology)
}

by_version! { QUERY = query_schema: 1, 102; }

fn query_schema(minor: u16) -> Value {
    query(json!({}), minor < 102)
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    check_query(&cx, &params, QUERY)?;
    let server = servers::target(&cx, &c.store.read().await?, &id, &DIAGNOSTICS)?;
    let stats = servers::diagnostics(&c, &server).await?;
    let macs: Vec<_> = c.ports.interfaces(&c.store.snapshot(), &server.id).into_iter().map(|p| p.mac).collect();
    Ok(ok(&if cx.version.since(2, 48) { view(&server, &stats, &macs) } else { old_view(&stats) }))
}

/// A field for each counter: `cpu0_time`, `root_read`, `memory`, …
fn old_view(stats: &VmStats) -> Value {
    let mut view = Map::new();
    for (number, time) in stats.cpu_time_ns.iter().enumerate() {
        view.insert(format!("cpu{number}_time"), json!(time));
    }
    for (id, read_requests, read_bytes, write_requests, write_bytes) in &stats.disks {
        let counters =
            [("read_req", read_requests), ("read", read_bytes), ("write_req", write_requests), ("write", write_bytes)];
        for (name, value) in counters {
            view.insert(format!("{id}_{name}"), json!(value));
        }
    }
    view.insert("memory".into(), json!(stats.memory_max_kib));
    view.insert("memory-actual".into(), json!(stats.memory_used_kib));
    view.into()
}

fn view(server: &Server, stats: &VmStats, macs: &[String]) -> Value {
    let cpu = |(id, time): (usize, &u64)| json!({"id": id, "time": time, "utilisation": null});
    let disk = |(_, read_requests, read_bytes, write_requests, write_bytes): &(String, u64, u64, u64, u64)| {
        json!({
            "read_bytes": read_bytes,
            "read_requests": read_requests,
            "write_bytes": write_bytes,
            "write_requests": write_requests,
            "errors_count": null,
        })
    };
    let nic = |mac: &String| {
        let mut nic = json!({"mac_address": mac});
        for direction in ["rx", "tx"] {
            for counter in ["octets", "errors", "drop", "packets", "rate"] {
                nic[format!("{direction}_{counter}")] = Value::Null;
            }
        }
        nic
    };
    let is_paused = server.state == crate::model::ServerState::Paused;
    json!({
        "state": if is_paused { "paused" } else { "running" },
        // Clients know no other driver that runs QEMU.
        "driver": "libvirt",
        "hypervisor": "qemu",
        "hypervisor_os": "linux",
        "uptime": stats.uptime_seconds,
        "config_drive": server.config_drive,
        "num_cpus": stats.cpu_time_ns.len(),
        "num_nics": macs.len(),
        "num_disks": stats.disks.len(),
        "memory_details": {"maximum": stats.memory_max_kib / 1024, "used": stats.memory_used_kib / 1024},
        "cpu_details": stats.cpu_time_ns.iter().enumerate().map(cpu).collect::<Vec<_>>(),
        "nic_details": macs.iter().map(nic).collect::<Vec<_>>(),
        "disk_details": stats.disks.iter().map(disk).collect::<Vec<_>>(),
    })
}

/// From 2.78 on. Which of the host's cells and processors they are is for administrators.
async fn topology(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    super::since(&cx, 78)?;
    check_query(&cx, &params, QUERY)?;
    let server = servers::target(&cx, &c.store.read().await?, &id, &TOPOLOGY_SHOW)?;
    let target = target! { "project_id" => server.project, "user_id" => server.user };
    Ok(ok(&topology_view(&server.cells, cx.allows(&TOPOLOGY_HOST, &target))))
}

fn topology_view(cells: &[CellFit], with_host: bool) -> Value {
    let node = |cell: &CellFit| {
        let mut node = json!({"vcpu_set": cell.vcpus, "memory_mb": cell.memory_mib, "siblings": []});
        if with_host {
            node["host_node"] = cell.host_cell.into();
            node["cpu_pinning"] = json!(cell.pins);
        }
        node
    };
    let pages = cells.iter().find_map(|cell| cell.huge_page_kib);
    json!({"nodes": cells.iter().map(node).collect::<Vec<_>>(), "pagesize_kb": pages})
}
