//! Two hosts' capacity while a server may be on either: [`crate::model::migration`] says whose claim is where.

use crate::{
    Compute,
    flows::create::place_request,
    model::{Migration, Server, placing, shape::Shape},
};
use kernel::{Error, HostName, Result, ServerId, Timestamp};
use ports::{Claim, PlaceRequest};
use store::Tx;

/// Room for a server in either of its shapes, on a host of the scheduler's choice.
pub(crate) fn for_either(
    c: &Compute,
    tx: &mut Tx,
    server: &Server,
    (old, new): (&Shape, &Shape),
    not: &[HostName],
) -> PlaceRequest {
    let shaped = Server { forced_host: None, ..new.on(server) };
    let resources = placing::either(&old.on(server), &shaped);
    PlaceRequest { resources, ..place_request(tx, &shaped, not, c.roster()) }
}

/// A server that could have had either of two shapes has one of them for good.
pub(crate) fn keep(c: &Compute, tx: &mut Tx, server: &Server, shape: &Shape, now: Timestamp) -> Result<()> {
    c.placer.keep(tx, &server.id, &placing::resources(&shape.on(server)), now)
}

/// Chooses a host for a server that moves. The claim that the server had becomes the migration's.
pub(crate) fn claim_another(
    c: &Compute,
    tx: &mut Tx,
    server: &Server,
    migration: &str,
    request: &PlaceRequest,
    now: Timestamp,
) -> Result<Claim> {
    c.placer.hand_over(tx, &server.id, migration, now)?;
    let claim = c.placer.claim(tx, request, now)?;
    let holds = Some(placing::resources(server));
    let noted = tx.update::<Migration>(migration, |m| {
        (m.dest, m.holds, m.updated) = (Some(claim.host.clone()), holds, Some(now));
    });
    noted.map(|_| claim).ok_or_else(|| Error::conflict("the migration is gone"))
}

/// The server has what it had before, and nothing else. `Ok` if it has.
pub(crate) fn take_back(c: &Compute, tx: &mut Tx, server: &Server, migration: &str, now: Timestamp) -> Result<()> {
    if tx.get::<Migration>(migration).is_none_or(|m| m.holds.is_none()) {
        return Ok(());
    }
    c.placer.release(tx, &server.id)?;
    c.placer.hand_over(tx, migration, &server.id, now)?;
    tx.update::<Migration>(migration, |m| (m.holds, m.updated) = (None, Some(now)));
    Ok(())
}

/// A host has given up all that it had of a server: nothing is claimed of it for moves that are over.
pub(crate) fn give_up_host(c: &Compute, tx: &mut Tx, server: &ServerId, host: &HostName) -> Result<()> {
    let over: Vec<_> = tx.by(Migration::BY_SERVER, server);
    let over = over.iter().filter(|m| m.source == *host && m.holds.is_some() && m.status.is_over());
    over.into_iter().try_for_each(|m| give_up(c, tx, &m.id))
}

/// The host that was left is free of the server. `Ok` if it is.
pub(crate) fn give_up(c: &Compute, tx: &mut Tx, migration: &str) -> Result<()> {
    c.placer.release(tx, migration)?;
    tx.update::<Migration>(migration, |m| m.holds = None);
    Ok(())
}
