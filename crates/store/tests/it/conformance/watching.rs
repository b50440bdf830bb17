//! The watch: every revision once and in order, or a Reset; cursors; the epoch.

use super::on_every_back_end;
use crate::support::{
    objects::{Pet, pet, schema},
    site::Site,
    until,
};
use futures_util::StreamExt;
use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};
use store::{Backend, Store, Watch, WatchItem, admin, backend::RawWatch};

on_every_back_end!(
    a_watch_sees_every_revision_once,
    a_watch_sees_what_other_members_write,
    a_change_says_what_was_and_what_is,
    lost_revisions_become_a_reset,
    a_quiet_time_loses_nothing,
    a_cursor_of_another_epoch_is_reset,
    raising_the_epoch_resets_running_watches,
);

async fn put(store: &Store, id: &str, owner: &str) {
    let pet = pet(id, owner);
    store.transact("test", move |tx| Ok(tx.put(pet.clone()))).await.unwrap();
}

/// Follows until a pet is seen; returns the keys of all changes, and how many resets there were.
async fn follow(watch: &mut Watch, last: &str) -> (Vec<String>, usize) {
    let (mut keys, mut resets) = (Vec::new(), 0);
    loop {
        match watch.next().await {
            WatchItem::Batch(batch) => keys.extend(batch.of::<Pet>().map(|c| c.key.to_string())),
            WatchItem::Reset(snapshot) => {
                resets += 1;
                if snapshot.contains::<Pet>(last) {
                    return (keys, resets);
                }
            }
        }
        if keys.iter().any(|k| k == last) {
            return (keys, resets);
        }
    }
}

async fn a_watch_sees_every_revision_once(site: Site) {
    let store = site.open().await;
    let (mut watch, cursor) = (store.watch(), store.watch().cursor());
    for n in 0..20 {
        put(&store, &format!("p{n:02}"), "ann").await;
    }
    let expected: Vec<_> = (0..20).map(|n| format!("p{n:02}")).collect();
    assert_eq!(follow(&mut watch, "p19").await, (expected.clone(), 0));
    assert!(watch.try_next().is_none());
    assert_eq!(follow(&mut store.watch_from(cursor), "p19").await, (expected, 0), "again from a cursor");
}

async fn a_watch_sees_what_other_members_write(site: Site) {
    if !site.has_members() {
        return;
    }
    let (a, b) = (site.open().await, Store::open(site.other().await, schema()).await.unwrap());
    let mut watches = [a.watch(), b.watch()];
    for n in 0..40 {
        put(if n % 3 == 0 { &a } else { &b }, &format!("p{n:02}"), "ann").await;
    }
    for watch in &mut watches {
        let (keys, resets) = follow(watch, "p39").await;
        assert_eq!((keys, resets), ((0..40).map(|n| format!("p{n:02}")).collect(), 0));
    }
}

async fn a_change_says_what_was_and_what_is(site: Site) {
    let store = site.open().await;
    let mut watch = store.watch();
    put(&store, "a", "ann").await;
    put(&store, "a", "bob").await;
    store.transact("test", |tx| Ok(tx.delete::<Pet>("a"))).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let WatchItem::Batch(batch) = watch.next().await else { panic!("nothing was missed") };
        let owner = |p: &std::sync::Arc<Pet>| p.owner.clone();
        seen.extend(batch.of::<Pet>().map(|c| (c.old.as_ref().map(owner), c.new.as_ref().map(owner))));
    }
    let (ann, bob) = (Some("ann".to_owned()), Some("bob".to_owned()));
    assert_eq!(seen, [(None, ann.clone()), (ann, bob.clone()), (bob, None)]);
}

/// What a consumer does: it keeps what it has seen, and compares with a Reset, deletions included.
fn keep(kept: &mut BTreeMap<String, String>, item: &WatchItem) {
    match item {
        WatchItem::Reset(snapshot) => {
            *kept = snapshot.all::<Pet>().map(|p| (p.id.clone(), p.owner.clone())).collect();
        }
        WatchItem::Batch(batch) => {
            for change in batch.of::<Pet>() {
                match change.new {
                    Some(pet) => kept.insert(change.key.to_string(), pet.owner.clone()),
                    None => kept.remove(change.key.as_str()),
                };
            }
        }
    }
}

async fn lost_revisions_become_a_reset(site: Site) {
    if !site.has_members() {
        return; // who writes alone has seen it all
    }
    let (a, b) = (site.open().await, Store::open(site.other().await, schema()).await.unwrap());
    let (mut watch, mut kept, mut resets) = (a.watch(), BTreeMap::new(), 0_u64);
    put(&b, "early", "ann").await;
    until("it has come", async || a.snapshot().contains::<Pet>("early")).await;
    site.backend.faults.lost_watches.store(1, Ordering::Relaxed);
    put(&b, "lost", "bob").await;
    b.transact("test", |tx| Ok(tx.delete::<Pet>("early"))).await.unwrap();
    site.forget_past().await;
    until("it is over", async || a.snapshot().revision() == b.snapshot().revision()).await;
    put(&b, "late", "cyd").await;
    while !kept.contains_key("late") {
        let item = watch.next().await;
        resets += u64::from(matches!(item, WatchItem::Reset(_)));
        keep(&mut kept, &item);
    }
    // The store loads a second time if its new watch began behind the compaction; a consumer may see both as one.
    let loads = a.stats().resets.load(Ordering::Relaxed);
    assert!(1 <= resets && resets <= loads && loads <= 2, "{resets} resets, {loads} loads");
    let expected = [("late", "cyd"), ("lost", "bob")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(kept, BTreeMap::from(expected));
    // The store goes on as if nothing had been: its own writes and the other's.
    put(&a, "mine", "ann").await;
    assert!(b.read().await.unwrap().contains::<Pet>("mine"));
}

/// Leases move etcd's revision; when the watch must begin again, its last revision is compacted though it missed nothing.
async fn a_quiet_time_loses_nothing(site: Site) {
    let store = site.open().await;
    // A watch begins when it is first polled, and nobody tells when it has begun. So it gets more time with every try.
    for patience in (0..20).map(|n| Duration::from_millis(20 * n)) {
        put(&store, "a", "ann").await;
        let revision = store.snapshot().revision();
        for n in 0..3 {
            site.backend.lease(&format!("l{n}"), Duration::from_secs(60)).await.unwrap();
        }
        site.forget_past().await;
        let mut watch = site.backend.watch(revision);
        assert!(tokio::time::timeout(patience, watch.next()).await.is_err(), "nothing has happened");
        put(&store, "b", "bob").await;
        if let Some(RawWatch::Batch(batch)) = watch.next().await {
            assert_eq!(batch.events.len(), 1);
            return;
        }
    }
    panic!("the watch was lost every time");
}

async fn a_cursor_of_another_epoch_is_reset(site: Site) {
    let store = site.open().await;
    put(&store, "a", "ann").await;
    let (epoch, revision) = store.watch().cursor();
    let mut watch = store.watch_from((epoch + 1, revision));
    assert!(matches!(watch.next().await, WatchItem::Reset(s) if s.contains::<Pet>("a")));
    assert!(watch.try_next().is_none());
    assert_eq!(watch.cursor(), (epoch, revision));
}

async fn raising_the_epoch_resets_running_watches(site: Site) {
    let store = site.open().await;
    put(&store, "a", "ann").await;
    let mut watch = store.watch();
    let epoch = store.snapshot().epoch();
    assert_eq!(admin::raise_epoch(&site.backend).await.unwrap(), epoch + 1);
    assert!(matches!(watch.next().await, WatchItem::Reset(s) if s.epoch() == epoch + 1));
    put(&store, "b", "ann").await;
    assert_eq!(follow(&mut watch, "b").await, (vec!["b".into()], 0));
}
