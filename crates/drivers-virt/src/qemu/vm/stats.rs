//! Counters of a running guest, from QEMU and from /proc.

use super::Live;
use compute::driver::VmStats;
use kernel::{Error, Result, error::Doing};
use serde_json::{Value, json};
use std::fs;

/// `CLK_TCK`: 100 on every Linux that QEMU runs on (the kernel's USER_HZ).
const TICKS_PER_SECOND: u64 = 100;

pub async fn stats(live: &Live) -> Result<VmStats> {
    let qmp = live.qmp.as_ref().ok_or_else(|| Error::unavailable("the hypervisor does not answer"))?;
    let ask = async |command: &str| {
        qmp.execute(command, json!({})).await.map_err(|e| e.while_doing("asking QEMU for a guest's counters"))
    };
    let (cpus, blocks) = (ask("query-cpus-fast").await?, ask("query-blockstats").await?);
    let threads = cpus.as_array().into_iter().flatten().filter_map(|c| c["thread-id"].as_u64());
    Ok(VmStats {
        uptime_seconds: uptime(live.pid)?,
        cpu_time_ns: threads.map(|thread| cpu_time(live.pid, thread)).collect(),
        memory_max_kib: live.memory_mib * 1024,
        memory_used_kib: resident_kib(live.pid),
        disks: live.disks.iter().filter_map(|(id, _)| disk(&blocks, id)).collect(),
    })
}

/// Seconds since the process started.
fn uptime(pid: i32) -> Result<u64> {
    let started = fs::read_to_string(format!("/proc/{pid}/stat")).doing("reading how long a guest runs")?;
    let now = fs::read_to_string("/proc/uptime").doing("reading how long a guest runs")?;
    let now: f64 = now.split(' ').next().and_then(|s| s.parse().ok()).unwrap_or_default();
    let started = started_ticks(&started).unwrap_or_default() / TICKS_PER_SECOND;
    Ok((now as u64).saturating_sub(started))
}

/// Field 22 of proc(5)'s stat; the name before it may hold blanks and brackets.
fn started_ticks(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Nanoseconds a vCPU's thread has run; 0 if it has just ended.
fn cpu_time(pid: i32, thread: u64) -> u64 {
    let schedstat = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).unwrap_or_default();
    schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default()
}

fn resident_kib(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn disk(blocks: &Value, id: &str) -> Option<(String, u64, u64, u64, u64)> {
    let paths = [format!("/machine/peripheral/{id}/virtio-backend"), format!("/machine/peripheral/{id}")];
    let of = |b: &&Value| b["qdev"].as_str().is_some_and(|q| q == id || paths.iter().any(|p| p == q));
    let stats = &blocks.as_array()?.iter().find(of)?["stats"];
    let count = |key: &str| stats[key].as_u64().unwrap_or_default();
    Some((id.into(), count("rd_operations"), count("rd_bytes"), count("wr_operations"), count("wr_bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_procs_odd_names() {
        let stat = "42 (qemu (x) y) S 1 42 42 0 -1 4 1 0 0 0 7 8 0 0 20 0 3 0 123456 1000 20";
        assert_eq!(started_ticks(stat), Some(123_456));
        assert_eq!(started_ticks("nonsense"), None);
    }

    #[test]
    fn finds_a_disk_by_either_name() {
        let stats = json!({"rd_operations": 1, "rd_bytes": 2, "wr_operations": 3, "wr_bytes": 4});
        let blocks = json!([{"qdev": "/machine/peripheral/root/virtio-backend", "stats": stats},
                            {"qdev": "vol-1", "stats": stats}]);
        assert_eq!(disk(&blocks, "root"), Some(("root".into(), 1, 2, 3, 4)));
        assert_eq!(disk(&blocks, "vol-1"), Some(("vol-1".into(), 1, 2, 3, 4)));
        assert_eq!(disk(&blocks, "swap"), None);
    }
}
