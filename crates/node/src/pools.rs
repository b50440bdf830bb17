//! The volume back ends of this host: `volume.driver` and those of `volume.backends`, each named as types choose it
//! (`volume_backend_name`).
//!
//! ```text
//!   [NAME=]DRIVER[:WHERE]      file            qcow2 files in the data directory
//!                              bulk=file:/srv  the same elsewhere
//!                              file::/disk2:/disk3  in the data directory and two more, added when it was full
//!                              ceph=rbd:volumes   a pool of a Ceph cluster
//!                              paper=fake      in memory only
//! ```

use crate::{
    Config,
    drivers::{Audits, address, run_dir},
    host_audit,
};
use drivers_blk::{
    fake::{FakeSettings as FakePool, FakeVolumes},
    file_volumes::{self, FileVolumes, FileVolumesConfig, TcpExports},
    qemu_img::{Compress, QemuImg},
    rbd_volumes::{self, RbdVolumes, RbdVolumesConfig},
};
use kernel::{Error, Finding, Result};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use volume::driver::VolumeBackend;

/// Ports of volumes' exports for other hosts.
const EXPORTS: std::ops::RangeInclusive<u16> = 10809..=11808;

/// A back end as the configuration names it.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    driver: Driver,
    /// What it keeps of its own on this host.
    dir: PathBuf,
    /// More of that, on other disks.
    more: Vec<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
enum Driver {
    File,
    Fake,
    /// In this pool.
    Rbd(String),
}

impl Entry {
    fn read(config: &Config, key: &str, text: &str) -> Result<Self> {
        let bad = |why: &str| Error::bad_request(format!("{key}: {text}: {why}"));
        let (name, rest) = text.split_once('=').map_or((None, text), |(name, rest)| (Some(name), rest));
        let (driver, place) = rest.split_once(':').map_or((rest, ""), |(driver, place)| (driver, place));
        let name = name.unwrap_or(driver);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(bad("a back end's name is of letters, digits, - and _"));
        }
        // The one that was always there keeps its directory.
        let own = if key == "volume.driver" { "volumes".to_owned() } else { format!("volumes-{name}") };
        let (mut dir, mut more) = (config.data_dir.join(own), Vec::new());
        let driver = match driver {
            "file" => {
                let (first, added) = place.split_once(':').map_or((place, None), |(first, added)| (first, Some(added)));
                more = added.into_iter().flat_map(|added| added.split(':')).map(PathBuf::from).collect();
                let mut named = more.iter().map(PathBuf::as_path).chain((!first.is_empty()).then(|| Path::new(first)));
                if !named.all(Path::is_absolute) {
                    return Err(bad("a directory begins with /"));
                }
                if !first.is_empty() {
                    dir = first.into();
                }
                Driver::File
            }
            "fake" => Driver::Fake,
            "rbd" if !place.is_empty() => Driver::Rbd(place.to_owned()),
            "rbd" => return Err(bad("which pool? rbd:POOL")),
            other => return Err(bad(&format!("{other} is none of file, fake, rbd:POOL"))),
        };
        Ok(Self { name: name.to_owned(), driver, dir, more })
    }

    fn dirs(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.dir].into_iter().chain(&self.more)
    }

    fn file(&self, config: &Config) -> Result<FileVolumesConfig> {
        let address = address(config)?;
        let mut file = FileVolumesConfig::new("default", config.node_name(), &self.dir);
        file.more.clone_from(&self.more);
        file.run_dir = run_dir(config).join("volumes");
        file.backups = config.data_dir.join("backups");
        file.compress = if config.list("volume.compress").contains(&self.name) { Compress::Zstd } else { Compress::No };
        file.images_kept = usize::try_from(config.number("volume.images_kept")).unwrap_or(usize::MAX);
        file.tcp = (!address.is_loopback()).then_some(TcpExports { address, ports: EXPORTS });
        Ok(file)
    }

    fn rbd(&self, config: &Config, pool: &str) -> RbdVolumesConfig {
        let mut rbd = RbdVolumesConfig::new(pool, &self.dir);
        rbd.conf = config.text("volume.ceph_conf").into();
        rbd.user = config.text("volume.ceph_user").to_owned();
        rbd.backups = config.data_dir.join("backups");
        rbd
    }

    fn open(&self, config: &Config, img: &QemuImg, audits: &mut Audits) -> Result<Arc<dyn VolumeBackend>> {
        Ok(match &self.driver {
            Driver::Fake => Arc::new(FakeVolumes::at(self.dir.clone(), FakePool::default())?),
            Driver::Rbd(pool) => {
                Arc::new(RbdVolumes::open(RbdVolumesConfig { img: img.clone(), ..self.rbd(config, pool) })?)
            }
            Driver::File => {
                let config = FileVolumesConfig { img: img.clone(), ..self.file(config)? };
                let pool = Arc::new(FileVolumes::open(config)?);
                scrubbed(&self.name, &pool);
                audits.push(Arc::new(host_audit::Pool(Arc::clone(&pool))));
                pool
            }
        })
    }
}

/// Between two scrubs of a pool; the first one comes when the node has run for as long.
const SCRUB: Duration = Duration::from_secs(24 * 3600);

/// Has a pool scrubbed for as long as it is open.
fn scrubbed(name: &str, pool: &Arc<FileVolumes>) {
    let (name, pool) = (name.to_owned(), Arc::downgrade(pool));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(SCRUB).await;
            let Some(pool) = pool.upgrade() else { return };
            match pool.scrub().await {
                Ok(found) => found.iter().for_each(|what| tracing::error!(backend = name, "{what}")),
                Err(e) => tracing::warn!(backend = name, error = %e.internal_text(), "a pool could not be scrubbed"),
            }
        }
    });
}

fn entries(config: &Config) -> Result<Vec<Entry>> {
    let mut all = vec![Entry::read(config, "volume.driver", config.text("volume.driver"))?];
    for text in config.list("volume.backends") {
        let entry = Entry::read(config, "volume.backends", &text)?;
        if all.iter().any(|e| e.name == entry.name || e.dirs().any(|dir| entry.dirs().any(|own| own == dir))) {
            return Err(Error::bad_request(format!("volume.backends: {} is there twice", entry.name)));
        }
        all.push(entry);
    }
    for name in config.list("volume.compress") {
        if !all.iter().any(|e| e.name == name && e.driver == Driver::File) {
            return Err(Error::bad_request(format!(
                "volume.compress: {name}: no back end with driver file is named so"
            )));
        }
    }
    Ok(all)
}

/// All of them, by name.
pub(crate) fn open(
    config: &Config,
    img: &QemuImg,
    audits: &mut Audits,
) -> Result<BTreeMap<String, Arc<dyn VolumeBackend>>> {
    let opened = entries(config)?.into_iter().map(|e| Ok((e.name.clone(), e.open(config, img, audits)?)));
    opened.collect()
}

/// What this host lacks for them. `reachable`: whether the address for other hosts is looked at as well.
pub(crate) fn doctor(config: &Config, reachable: bool) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for entry in entries(config)? {
        match &entry.driver {
            Driver::Fake => {}
            Driver::Rbd(pool) => findings.extend(rbd_volumes::doctor(&entry.rbd(config, pool))),
            Driver::File => {
                let file = entry.file(config)?;
                let tcp = file.tcp.clone().filter(|_| reachable);
                findings.extend(file_volumes::doctor(&FileVolumesConfig { tcp, ..file }));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(driver: &str, more: &str) -> Result<Vec<Entry>> {
        let text = format!("[volume]\ndriver = {driver:?}\nbackends = {more}\n");
        entries(&Config::parse(Path::new("/d"), &text).unwrap())
    }

    #[test]
    fn several_at_once() {
        let entry = |name: &str, driver, dir: &str| Entry { name: name.into(), driver, dir: dir.into(), more: vec![] };
        let all = read("file", r#"["bulk=file:/srv/bulk", "ceph=rbd:volumes/ours", "fake"]"#).unwrap();
        let expect = [
            entry("file", Driver::File, "/d/volumes"),
            entry("bulk", Driver::File, "/srv/bulk"),
            entry("ceph", Driver::Rbd("volumes/ours".into()), "/d/volumes-ceph"),
            entry("fake", Driver::Fake, "/d/volumes-fake"),
        ];
        assert_eq!(all, expect);
        assert_eq!(read("rbd:p", "[]").unwrap(), [entry("rbd", Driver::Rbd("p".into()), "/d/volumes")]);
        let added =
            |dir, more: [&str; 2]| Entry { more: more.map(PathBuf::from).into(), ..entry("file", Driver::File, dir) };
        assert_eq!(read("file::/disk2:/disk3", "[]").unwrap(), [added("/d/volumes", ["/disk2", "/disk3"])]);
        assert_eq!(read("file:/srv:/disk2:/disk3", "[]").unwrap(), [added("/srv", ["/disk2", "/disk3"])]);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (driver, more, says) in [
            ("tape", "[]", "volume.driver: tape: tape is none of file, fake, rbd:POOL"),
            ("file", r#"["rbd"]"#, "volume.backends: rbd: which pool?"),
            ("file", r#"["x=file:srv"]"#, "begins with /"),
            ("file", r#"["a b=fake"]"#, "letters, digits"),
            ("file", r#"["file=fake"]"#, "file is there twice"),
            ("file", r#"["x=file:/d/volumes"]"#, "x is there twice"),
            ("file::/b", r#"["x=file:/a:/b"]"#, "x is there twice"),
            ("file::", "[]", "begins with /"),
        ] {
            let e = read(driver, more).unwrap_err();
            assert!(e.message().contains(says), "{e}");
        }
        let text = "[volume]\nbackends = [\"f=fake\"]\ncompress = [\"file\", \"f\"]\n";
        let e = entries(&Config::parse(Path::new("/d"), text).unwrap()).unwrap_err();
        assert!(e.message().contains("volume.compress: f: no back end with driver file"), "{e}");
    }
}
