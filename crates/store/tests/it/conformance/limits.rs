//! The same limits everywhere, and what lies within them works everywhere.

use super::on_every_back_end;
use crate::support::{
    objects::{Blob, Pet, blob, pet},
    site::Site,
};
use kernel::Kind;
use store::{MAX_BYTES, MAX_KEYS, MAX_VALUE};

on_every_back_end!(the_largest_value, the_most_keys, the_most_bytes, the_most_reads, crowds_of_large_transactions);

async fn the_largest_value(mut site: Site) {
    let store = site.open().await;
    let frame = serde_json::to_vec(&blob("a", 0)).unwrap().len() + "1 00000000 ".len();
    let large = move |bytes: usize| blob("a", bytes - frame);
    let refused = store.transact("test", move |tx| Ok(tx.put(large(MAX_VALUE + 1)))).await;
    assert_eq!(refused.unwrap_err().kind(), Kind::TooLarge);
    store.transact("test", move |tx| Ok(tx.put(large(MAX_VALUE)))).await.unwrap();
    drop(store);
    site.restart().await;
    assert_eq!(*site.open().await.snapshot().get::<Blob>("a").unwrap(), large(MAX_VALUE));
}

async fn the_most_keys(site: Site) {
    let store = site.open().await;
    let write = |keys: usize| {
        store.transact("test", move |tx| {
            (0..keys).for_each(|n| drop(tx.put(pet(&format!("p{n}"), "ann"))));
            Ok(())
        })
    };
    assert_eq!(write(MAX_KEYS + 1).await.unwrap_err().kind(), Kind::TooLarge);
    assert_eq!(store.snapshot().count::<Pet>(), 0);
    write(MAX_KEYS).await.unwrap();
    assert_eq!(store.read().await.unwrap().count_by(Pet::BY_OWNER, "ann"), MAX_KEYS);
}

async fn the_most_bytes(site: Site) {
    let store = site.open().await;
    let write = |blobs: usize| {
        store.transact("test", move |tx| {
            (0..blobs).for_each(|n| drop(tx.put(blob(format!("b{n}"), MAX_VALUE - 1024))));
            Ok(())
        })
    };
    let most = MAX_BYTES / (MAX_VALUE - 1024);
    assert_eq!(write(most + 1).await.unwrap_err().kind(), Kind::TooLarge);
    write(most).await.unwrap();
    assert_eq!(store.read().await.unwrap().count::<Blob>(), most);
}

async fn the_most_reads(site: Site) {
    let store = site.open().await;
    let read = |keys: usize| {
        store.transact("test", move |tx| {
            let found = (0..keys).filter(|n| tx.get::<Pet>(&format!("p{n}")).is_some()).count();
            tx.put(pet("sum", &found.to_string()));
            Ok(())
        })
    };
    assert_eq!(read(MAX_KEYS + 1).await.unwrap_err().kind(), Kind::TooLarge);
    read(MAX_KEYS).await.unwrap();
}

/// Groups of transactions stay within what a back end takes.
async fn crowds_of_large_transactions(site: Site) {
    let store = site.open().await;
    let write = |n: usize| {
        store.transact("test", move |tx| {
            (0..900).for_each(|k| drop(tx.insert(pet(&format!("{n}-{k}"), "ann"))));
            tx.put(blob(format!("{n}"), MAX_VALUE - 1024));
            Ok(())
        })
    };
    let all = futures_util::future::join_all((0..12).map(write)).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(store.read().await.unwrap().count::<Pet>(), 12 * 900);
}
