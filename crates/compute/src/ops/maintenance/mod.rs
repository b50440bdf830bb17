//! Maintenance of hosts: asked for by TStack's own API, carried out by [`crate::flows::reconcile_drain`].

mod begin;
mod end;
mod show;

pub use end::Afterwards;
pub(crate) use show::newest;
pub use show::{HostView, Left};

use crate::{ComputeError, model::ComputeHost};
use kernel::{HostName, Result};
use std::sync::Arc;
use store::Tx;

fn host_in(tx: &mut Tx, name: &HostName) -> Result<Arc<ComputeHost>> {
    tx.get::<ComputeHost>(name).ok_or_else(|| ComputeError::NoComputeHost(name.to_string()).into())
}
