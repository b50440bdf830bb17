//! The agent of a pool as a process of its own, which can be killed: it opens the pool, exports the volume, and does what it is told
//! on lines of its standard input. Told again after its death it does the same once more: every call is idempotent.

use crate::rig::HOST;
use drivers_blk::{
    conformance::volumes::{fence, no_fetch},
    file_volumes::{FileVolumes, FileVolumesConfig},
    rbd_volumes::{RbdVolumes, RbdVolumesConfig},
};
use kernel::VolumeId;
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use volume::driver::{BackupPlace, BackupSpec, Target, VolumeBackend, VolumeSource, VolumeSpec};

/// Where a pool is.
#[derive(Clone, Debug)]
pub struct Place {
    pub dir: PathBuf,
    /// A pool of Ceph: its configuration and name.
    pub ceph: Option<(PathBuf, String)>,
}

impl Place {
    pub fn open(&self) -> Arc<dyn VolumeBackend> {
        match &self.ceph {
            None => {
                let config = FileVolumesConfig::new("test", HOST, self.dir.join("pool"));
                Arc::new(FileVolumes::open(FileVolumesConfig { run_dir: self.dir.join("run"), ..config }).unwrap())
            }
            Some((conf, pool)) => {
                let config = RbdVolumesConfig::new(pool, self.dir.join("pool"));
                Arc::new(RbdVolumes::open(RbdVolumesConfig { conf: conf.clone(), ..config }).unwrap())
            }
        }
    }
}

/// The process, seen from outside.
pub struct Keeper {
    place: Place,
    volume: VolumeId,
    process: Child,
    stdin: ChildStdin,
    lines: Lines,
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end();
    }
}

impl Keeper {
    /// Ended already is as good.
    pub fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    pub fn start(place: &Place, volume: &VolumeId) -> Self {
        let (process, stdin, lines) = spawn(place, volume);
        let mut keeper = Self { place: place.clone(), volume: volume.clone(), process, stdin, lines };
        keeper.heard().expect("it serves");
        keeper
    }

    /// `kill -9`, and another in its place.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        (self.process, self.stdin, self.lines) = spawn(&self.place, &self.volume);
        self.heard().expect("it serves again");
    }

    /// Begins something and does not wait for it.
    pub fn begin(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").unwrap();
    }

    /// The answer to the oldest thing that was begun; `None` if it has died.
    pub fn heard(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).ok()? == 0 {
                return None;
            }
            // Not what the test harness says of a test that takes long.
            if let Some(said) = line.strip_prefix("keeper ") {
                assert!(!said.starts_with("failed"), "{said}");
                return Some(said.trim().to_owned());
            }
        }
    }

    pub fn asked(&mut self, command: &str) -> String {
        self.begin(command);
        self.heard().expect("it lives")
    }
}

fn spawn(place: &Place, volume: &VolumeId) -> (Child, ChildStdin, Lines) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["data::keeper::keeper", "--exact", "--nocapture", "--include-ignored"]);
    command.env("BLK_KEEPER", &place.dir).env("BLK_VOLUME", volume.as_str());
    if let Some((conf, pool)) = &place.ceph {
        command.env("BLK_CEPH", conf).env("BLK_POOL", pool);
    }
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
    (process, stdin, BufReader::new(stdout))
}

type Lines = BufReader<ChildStdout>;

async fn obey(pool: &dyn VolumeBackend, volume: &VolumeId, words: &[&str]) -> kernel::Result<String> {
    let place = |name: &str| BackupPlace { backup: name.into(), container: "kept".into() };
    match words {
        ["create", gib] => {
            let size_gib = gib.parse().unwrap();
            let spec = VolumeSpec { id: volume.clone(), size_gib, source: VolumeSource::Blank };
            pool.create(&spec, fence(1), no_fetch()).await?;
        }
        ["extend", gib] => pool.extend(volume, gib.parse().unwrap(), fence(1)).await?,
        ["snapshot", id] => pool.create_snapshot(volume, &(*id).into(), fence(1)).await?,
        ["unsnap", id] => pool.delete_snapshot(volume, &(*id).into(), fence(1)).await?,
        ["backup", name, snapshot, parent] => {
            let parent = Some(place(parent)).filter(|p| p.backup != "-");
            let spec = BackupSpec { place: place(name), snapshot: Some((*snapshot).into()), parent };
            return Ok(pool.back_up(volume, &spec).await?.object_count.to_string());
        }
        ["copy", id, what, of, gib] => {
            let source = match *what {
                "snapshot" => VolumeSource::Snapshot { snapshot: (*of).into(), volume: volume.clone() },
                _ => VolumeSource::Backup(place(of)),
            };
            let spec = VolumeSpec { id: (*id).into(), size_gib: gib.parse().unwrap(), source };
            pool.create(&spec, fence(1), no_fetch()).await?;
        }
        ["export", id] => {
            let target = pool.export(&(*id).into(), HOST, false, fence(1)).await?;
            return Ok(serde_json::to_string::<Target>(&target).unwrap());
        }
        ["remove", id] => {
            pool.unexport(&(*id).into(), fence(1)).await?;
            pool.delete(&(*id).into(), fence(1)).await?;
        }
        other => panic!("{other:?}"),
    }
    Ok("done".into())
}

/// No test by itself: it is what [`Keeper`] runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keeper() {
    let Some(dir) = std::env::var_os("BLK_KEEPER").map(PathBuf::from) else { return };
    let volume = VolumeId::from(std::env::var("BLK_VOLUME").unwrap());
    let ceph = std::env::var_os("BLK_CEPH").map(|conf| (conf.into(), std::env::var("BLK_POOL").unwrap()));
    let pool = Place { dir: Path::new(&dir).to_owned(), ceph }.open();
    println!("\nkeeper serves");
    loop {
        let mut line = String::new();
        let (read, line) =
            tokio::task::spawn_blocking(move || (std::io::stdin().read_line(&mut line), line)).await.unwrap();
        if read.unwrap_or_default() == 0 {
            return;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        // What nobody can say came of is asked for again, as flows do.
        let done = loop {
            match obey(&*pool, &volume, &words).await {
                Err(e) if e.is(kernel::Kind::Unavailable) => tokio::time::sleep(Duration::from_millis(50)).await,
                done => break done,
            }
        };
        match done {
            Ok(said) => println!("\nkeeper {said}"),
            Err(e) => println!("\nkeeper failed {}: {e:?}", line.trim()),
        }
    }
}
