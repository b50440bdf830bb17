//! The suite for pools of volumes.

mod backups;
mod basics;
mod content;
mod exports;
mod handover;

pub use backups::*;
pub use basics::*;
pub use content::*;
pub use exports::*;
pub use handover::*;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use kernel::VolumeId;
use std::{future::Future, path::Path, pin::Pin, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use volume::driver::*;

/// How long a case waits for what must come. Machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

#[async_trait]
pub trait PoolBench: Send + Sync {
    /// The driver as it is open now.
    fn pool(&self) -> Arc<dyn VolumeBackend>;

    /// Ends the driver, not the exports, and opens another on the same pool.
    async fn reopen(&self);

    /// The pool's own host.
    fn host(&self) -> &str;

    /// A hand inside a guest that has the volume: fills `length` bytes at `offset` with `byte`, and flushes.
    async fn write(&self, target: &Target, offset: u64, length: u64, byte: u8) -> Outcome;

    /// Whether such a guest finds `length` bytes of `byte` at `offset`.
    async fn holds(&self, target: &Target, offset: u64, length: u64, byte: u8) -> bool;

    /// What a guest that attaches it now takes for the disk's size, in bytes.
    async fn size(&self, target: &Target) -> u64;

    /// An image of 64 KiB of the byte 0x42 and a virtual size of 1 MiB or so, and the way to its bytes. A pool that keeps no bytes
    /// may have any.
    async fn image(&self) -> (ImageBytes, Arc<dyn ImageFetch>);

    /// Whatever is in the pool that belongs to no complete volume, and whatever of `id` is left anywhere on the host.
    async fn leftovers(&self, id: &VolumeId) -> Vec<String>;

    /// Whether the pool keeps what is written. Cases about content only mean something where it does.
    fn keeps_bytes(&self) -> bool;

    /// Whether the pool itself refuses writes to what is exported for reading. Else the guest's QEMU does, which opens it so.
    fn guards_writes(&self) -> bool {
        true
    }

    fn scratch(&self) -> &Path;
}

/// How a guest's write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Refused,
}

/// Makes a test of each case. `$bench` is an expression that makes a fresh bench; it may await. Where all benches stand on one
/// ground that takes long to make, `volume_conformance!(together, $bench)` is a future of all cases.
#[macro_export]
macro_rules! volume_conformance {
    ($bench:expr) => {
        $crate::volume_conformance!(@list apart, $bench);
    };
    (together, $bench:expr) => {
        $crate::volume_conformance!(@list together, $bench)
    };
    (@list $how:ident, $bench:expr) => {
        $crate::volume_conformance! { @$how $bench;
            lifecycle, absent_volumes, fences, fences_outlive_volumes, statistics, deletion_is_refused, odd_ids, extend_at_rest,
            exports_are_stable, exports_survive_reopening, extend_exported, exports_are_limited, concurrent_calls_agree,
            written_stays, from_an_image, bad_images_leave_nothing, snapshots_at_rest, snapshots_of_exported, clones, copies_out,
            read_only_exports, backups_hold_the_moment, increments, rewritten,
            let_go_and_taken_over, snapshots_let_go_and_taken_over,
        }
    };
    (@apart $bench:expr; $($case:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let bench = $bench;
            $crate::conformance::volumes::$case(&bench).await;
        }
    )+};
    (@together $bench:expr; $($case:ident),+ $(,)?) => {
        $crate::conformance::volumes::together(vec![$((
            stringify!($case),
            Box::pin(async {
                let bench = $bench;
                $crate::conformance::volumes::$case(&bench).await;
            }),
        )),+])
    };
}

/// A case of the suite by its name.
pub type Case = (&'static str, Pin<Box<dyn Future<Output = ()> + Send>>);

/// Runs cases a few at a time; names all that fail.
pub async fn together(cases: Vec<Case>) {
    let run = |(name, case): Case| async move {
        let began = Instant::now();
        let ended = tokio::spawn(case).await;
        println!("{name}: {:.1} s", began.elapsed().as_secs_f64());
        ended.err().map(|_| name)
    };
    let failed: Vec<&str> =
        stream::iter(cases).map(run).buffer_unordered(4).filter_map(|f| async move { f }).collect().await;
    assert!(failed.is_empty(), "these cases fail: {failed:?}");
}

/// Waits until `holds`.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub const fn fence(generation: u64) -> Fence {
    Fence { generation }
}

/// For sources that are in the pool already.
pub struct NoFetch;

#[async_trait]
impl ImageFetch for NoFetch {
    async fn fetch(&self, image: &ImageBytes, _to: &Path) -> kernel::Result<()> {
        panic!("nobody needs image {} here", image.image)
    }
}

pub fn no_fetch() -> Arc<dyn ImageFetch> {
    Arc::new(NoFetch)
}

pub fn spec(size_gib: u64, source: VolumeSource) -> VolumeSpec {
    VolumeSpec { id: VolumeId::new(), size_gib, source }
}

/// A new volume at generation 1.
pub async fn make(bench: &dyn PoolBench, size_gib: u64, source: VolumeSource) -> VolumeId {
    let spec = spec(size_gib, source);
    bench.pool().create(&spec, fence(1), no_fetch()).await.unwrap();
    spec.id
}

pub(crate) async fn export(bench: &dyn PoolBench, id: &VolumeId) -> Target {
    bench.pool().export(id, bench.host(), false, fence(1)).await.unwrap()
}

pub(crate) async fn unexport(bench: &dyn PoolBench, id: &VolumeId) {
    bench.pool().unexport(id, fence(1)).await.unwrap();
}

/// Ends a case: exports are ended, and nothing of the volumes may be left.
pub(crate) async fn destroy(bench: &dyn PoolBench, ids: &[&VolumeId]) {
    for id in ids {
        bench.pool().unexport(id, fence(u64::MAX)).await.unwrap();
        for (_, snapshot) in bench.pool().inventory().await.unwrap().snapshots.iter().filter(|(v, _)| v == *id) {
            bench.pool().delete_snapshot(id, snapshot, fence(u64::MAX)).await.unwrap();
        }
        bench.pool().delete(id, fence(u64::MAX)).await.unwrap();
        assert_eq!(bench.leftovers(id).await, Vec::<String>::new());
    }
    let left = bench.pool().inventory().await.unwrap();
    assert!(ids.iter().all(|id| !left.volumes.contains(id) && !left.exports.contains(id)), "{left:?}");
}
