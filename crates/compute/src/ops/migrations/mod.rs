//! Migrations, to read: those of the cloud, and those that a server is in.

mod list;
mod live;
mod of_server;

pub(crate) use list::list;
pub(crate) use live::{abort, force_complete};
pub(crate) use of_server::{in_progress, show};

use crate::model::{
    ComputeHost, Migration, Server,
    migration::{MigrationKind, MigrationStatus},
    reshape::Plan,
    sequence,
};
use kernel::{Ctx, HostName};
use std::sync::Arc;
use store::{Object, Snapshot, Tx};

/// What a request begins: the server's way from `source`, to a host that is chosen later.
pub(crate) struct Begun<'a> {
    pub(crate) id: &'a str,
    pub(crate) kind: MigrationKind,
    pub(crate) status: MigrationStatus,
    pub(crate) source: &'a HostName,
    /// The number of the flavor that it will have.
    pub(crate) flavor: u64,
    /// Of a resize.
    pub(crate) plan: Option<Plan>,
}

/// Writes a migration that begins.
pub(crate) fn record(cx: &Ctx, tx: &mut Tx, server: &Server, begun: &Begun<'_>) {
    let number = sequence::next(tx, Migration::KIND);
    tx.put(Migration {
        id: begun.id.to_owned(),
        number,
        kind: begun.kind,
        status: begun.status,
        server: server.id.clone(),
        project: cx.credentials.project().cloned().unwrap_or_default(),
        user: cx.credentials.user.clone(),
        source: begun.source.clone(),
        dest: None,
        old_flavor: server.flavor.number,
        new_flavor: begun.flavor,
        holds: None,
        plan: begun.plan.clone(),
        why: None,
        progress: None,
        created: cx.now(),
        updated: None,
    });
}

/// A server's migration by its number.
fn numbered(snapshot: &Snapshot, server: &Server, number: &str) -> Option<Arc<Migration>> {
    let mut all = snapshot.by(Migration::BY_SERVER, &server.id);
    all.find(|m: &Arc<Migration>| m.number.to_string() == number)
}

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
