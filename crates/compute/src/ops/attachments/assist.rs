use crate::{
    Compute,
    error::invalid,
    model::Server,
    ops::servers::{idle, on_host},
};
use kernel::{Error, Kind, Result};

/// Checks that a hypervisor could be asked for help with a snapshot of this volume: one server has it, and nobody is at work on
/// that. Nova answers 400 to what elsewhere is a conflict.
pub(crate) async fn assist(c: &Compute, volume: &str) -> Result<()> {
    let snapshot = c.store.read().await?;
    let mut having = snapshot.by(Server::BY_VOLUME, volume);
    let server = having.next().ok_or_else(|| invalid(format!("No volume Block Device Mapping with id {volume}.")))?;
    if having.next().is_some() {
        return Err(invalid(format!(
            "Block Device Mapping {volume} is a multi-attach volume and is not valid for this operation."
        )));
    }
    let ready = on_host(&server).and_then(|()| idle(&server, "volume_snapshot"));
    ready.map_err(|e| if e.is(Kind::Conflict) { Error::bad_request(e.message()) } else { e })?;
    tracing::info!(volume, server = %server.id, "no help is needed with a snapshot: the volume's back end takes it itself");
    Ok(())
}
