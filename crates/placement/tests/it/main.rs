//! Placement over a real store: claims never exceed capacity, and the API answers as placement does.

mod api;
mod claims;
mod versions;
mod writes;

use kernel::{HostName, Timestamp};
use placement::Scheduler;
use ports::{Inventory, PlaceRequest, Placer, Roster};
use store::{Schema, Store};

async fn store() -> Store {
    Store::in_memory(placement::schema(Schema::new())).await
}

fn report(host: &str, vcpus: u64, memory_mib: u64) -> Inventory {
    Inventory {
        host: host.into(),
        vcpus,
        memory_mib,
        disk_gib: 100,
        traits: vec!["HW_ARCH_X86_64".into()],
        cells: Vec::new(),
    }
}

fn request(consumer: &str, vcpus: u64, memory_mib: u64, expected: &[&str]) -> PlaceRequest {
    PlaceRequest {
        consumer: consumer.into(),
        project: "p1".into(),
        user: "u1".into(),
        resources: [("VCPU".into(), vcpus), ("MEMORY_MB".into(), memory_mib), ("DISK_GB".into(), 1)].into(),
        roster: Roster::of(expected.iter().map(|h| HostName::from(*h))),
        ..PlaceRequest::default()
    }
}

async fn with_hosts(scheduler: &Scheduler, reports: Vec<Inventory>) -> Store {
    let (store, scheduler) = (store().await, scheduler.clone());
    let reported = store.transact("test", move |tx| {
        reports.iter().try_for_each(|report| scheduler.report_inventory(tx, report, Timestamp::from_secs(1)))
    });
    reported.await.unwrap();
    store
}
