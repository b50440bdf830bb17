//! The host's end of the guest agent's channel, kept open.
//!
//! qemu-ga in a guest whose channel has nobody at the other end asks for one ten times a second, for ever, which costs an emulated
//! vCPU dear. So the driver is at the other end. It says nothing and drops what it hears: nothing is asked of agents yet.

use super::Vm;
use crate::qemu::sockets;
use tokio::{
    io::{copy, sink},
    task::JoinHandle,
};

/// The open end; closed when dropped.
pub(super) struct Channel(JoinHandle<()>);

impl Drop for Channel {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Vm {
    /// Opens the channel of a guest that has one, if it is not open.
    pub(super) async fn hold_agent_channel(&mut self) {
        let wanted = self.record.as_ref().is_some_and(|r| r.spec.guest_agent);
        let Some(guest) = self.guest.as_mut().filter(|_| wanted) else { return };
        if guest.agent.as_ref().is_some_and(|channel| !channel.0.is_finished()) {
            return;
        }
        match sockets::connect(&self.dir.socket("agent.sock")).await {
            Ok(mut stream) => {
                let drain = async move {
                    // Its end is seen by upkeep.
                    let _ = copy(&mut stream, &mut sink()).await;
                };
                guest.agent = Some(Channel(tokio::spawn(drain)));
            }
            Err(e) => tracing::debug!(server = %self.server, error = %e, "cannot hold the guest agent's channel"),
        }
    }
}
