//! `cargo xtask prove data`: no acknowledged byte is wrong, whatever is killed.
//!
//! On exports a test of `drivers-blk` does it, with more rounds than in a test run (`tests/it/data`). With guests it is done here: a
//! guest writes numbered blocks to its volume, each with `dd conv=fsync`, and says on its console which number has been
//! acknowledged; its QEMU, the agent (the process of tstack), the storage daemon, or an OSD are killed at random; whatever was said
//! must be on the volume, read past the guest.

use crate::{
    cloud::{Hosts, TestCloud, write_report},
    longer::told,
};
use cli::Cloud;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

/// Blocks that the guest writes in turn.
const BLOCKS: u64 = 128;
const BLOCK: usize = 64 << 10;
/// What a guest on a busy machine may take to boot and write.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs at each boot: takes up the count from what is on the disk, then writes and says so. A line has 16 bytes.
const SCRIPT: &str = r#"#!/bin/sh
cp /var/lib/tinycloud/user-data.done /var/lib/tinycloud/user-data; sync
while [ ! -b /dev/vdb ]; do sleep 1; done
n=0; i=0
while [ $i -lt 128 ]; do
    f=$(dd if=/dev/vdb bs=64k skip=$i count=1 2>/dev/null | head -c 15 | tr -d '\000' | sed 's/^0*//')
    [ "${f:-0}" -gt $n ] && n=$f
    i=$((i + 1))
done
echo "writing from $n"
while :; do
    n=$((n + 1))
    yes $(printf %015d $n) | head -c 65536 | dd of=/dev/vdb bs=64k seek=$((n % 128)) count=1 iflag=fullblock conv=notrunc,fsync 2>/dev/null && echo "acknowledged $n"
done
"#;

/// How much is proved.
pub struct Extent {
    pub rounds: u64,
    pub guest_rounds: u64,
    pub seed: u64,
    /// On Ceph, in place of files.
    pub ceph: bool,
}

pub fn run(extent: &Extent) -> Result<(), String> {
    let mut rows: Vec<Value> = Vec::new();
    let settings = |rounds| {
        [("TSTACK_DATA_ROUNDS", rounds), ("TSTACK_DATA_CEPH_ROUNDS", rounds), ("TSTACK_DATA_SEED", extent.seed)]
    };
    let tests =
        [("exports of files", "data::files_keep", false), ("images of a Ceph cluster", "data::a_cluster_keeps", true)];
    for (on, test, _) in tests.iter().filter(|(_, _, ceph)| *ceph == extent.ceph && extent.rounds > 0) {
        rows.push(json!({"on": on, "told": told("drivers-blk", test, &settings(extent.rounds))?}));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
    if extent.guest_rounds > 0 {
        rows.push(runtime.block_on(guests(extent))?);
    }
    let report = json!({"proof": "data", "rows": with_earlier(rows, extent.seed)});
    println!("report: {}", write_report("prove-data", report)?.display());
    Ok(())
}

/// What was proved now, and what an earlier run proved of what this one did not try.
fn with_earlier(mut rows: Vec<Value>, seed: u64) -> Vec<Value> {
    rows.iter_mut().for_each(|row| row["seed"] = json!(seed));
    let report = fs::read("docs/reports/prove-data.json").unwrap_or_default();
    let report: Value = serde_json::from_slice(&report).unwrap_or_default();
    let earlier = report["rows"].as_array().into_iter().flatten();
    let kept: Vec<Value> = earlier.filter(|e| rows.iter().all(|row| row["on"] != e["on"])).cloned().collect();
    rows.into_iter().chain(kept).collect()
}

/// The cluster of `drivers-blk`'s example, which does what it is told on lines.
struct Ceph {
    process: Child,
    stdin: ChildStdin,
    conf: PathBuf,
}

impl Drop for Ceph {
    fn drop(&mut self) {
        let _ = self.stdin.write_all(b"end\n");
        let _ = self.process.wait();
    }
}

impl Ceph {
    fn start(dir: &Path) -> Result<Self, String> {
        let run = ["run", "--quiet", "--package", "drivers-blk", "--example", "ceph", "--"];
        let process = crate::cargo().args(run).arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.map_err(|e| format!("starting cargo: {e}"))?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("the cluster cannot be spoken to".into());
        };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map_err(|e| format!("starting a Ceph cluster: {e}"))?;
        if line.is_empty() {
            return Err("the Ceph cluster did not start".into());
        }
        println!("Ceph: {}", line.trim());
        Ok(Self { process, stdin, conf: dir.join("ceph.conf") })
    }

    fn told(&mut self, line: &str) -> Result<(), String> {
        writeln!(self.stdin, "{line}").map_err(|e| format!("speaking to the Ceph cluster: {e}"))
    }
}

/// One guest that writes.
struct Writer {
    cloud: TestCloud,
    ceph: Option<Ceph>,
    admin: Cloud,
    server: String,
    volume: String,
    /// By block, the highest number that was said to be safe.
    safe: BTreeMap<u64, u64>,
    /// How much of the console has been read.
    read: usize,
    killed: BTreeMap<&'static str, u32>,
}

async fn guests(extent: &Extent) -> Result<Value, String> {
    let mut rng = StdRng::seed_from_u64(extent.seed);
    let mut writer = Writer::start(extent.ceph).await?;
    writer.more(5).await?;
    for round in 1..=extent.guest_rounds {
        let victim = writer.kill(&mut rng).await.map_err(|e| format!("round {round}: {e}"))?;
        writer.verify().map_err(|e| format!("round {round}, {victim} killed, seed {}: {e}", extent.seed))?;
        writer.more(3).await.map_err(|e| format!("round {round}, {victim} killed: {e}"))?;
        println!("round {round}: {victim} killed; write {} is the last that is safe", writer.last());
    }
    let pages = writer.verify()?;
    let on = if extent.ceph { "a guest with a volume in Ceph" } else { "a guest with a volume in a file" };
    println!(
        "{on}: {} rounds, {} writes, killed {:?}: no acknowledged byte is wrong",
        extent.guest_rounds,
        writer.last(),
        writer.killed
    );
    Ok(
        json!({"on": on, "rounds": extent.guest_rounds, "writes": writer.last(), "pages": pages, "killed": writer.killed}),
    )
}

fn text(e: kernel::Error) -> String {
    e.internal_text()
}

impl Writer {
    async fn start(ceph: bool) -> Result<Self, String> {
        let mut cloud = TestCloud::new("data", Hosts::Guests)?;
        let ceph = if ceph { Some(Ceph::start(&cloud.dir.join("ceph"))?) } else { None };
        if let Some(ceph) = &ceph {
            cloud.set("volume.driver=rbd:volumes");
            cloud.set(&format!("volume.ceph_conf={}", ceph.conf.display()));
        }
        cloud.start()?;
        cloud.prepare()?;
        let admin = Cloud::login(&cloud.clouds(), "tstack-demo").await.map_err(text)?;
        let id = |found: Option<Value>, what: &str| {
            found.and_then(|v| v["id"].as_str().map(str::to_owned)).ok_or(format!("the cloud has no {what}"))
        };
        let image =
            id(admin.named("image", "/images?name=tinycloud", "images", "tinycloud").await.map_err(text)?, "image")?;
        let flavor = id(admin.named("compute", "/flavors", "flavors", "m1.nano").await.map_err(text)?, "flavor")?;
        let made = admin.post("volumev3", "/volumes", json!({"volume": {"size": 1}})).await.map_err(text)?;
        let volume = id(Some(made["volume"].clone()), "volume")?;
        let server = json!({"server": {
            "name": "writer", "imageRef": image, "flavorRef": flavor, "networks": "none", "config_drive": true,
            "user_data": base64(SCRIPT.as_bytes()),
        }});
        let made = admin.post("compute", "/servers", server).await.map_err(text)?;
        let server = id(Some(made["server"].clone()), "server")?;
        let writer =
            Self { cloud, ceph, admin, server, volume, safe: BTreeMap::new(), read: 0, killed: BTreeMap::new() };
        writer.server_is("ACTIVE").await?;
        writer.is("volumev3", &format!("/volumes/{}", writer.volume), "volume", "available").await?;
        let attach = json!({"volumeAttachment": {"volumeId": writer.volume}});
        let path = format!("/servers/{}/os-volume_attachments", writer.server);
        writer.admin.post("compute", &path, attach).await.map_err(text)?;
        Ok(writer)
    }

    async fn server_is(&self, wanted: &str) -> Result<(), String> {
        self.is("compute", &format!("/servers/{}", self.server), "server", wanted).await
    }

    /// Waits until the `what` at a path has a status.
    async fn is(&self, service: &str, path: &str, what: &str, wanted: &str) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let shown = self.admin.get(service, path).await;
            let status = shown.as_ref().ok().and_then(|s| s[what]["status"].as_str()).unwrap_or("?");
            if status == wanted {
                return Ok(());
            }
            if status.eq_ignore_ascii_case("error") || began.elapsed() > PATIENCE {
                return Err(format!("the {what} is {status}, not {wanted}: {shown:?}"));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn last(&self) -> u64 {
        self.safe.values().copied().max().unwrap_or_default()
    }

    /// Takes note of what the guest has said since the last look.
    fn listen(&mut self) -> Result<(), String> {
        let file = self.cloud.dir.join("guests/vms").join(&self.server).join("console.log");
        let all = fs::read(&file).map_err(|e| format!("reading {}: {e}", file.display()))?;
        if all.len() < self.read {
            // It was turned over meanwhile.
            self.read = 0;
        }
        let fresh = all.get(self.read..).unwrap_or_default();
        // Up to the last whole line.
        let end = fresh.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        for line in String::from_utf8_lossy(&fresh[..end]).lines() {
            let number = line.trim().strip_prefix("acknowledged ").and_then(|n| n.parse::<u64>().ok());
            if let Some(number) = number {
                let safe = self.safe.entry(number % BLOCKS).or_default();
                *safe = number.max(*safe);
            }
        }
        self.read += end;
        Ok(())
    }

    /// Waits until the guest has written some more.
    async fn more(&mut self, writes: u64) -> Result<(), String> {
        self.listen()?;
        let (began, before) = (Instant::now(), self.last());
        while self.last() < before + writes {
            if began.elapsed() > PATIENCE {
                return Err(format!("the guest writes no more; the last was {before}"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.listen()?;
        }
        Ok(())
    }

    async fn kill(&mut self, rng: &mut StdRng) -> Result<&'static str, String> {
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..1500))).await;
        let over_ceph = self.ceph.is_some();
        let victim = match rng.random_range(0..3) {
            0 => "QEMU",
            1 => "agent",
            _ if over_ceph => "OSD",
            _ => "storage daemon",
        };
        match victim {
            "QEMU" => {
                kill_of(&self.cloud.dir, "qemu-system")?;
                self.server_is("SHUTOFF").await?;
                self.listen()?;
                self.verify()?;
                let start = json!({"os-start": null});
                self.admin.post("compute", &format!("/servers/{}/action", self.server), start).await.map_err(text)?;
                self.server_is("ACTIVE").await?;
            }
            "agent" => {
                self.cloud.kill();
                self.cloud.start()?;
                self.server_is("ACTIVE").await?;
            }
            "OSD" => {
                let osd = rng.random_range(0..3);
                let ceph = self.ceph.as_mut().ok_or("no cluster")?;
                ceph.told(&format!("kill osd.{osd}"))?;
                tokio::time::sleep(Duration::from_millis(rng.random_range(0..2000))).await;
                ceph.told(&format!("spawn osd.{osd}"))?;
            }
            _ => kill_of(&self.cloud.dir, "qemu-storage-daemon")?,
        }
        *self.killed.entry(victim).or_default() += 1;
        Ok(victim)
    }

    /// Reads the volume past the guest: each page is of one write, and of none before the one that was said to be safe. How many pages.
    fn verify(&mut self) -> Result<usize, String> {
        self.listen()?;
        let safe = self.safe.clone();
        let from = match &self.ceph {
            Some(ceph) => format!("rbd:volumes/volume-{}:id=tstack:conf={}", self.volume, ceph.conf.display()),
            None => {
                let socket = self.cloud.dir.join("volumes/sockets").join(format!("{}.nbd", self.volume));
                format!("nbd+unix:///{}?socket={}", self.volume, socket.display())
            }
        };
        let to = self.cloud.dir.join("read");
        copied(&from, &to)?;
        let bytes = fs::read(&to).map_err(|e| format!("reading what was copied: {e}"))?;
        let mut pages = 0;
        for (n, page) in bytes.chunks(4096).enumerate() {
            let block = (n * 4096 / BLOCK) as u64;
            let number = number_of(page).ok_or(format!("block {block} holds what nobody wrote"))?;
            let least = safe.get(&block).copied().unwrap_or_default();
            if number < least || (number > 0 && number % BLOCKS != block) {
                return Err(format!("block {block} is of write {number}, but {least} was acknowledged"));
            }
            pages += 1;
        }
        Ok(pages)
    }
}

/// The number that a page is of, 0 if it is empty; `None` if it is of none or of several.
fn number_of(page: &[u8]) -> Option<u64> {
    if page.iter().all(|b| *b == 0) {
        return Some(0);
    }
    let line = page.get(..16)?;
    let same = page.chunks(16).all(|l| l == line);
    let number = std::str::from_utf8(line).ok()?.strip_suffix('\n')?.parse().ok()?;
    same.then_some(number)
}

/// The blocks as they are now. A server that is just being started again is waited for.
fn copied(from: &str, to: &Path) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let count = format!("count={BLOCKS}");
        let output = Command::new("qemu-img")
            .args(["dd", "-U", "-f", "raw", "-O", "raw", "bs=65536", &count, &format!("if={from}")])
            .arg(format!("of={}", to.display()))
            .output()
            .map_err(|e| format!("starting qemu-img: {e}"))?;
        if output.status.success() {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(60) {
            return Err(format!("{from} cannot be read: {}", String::from_utf8_lossy(&output.stderr)));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// `kill -9` to programs of this cloud: they have its directory on their command line.
fn kill_of(dir: &Path, program: &str) -> Result<(), String> {
    let dir = dir.display().to_string();
    let mut killed = 0;
    for entry in fs::read_dir("/proc").map_err(|e| e.to_string())?.flatten() {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        let (pid, named) = (entry.file_name(), words.split(' ').next().is_some_and(|w| w.contains(program)));
        if named && words.contains(&dir) && pid.to_string_lossy().parse::<u32>().is_ok() {
            let _ = Command::new("kill").arg("-9").arg(&pid).status(); // gone already is as good
            killed += 1;
        }
    }
    if killed == 0 { Err(format!("there is no {program} to kill")) } else { Ok(()) }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    let three = |piece: &[u8]| {
        let at = |n: usize| u32::from(piece.get(n).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let pad = |n: usize, shift: u32| if piece.len() > n { digit(bits >> shift) } else { '=' };
        [digit(bits >> 18), digit(bits >> 12), pad(1, 6), pad(2, 0)]
    };
    bytes.chunks(3).flat_map(three).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_their_numbers() {
        let page = |n: u64| format!("{n:015}\n").repeat(256).into_bytes();
        assert_eq!((number_of(&page(77)), number_of(&[0; 4096])), (Some(77), Some(0)));
        let torn = [&page(77)[..2048], &page(78)[2048..]].concat();
        assert_eq!(number_of(&torn), None);
        let mut wrong = page(77);
        wrong[4000] ^= 1;
        assert_eq!(number_of(&wrong), None);
        for (bytes, digits) in
            [(&b"light work."[..], "bGlnaHQgd29yay4="), (b"light work", "bGlnaHQgd29yaw=="), (b"abc", "YWJj")]
        {
            assert_eq!(base64(bytes), digits);
        }
    }
}
