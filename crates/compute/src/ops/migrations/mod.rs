//! Migrations, to read: those of the cloud, and those that a server is in.

mod list;
mod live;
mod of_server;

pub(crate) use list::list;
pub(crate) use live::{abort, force_complete};
pub(crate) use of_server::{in_progress, show};

use crate::model::{ComputeHost, Migration};
use std::sync::Arc;
use store::Snapshot;

/// A migration, and whether the caller may see between which hosts.
pub(crate) struct Seen {
    pub(crate) migration: Arc<Migration>,
    pub(crate) hosts: Option<Hosts>,
}

/// Names of hosts are those of their nodes, too: each host is one.
pub(crate) struct Hosts {
    pub(crate) source: String,
    pub(crate) dest: Option<String>,
    pub(crate) dest_address: Option<String>,
}

fn seen(snapshot: &Snapshot, migration: Arc<Migration>, with_hosts: bool) -> Seen {
    let address = |host: &kernel::HostName| snapshot.get::<ComputeHost>(host).map(|h| h.address.clone());
    let hosts = with_hosts.then(|| Hosts {
        source: migration.source.to_string(),
        dest: migration.dest.as_ref().map(ToString::to_string),
        dest_address: migration.dest.as_ref().and_then(address),
    });
    Seen { migration, hosts }
}
