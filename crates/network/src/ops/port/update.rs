use super::{
    OptionAsked, PairAsked, address, address::AskedIp, create::ensure_own_router, extras::ExtrasAsked, full_pairs,
    laid_over, mac, usable_groups,
};
use crate::{
    Network as Service,
    error::NetError,
    model::{FloatingIp, Network, Port, QosPolicyId, Resource, address::is_eui64, port::FixedIp, port::Role},
    ops::{
        access::{On, Reach, Seen, Set, authorize, see},
        common::{Env, Expect, expected, save},
        port_forwarding, qos,
    },
    policy::port as rules,
};
use kernel::{Ctx, HostName, Result, SecurityGroupId};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PortChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
    /// `None` inside: a new one is to be made.
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub mac_address: Option<Option<String>>,
    pub fixed_ips: Option<Vec<AskedIp>>,
    pub device_id: Option<String>,
    pub device_owner: Option<String>,
    pub security_groups: Option<Vec<SecurityGroupId>>,
    pub port_security_enabled: Option<bool>,
    pub allowed_address_pairs: Option<Vec<PairAsked>>,
    pub extra_dhcp_opts: Option<Vec<OptionAsked>>,
    pub dns_name: Option<String>,
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub qos_policy_id: Option<Option<QosPolicyId>>,
    #[serde(rename = "binding:host_id", deserialize_with = "crate::ops::common::given")]
    pub host: Option<Option<HostName>>,
    #[serde(rename = "binding:vnic_type")]
    pub vnic_type: Option<String>,
    #[serde(rename = "binding:profile", deserialize_with = "crate::ops::common::given")]
    pub profile: Option<Option<Map<String, Value>>>,
    #[serde(flatten)]
    pub extras: ExtrasAsked,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: PortChanges,
    expect: Expect,
) -> Result<Arc<Port>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let port = see::<Port>(cx, &snapshot, &reach, id)?;
    // The rule on device owners judges the owner that the port would have.
    let device_owner = Some(changes.device_owner.as_deref().unwrap_or(&port.device_owner));
    let on = On { device_owner, ..port.on(&snapshot, &reach) };
    let _permit = authorize(cx, rules::ALL, &rules::UPDATE, set, &on)?;
    let quota = net.settings().max_allowed_address_pairs;
    if changes.allowed_address_pairs.as_ref().is_some_and(|pairs| pairs.len() > quota) {
        return Err(NetError::AllowedAddressPairExhausted { quota }.into());
    }
    let (env, id) = (net.env(), id.to_owned());
    net.store()
        .transact("network.port.update", move |tx| {
            let old = expected::<Port>(tx, &id, expect)?;
            apply(tx, &env, &reach, &old, &changes)
        })
        .await
}

fn apply(tx: &mut Tx, env: &Env, reach: &Reach, old: &Arc<Port>, changes: &PortChanges) -> Result<Arc<Port>> {
    let mut new = Port::clone(old);
    apply_plain(&mut new, changes);
    if new.device_owner != old.device_owner || new.device_id != old.device_id {
        ensure_own_router(tx, reach, old.project(), &new.device_owner, &new.device_id)?;
    }
    apply_binding(&mut new, changes);
    apply_mac(tx, env, old, &mut new, changes)?;
    mac::follow_device(tx, env, old, &mut new)?;
    apply_addresses(tx, env, old, &mut new, changes)?;
    apply_filter(tx, reach, old, &mut new, changes)?;
    if let Some(policy) = &changes.qos_policy_id {
        qos::refer(tx, reach, old.qos.as_ref(), policy.as_ref(), qos::Holder::Port(&old.id), env.enforced)?;
        new.qos.clone_from(policy);
    }
    Ok(save(tx, old, new, env.now))
}

fn apply_plain(port: &mut Port, changes: &PortChanges) {
    let take = |to: &mut String, from: &Option<String>| {
        if let Some(from) = from {
            to.clone_from(from);
        }
    };
    take(&mut port.name, &changes.name);
    take(&mut port.standard.description, &changes.description);
    take(&mut port.device_id, &changes.device_id);
    take(&mut port.device_owner, &changes.device_owner);
    take(&mut port.dns_name, &changes.dns_name);
    take(&mut port.binding.vnic_type, &changes.vnic_type);
    port.admin_up = changes.admin_state_up.unwrap_or(port.admin_up);
    changes.extras.apply(&mut port.extras);
    if let Some(options) = &changes.extra_dhcp_opts {
        port.dhcp_options = laid_over(&port.dhcp_options, options);
    }
}

/// Another host, or none: the interface is not there any more.
fn apply_binding(port: &mut Port, changes: &PortChanges) {
    if let Some(profile) = &changes.profile {
        port.binding.profile = profile.clone().unwrap_or_default();
    }
    let Some(host) = &changes.host else { return };
    let host = host.clone().filter(|h| !h.is_empty());
    if host != port.binding.host {
        if let Some(host) = &host {
            port.waiting.remove(host);
        } else {
            port.waiting.clear();
        }
        port.binding.host = host;
        port.plugged = false;
    }
}

fn apply_mac(tx: &mut Tx, env: &Env, old: &Port, new: &mut Port, changes: &PortChanges) -> Result<()> {
    let Some(asked) = &changes.mac_address else { return Ok(()) };
    if asked.as_ref() == Some(&old.mac) {
        return Ok(());
    }
    if old.role() != Role::Guest {
        let (owner, port) = (old.device_owner.clone(), old.id.to_string());
        return Err(NetError::UnsupportedPortDeviceOwner { op: "mac address update", owner, port }.into());
    }
    if old.binding.host.is_some() {
        let (port, old_mac, new_mac) = (old.id.to_string(), old.mac.clone(), asked.clone().unwrap_or_default());
        return Err(NetError::PortBound { port, vif_type: old.vif_type(), old_mac, new_mac }.into());
    }
    mac::release(tx, &old.network, &old.id, &old.mac);
    new.mac = match asked {
        Some(mac) => mac::claim(tx, env, &old.network, &old.id, Some(mac))?,
        // The same id would make the same address again.
        None => mac::claim_other(tx, env, &old.network, &old.id, &old.mac)?,
    };
    for pair in new.allowed_pairs.iter_mut().filter(|p| p.mac == old.mac) {
        pair.mac.clone_from(&new.mac);
    }
    Ok(())
}

fn apply_addresses(tx: &mut Tx, env: &Env, old: &Port, new: &mut Port, changes: &PortChanges) -> Result<()> {
    let asked = match &changes.fixed_ips {
        Some(asked) => asked.clone(),
        // A new MAC address makes new automatic addresses.
        None if new.mac != old.mac => {
            old.fixed_ips.iter().filter(|ip| !is_eui64(ip.address)).map(AskedIp::exactly).collect()
        }
        None => return Ok(()),
    };
    if changes.fixed_ips.is_some() && matches!(old.role(), Role::RouterGateway | Role::RouterInterface) {
        let stays = |a: &AskedIp, ip: &FixedIp| match a.ip_address {
            Some(address) => address == ip.address,
            None => a.subnet_id.as_ref() == Some(&ip.subnet),
        };
        let kept = old.v4().all(|ip| asked.iter().any(|a| stays(a, ip)));
        if !kept {
            let reason = format!("IP updates for the ports {} are not allowed while a router uses it", old.id);
            return Err(NetError::BadRequest { resource: "ports", reason }.into());
        }
    }
    let network = tx.get::<Network>(&old.network).ok_or_else(|| Network::not_found(&old.network))?;
    new.fixed_ips = address::reassign(tx, &network, old, &new.mac, &asked)?;
    keep_floating(tx, new)?;
    // What was forwarded to an address that is gone leads nowhere, as in Neutron.
    port_forwarding::forget(tx, old, |gone| new.fixed_ips.iter().any(|ip| ip.address == gone), env.now);
    new.forwardings = tx.get::<Port>(&old.id).map(|p| p.forwardings.clone()).unwrap_or_default();
    Ok(())
}

/// An address that a floating IP leads to cannot be taken from its port.
fn keep_floating(tx: &mut Tx, port: &Port) -> Result<()> {
    for id in &port.floating_ips {
        let target = tx.get::<FloatingIp>(id).and_then(|f| f.target.as_ref().map(|t| t.fixed));
        if target.is_some_and(|fixed| !port.v4().any(|ip| ip.address == fixed)) {
            let reason = format!("Cannot remove an IP address of port {} that a floating IP {id} leads to", port.id);
            return Err(NetError::BadRequest { resource: "port", reason }.into());
        }
    }
    Ok(())
}

fn apply_filter(tx: &mut Tx, reach: &Reach, old: &Port, new: &mut Port, changes: &PortChanges) -> Result<()> {
    new.port_security =
        changes.port_security_enabled.unwrap_or(old.port_security) && !Port::is_trusted(&new.device_owner);
    if let Some(asked) = &changes.security_groups {
        if !new.port_security && !asked.is_empty() {
            return Err(NetError::PortSecurityAndIPRequiredForSecurityGroups.into());
        }
        let added: Vec<_> = asked.iter().filter(|id| !old.security_groups.contains(*id)).cloned().collect();
        usable_groups(tx, old.project(), &added, reach)?;
        // Those it has it may keep, whatever became of them; but all must be of one kind.
        new.security_groups = usable_groups(tx, old.project(), asked, &Reach::everything())?;
    }
    if !new.port_security && !new.security_groups.is_empty() {
        return Err(NetError::PortSecurityPortHasSecurityGroup.into());
    }
    if let Some(pairs) = &changes.allowed_address_pairs {
        new.allowed_pairs = full_pairs(pairs, &new.mac);
    }
    if !new.port_security && !new.allowed_pairs.is_empty() {
        return Err(NetError::AddressPairAndPortSecurityRequired.into());
    }
    Ok(())
}
