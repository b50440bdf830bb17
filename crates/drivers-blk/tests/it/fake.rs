//! Volumes on paper.

use async_trait::async_trait;
use drivers_blk::{
    conformance::volumes::{NoFetch, Outcome, PoolBench, fence, make, no_fetch, spec},
    fake::{Call, FakeSettings, FakeVolumes, Ill, Rule},
    volume_conformance,
};
use kernel::{Error, ImageId, Kind, VolumeId};
use parking_lot::Mutex;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use volume::driver::{ImageBytes, ImageFetch, Target, VolumeBackend, VolumeSource};

struct Paper {
    dir: tempfile::TempDir,
    scratch: PathBuf,
    pool: Mutex<FakeVolumes>,
}

fn bench() -> Paper {
    let dir = tempfile::tempdir().unwrap();
    let scratch = dir.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let pool = FakeVolumes::at(dir.path().join("pool"), FakeSettings::default()).unwrap();
    Paper { dir, scratch, pool: Mutex::new(pool) }
}

#[async_trait]
impl PoolBench for Paper {
    fn pool(&self) -> Arc<dyn VolumeBackend> {
        Arc::new(self.pool.lock().clone())
    }

    async fn reopen(&self) {
        *self.pool.lock() = FakeVolumes::at(self.dir.path().join("pool"), FakeSettings::default()).unwrap();
    }

    fn host(&self) -> &str {
        "here"
    }

    async fn write(&self, target: &Target, _: u64, _: u64, _: u8) -> Outcome {
        assert!(matches!(target, Target::Fake { .. }));
        Outcome::Done
    }

    async fn holds(&self, target: &Target, _: u64, _: u64, _: u8) -> bool {
        matches!(target, Target::Fake { .. })
    }

    async fn size(&self, _: &Target) -> u64 {
        unreachable!("a fake has no bytes to count")
    }

    async fn image(&self) -> (ImageBytes, Arc<dyn ImageFetch>) {
        let (hash, hash_algo, disk_format) = (String::new(), "sha512".into(), "qcow2".into());
        (ImageBytes { image: ImageId::new(), disk_format, size: 0, hash, hash_algo }, Arc::new(NoFetch))
    }

    async fn leftovers(&self, _: &VolumeId) -> Vec<String> {
        let unfinished = fs::read_dir(self.dir.path().join("pool")).unwrap().map(|e| e.unwrap().path());
        unfinished.filter(|p| p.extension().is_some_and(|e| e != "json")).map(|p| p.display().to_string()).collect()
    }

    fn keeps_bytes(&self) -> bool {
        false
    }

    fn scratch(&self) -> &Path {
        &self.scratch
    }
}

volume_conformance!(bench());

#[tokio::test]
async fn ill_luck_is_had_as_ordered() {
    let pool = FakeVolumes::new(FakeSettings::default());
    let spec = spec(1, VolumeSource::Blank);
    let create = || pool.create(&spec, fence(1), no_fetch());
    let volumes = async || pool.inventory().await.unwrap().volumes.len();

    pool.rule(Rule::once(Call::Create, Ill::Fails(Error::conflict("so it was ordered"))).of(&spec.id));
    assert!(create().await.unwrap_err().is(Kind::Conflict));
    assert_eq!(volumes().await, 0);
    pool.rule(Rule::once(Call::Create, Ill::LostBefore));
    assert!(create().await.unwrap_err().is(Kind::Unavailable));
    assert_eq!(volumes().await, 0);
    pool.rule(Rule::once(Call::Create, Ill::LostAfter));
    assert!(create().await.unwrap_err().is(Kind::Unavailable));
    assert_eq!(volumes().await, 1);
    create().await.unwrap();

    pool.rule(Rule::always(Call::Delete, Ill::Hangs).of(&spec.id));
    let hangs = pool.delete(&spec.id, fence(1));
    assert!(tokio::time::timeout(Duration::from_millis(50), hangs).await.is_err());
    assert_eq!(volumes().await, 1);
    pool.clear_rules();
    pool.rule(Rule::once(Call::Delete, Ill::Late(Duration::from_millis(1))));
    pool.delete(&spec.id, fence(1)).await.unwrap();
    assert_eq!(volumes().await, 0);
}

#[tokio::test]
async fn a_copy_is_an_image_that_qemu_takes() {
    let bench = bench();
    let id = make(&bench, 3, VolumeSource::Blank).await;
    let path = bench.scratch.join("copy.qcow2");
    bench.pool().copy_out(&id, "qcow2", &path).await.unwrap();
    let img = drivers_blk::qemu_img::QemuImg::default();
    assert_eq!(img.info(&path, drivers_blk::qemu_img::Format::Qcow2).await.unwrap().virtual_size, 3 << 30);
    let check = crate::rig::run("qemu-img", &["check", "-f", "qcow2", path.to_str().unwrap()]).await;
    assert!(check.status.success(), "{}", crate::rig::text(&check));
}
