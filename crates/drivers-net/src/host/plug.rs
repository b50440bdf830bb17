//! A guest's tap: made, marked as the port's, connected.
//!
//! ```text
//!   plug:    device under its name?  no ─▶ is the switch holding on to a former one? disconnect ─▶ make tap ─▶ connect
//!                                    yes ─────────────────────────────────────────────────────────────────▶ connect
//!   unplug:  disconnect ─▶ delete the device
//! ```

use super::{
    OvsNetwork,
    switch::{Port, PortSpec},
};
use crate::link::{self, NAME_LIMIT, Owner};
use kernel::{Error, PortId, Result};
use network::driver::PlugSpec;

pub async fn plug(network: &OvsNetwork, spec: &PlugSpec) -> Result<()> {
    check(&spec.tap)?;
    let owner = Owner::Port(spec.port.clone());
    let device = link::list(&network.netns).await?.into_iter().find(|l| l.ifname == spec.tap);
    network.switch.ready().await?;
    let connected = network.switch.port(&spec.tap);
    if let Some(other) = connected.as_ref().filter(|p| p.owner != owner && p.owner != Owner::Stranger) {
        return Err(Error::conflict(format!("the device {} belongs to another port", spec.tap))
            .with_internal(format!("{other:?}")));
    }
    // A switch that holds on to a deleted device, or failed to open it, would not notice the new one.
    if connected.is_some_and(|p| !p.works || device.is_none()) {
        network.switch.delete_port(&spec.tap).await?;
    }
    let mut lines = Vec::new();
    if device.is_none() {
        lines.push(format!("tuntap add dev {} mode tap", spec.tap));
    }
    if device.is_none_or(|d| d.mtu != spec.mtu || d.ifalias != owner.alias()) {
        lines.push(format!("link set dev {} alias {}", spec.tap, owner.alias()));
        lines.push(format!("link set dev {} mtu {} up", spec.tap, spec.mtu));
        network.netns.ip(&lines).await?;
    }
    let (device, bridge) = (spec.tap.clone(), network.bridge.clone());
    let (iface_id, mac) = (Some(spec.port.to_string()), Some(spec.mac.clone()));
    network.switch.add_port(&PortSpec { device, bridge, iface_id, mac, owner }).await
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
