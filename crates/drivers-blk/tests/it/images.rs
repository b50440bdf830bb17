//! Images in a directory.

use async_trait::async_trait;
use drivers_blk::{conformance::images::StoreBench, image_store::FileStore, image_store_conformance};
use futures_util::{StreamExt, stream};
use image::driver::ImageStore;
use parking_lot::Mutex;
use std::{fs, sync::Arc};

struct Bench {
    dir: tempfile::TempDir,
    store: Mutex<FileStore>,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open("fast", dir.path().join("images")).unwrap();
    Bench { dir, store: Mutex::new(store) }
}

#[async_trait]
impl StoreBench for Bench {
    fn store(&self) -> Arc<dyn ImageStore> {
        Arc::new(self.store.lock().clone())
    }

    async fn reopen(&self) {
        *self.store.lock() = FileStore::open("fast", self.dir.path().join("images")).unwrap();
    }

    async fn leftovers(&self) -> Vec<String> {
        let incoming = fs::read_dir(self.dir.path().join("images/incoming")).unwrap();
        incoming.map(|e| e.unwrap().path().display().to_string()).collect()
    }
}

image_store_conformance!(bench());

#[tokio::test]
async fn leftovers_of_the_dead_are_removed_and_those_of_the_living_are_not() {
    let bench = bench();
    let incoming = bench.dir.path().join("images/incoming");
    fs::write(incoming.join("of-a-crash"), b"half an image").unwrap();
    let (pieces, queue) = tokio::sync::mpsc::channel::<bytes::Bytes>(1);
    let data = stream::unfold(queue, |mut queue| async { queue.recv().await.map(|piece| (Ok(piece), queue)) }).boxed();
    let store = bench.store();
    let write = tokio::spawn(async move { store.write(data, u64::MAX).await });
    // Two pieces through a queue of one: the write has begun.
    for _ in 0..20 {
        pieces.send("first".into()).await.unwrap();
    }
    // What another process does, or this one after a restart.
    bench.reopen().await;
    let left = bench.leftovers().await;
    assert!(left.len() == 1 && !left[0].contains("of-a-crash"), "{left:?}");
    pieces.send("last".into()).await.unwrap();
    drop(pieces);
    let written = write.await.unwrap().unwrap();
    assert_eq!(bench.store().list().await.unwrap(), vec![written.blob]);
}

#[tokio::test]
async fn equal_bytes_lie_on_the_disk_once() {
    use std::os::unix::fs::MetadataExt;
    let bench = bench();
    let store = bench.store();
    let write = || store.write(stream::iter([Ok("the same".into())]).boxed(), u64::MAX);
    let (one, two) = (write().await.unwrap(), write().await.unwrap());
    let inode = |blob: &str| fs::metadata(store.path(blob).unwrap()).unwrap().ino();
    assert_eq!(inode(&one.blob), inode(&two.blob));
}
