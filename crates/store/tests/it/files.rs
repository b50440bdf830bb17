//! What lies in files: the redb file itself, backups, and segments of history.

use crate::support::{
    objects::{NewPet, Pet, framed, later_schema, pet, schema},
    site::{Site, write_raw},
};
use kernel::Timestamp;
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};
use store::{
    Backend, BackendError, HistoryArchive, Memory, Order, Redb, Store, WatchItem,
    backup::{self, Contents},
};

async fn filled(site: &Site) -> Store {
    let store = site.open().await;
    for n in 0..30i64 {
        let write = move |tx: &mut store::Tx| {
            tx.put(pet(&format!("p{n}"), "ann"));
            tx.claim_unique("names", &format!("n{n}"), "ann").map_err(|_| kernel::Error::conflict("taken"))?;
            tx.history(&format!("server/{}", n % 3), Timestamp::from_secs(n), &json!(n))
        };
        store.transact("fill", write).await.unwrap();
    }
    store
}

fn error<T>(result: Result<T, BackendError>) -> String {
    result.err().expect("it is refused").to_string()
}

#[tokio::test]
async fn the_file_is_for_its_owner_and_for_one_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let redb = Redb::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = error(Redb::open(&path));
    assert!(refused.contains("in use by another process") && refused.contains("tstack status"), "{refused}");
    drop(redb);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(Redb::open(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let nowhere = error(Redb::open(Path::new("/nonexistent/store")));
    assert!(nowhere.contains("/nonexistent/store cannot be opened"), "{nowhere}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    {
        let store = Store::open(Redb::open(&path).unwrap(), schema()).await.unwrap();
        for n in 0..50 {
            store.transact("fill", move |tx| Ok(tx.put(pet(&format!("p{n}"), &"x".repeat(2000))))).await.unwrap();
        }
    }
    crate::support::until("the file is free", async || Redb::open(&path).is_ok()).await;
    let whole = fs::read(&path).unwrap();
    let damages: [(&str, &dyn Fn(&mut Vec<u8>)); 5] = [
        ("not ours at all", &|f| *f = b"what is this?".repeat(100)),
        ("its head overwritten", &|f| f[..512].fill(0)),
        ("cut off", &|f| f.truncate(f.len() / 2)),
        ("cut off in its head", &|f| f.truncate(100)),
        // Wherever the tree lies, it is hit.
        ("a bit in every page", &|f| f.iter_mut().skip(4096 + 700).step_by(4096).for_each(|b| *b ^= 1)),
    ];
    for (what, damage) in damages {
        let mut file = whole.clone();
        damage(&mut file);
        fs::write(&path, &file).unwrap();
        let refused = error(Redb::open(&path));
        for part in ["is damaged", "left as it is", "put a backup"] {
            assert!(refused.contains(part), "{what}: {refused}");
        }
        assert_eq!(fs::metadata(&path).unwrap().len(), file.len() as u64, "{what}");
    }
    fs::write(&path, &whole).unwrap();
    assert!(Redb::open(&path).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_moves_everything_between_back_ends() {
    let (from, dir) = (Site::redb().await, tempfile::tempdir().unwrap());
    let store = filled(&from).await;
    let unknown = framed(7, &json!({"of": "a newer program"}));
    write_raw(&from.backend, &[("o/newer.thing/a", Some(&unknown))]).await;
    let file = dir.path().join("backup");
    let contents = store.backup(&file).await.unwrap();
    assert_eq!(contents, Contents { objects: 61, history: 30 });
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let cursor = store.watch().cursor();

    let to = Site::etcd().await;
    assert_eq!(backup::restore(&to.backend, &schema(), &file).await.unwrap(), contents);
    let moved = to.open().await;
    let all = |store: &Store| store.snapshot().all::<Pet>().collect::<Vec<_>>();
    assert_eq!(all(&moved), all(&store));
    assert_eq!(moved.snapshot().epoch(), store.snapshot().epoch() + 1);
    assert!(matches!(moved.watch_from(cursor).next().await, WatchItem::Reset(_)));
    for stream in ["server/0", "server/1", "server/2"] {
        let history = |store: &Store| {
            let store = store.clone();
            async move { store.history(stream, None, 99, Order::NewestFirst).await.unwrap() }
        };
        assert_eq!(history(&moved).await, history(&store).await);
    }
    let newer = to.backend.range("o/newer.thing/a", "o/newer.thing/b", 9, false).await.unwrap();
    assert_eq!(&newer[0].value[..], unknown);
    let full = error(backup::restore(&to.backend, &schema(), &file).await);
    assert!(full.contains("in use"), "{full}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_raises_generations_and_keeps_the_format() {
    let (from, dir) = (Site::memory().await, tempfile::tempdir().unwrap());
    let file = dir.path().join("backup");
    filled(&from).await.backup(&file).await.unwrap();
    let to = Memory::new();
    backup::restore(&to, &later_schema(), &file).await.unwrap();
    let old = Store::open(to.clone(), schema()).await.unwrap();
    assert_eq!(old.snapshot().get::<Pet>("p0").unwrap().age, 1 + 1000 / 12, "an older program can still read it");
    let new = Store::open(to, later_schema()).await.unwrap();
    assert_eq!(new.snapshot().get::<NewPet>("p0").unwrap().months / 12, 1 + 1000 / 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_writes_nothing_and_an_interrupted_restore_is_begun_again() {
    let (from, dir) = (Site::memory().await, tempfile::tempdir().unwrap());
    let file = dir.path().join("backup");
    let store = filled(&from).await;
    store.backup(&file).await.unwrap();
    let (whole, damaged) = (fs::read_to_string(&file).unwrap(), dir.path().join("damaged"));
    let to = Memory::new();
    for text in [whole[..whole.len() / 2].to_owned(), whole.replacen("ann", "bob", 1), "{}".into(), String::new()] {
        fs::write(&damaged, text).unwrap();
        error(backup::restore(&to, &schema(), &damaged).await);
        assert!(to.load().await.unwrap().rows.is_empty());
    }
    // As a restore leaves it that was killed half-way: rows, and no format.
    write_raw(&to, &[("o/test.pet/gone", Some(b"1 00000000 x"))]).await;
    let refused = error(Store::open(to.clone(), schema()).await);
    assert!(refused.contains("restore the backup again"), "{refused}");
    backup::restore(&to, &schema(), &file).await.unwrap();
    let restored = Store::open(to, schema()).await.unwrap();
    assert_eq!(restored.snapshot().count::<Pet>(), store.snapshot().count::<Pet>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_in_the_archive_reads_as_if_it_were_still_there() {
    for site in [Site::memory().await, Site::redb().await, Site::etcd().await] {
        let dir = tempfile::tempdir().unwrap();
        let archive = HistoryArchive::open(dir.path()).unwrap();
        let store = filled(&site).await.with_archive(archive.clone());
        let mut before = Vec::new();
        for order in [Order::OldestFirst, Order::NewestFirst] {
            before.push(pages(&store, order).await);
        }
        assert_eq!(store.trim_history(&archive, "server/", Timestamp::from_secs(10)).await.unwrap(), 10);
        assert_eq!(store.trim_history(&archive, "", Timestamp::from_secs(20)).await.unwrap(), 10);
        assert_eq!(store.trim_history(&archive, "other/", Timestamp::from_secs(99)).await.unwrap(), 0);
        let left = site.backend.range("history/", "history0", 99, false).await.unwrap();
        assert_eq!(left.len(), 10);
        for (n, order) in [Order::OldestFirst, Order::NewestFirst].into_iter().enumerate() {
            assert_eq!(pages(&store, order).await, before[n], "{order:?}");
        }
        // A record that comes late is between those of the archive, and leaves with the next round.
        store.transact("late", |tx| tx.history("server/1", Timestamp::from_secs(2), &json!("late"))).await.unwrap();
        let late = store.history("server/1", None, 3, Order::OldestFirst).await.unwrap();
        assert_eq!(late.iter().map(|e| e.record.clone()).collect::<Vec<_>>(), [json!(1), json!("late"), json!(4)]);
        assert_eq!(store.trim_history(&archive, "", Timestamp::from_secs(20)).await.unwrap(), 1);
        assert_eq!(store.history("server/1", None, 3, Order::OldestFirst).await.unwrap(), late);
        // A copy that was not trimmed, for the process was killed, is shown once; and segments are found again.
        archive.copy(&site.backend, "", Timestamp::from_secs(99)).await.unwrap();
        drop(store);
        let again = site.open().await.with_archive(HistoryArchive::open(dir.path()).unwrap());
        assert_eq!(pages(&again, Order::OldestFirst).await.len(), before[0].len() + 1);
    }
}

async fn pages(store: &Store, order: Order) -> Vec<serde_json::Value> {
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = store.history("server/1", after.as_deref(), 3, order).await.unwrap();
        let Some(last) = page.last() else { return seen };
        after = Some(last.key.clone());
        seen.extend(page.into_iter().map(|e| e.record));
    }
}
