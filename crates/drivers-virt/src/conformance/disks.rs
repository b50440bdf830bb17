//! The suite of [`LocalDisks`]: run by `drivers_blk::local` and by [`FakeDisks`](crate::fake::FakeDisks).

use super::refused;
use async_trait::async_trait;
use compute::driver::*;
use kernel::{ImageId, Kind, Result, ServerId};
use std::{path::Path, sync::Arc};

#[async_trait]
pub trait DiskBench: Send + Sync {
    fn disks(&self) -> Arc<dyn LocalDisks>;
    /// Ends the driver and opens another on the same host.
    async fn reopen(&mut self);
    /// An image of at most 1 MiB that `fetch` knows.
    fn image(&self) -> ImageSource;
    fn fetch(&self) -> Arc<dyn ImageFetch>;
    fn scratch(&self) -> &Path;
}

/// Makes a test of each case. `$bench` is an expression that makes a fresh bench; it may await.
#[macro_export]
macro_rules! disks_conformance {
    ($bench:expr) => {
        $crate::disks_conformance!($bench; made_once, removed_for_good, exported_alone, carried_over, a_tpms_state, strange_names, images_kept);
    };
    ($bench:expr; $($case:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let mut bench = $bench;
            $crate::conformance::disks::$case(&mut bench).await;
        }
    )+};
}

/// An image that nobody should ask for.
pub struct NoFetch;

#[async_trait]
impl ImageFetch for NoFetch {
    async fn fetch(&self, image: &ImageSource, _to: &Path) -> Result<()> {
        panic!("image {} is fetched again", image.image)
    }
}

fn disk(server: &ServerId, name: &str, base: Option<ImageSource>) -> LocalDiskSpec {
    LocalDiskSpec { server: server.clone(), name: name.into(), size_bytes: 2 << 20, base }
}

async fn listed(bench: &dyn DiskBench, server: &ServerId) -> bool {
    bench.disks().list().await.unwrap().contains(server)
}

/// The same answer each time, also of the next driver; the image is fetched for the first disk alone.
pub async fn made_once(bench: &mut dyn DiskBench) {
    let (one, two) = (ServerId::new(), ServerId::new());
    let root = disk(&one, "root", Some(bench.image()));
    let source = bench.disks().create(&root, bench.fetch()).await.unwrap();
    let swap = bench.disks().create(&disk(&one, "swap", None), Arc::new(NoFetch)).await.unwrap();
    let eph = bench.disks().create(&disk(&one, "eph0", None), Arc::new(NoFetch)).await.unwrap();
    assert!(source != swap && swap != eph);
    for _ in 0..2 {
        assert_eq!(bench.disks().create(&root, Arc::new(NoFetch)).await.unwrap(), source);
        bench.disks().create(&disk(&two, "root", Some(bench.image())), Arc::new(NoFetch)).await.unwrap();
        assert!(listed(bench, &one).await && listed(bench, &two).await);
        bench.reopen().await;
    }
}

pub async fn removed_for_good(bench: &mut dyn DiskBench) {
    let (server, other) = (ServerId::new(), ServerId::new());
    for server in [&server, &other] {
        bench.disks().create(&disk(server, "root", Some(bench.image())), bench.fetch()).await.unwrap();
    }
    for _ in 0..2 {
        bench.disks().remove(&server).await.unwrap();
        assert!(!listed(bench, &server).await && listed(bench, &other).await);
        bench.reopen().await;
    }
    bench.disks().create(&disk(&server, "root", Some(bench.image())), bench.fetch()).await.unwrap();
    assert!(listed(bench, &server).await);
}

pub async fn exported_alone(bench: &mut dyn DiskBench) {
    let server = ServerId::new();
    bench.disks().create(&disk(&server, "root", Some(bench.image())), bench.fetch()).await.unwrap();
    let to = bench.scratch().join("exported");
    for _ in 0..2 {
        bench.disks().export(&server, "root", &to).await.unwrap();
        let head = std::fs::read(&to).unwrap();
        // qcow2 version 3 without a backing file
        assert_eq!(head[..16], [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    refused(bench.disks().export(&server, "eph0", &to).await, Kind::NotFound);
    refused(bench.disks().export(&ServerId::new(), "root", &to).await, Kind::NotFound);
    assert!(bench.disks().scratch().is_dir());
}

/// What was exported becomes a disk of another name, once.
pub async fn carried_over(bench: &mut dyn DiskBench) {
    let (server, copy) = (ServerId::new(), bench.scratch().join("carried"));
    bench.disks().create(&disk(&server, "root", Some(bench.image())), bench.fetch()).await.unwrap();
    bench.disks().export(&server, "root", &copy).await.unwrap();
    let other = ServerId::new();
    for _ in 0..2 {
        bench.disks().adopt(&disk(&other, "rootv2", None), &copy).await.unwrap();
        assert!(listed(bench, &other).await);
        bench.reopen().await;
    }
    bench.disks().create(&disk(&other, "rootv2", None), Arc::new(NoFetch)).await.unwrap();
    bench.disks().export(&other, "rootv2", &copy).await.unwrap();
    let missing = bench.scratch().join("missing");
    assert!(bench.disks().adopt(&disk(&server, "rootv2", None), &missing).await.is_err());
    refused(bench.disks().export(&server, "rootv2", &copy).await, Kind::NotFound);
    bench.disks().keep_only(&other, &[]).await.unwrap();
    refused(bench.disks().export(&other, "rootv2", &copy).await, Kind::NotFound);
}

/// The state of a TPM is among a server's disks: kept, carried over and removed as they are.
pub async fn a_tpms_state(bench: &mut dyn DiskBench) {
    let (server, other, copy) = (ServerId::new(), ServerId::new(), bench.scratch().join("state"));
    let state = disk(&server, Tpm::STATE, None);
    let made = bench.disks().create(&state, Arc::new(NoFetch)).await.unwrap();
    bench.reopen().await;
    assert_eq!(bench.disks().create(&state, Arc::new(NoFetch)).await.unwrap(), made);
    bench.disks().keep_only(&server, &[Tpm::STATE.into()]).await.unwrap();
    for _ in 0..2 {
        bench.disks().export(&server, Tpm::STATE, &copy).await.unwrap();
        bench.disks().adopt(&disk(&other, "tpmv2", None), &copy).await.unwrap();
        assert!(listed(bench, &other).await);
    }
    bench.disks().keep_only(&other, &[]).await.unwrap();
    refused(bench.disks().export(&other, "tpmv2", &copy).await, Kind::NotFound);
    bench.disks().remove(&server).await.unwrap();
    assert!(!listed(bench, &server).await);
}

/// Paths are made of these.
pub async fn strange_names(bench: &mut dyn DiskBench) {
    for (server, name) in [("../x", "root"), ("", "root"), ("x", "../root"), ("x", ""), ("x/y", "root")] {
        let spec = disk(&server.into(), name, None);
        refused(bench.disks().create(&spec, Arc::new(NoFetch)).await.map(drop), Kind::BadRequest);
    }
    assert_eq!(bench.disks().list().await.unwrap(), Vec::<ServerId>::new());
}

/// Images can be brought before a disk asks for them, and given up while one lies on them.
pub async fn images_kept(bench: &mut dyn DiskBench) {
    let (image, server) = (bench.image(), ServerId::new());
    let hash = |cached: &CachedImage| (cached.hash.clone(), cached.format.clone());
    bench.disks().cache(&image, bench.fetch()).await.unwrap();
    for _ in 0..2 {
        let cached = bench.disks().cached().await.unwrap();
        assert_eq!(cached.iter().map(hash).collect::<Vec<_>>(), [(image.hash.clone(), image.disk_format.clone())]);
        assert!(cached[0].made_at > 0 && cached[0].used_at > 0);
        bench.disks().cache(&image, Arc::new(NoFetch)).await.unwrap();
        bench.reopen().await;
    }
    let root = disk(&server, "root", Some(image.clone()));
    bench.disks().create(&root, Arc::new(NoFetch)).await.unwrap();
    assert_eq!(bench.disks().cached().await.unwrap()[0].hits, 1);

    // Given up: not listed, and there until the disk goes.
    for _ in 0..2 {
        bench.disks().uncache(&image).await.unwrap();
    }
    assert_eq!(bench.disks().cached().await.unwrap(), []);
    assert_eq!(bench.disks().prune().await.unwrap(), [], "a disk lies on it");
    bench.disks().cache(&image, Arc::new(NoFetch)).await.unwrap();
    assert_eq!(bench.disks().cached().await.unwrap().len(), 1, "kept again, without fetching it");
    bench.disks().uncache(&image).await.unwrap();
    bench.disks().remove(&server).await.unwrap();
    let gone = bench.disks().prune().await.unwrap();
    assert!(gone.len() == 1 && gone[0].hash == image.hash, "{gone:?}");
    bench.disks().cache(&image, bench.fetch()).await.unwrap();
    bench.disks().uncache(&image).await.unwrap();
    assert_eq!(bench.disks().cached().await.unwrap(), []);
}

/// What an image record says, for benches.
pub fn image(disk_format: &str, size: u64, sha512: String) -> ImageSource {
    let disk_format = disk_format.into();
    ImageSource { image: ImageId::new(), disk_format, size, hash: sha512, hash_algo: "sha512".into() }
}
