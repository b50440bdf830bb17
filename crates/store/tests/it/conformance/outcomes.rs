//! Outcomes that stay unknown, in both directions, and refusals of the back end.

use super::on_every_back_end;
use crate::support::{
    objects::{Pet, pet, schema},
    site::Site,
};
use futures_util::future::join_all;
use kernel::{Error, Kind};
use std::sync::atomic::Ordering;
use store::{Store, Tx, backend::CommitError};

on_every_back_end!(
    a_lost_answer_is_no_second_write,
    a_lost_request_is_written_in_the_end,
    a_request_that_arrives_late_finds_itself_aborted,
    a_refusing_back_end_is_said_so_and_forgotten,
    all_faults_at_once_between_members,
);

fn bump(tx: &mut Tx) -> kernel::Result<u32> {
    tx.update::<Pet>("a", |p| p.age += 1).map(|p| p.age).ok_or_else(|| Error::not_found("no a"))
}

async fn with_pet(site: &Site) -> Store {
    let store = site.open().await;
    store.transact("test", |tx| Ok(tx.put(pet("a", "ann")))).await.unwrap();
    store
}

async fn age(store: &Store) -> u32 {
    store.read().await.unwrap().get::<Pet>("a").unwrap().age
}

async fn a_lost_answer_is_no_second_write(site: Site) {
    let store = with_pet(&site).await;
    site.backend.faults.lost_answers.store(3, Ordering::Relaxed);
    for expected in 2..8 {
        assert_eq!(store.transact("test", bump).await.unwrap(), expected);
    }
    assert_eq!(store.stats().unknown_outcomes.load(Ordering::Relaxed), 3);
    assert_eq!(age(&store).await, 7);
}

async fn a_lost_request_is_written_in_the_end(site: Site) {
    let store = with_pet(&site).await;
    site.backend.faults.lost_requests.store(3, Ordering::Relaxed);
    for expected in 2..8 {
        assert_eq!(store.transact("test", bump).await.unwrap(), expected);
    }
    assert_eq!(store.stats().unknown_outcomes.load(Ordering::Relaxed), 3);
    assert_eq!(age(&store).await, 7);
}

async fn a_request_that_arrives_late_finds_itself_aborted(site: Site) {
    let store = with_pet(&site).await;
    site.backend.faults.late_requests.store(4, Ordering::Relaxed);
    // A blind write, which no compare would stop.
    for owner in ["bob", "cyd"] {
        store.transact("test", move |tx| Ok(tx.put(pet("a", owner)))).await.unwrap();
    }
    assert_eq!(store.read().await.unwrap().get::<Pet>("a").unwrap().owner, "cyd");
    let late = site.backend.late_outcomes();
    assert_eq!(late.len(), 4);
    assert!(late.iter().all(|o| matches!(o, Err(CommitError::Aborted))), "{late:?}");
}

async fn a_refusing_back_end_is_said_so_and_forgotten(site: Site) {
    let store = with_pet(&site).await;
    site.backend.faults.refusals.store(1, Ordering::Relaxed);
    let refused = store.transact("test", bump).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
    assert!(refused.internal_text().contains("injected"), "{refused:?}");
    assert_eq!(store.transact("test", bump).await.unwrap(), 2);
}

async fn all_faults_at_once_between_members(site: Site) {
    let a = with_pet(&site).await;
    let theirs = site.other().await;
    let b = match site.has_members() {
        true => Store::open(theirs.clone(), schema()).await.unwrap(),
        false => a.clone(),
    };
    for faults in [&site.backend.faults, &theirs.faults] {
        faults.lost_answers.store(5, Ordering::Relaxed);
        faults.lost_requests.store(5, Ordering::Relaxed);
        faults.late_requests.store(5, Ordering::Relaxed);
        faults.lost_watches.store(5, Ordering::Relaxed);
    }
    let mut done = 0;
    for _ in 0..20 {
        let both = join_all([&a, &b].map(|store| store.transact("test", bump))).await;
        done += both.iter().filter(|r| r.is_ok()).count();
    }
    assert_eq!(done, 40, "no back end refused");
    assert_eq!((age(&a).await, age(&b).await), (41, 41));
}
