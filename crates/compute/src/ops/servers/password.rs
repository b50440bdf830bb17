use super::{find_in, permitted};
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::{Server, vm::VmIntent},
    policy::{PASSWORD_CLEAR, PASSWORD_SHOW},
};
use kernel::{Ctx, HostName, Result, ServerId};
use std::sync::Arc;
use store::Snapshot;

/// What a guest may post: Nova keeps four pieces of 255 characters.
const LONGEST: usize = 4 * 255;

impl Compute {
    /// What a guest on that host has posted; empty if nothing.
    pub async fn guest_password(&self, host: &HostName, server: &ServerId) -> Result<String> {
        Ok(guest_on(&self.store.read().await?, host, server)?.password.clone().unwrap_or_default())
    }

    /// Takes the encrypted password that a guest posts to its metadata service. It may do so once, until somebody clears it.
    pub async fn post_guest_password(&self, host: &HostName, server: &ServerId, password: String) -> Result<()> {
        if password.len() > LONGEST {
            return Err(invalid("Request is too large."));
        }
        let id = guest_on(&self.store.read().await?, host, server)?.id.clone();
        let posted = self.store.transact("compute.server.password", move |tx| {
            let server = tx.get::<Server>(&id).ok_or_else(|| ComputeError::NoServer(id.to_string()))?;
            if server.password.as_ref().is_some_and(|p| !p.is_empty()) {
                return Err(ComputeError::Conflict("The password has been posted already.".into()).into());
            }
            let password = password.clone();
            tx.update::<Server>(&id, |s| s.password = Some(password));
            Ok(())
        });
        posted.await
    }
}

/// A server, asked for by a host: only by one that has, or awaits, its guest.
fn guest_on(snapshot: &Snapshot, host: &HostName, id: &ServerId) -> Result<Arc<Server>> {
    let none = || ComputeError::NoServer(id.to_string());
    VmIntent::on(snapshot, id, host).ok_or_else(none)?;
    Ok(snapshot.get::<Server>(id).ok_or_else(none)?)
}

pub(crate) async fn password(c: &Compute, cx: &Ctx, id: &str) -> Result<String> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &PASSWORD_SHOW)?;
    Ok(server.password.clone().unwrap_or_default())
}

pub(crate) async fn clear_password(c: &Compute, cx: &Ctx, id: &str) -> Result<()> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, &PASSWORD_CLEAR)?;
    let cx = cx.clone();
    let cleared = c.store.transact("compute.server.password", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        tx.update::<Server>(&server.id, |s| s.password = None);
        Ok(())
    });
    cleared.await
}
