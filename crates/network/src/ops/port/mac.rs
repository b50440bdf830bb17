//! MAC addresses: unique on a network by a claim.

use crate::{
    error::NetError,
    model::{Port, address::spread, port::mac as port_mac},
    ops::common::Env,
};
use kernel::{NetworkId, PortId, Result};
use store::Tx;

/// Where a binding of a physical card names the card's address.
const DEVICE_MAC: &str = "device_mac_address";

fn space(network: &NetworkId) -> String {
    format!("network.mac/{network}")
}

/// Claims this address, or one made of the port's id.
pub(crate) fn claim(tx: &mut Tx, env: &Env, network: &NetworkId, port: &PortId, asked: Option<&str>) -> Result<String> {
    let space = space(network);
    if let Some(mac) = asked {
        return match tx.claim_unique(&space, mac, port) {
            Ok(()) => Ok(mac.to_owned()),
            Err(_) => Err(NetError::MacAddressInUse { network: network.to_string(), mac: mac.to_owned() }.into()),
        };
    }
    claim_other(tx, env, network, port, "")
}

/// Claims an address that is made, and is not `not`.
pub(crate) fn claim_other(tx: &mut Tx, env: &Env, network: &NetworkId, port: &PortId, not: &str) -> Result<String> {
    for step in 0..32 {
        let mac = made(env.settings.base_mac, port, step);
        if mac != not && tx.claim_unique(&space(network), &mac, port).is_ok() {
            return Ok(mac);
        }
    }
    Err(NetError::MacAddressGenerationFailure { network: network.to_string() }.into())
}

/// A physical card that a guest gets whole keeps its address: the port of one that is bound follows what its binding says, and
/// gets an address that is made when the card is let go.
pub(crate) fn follow_device(tx: &mut Tx, env: &Env, old: &Port, new: &mut Port) -> Result<()> {
    let bound_otherwise = new.binding != old.binding;
    if new.binding.vnic_type != "direct-physical" || !bound_otherwise {
        return Ok(());
    }
    let said = new.binding.profile.get(DEVICE_MAC).filter(|_| new.binding.host.is_some());
    let wrong =
        |mac| NetError::request(format!("Invalid input for {DEVICE_MAC}. Reason: {mac} is not a valid MAC address."));
    let device = said.map(|mac| mac.as_str().and_then(port_mac).ok_or_else(|| wrong(mac))).transpose()?;
    let device = device.as_deref();
    let was_devices = old.binding.profile.contains_key(DEVICE_MAC);
    if device == Some(new.mac.as_str()) || (device.is_none() && !was_devices) {
        return Ok(());
    }
    let mac = claim(tx, env, &new.network, &new.id, device)?;
    release(tx, &new.network, &new.id, &new.mac);
    new.mac = mac;
    Ok(())
}

pub(crate) fn release(tx: &mut Tx, network: &NetworkId, port: &PortId, mac: &str) {
    tx.release_unique(&space(network), mac, port);
}

fn made([a, b, c]: [u8; 3], port: &PortId, step: u64) -> String {
    // Steps of addresses follow other steps: the same port's MAC and IP addresses shall not be related.
    let [d, e, f, ..] = spread(port, 1_000 + step).to_be_bytes();
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
