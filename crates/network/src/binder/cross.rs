//! Ports of a guest that goes to another host while it runs: for a time they have two bindings, the second of which waits.
//!
//! The back end is given both hosts, so that the guest's first packet over there is not its first that gets lost. Rules and
//! addresses are the port's, wherever it is.

use super::show;
use crate::model::{
    Port,
    port::{Binding, Waiting},
};
use kernel::{HostName, ServerId, Timestamp};
use ports::network::Crossing;
use store::Tx;

pub(super) fn cross(tx: &mut Tx, server: &ServerId, host: &HostName, how: Crossing, now: Timestamp) {
    for port in show::of_server(tx.view(), server) {
        // The index told of it; the port itself is what the commit compares.
        let Some(port) = tx.get::<Port>(&port.id).filter(|p| p.device_id == **server) else { continue };
        let mut new = Port::clone(&port);
        let here = new.binding.host.as_ref() == Some(host);
        match how {
            Crossing::Await if here => {}
            Crossing::Await => {
                let Binding { vnic_type, profile, .. } = new.binding.clone();
                new.waiting.insert(host.clone(), Waiting { vnic_type, profile, usable: true });
            }
            Crossing::Arrived => {
                if let Some(Waiting { vnic_type, profile, .. }) = new.waiting.remove(host) {
                    new.binding = Binding { host: Some(host.clone()), vnic_type, profile };
                }
                new.binding.host = Some(host.clone());
            }
            Crossing::GiveUp => drop(new.waiting.remove(host)),
        }
        if new != *port {
            new.standard.touch(now);
            tx.put(new);
        }
    }
}
