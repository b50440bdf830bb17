//! Images: what it costs to take bytes in and to give them out.

use super::Bench;
use crate::cloud::{Hosts, TestCloud, write_report};
use cli::Cloud;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    sync::Arc,
};

const MIB: usize = 256;
const TIMES: usize = 4;

pub(super) async fn run() -> Result<(), String> {
    let mut cloud = TestCloud::new("bench-image", Hosts::Fake)?;
    cloud.start()?;
    let admin = Arc::new(Cloud::login(&cloud.clouds(), "tstack-admin").await.map_err(|e| e.internal_text())?);
    let bench = Bench { cloud: &cloud, admin };
    let file = std::env::temp_dir().join(format!("tstack-bench-image-{}", std::process::id()));
    let measured = measure(&bench, &file).await;
    std::fs::remove_file(&file).map_err(|e| format!("removing {}: {e}", file.display()))?;
    let (mut rows, mut per_gib) = (Vec::new(), Vec::new());
    for row in measured? {
        let of = |name: &str| row[name].as_f64().unwrap_or_default();
        let (rate, cpu) = (MIB as f64 / of("p50_ms") * 1e3, of("cpu_ms") / 1e3 * 1024.0 / MIB as f64);
        println!("  {}: {rate:.0} MiB/s, {cpu:.2} CPU-s per GiB", row["name"].as_str().unwrap_or_default());
        per_gib.push(json!({"name": row["name"], "mib_per_second": rate.round(), "cpu_s_per_gib": (cpu * 100.0).round() / 100.0}));
        rows.push(row);
    }
    let report = json!({
        "benchmark": format!("images of {MIB} MiB, one file store, HTTP from another process"),
        "per_gib": per_gib,
        "rows": rows,
    });
    println!("report: {}", write_report("bench-image", report)?.display());
    Ok(())
}

async fn measure(bench: &Bench<'_>, file: &Path) -> Result<Vec<Value>, String> {
    random(file).map_err(|e| format!("writing {}: {e}", file.display()))?;
    let mut ids = Vec::new();
    for _ in 0..TIMES {
        let new = json!({"name": "bench", "disk_format": "raw", "container_format": "bare"});
        let made = bench.admin.post("image", "/images", new).await.map_err(|e| e.internal_text())?;
        ids.push(made["id"].as_str().unwrap_or_default().to_owned());
    }
    let ids = &ids;
    let upload = |c: Arc<Cloud>, i: usize| async move { c.upload(&ids[i], file).await.map(|()| Value::Null) };
    let download = |c: Arc<Cloud>, i: usize| async move { c.download(&ids[i]).await.map(|bytes| json!(bytes)) };
    Ok(vec![
        bench.repeat(&format!("image: upload of {MIB} MiB"), TIMES, 1, upload).await?,
        bench.repeat(&format!("image: download of {MIB} MiB"), TIMES, 1, download).await?,
    ])
}

/// Bytes that no file system packs.
fn random(file: &Path) -> std::io::Result<()> {
    let (mut from, mut to) = (File::open("/dev/urandom")?, File::create(file)?);
    let mut piece = vec![0; 1 << 20];
    for _ in 0..MIB {
        from.read_exact(&mut piece)?;
        to.write_all(&piece)?;
    }
    to.sync_all()
}
