//! Transactions: isolation, conflicts, absence, refusals, uniqueness, groups.

use super::on_every_back_end;
use crate::support::{
    objects::{Pet, pet},
    site::Site,
    until,
};
use futures_util::future::join_all;
use kernel::{Error, Kind};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use store::{Backend, Store, Tx};

on_every_back_end!(
    indexes_follow_every_write,
    a_refusal_and_a_panic_write_nothing,
    a_hot_key_costs_nothing_within_a_process,
    members_conflict_and_every_write_survives,
    absence_is_validated,
    only_who_read_what_changed_is_to_blame,
    one_of_many_gets_a_unique_value,
    a_refusal_waits_for_what_it_rests_on,
    a_refusal_is_not_of_yesterday,
    what_was_under_way_when_the_last_handle_went_is_there,
    a_transaction_whose_caller_has_gone_is_not_begun,
    index_values_that_vanish_and_repeat,
);

fn bump(tx: &mut Tx) -> kernel::Result<u32> {
    tx.update::<Pet>("a", |p| p.age += 1).map(|p| p.age).ok_or_else(|| Error::not_found("no a"))
}

/// The indexes say what a walk over all objects says.
fn assert_indexes_true(store: &Store) {
    let snapshot = store.snapshot();
    for owner in ["ann", "bob", "cyd", ""] {
        let walked: Vec<_> = snapshot.all::<Pet>().filter(|p| p.owner == owner).collect();
        assert_eq!(snapshot.by(Pet::BY_OWNER, owner).collect::<Vec<_>>(), walked, "{owner}");
        assert_eq!(snapshot.count_by(Pet::BY_OWNER, owner), walked.len());
    }
}

async fn indexes_follow_every_write(mut site: Site) {
    let store = site.open().await;
    let three = |tx: &mut Tx| {
        for (id, owner) in [("a", "ann"), ("b", "ann"), ("c", "bob")] {
            tx.put(pet(id, owner));
        }
        Ok(())
    };
    store.transact("test", three).await.unwrap();
    let of = |owner: &str| store.snapshot().keys_by(Pet::BY_OWNER, owner).map(|k| k.to_string()).collect::<Vec<_>>();
    assert_eq!(of("ann"), ["a", "b"]);
    store.transact("test", |tx| Ok(tx.update::<Pet>("a", |p| p.owner = "bob".into()).is_some())).await.unwrap();
    store.transact("test", |tx| Ok(tx.delete::<Pet>("b"))).await.unwrap();
    assert_eq!((of("ann").len(), of("bob")), (0, vec!["a".into(), "c".into()]));
    assert_indexes_true(&store);
    drop(store);
    site.restart().await;
    let store = site.open().await;
    assert_eq!(store.snapshot().count::<Pet>(), 2);
    assert_indexes_true(&store);
}

async fn index_values_that_vanish_and_repeat(site: Site) {
    let store = site.open().await;
    for owner in ["ann", "ann", "", "bob"] {
        store.transact("test", move |tx| Ok(tx.put(pet("a", owner)))).await.unwrap();
        assert_indexes_true(&store);
    }
    // Made and taken away in one transaction, and in one group.
    let made_and_gone = |tx: &mut Tx| {
        tx.put(pet("b", "ann"));
        Ok(tx.delete::<Pet>("b"))
    };
    assert!(store.transact("test", made_and_gone).await.unwrap());
    site.backend.hold(true);
    let before = tokio::spawn({
        let store = store.clone();
        async move { store.transact("test", |tx| Ok(tx.put(pet("c", "cyd")))).await.map(|_| ()) }
    });
    until("the first is under way", async || store.stats().transactions.load(Ordering::Relaxed) >= 6).await;
    let put = store.transact("test", |tx| Ok(tx.put(pet("d", "ann"))));
    let delete = store.transact("test", |tx| Ok(tx.delete::<Pet>("d")));
    let release = async { site.backend.hold(false) };
    let (_, _, ()) = tokio::join!(put, delete, release);
    before.await.unwrap().unwrap();
    let store = Store::open(site.other().await, crate::support::objects::schema()).await.unwrap();
    assert_indexes_true(&store);
    assert!(store.snapshot().get::<Pet>("b").is_none() && store.snapshot().get::<Pet>("c").is_some());
}

async fn a_refusal_and_a_panic_write_nothing(site: Site) {
    let store = site.open().await;
    let refused = store.transact("test", |tx| {
        tx.put(pet("a", "ann"));
        Err::<(), _>(Error::conflict("no"))
    });
    assert_eq!(refused.await.unwrap_err().kind(), Kind::Conflict);
    let panicked = store.transact("test", |tx| -> kernel::Result<()> {
        tx.put(pet("a", "ann"));
        panic!("on purpose")
    });
    assert_eq!(panicked.await.unwrap_err().kind(), Kind::Internal);
    assert_eq!(store.stats().panics.load(Ordering::Relaxed), 1);
    assert_eq!(store.snapshot().count::<Pet>(), 0);
    assert!(store.transact("test", |tx| Ok(tx.insert(pet("a", "ann")).is_ok())).await.unwrap());
    let again = store.transact("test", |tx| tx.insert(pet("a", "bob"))).await;
    assert_eq!(again.unwrap_err().kind(), Kind::Conflict);
}

async fn a_hot_key_costs_nothing_within_a_process(site: Site) {
    let store = site.open().await;
    store.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    let before = store.stats().commits.load(Ordering::Relaxed);
    let ages = join_all((0..300).map(|_| store.transact("hot", bump))).await;
    let mut ages: Vec<_> = ages.into_iter().map(Result::unwrap).collect();
    ages.sort_unstable();
    assert_eq!(ages, (2..302).collect::<Vec<_>>(), "each saw the one before");
    assert!(store.stats().conflicts().is_empty());
    let commits = store.stats().commits.load(Ordering::Relaxed) - before;
    assert!(commits <= 30, "300 transactions took {commits} commits");
}

async fn members_conflict_and_every_write_survives(site: Site) {
    if !site.has_members() {
        return;
    }
    let (a, b) = (site.open().await, Store::open(site.other().await, crate::support::objects::schema()).await.unwrap());
    a.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    let many = |store: Store| async move {
        for _ in 0..25 {
            join_all((0..4).map(|_| store.transact("bump", bump))).await.into_iter().for_each(|r| assert!(r.is_ok()));
        }
    };
    b.read().await.unwrap();
    tokio::join!(many(a.clone()), many(b.clone()));
    assert_eq!(a.read().await.unwrap().get::<Pet>("a").unwrap().age, 201);
    assert_eq!(b.read().await.unwrap().get::<Pet>("a").unwrap().age, 201);
}

async fn absence_is_validated(site: Site) {
    if !site.has_members() {
        return;
    }
    let (a, b) = (site.open().await, Store::open(site.other().await, crate::support::objects::schema()).await.unwrap());
    site.backend.hold(true);
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    let insert = a.transact("test", move |tx| {
        seen.fetch_add(1, Ordering::Relaxed);
        tx.insert(pet("a", "ann"))
    });
    let meanwhile = async {
        until("the closure has run", async || runs.load(Ordering::Relaxed) == 1).await;
        b.transact("test", |tx| tx.insert(pet("a", "bob"))).await.unwrap();
        site.backend.hold(false);
    };
    let (inserted, ()) = tokio::join!(insert, meanwhile);
    assert_eq!(inserted.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(a.snapshot().get::<Pet>("a").unwrap().owner, "bob");
}

async fn only_who_read_what_changed_is_to_blame(site: Site) {
    if !site.has_members() {
        return;
    }
    let (a, b) = (site.open().await, Store::open(site.other().await, crate::support::objects::schema()).await.unwrap());
    a.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    b.read().await.unwrap();
    site.backend.hold(true);
    let first = a.transact("first", |tx| Ok(tx.put(pet("x", "ann")))); // fills the flight, so that the next two share a group
    let hot = a.transact("hot", bump);
    let beside = a.transact("beside", |tx| tx.insert(pet("b", "bob")));
    let meanwhile = async {
        until("all have run", async || a.stats().transactions.load(Ordering::Relaxed) == 4).await;
        b.transact("rival", bump).await.unwrap();
        site.backend.hold(false);
    };
    let (first, hot, beside, ()) = tokio::join!(first, hot, beside, meanwhile);
    assert_eq!(hot.unwrap(), 3);
    assert!(first.is_ok() && beside.is_ok());
    assert_eq!(a.stats().conflicts().keys().copied().collect::<Vec<_>>(), ["hot"]);
}

async fn one_of_many_gets_a_unique_value(site: Site) {
    let a = site.open().await;
    let b = match site.has_members() {
        true => Store::open(site.other().await, crate::support::objects::schema()).await.unwrap(),
        false => a.clone(),
    };
    let claim = |store: &Store, n: usize| {
        let (store, owner) = (store.clone(), format!("owner-{n}"));
        async move { store.transact("claim", move |tx| Ok(tx.claim_unique("names", "x", &owner).is_ok())).await.unwrap() }
    };
    let won = join_all((0..20).map(|n| claim(if n % 2 == 0 { &a } else { &b }, n))).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let owner = a.transact("owner", |tx| Ok(tx.unique_owner("names", "x"))).await.unwrap().unwrap();
    let release = |store: &Store, owner: String| {
        let store = store.clone();
        let release = move |tx: &mut Tx| {
            tx.release_unique("names", "x", &owner);
            Ok(())
        };
        async move { store.transact("release", release).await.unwrap() }
    };
    release(&a, "somebody else".into()).await;
    assert_eq!(b.transact("owner", |tx| Ok(tx.unique_owner("names", "x"))).await.unwrap().as_ref(), Some(&owner));
    release(&b, owner).await;
    assert!(claim(&a, 99).await);
}

/// A refusal that rests on what is being committed is not told before that is durable; if the commit fails, it was wrong.
async fn a_refusal_waits_for_what_it_rests_on(site: Site) {
    let store = site.open().await;
    site.backend.faults.refusals.store(1, Ordering::Relaxed);
    site.backend.hold(true);
    let first = store.transact("first", |tx| tx.insert(pet("a", "ann")));
    let second = store.transact("second", |tx| tx.insert(pet("a", "bob")));
    let meanwhile = async {
        until("both have run", async || store.stats().transactions.load(Ordering::Relaxed) == 2).await;
        assert_eq!(store.stats().refusals.load(Ordering::Relaxed), 1, "the second refused when it first ran");
        site.backend.hold(false);
    };
    let (first, second, ()) = tokio::join!(first, second, meanwhile);
    match first {
        // Both in one group: the back end refused them together.
        Err(e) if second.is_err() => assert_eq!(e.kind(), Kind::Unavailable),
        Err(_) => assert_eq!(second.unwrap().owner, "bob"),
        Ok(_) => panic!("the first commit was to be refused"),
    }
}

async fn a_refusal_is_not_of_yesterday(site: Site) {
    if !site.has_members() {
        return;
    }
    let (a, b) = (site.open().await, Store::open(site.other().await, crate::support::objects::schema()).await.unwrap());
    for n in 0..30 {
        let id = format!("p{n}");
        let theirs = id.clone();
        b.transact("test", move |tx| tx.insert(pet(&theirs, "bob"))).await.unwrap();
        let seen = a.transact("test", move |tx| tx.get::<Pet>(&id).ok_or_else(|| Error::not_found("not there"))).await;
        assert!(seen.is_ok(), "what another member had committed before was not there: {seen:?}");
    }
}

async fn what_was_under_way_when_the_last_handle_went_is_there(mut site: Site) {
    let store = site.open().await;
    let before = store.snapshot().revision();
    site.backend.hold(true);
    {
        let commit = store.transact("test", |tx| Ok(tx.put(pet("a", "ann"))));
        let has_run = until("it has run", async || store.stats().transactions.load(Ordering::Relaxed) == 1);
        tokio::select! {
            biased;
            _ = commit => panic!("it is held"),
            () = has_run => {}
        }
    }
    drop(store); // the last handle, after the caller
    site.backend.hold(false);
    until("the commit has ended", async || site.backend.head().await.unwrap() > before).await;
    site.restart().await;
    assert!(site.open().await.snapshot().contains::<Pet>("a"));
}

async fn a_transaction_whose_caller_has_gone_is_not_begun(site: Site) {
    let store = site.open().await;
    site.backend.hold(true);
    let first = tokio::spawn({
        let store = store.clone();
        // Two full groups: one is held, one waits for it, and what comes later stays in the queue.
        async move {
            join_all((0..200).map(|n| {
                let id = format!("p{n}");
                store.transact("first", move |tx| Ok(tx.put(pet(&id, "ann"))))
            }))
            .await
            .into_iter()
            .all(|r| r.is_ok())
        }
    });
    until("the groups are full", async || store.stats().transactions.load(Ordering::Relaxed) >= 65).await;
    let gone = store.transact("gone", |tx| Ok(tx.put(pet("gone", "ann"))));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(20), gone).await.is_err());
    site.backend.hold(false);
    assert!(first.await.unwrap());
    store.transact("last", |tx| Ok(tx.put(pet("last", "ann")))).await.unwrap();
    assert!(!store.snapshot().contains::<Pet>("gone"));
}
