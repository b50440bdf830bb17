//! What ends Open vSwitch's userspace connection tracking is not asked of it.
//!
//! ovn-controller commits every connection with a translation to nothing (`nat(src)`) where the switch says that it can that, by
//! `ct_zero_snat` among its datapath's capabilities. Up to 3.1.2, Debian 12's among them, the userspace datapath then keeps a
//! second entry of the same hash for the way back. Once the first has expired, or was ended because a connection is opened anew
//! from the same port, the next packet finds the second alone, and an assertion ends ovs-vswitchd (`lib/conntrack.c`,
//! `conn_update_state`; mended by Open vSwitch's "conntrack: Remove nat_conn introducing key directionality"). Any guest could do
//! that to its host, with two datagrams half a minute apart.
//!
//! So the capability is denied: flows commit without it, and there is one entry. It serves switches that balance load
//! themselves, of which there are none here. ovs-vswitchd says what it can once, when it starts; whoever reads it afterwards
//! (ovn-controller) reads what was written last. Connections that were made before have their second entry as long as they last.

use super::switch::Switch;
use std::time::Duration;
use tokio::{task::JoinHandle, time::sleep};

const DENIED: &str = "ct_zero_snat";
const AGAIN: Duration = Duration::from_secs(1);

/// Denies it as long as it lives, also to switches that start anew.
pub struct Denial(JoinHandle<()>);

impl Drop for Denial {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Denial {
    pub fn start(switch: Switch) -> Self {
        Self(tokio::spawn(async move {
            let mut changes = switch.changes();
            loop {
                changes.borrow_and_update();
                if let Err(error) = switch.deny(DENIED).await {
                    tracing::warn!(error = %error.internal_text(), capability = DENIED, "denying it to the host's switch");
                    sleep(AGAIN).await;
                } else if changes.changed().await.is_err() {
                    return;
                }
            }
        }))
    }
}
