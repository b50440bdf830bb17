//! Blocks: I/O through an export beside the bare file, root disks over cached images (both by an example of `drivers-blk`), and how
//! long a user waits for a new disk in a running guest.

use super::{Measure, profile};
use crate::cloud::{Hosts, TestCloud, write_report};
use cli::Cloud;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Volumes made and attached, one after the other.
const DISKS: usize = 30;

pub(super) async fn run() -> Result<(), String> {
    let mut rows = example()?;
    rows.push(attach().await?);
    let report = json!({"benchmark": "blocks: qcow2 in a file, its storage daemon, QEMU", "rows": rows});
    println!("report: {}", write_report("bench-blocks", report)?.display());
    Ok(())
}

fn example() -> Result<Vec<Value>, String> {
    let run = ["run", "--quiet", "--package", "drivers-blk", "--example", "blocks"];
    let output = crate::cargo().args(run).args(profile()).output().map_err(|e| format!("starting cargo: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    if !output.status.success() {
        return Err(format!("the example: {}", String::from_utf8_lossy(&output.stderr)));
    }
    text.lines().map(|line| serde_json::from_str(line).map_err(|e| format!("{line}: {e}"))).collect()
}

/// `POST /volumes` of 10 GiB to the disk being in a running guest.
async fn attach() -> Result<Value, String> {
    let text = |e: kernel::Error| e.internal_text();
    let mut cloud = TestCloud::new("bench-blocks", Hosts::Guests)?;
    cloud.start()?;
    cloud.prepare()?;
    let demo = Cloud::login(&cloud.clouds(), "tstack-demo").await.map_err(text)?;
    let id = |found: Option<Value>| {
        found.and_then(|v| v["id"].as_str().map(str::to_owned)).ok_or("the cloud lacks what the benchmark needs")
    };
    let image = id(demo.named("image", "/images?name=tinycloud", "images", "tinycloud").await.map_err(text)?)?;
    let flavor = id(demo.named("compute", "/flavors", "flavors", "m1.nano").await.map_err(text)?)?;
    let server = json!({"server": {"name": "bench", "imageRef": image, "flavorRef": flavor, "networks": "none"}});
    let server = id(Some(demo.post("compute", "/servers", server).await.map_err(text)?["server"].clone()))?;
    is(&demo, "compute", &format!("/servers/{server}"), "server", "ACTIVE").await?;
    // Until the guest has booted it answers no hot plug.
    booted(&demo, &server).await?;
    let (mut latencies, began, cpu) = (Vec::new(), Instant::now(), cloud.cpu());
    for _ in 0..DISKS {
        let asked = Instant::now();
        let made = demo.post("volumev3", "/volumes", json!({"volume": {"size": 10}})).await.map_err(text)?;
        let volume = id(Some(made["volume"].clone()))?;
        is(&demo, "volumev3", &format!("/volumes/{volume}"), "volume", "available").await?;
        let body = json!({"volumeAttachment": {"volumeId": volume}});
        demo.post("compute", &format!("/servers/{server}/os-volume_attachments"), body).await.map_err(text)?;
        is(&demo, "volumev3", &format!("/volumes/{volume}"), "volume", "in-use").await?;
        latencies.push(asked.elapsed());
        let path = format!("/servers/{server}/os-volume_attachments/{volume}");
        demo.call("DELETE", "compute", &path, None).await.map_err(text)?;
        is(&demo, "volumev3", &format!("/volumes/{volume}"), "volume", "available").await?;
        demo.call("DELETE", "volumev3", &format!("/volumes/{volume}"), None).await.map_err(text)?;
    }
    let mut measure = Measure { latencies, wall: began.elapsed(), cpu: cloud.cpu() - cpu };
    Ok(measure.report("volume of 10 GiB: create and attach to a running guest"))
}

async fn is(demo: &Cloud, service: &str, path: &str, key: &str, wanted: &str) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let shown = demo.get(service, path).await.map_err(|e| e.internal_text())?;
        match shown[key]["status"].as_str() {
            Some(status) if status == wanted => return Ok(()),
            status if began.elapsed() > Duration::from_secs(120) => {
                return Err(format!("{path} is {status:?}, not {wanted}"));
            }
            _ => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

/// Waits until the guest says on its console that it is ready.
async fn booted(demo: &Cloud, server: &str) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let body = json!({"os-getConsoleOutput": {}});
        let log = demo.post("compute", &format!("/servers/{server}/action"), body).await;
        if log.is_ok_and(|log| log["output"].as_str().is_some_and(|text| text.contains("ready"))) {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(300) {
            return Err("the guest does not boot".into());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
