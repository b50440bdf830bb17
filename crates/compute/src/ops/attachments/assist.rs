use crate::{Compute, error::invalid, model::Server};
use kernel::Result;

/// Why the hypervisor takes no part in a snapshot of this volume: no server has it, or its back end needs no help.
pub(crate) async fn assist(c: &Compute, volume: &str) -> Result<()> {
    let has = |s: &Server| s.devices.iter().any(|d| d.volume().is_some_and(|v| v.volume == *volume));
    match c.store.read().await?.all::<Server>().any(|s| has(&s)) {
        true => Err(invalid(format!("Invalid volume: the back end of volume {volume} takes snapshots of it itself"))),
        false => Err(invalid(format!("No volume Block Device Mapping with id {volume}."))),
    }
}
