use crate::{
    Compute, ComputeError,
    model::Server,
    ops::servers::permitted,
    policy::{INTERFACES_LIST, INTERFACES_SHOW},
};
use kernel::{Ctx, Result};
use ports::network::PortView;
use store::Snapshot;

/// A port and the tag it has as this server's interface.
pub(crate) struct Interface {
    pub(crate) port: PortView,
    pub(crate) tag: Option<String>,
}

pub(crate) async fn list(c: &Compute, cx: &Ctx, server: &str) -> Result<Vec<Interface>> {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, server, &INTERFACES_LIST)?;
    Ok(interfaces(c, &snapshot, &server))
}

pub(crate) async fn show(c: &Compute, cx: &Ctx, server: &str, port: &str) -> Result<Interface> {
    let snapshot = c.store.read().await?;
    let (server, _permit) = permitted(cx, &snapshot, server, &INTERFACES_SHOW)?;
    one(c, &snapshot, &server, port)
}

pub(super) fn one(c: &Compute, snapshot: &Snapshot, server: &Server, port: &str) -> Result<Interface> {
    let found = interfaces(c, snapshot, server).into_iter().find(|i| i.port.port == *port);
    found.ok_or_else(|| ComputeError::NoInterface(port.into(), server.id.clone()).into())
}

fn interfaces(c: &Compute, snapshot: &Snapshot, server: &Server) -> Vec<Interface> {
    let tag = |port: &PortView| server.nics.iter().find(|n| n.plan.port == port.port).and_then(|n| n.tag.clone());
    let ports = c.ports.interfaces(snapshot, &server.id);
    ports.into_iter().map(|port| Interface { tag: tag(&port), port }).collect()
}
