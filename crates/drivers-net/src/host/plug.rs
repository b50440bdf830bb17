//! A guest's tap: made, marked as the port's, connected.
//!
//! ```text
//!   plug:    make the tap, unless there is a device of its name and kind ─▶ does the switch hold on to a former one? disconnect it
//!            ─▶ connect
//!   unplug:  disconnect ─▶ delete the device
//! ```

use super::{
    OvsNetwork, guard,
    switch::{Port, PortSpec},
};
use crate::link::{self, Link, NAME_LIMIT, Owner};
use kernel::{Error, PortId, Result};
use network::driver::PlugSpec;

pub async fn plug(network: &OvsNetwork, spec: &PlugSpec) -> Result<()> {
    check(&spec.tap)?;
    let owner = Owner::Port(spec.port.clone());
    network.switch.ready().await?;
    let connected = network.switch.port(&spec.tap);
    if let Some(other) = connected.as_ref().filter(|p| p.owner != owner && p.owner != Owner::Stranger) {
        return Err(Error::conflict(format!("the device {} belongs to another port", spec.tap))
            .with_internal(format!("{other:?}")));
    }
    let device = device(network, spec, &owner).await?;
    if connected.is_some_and(|p| !p.holds(&device)) {
        network.switch.delete_port(&spec.tap).await?;
    }
    let (ifindex, device, bridge) = (Some(device.ifindex), device.ifname, network.bridge.clone());
    let (iface_id, mac) = (Some(spec.port.to_string()), Some(spec.mac.clone()));
    network.switch.add_port(&PortSpec { device, bridge, iface_id, mac, owner, ifindex }).await?;
    match network.switch.port(&spec.tap).and_then(|p| p.number) {
        Some(number) => guard::hold(&network.config.bridge_socket(&network.bridge), number).await,
        None => Ok(()),
    }
}

/// The device, marked as the port's and up.
async fn device(network: &OvsNetwork, spec: &PlugSpec, owner: &Owner) -> Result<Link> {
    let mut found = link::find(&network.netns, &spec.tap).await?;
    if found.as_ref().is_some_and(|d| d.owner() == *owner && d.is_multi_queue() != spec.multi_queue) {
        // The guest is about to be started as other hardware: the kernel lets taps be opened as they were made, and in no other way.
        network.switch.delete_port(&spec.tap).await?;
        link::delete(&network.netns, &spec.tap).await?;
        found = None;
    }
    let mut lines = Vec::new();
    if found.is_none() {
        let queues = if spec.multi_queue { " multi_queue" } else { "" };
        lines.push(format!("tuntap add dev {} mode tap{queues}", spec.tap));
    }
    if found.as_ref().is_none_or(|d| d.mtu != spec.mtu || d.owner() != *owner) {
        lines.push(format!("link set dev {} alias {}", spec.tap, owner.alias()));
        lines.push(format!("link set dev {} mtu {} up", spec.tap, spec.mtu));
        network.netns.ip(&lines).await?;
    }
    let made = if found.is_some() { found } else { link::find(&network.netns, &spec.tap).await? };
    made.ok_or_else(|| Error::internal(format!("the device {} vanished while it was made", spec.tap)))
}

fn check(tap: &str) -> Result<()> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if (1..=NAME_LIMIT).contains(&tap.len()) && tap.bytes().all(legal) {
        return Ok(());
    }
    Err(Error::bad_request(format!("{tap:?} is no name for a network device")))
}

pub async fn unplug(network: &OvsNetwork, port: &PortId) -> Result<()> {
    network.switch.ready().await?;
    let owner = Owner::Port(port.clone());
    let connected = network.switch.ports().into_iter().filter(|p| p.owner == owner).map(|p: Port| p.device);
    let mut devices: Vec<_> = connected.collect();
    for device in &devices {
        network.switch.delete_port(device).await?;
    }
    let marked = link::list(&network.netns).await?.into_iter().filter(|l| l.owner() == owner).map(|l| l.ifname);
    devices.extend(marked);
    devices.sort();
    devices.dedup();
    for device in devices {
        link::delete(&network.netns, &device).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_options_or_are_too_long_are_refused() {
        for good in ["tap0123456789a", "t", "tap-1.2_3"] {
            check(good).unwrap();
        }
        for bad in ["", "tap0123456789abc", "a b", "a;b", "tap/0"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
