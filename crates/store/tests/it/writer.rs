//! The writer among members; and two of them at once, which must do no harm.

use crate::support::{
    objects::{Pet, pet, schema},
    site::Site,
    until,
};
use kernel::{Error, Kind};
use std::time::Duration;
use store::{Role, Store, Tx, Writer, lease};

/// Short, for these tests wait for it to pass. etcd grants whole seconds, not less than two.
const TTL: Duration = Duration::from_millis(1500);

async fn stand(store: &Store, member: &str) -> Writer {
    Writer::stand_with(store.clone(), member, TTL).await
}

fn epoch(writer: &Writer) -> Option<u64> {
    match writer.role() {
        Role::Writer { epoch } => Some(epoch),
        Role::Standby { .. } => None,
    }
}

/// A write that only the writer of an epoch may do.
fn fenced(epoch: u64) -> impl FnMut(&mut Tx) -> kernel::Result<u32> + Send + 'static {
    move |tx| {
        lease::confirm(tx, epoch)?;
        tx.update::<Pet>("a", |p| p.age += 1).map(|p| p.age).ok_or_else(|| Error::not_found("no a"))
    }
}

async fn members(site: &Site) -> (Store, Store) {
    let (a, b) = (site.open().await, Store::open(site.other().await, schema()).await.unwrap());
    a.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    (a, b)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_is_the_writer_at_once_and_again_after_a_restart() {
    let mut site = Site::redb().await;
    let store = site.open().await;
    let writer = stand(&store, "node-1").await;
    assert_eq!(epoch(&writer), Some(1));
    drop((writer, store));
    site.restart().await;
    // Its former life's lease ended with the process.
    let again = stand(&site.open().await, "node-1").await;
    assert_eq!(epoch(&again), Some(2));
}

async fn takes_over_when_the_writer_goes(site: Site) {
    let (a, b) = members(&site).await;
    let (first, second) = (stand(&a, "node-1").await, stand(&b, "node-2").await);
    assert_eq!(epoch(&first), Some(1));
    b.read().await.unwrap();
    assert_eq!(second.role(), Role::Standby { writer: Some("node-1".into()) });
    // It goes in order: nobody waits for a lease.
    first.resign().await.unwrap();
    until("node-2 is the writer", async || second.is_writer()).await;
    assert_eq!(epoch(&second), Some(2));
    // It goes without a word: its lease must end first.
    let third = stand(&a, "node-1").await;
    assert!(!third.is_writer());
    drop(second);
    until("node-1 is the writer", async || third.is_writer()).await;
    assert_eq!(epoch(&third), Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_takes_over_in_memory() {
    takes_over_when_the_writer_goes(Site::memory().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_takes_over_on_etcd() {
    takes_over_when_the_writer_goes(Site::etcd().await).await;
}

/// The old writer was frozen: it awakes, believes what it knew, and writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_writer_awakes_to_no_harm() {
    let site = Site::memory().await;
    let (a, b) = members(&site).await;
    let frozen = stand(&a, "node-1").await;
    let old = epoch(&frozen).unwrap();
    assert_eq!(a.transact("fenced", fenced(old)).await.unwrap(), 2);
    site.backend.hold(true);
    drop(frozen); // no renewal from now on
    let late = tokio::spawn({
        let a = a.clone();
        async move { a.transact("fenced", fenced(old)).await }
    });
    let new = stand(&b, "node-2").await;
    until("the other has taken over", async || new.is_writer()).await;
    let new = epoch(&new).unwrap();
    assert_eq!(b.transact("fenced", fenced(new)).await.unwrap(), 3);
    // What it had begun before it froze arrives only now; and what it begins now believes the same.
    site.backend.hold(false);
    assert_eq!(late.await.unwrap().unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(a.transact("fenced", fenced(old)).await.unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(b.transact("fenced", fenced(new)).await.unwrap(), 4);
}

/// Two that both believe to be the writer, and do not even ask: the compares of what they read are enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_at_once_lose_nothing() {
    for site in [Site::memory().await, Site::etcd().await] {
        let (a, b) = members(&site).await;
        let work = |store: Store| async move {
            for _ in 0..40 {
                let take = |tx: &mut Tx| {
                    let next = tx.get::<Pet>("a").map(|p| p.age).ok_or_else(|| Error::not_found("no a"))?;
                    tx.update::<Pet>("a", |p| p.age += 1);
                    tx.insert(pet(&format!("taken-{next}"), "ann"))
                };
                store.transact("take", take).await.unwrap(); // an address taken twice would be refused here
            }
        };
        tokio::join!(work(a.clone()), work(b));
        let snapshot = a.read().await.unwrap();
        assert_eq!((snapshot.get::<Pet>("a").unwrap().age, snapshot.count::<Pet>()), (81, 81));
    }
}
