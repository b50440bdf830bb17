//! Ports of a guest that goes to another host while it runs: for a time they have two bindings, the second of which waits.
//!
//! The back end is given both hosts, so that the guest's first packet over there is not its first that gets lost. Rules and
//! addresses are the port's, wherever it is.

use super::bind::change_all;
use crate::model::port::{Binding, Waiting};
use kernel::{HostName, ServerId, Timestamp};
use ports::network::Crossing;
use store::Tx;

pub(super) fn cross(tx: &mut Tx, server: &ServerId, host: &HostName, how: Crossing, now: Timestamp) {
    change_all(tx, server, now, |port| match how {
        Crossing::Await if port.binding.host.as_ref() == Some(host) => {}
        Crossing::Await => {
            let Binding { vnic_type, profile, .. } = port.binding.clone();
            port.waiting.insert(host.clone(), Waiting { vnic_type, profile, usable: true });
        }
        Crossing::Arrived => {
            if let Some(Waiting { vnic_type, profile, .. }) = port.waiting.remove(host) {
                port.binding = Binding { host: Some(host.clone()), vnic_type, profile };
            }
            port.binding.host = Some(host.clone());
        }
        Crossing::GiveUp => drop(port.waiting.remove(host)),
    });
}
