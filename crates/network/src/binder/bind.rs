//! Ports made or taken for a server, and given back.

use super::show;
use crate::{
    model::{Network, Port, Resource, port::owner},
    ops::{
        common::Env,
        port::{
            self,
            address::AskedIp,
            create::{NewPort, insert},
        },
    },
};
use kernel::{Error, PortId, Result, ServerId, Timestamp};
use ports::{
    BoundPort, PortPlan,
    network::{BindPorts, NicLimits},
};
use std::sync::Arc;
use store::Tx;

pub(super) fn bind(tx: &mut Tx, env: &Env, bind: &BindPorts) -> Result<Vec<BoundPort>> {
    let first = show::of_server(tx.view(), &bind.server).iter().map(|p| p.nic + 1).max().unwrap_or(0);
    let mut bound = Vec::new();
    for (place, plan) in bind.plan.iter().enumerate() {
        let nic = first.saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
        let port = match tx.get::<Port>(&plan.port) {
            Some(port) => take(tx, env, bind, plan, &port, nic)?,
            None if plan.ours => make(tx, env, bind, plan, nic)?,
            None => return Err(Port::not_found(&plan.port).into()),
        };
        let lost = || Error::internal(format!("binding port {}: its network is gone", plan.port));
        bound.push(show::bound(tx.view(), &port).ok_or_else(lost)?);
    }
    Ok(bound)
}

fn make(tx: &mut Tx, env: &Env, bind: &BindPorts, plan: &PortPlan, nic: u32) -> Result<Arc<Port>> {
    // On a network without port security there is nothing for groups to act on; Nova leaves them out too.
    let guarded = tx.get::<Network>(&plan.network).is_some_and(|network| network.port_security);
    let groups: Vec<_> = bind.groups.iter().filter(|_| guarded).map(|g| g.as_str().into()).collect();
    let new = NewPort {
        fixed_ips: plan.fixed_ip.map(|address| vec![AskedIp { subnet_id: None, ip_address: Some(address) }]),
        device_id: bind.server.to_string(),
        device_owner: device_owner(bind),
        security_groups: (!groups.is_empty()).then_some(groups),
        dns_name: hostname(&bind.server_name),
        host: Some(bind.host.clone()),
        made_for_server: true,
        nic,
        limits: bind.limits,
        ..NewPort::on(&plan.network)
    };
    insert(tx, env, &plan.port, &bind.project, &new)
}

fn device_owner(bind: &BindPorts) -> String {
    format!("{}{}", owner::COMPUTE, bind.availability_zone)
}

/// Takes a port that is there: the user's, or one of ours from an earlier try. On another host the guest has no interface yet.
fn take(tx: &mut Tx, env: &Env, bind: &BindPorts, plan: &PortPlan, port: &Port, nic: u32) -> Result<Arc<Port>> {
    let ours_already = port.device_id == *bind.server;
    if !ours_already && !port.device_id.is_empty() {
        return Err(Error::conflict(format!("Port {} is still in use.", plan.port)).with_code("PortInUse"));
    }
    let mut new = Port::clone(port);
    new.device_id = bind.server.to_string();
    new.device_owner = device_owner(bind);
    new.limits = bind.limits;
    if !ours_already {
        new.nic = nic;
        new.dns_name = hostname(&bind.server_name);
    }
    if new.binding.host.as_ref() != Some(&bind.host) {
        new.waiting.remove(&bind.host);
        new.binding.host = Some(bind.host.clone());
        new.plugged = false;
    }
    if new == *port {
        return Ok(Arc::new(new));
    }
    new.standard.touch(env.now);
    Ok(tx.put(new))
}

/// Removes the ports made for the server and frees the others.
pub(super) fn release(tx: &mut Tx, server: &ServerId, only: Option<&PortId>, now: Timestamp) {
    for port in show::of_server(tx.view(), server) {
        if only.is_some_and(|only| *only != port.id) {
            continue;
        }
        // The index told of it; the port itself is what the commit compares.
        let Some(port) = tx.get::<Port>(&port.id).filter(|p| p.device_id == **server) else { continue };
        // A port that carries a trunk outlives its server: the trunk is its owner's to remove.
        if port.made_for_server && port.trunk.is_none() {
            port::delete::remove(tx, &port, now);
            continue;
        }
        let mut freed = Port::clone(&port);
        freed.device_id.clear();
        freed.device_owner.clear();
        freed.dns_name.clear();
        freed.binding.host = None;
        freed.waiting.clear();
        freed.binding.profile.clear();
        freed.plugged = false;
        freed.limits = NicLimits::default();
        freed.nic = 0;
        freed.standard.touch(now);
        tx.put(freed);
    }
}

/// The ports of a server are on no host.
pub(super) fn unbind(tx: &mut Tx, server: &ServerId, now: Timestamp) {
    change_all(tx, server, now, |port| {
        (port.binding.host, port.plugged) = (None, false);
        port.waiting.clear();
    });
}

/// Changes each port of a server; one that stays as it was is not written.
pub(super) fn change_all(tx: &mut Tx, server: &ServerId, now: Timestamp, mut change: impl FnMut(&mut Port)) {
    for port in show::of_server(tx.view(), server) {
        // The index told of it; the port itself is what the commit compares.
        let Some(port) = tx.get::<Port>(&port.id).filter(|p| p.device_id == **server) else { continue };
        let mut new = Port::clone(&port);
        change(&mut new);
        if new != *port {
            new.standard.touch(now);
            tx.put(new);
        }
    }
}

/// A server's name as a DNS label: what Nova calls its hostname.
fn hostname(name: &str) -> String {
    let plain = |c: char| match c {
        ' ' | '_' | '.' => '-',
        c => c.to_ascii_lowercase(),
    };
    let label: String = name.chars().map(plain).filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(63).collect();
    label.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn hostnames() {
        for (name, expect) in
            [("one", "one"), ("My Server_1", "my-server-1"), ("-x-", "x"), ("ünï", "n"), ("", ""), ("a.b", "a-b")]
        {
            assert_eq!(super::hostname(name), expect, "{name}");
        }
    }
}
