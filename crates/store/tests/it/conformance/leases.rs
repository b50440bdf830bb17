//! Leases: taken, renewed, seen by all, and gone by themselves.

use super::on_every_back_end;
use crate::support::{site::Site, until};
use std::time::Duration;
use store::{Backend, BackendError};

on_every_back_end!(a_lease_lives_while_it_is_renewed, a_lease_renewed_too_late_says_so_once);

async fn a_lease_lives_while_it_is_renewed(site: Site) {
    let (backend, other) = (&site.backend, site.other().await);
    backend.lease("mine", Duration::from_secs(2)).await.unwrap();
    other.lease("theirs", Duration::from_secs(1)).await.unwrap();
    let alive = async || {
        backend.lease("mine", Duration::from_secs(2)).await.unwrap();
        let mut alive = other.leases().await.unwrap();
        alive.sort();
        alive
    };
    assert_eq!(alive().await, ["mine", "theirs"]);
    until("theirs is over", async || alive().await == ["mine"]).await;
}

async fn a_lease_renewed_too_late_says_so_once(site: Site) {
    let backend = &site.backend;
    backend.lease("mine", Duration::from_secs(1)).await.unwrap();
    until("it is over", async || backend.leases().await.unwrap().is_empty()).await;
    let late = backend.lease("mine", Duration::from_secs(1)).await;
    assert!(matches!(&late, Err(BackendError::Lapsed(name)) if name == "mine"), "{late:?}");
    backend.lease("mine", Duration::from_secs(1)).await.unwrap();
    assert_eq!(backend.leases().await.unwrap(), ["mine"]);
}
