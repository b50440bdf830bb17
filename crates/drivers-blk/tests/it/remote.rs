//! Volumes reached from other hosts.

use crate::rig::{Pool, holds, kill, size_of, write};
use drivers_blk::{
    conformance::volumes::{Outcome, PoolBench, eventually, fence, make, no_fetch, spec},
    file_volumes::TcpExports,
};
use kernel::{Kind, VolumeId};
use std::net::TcpListener;
use volume::driver::{Target, VolumeBackend, VolumeSource};

/// A range of ports of which nobody else has the first `n` now.
fn ports(n: u16) -> std::ops::RangeInclusive<u16> {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let first = listener.local_addr().unwrap().port();
        drop(listener);
        let range = first..=first.saturating_add(n - 1);
        if range.len() == usize::from(n) && range.clone().all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return range;
        }
    }
}

fn pool(n: u16) -> Pool {
    Pool::with(|config| config.tcp = Some(TcpExports { address: "127.0.0.1".parse().unwrap(), ports: ports(n) }))
}

async fn export(pool: &Pool, id: &VolumeId, host: &str) -> Target {
    pool.driver().export(id, host, false, fence(1)).await.unwrap()
}

#[tokio::test]
async fn both_ways_lead_to_the_same_bytes() {
    let pool = pool(3);
    let id = make(&pool, 1, VolumeSource::Blank).await;
    let here = export(&pool, &id, "here").await;
    let there = export(&pool, &id, "there").await;
    assert!(
        matches!(&there, Target::NbdTcp { host, port, .. } if host == "127.0.0.1" && pool.config.tcp.as_ref().unwrap().ports.contains(port))
    );
    assert_eq!(export(&pool, &id, "elsewhere").await, there);
    assert_eq!(export(&pool, &id, "here").await, here);
    assert_eq!(write(&there, 4096, 65536, 0x21).await, Outcome::Done);
    assert!(holds(&here, 4096, 65536, 0x21).await);
    assert_eq!(write(&here, 0, 4096, 0x22).await, Outcome::Done);
    assert!(holds(&there, 0, 4096, 0x22).await && holds(&there, 4096, 65536, 0x21).await);
    pool.driver().extend(&id, 2, fence(1)).await.unwrap();
    assert_eq!((size_of(&here).await, size_of(&there).await), (2 << 30, 2 << 30));
    assert_eq!(write(&there, (2 << 30) - 512, 512, 0x23).await, Outcome::Done);
    // A gateway keeps nothing, so its death is nothing.
    pool.reopen().await;
    let before = pool.pids();
    assert_eq!(before.len(), 2);
    before.iter().for_each(|pid| kill(*pid));
    eventually("both are served again", async || {
        let now = pool.pids();
        now.len() == 2 && now.iter().all(|pid| !before.contains(pid))
    })
    .await;
    assert_eq!(export(&pool, &id, "there").await, there, "at the same port");
    assert!(holds(&there, (2 << 30) - 512, 512, 0x23).await);
    pool.driver().unexport(&id, fence(1)).await.unwrap();
    assert_eq!(pool.pids(), Vec::<i32>::new());
    pool.driver().delete(&id, fence(1)).await.unwrap();
}

#[tokio::test]
async fn a_read_only_gateway_becomes_writable_when_asked() {
    let pool = pool(1);
    let id = make(&pool, 1, VolumeSource::Blank).await;
    let there = pool.driver().export(&id, "there", true, fence(1)).await.unwrap();
    assert_eq!(write(&there, 0, 512, 1).await, Outcome::Refused);
    assert_eq!(export(&pool, &id, "there").await, there);
    assert_eq!(write(&there, 0, 512, 1).await, Outcome::Done);
}

#[tokio::test]
async fn ports_are_found_given_back_and_run_out() {
    let pool = pool(3);
    let range = pool.config.tcp.as_ref().unwrap().ports.clone();
    // Somebody else's.
    let _foreign = TcpListener::bind(("127.0.0.1", *range.start())).unwrap();
    let ids = [make(&pool, 1, VolumeSource::Blank).await, make(&pool, 1, VolumeSource::Blank).await];
    let mut found = Vec::new();
    for id in &ids {
        let target = export(&pool, id, "there").await;
        assert_eq!(write(&target, 0, 512, 7).await, Outcome::Done);
        let Target::NbdTcp { port, .. } = target else { panic!("{target:?}") };
        found.push(port);
    }
    assert_eq!(found, [range.start() + 1, range.start() + 2]);
    let third = make(&pool, 1, VolumeSource::Blank).await;
    let e = pool.driver().export(&third, "there", false, fence(1)).await.unwrap_err();
    assert!(e.is(Kind::Unavailable) && e.message().contains("no port"), "{e:?}");
    pool.driver().unexport(&third, fence(1)).await.unwrap();
    pool.driver().unexport(&ids[0], fence(1)).await.unwrap();
    let Target::NbdTcp { port, .. } = export(&pool, &third, "there").await else { panic!("not by TCP") };
    assert_eq!(port, found[0]);
}

#[tokio::test]
async fn a_pool_without_an_address_is_for_its_own_host() {
    let pool = Pool::new();
    let spec = spec(1, VolumeSource::Blank);
    pool.driver().create(&spec, fence(1), no_fetch()).await.unwrap();
    let e = pool.driver().export(&spec.id, "there", false, fence(1)).await.unwrap_err();
    assert!(e.is(Kind::Conflict) && e.message().contains("no address"), "{e:?}");
    assert_eq!(pool.driver().inventory().await.unwrap().exports, Vec::<VolumeId>::new());
}
