//! The suite for image stores.

use super::refused;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use image::driver::{ByteStream, ImageStore, Written};
use kernel::Kind;
use md5::{Digest, Md5};
use sha2::Sha512;
use std::{io, sync::Arc};
use tokio::sync::mpsc;

#[async_trait]
pub trait StoreBench: Send + Sync {
    fn store(&self) -> Arc<dyn ImageStore>;

    /// Ends the store's process, in effect, and opens the store again.
    async fn reopen(&self);

    /// Whatever lies in the store that is no blob: unfinished work.
    async fn leftovers(&self) -> Vec<String>;
}

/// Makes a test of each case. `$bench` is an expression that makes a fresh bench; it may await.
#[macro_export]
macro_rules! image_store_conformance {
    ($bench:expr) => {
        $crate::image_store_conformance!($bench;
            round_trip, empty_and_large, ranges, equal_bytes_are_independent, limit, broken_streams_leave_nothing, dropped_writes_leave_nothing,
            remove_is_idempotent, readers_outlive_removal, concurrent_writes, names_are_checked, reopened,
        );
    };
    ($bench:expr; $($case:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let bench = $bench;
            $crate::conformance::images::$case(&bench).await;
        }
    )+};
}

const NO_LIMIT: u64 = u64::MAX;

/// Bytes that differ at every place where ranges could be confused.
fn content(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|i| (i as u8).wrapping_mul(31).wrapping_add((i >> 8) as u8).wrapping_add(seed)).collect()
}

fn pieces(data: &[u8], size: usize) -> ByteStream {
    let pieces: Vec<io::Result<Bytes>> = data.chunks(size).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
    stream::iter(pieces).boxed()
}

async fn write(bench: &dyn StoreBench, data: &[u8]) -> Written {
    bench.store().write(pieces(data, 10_007), NO_LIMIT).await.unwrap()
}

async fn read(bench: &dyn StoreBench, blob: &str, offset: u64, length: Option<u64>) -> Vec<u8> {
    let stream = bench.store().read(blob, offset, length).await.unwrap();
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    pieces.concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

async fn assert_empty(bench: &dyn StoreBench) {
    assert_eq!(bench.store().list().await.unwrap(), Vec::<String>::new());
    assert_eq!(bench.leftovers().await, Vec::<String>::new());
}

pub async fn round_trip(bench: &dyn StoreBench) {
    assert_empty(bench).await;
    let data = content(1_000_000, 1);
    let written = write(bench, &data).await;
    assert_eq!(written.size, 1_000_000);
    assert_eq!(written.md5, hex(&Md5::digest(&data)));
    assert_eq!(written.sha512, hex(&Sha512::digest(&data)));
    assert_eq!(read(bench, &written.blob, 0, None).await, data);
    assert_eq!(bench.store().size(&written.blob).await.unwrap(), 1_000_000);
    assert_eq!(bench.store().list().await.unwrap(), vec![written.blob.clone()]);
    assert_eq!(bench.leftovers().await, Vec::<String>::new());
    if let Some(path) = bench.store().path(&written.blob) {
        assert_eq!(std::fs::read(path).unwrap(), data);
    }
    assert!(bench.store().free().await.unwrap() > 0);
}

pub async fn empty_and_large(bench: &dyn StoreBench) {
    let empty = bench.store().write(stream::empty().boxed(), NO_LIMIT).await.unwrap();
    assert_eq!((empty.size, empty.md5.as_str()), (0, "d41d8cd98f00b204e9800998ecf8427e"));
    assert_eq!(read(bench, &empty.blob, 0, None).await, Vec::<u8>::new());
    let data = content(20 << 20, 2);
    let large = write(bench, &data).await;
    assert_eq!(hex(&Sha512::digest(read(bench, &large.blob, 0, None).await)), large.sha512);
}

pub async fn ranges(bench: &dyn StoreBench) {
    let data = content(700_000, 3);
    let blob = write(bench, &data).await.blob;
    let end = data.len();
    for (offset, length) in
        [(0, 1), (0, end), (1, 300_000), (262_143, 2), (262_144, 262_145), (end - 1, 1), (end - 1, 50)]
    {
        let expect = &data[offset..(offset + length).min(end)];
        assert!(read(bench, &blob, offset as u64, Some(length as u64)).await == expect, "{length} from {offset}");
    }
    assert!(read(bench, &blob, 5, None).await == data[5..]);
    assert_eq!(read(bench, &blob, 5, Some(0)).await, Vec::<u8>::new());
    assert_eq!(read(bench, &blob, end as u64, None).await, Vec::<u8>::new());
    assert_eq!(read(bench, &blob, end as u64 + 1000, Some(5)).await, Vec::<u8>::new());
}

/// Each write's blob lives and goes by itself, whatever others hold the same bytes.
pub async fn equal_bytes_are_independent(bench: &dyn StoreBench) {
    let data = content(50_000, 4);
    let first = write(bench, &data).await;
    let second = bench.store().write(pieces(&data, 33), NO_LIMIT).await.unwrap();
    assert_eq!(second, Written { blob: second.blob.clone(), ..first.clone() });
    let other = write(bench, &content(50_000, 5)).await;
    for written in [&first, &second, &other] {
        assert!(written.blob.starts_with(&written.sha512), "{}", written.blob);
    }
    let mut expect = vec![first.blob.clone(), second.blob.clone(), other.blob];
    expect.sort();
    assert_eq!(bench.store().list().await.unwrap(), expect);
    assert_eq!(bench.leftovers().await, Vec::<String>::new());
    bench.store().remove(&first.blob).await.unwrap();
    refused(bench.store().size(&first.blob).await, Kind::NotFound);
    assert!(read(bench, &second.blob, 0, None).await == data);
}

pub async fn limit(bench: &dyn StoreBench) {
    let data = content(100_000, 6);
    refused(bench.store().write(pieces(&data, 1000), 99_999).await, Kind::TooLarge);
    assert_empty(bench).await;
    bench.store().write(pieces(&data, 1000), 100_000).await.unwrap();
}

pub async fn broken_streams_leave_nothing(bench: &dyn StoreBench) {
    let broken = || -> ByteStream {
        let good = Bytes::from(content(300_000, 7));
        stream::iter([Ok(good), Err(io::Error::other("the client went away"))]).boxed()
    };
    let e = bench.store().write(broken(), NO_LIMIT).await.unwrap_err();
    assert!(e.status() < 500, "a client's fault is not ours: {e:?}");
    assert_empty(bench).await;
}

pub async fn dropped_writes_leave_nothing(bench: &dyn StoreBench) {
    let (pieces, queue) = mpsc::channel::<Bytes>(1);
    let data = stream::unfold(queue, |mut queue| async { queue.recv().await.map(|piece| (Ok(piece), queue)) }).boxed();
    let store = bench.store();
    let write = tokio::spawn(async move { store.write(data, NO_LIMIT).await });
    for _ in 0..20 {
        pieces.send(Bytes::from(content(100_000, 8))).await.unwrap();
    }
    write.abort();
    assert!(write.await.unwrap_err().is_cancelled());
    super::volumes::eventually("the unfinished write is gone", async || bench.leftovers().await.is_empty()).await;
    assert_empty(bench).await;
}

pub async fn remove_is_idempotent(bench: &dyn StoreBench) {
    let (one, two) = (write(bench, b"one").await.blob, write(bench, b"two").await.blob);
    for _ in 0..2 {
        bench.store().remove(&one).await.unwrap();
        assert_eq!(bench.store().list().await.unwrap(), vec![two.clone()]);
    }
    refused(bench.store().read(&one, 0, None).await.map(drop), Kind::NotFound);
    refused(bench.store().size(&one).await, Kind::NotFound);
    assert_eq!(bench.store().path(&one), None);
    let again = write(bench, b"one").await.blob;
    assert_eq!(read(bench, &again, 0, None).await, b"one");
}

pub async fn readers_outlive_removal(bench: &dyn StoreBench) {
    let data = content(5 << 20, 9);
    let blob = write(bench, &data).await.blob;
    let mut stream = bench.store().read(&blob, 0, None).await.unwrap();
    let mut got = stream.next().await.unwrap().unwrap().to_vec();
    bench.store().remove(&blob).await.unwrap();
    while let Some(piece) = stream.next().await {
        got.extend_from_slice(&piece.unwrap());
    }
    assert!(got == data);
}

pub async fn concurrent_writes(bench: &dyn StoreBench) {
    // Two of each: different blobs must not disturb each other, nor the same one itself.
    let writes = (0..16u8).map(|n| {
        let (store, data) = (bench.store(), content(200_000 + usize::from(n / 2), n / 2));
        tokio::spawn(async move { (store.write(pieces(&data, 4096), NO_LIMIT).await.unwrap(), data) })
    });
    for write in writes.collect::<Vec<_>>() {
        let (written, data) = write.await.unwrap();
        assert_eq!(written.sha512, hex(&Sha512::digest(&data)));
        assert!(read(bench, &written.blob, 0, None).await == data);
    }
    assert_eq!(bench.store().list().await.unwrap().len(), 16);
    assert_eq!(bench.leftovers().await, Vec::<String>::new());
}

pub async fn names_are_checked(bench: &dyn StoreBench) {
    let long = "a".repeat(128);
    let up = format!("..{}.{}", "/".repeat(126), "a".repeat(8));
    for name in ["", ".", "..", "../../etc/passwd", "/etc/passwd", "ab", &long, &format!("{long}.abcdefgh"), &up] {
        refused(bench.store().read(name, 0, None).await.map(drop), Kind::NotFound);
        refused(bench.store().size(name).await, Kind::NotFound);
        assert_eq!(bench.store().path(name), None);
        bench.store().remove(name).await.unwrap();
    }
}

pub async fn reopened(bench: &dyn StoreBench) {
    let data = content(400_000, 10);
    let blob = write(bench, &data).await.blob;
    bench.reopen().await;
    assert_eq!(bench.store().list().await.unwrap(), vec![blob.clone()]);
    assert_eq!(read(bench, &blob, 0, None).await, data);
}
