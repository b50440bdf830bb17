use super::{STATES, show::Interface};
use crate::{
    Compute, ComputeError,
    error::invalid,
    flows::{
        attach_interface::{AttachInterface as Flow, State},
        guest::{bind_ports, change_intent},
    },
    model::{
        Server, ServerNic,
        action::{Action, Verb},
        hardware,
    },
    ops::servers::{find_in, in_state, on_host, permitted, unlocked},
    policy::INTERFACES_CREATE,
};
use flow::Start;
use kernel::{Ctx, Error, PortId, Result};
use ports::{NicRequest, PortPlan};
use serde::Deserialize;
use std::net::IpAddr;
use store::Tx;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AttachInterface {
    net_id: Option<String>,
    port_id: Option<String>,
    fixed_ips: Vec<FixedIp>,
    tag: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct FixedIp {
    ip_address: IpAddr,
}

/// Binds the port to the server's host, adds it to what the guest shall have, and starts the flow that waits for the guest.
pub(crate) async fn attach(c: &Compute, cx: &Ctx, server: &str, wanted: AttachInterface) -> Result<Interface> {
    let (server, _permit) = permitted(cx, &c.store.read().await?, server, &INTERFACES_CREATE)?;
    let requested = requested(&wanted)?;
    let (service, ctx, id, tag) = (c.clone(), cx.clone(), server.id.clone(), wanted.tag);
    let begun = c.store.transact("compute.interface.attach", move |tx| {
        let server = find_in(&ctx, tx, &id)?;
        unlocked(&ctx, &server)?;
        in_state(&server, "attach_interface", STATES)?;
        on_host(&server)?;
        let plan = service.ports.plan(&ctx, tx, &server.project, requested.as_deref())?;
        let plan = plan
            .into_iter()
            .next()
            .ok_or_else(|| invalid("No specific network was requested and none are available."))?;
        let port = begin(&service, &ctx, tx, &server, plan, tag.clone())?;
        let server = find_in(&ctx, tx, &id)?;
        super::show::one(&service, tx.view(), &server, &port)
    });
    begun.await
}

/// `None`: whatever network the project has.
fn requested(wanted: &AttachInterface) -> Result<Option<Vec<NicRequest>>> {
    let address = wanted.fixed_ips.first().map(|f| f.ip_address);
    match (&wanted.net_id, &wanted.port_id) {
        (Some(_), Some(_)) => Err(invalid("Must not input both network_id and port_id")),
        (None, _) if address.is_some() => Err(invalid("Must input network_id when request IP address")),
        (Some(network), None) => {
            Ok(Some(vec![NicRequest::Network { network: network.as_str().into(), fixed_ip: address }]))
        }
        (None, Some(port)) => Ok(Some(vec![NicRequest::Port { port: port.as_str().into() }])),
        (None, None) => Ok(None),
    }
}

fn begin(c: &Compute, cx: &Ctx, tx: &mut Tx, server: &Server, plan: PortPlan, tag: Option<String>) -> Result<PortId> {
    let (now, port) = (cx.now(), plan.port.clone());
    if server.nics.iter().any(|n| n.plan.port == port) {
        return Err(ComputeError::Conflict(format!("Port {port} is still in use.")).into());
    }
    let host = server.host.clone().ok_or_else(|| ComputeError::NotReady(server.id.clone()))?;
    let bound = c.ports.bind(tx, &bind_ports(server, host, vec![plan.clone()], now))?;
    let nic = ServerNic { plan, slot: server.free_nic_slot(), tag };
    let changed = tx.update::<Server>(&server.id, |s| {
        s.nics.push(nic);
        s.updated = now;
    });
    let changed = changed.ok_or_else(|| ComputeError::NoServer(server.id.to_string()))?;
    let unbound = || Error::internal(format!("binding port {port}: the network service bound another"));
    let vm_port = bound.into_iter().filter(|b| b.port == port).find_map(|b| hardware::port(&changed, b));
    let vm_port = vm_port.ok_or_else(unbound)?;
    let generation = change_intent(tx, &server.id, |intent| intent.ports.push(vm_port));
    let generation = generation.ok_or_else(|| ComputeError::NotReady(server.id.clone()))?;
    let action = Action::asked(cx, &server.id, &server.project, Verb::AttachInterface);
    action.begin(tx)?;
    let state = State { server: server.id.clone(), action, port: port.clone(), generation };
    let object = Server::flow_object(&server.id);
    c.starter.start(tx, Start::<Flow> { object, state, request_id: &cx.request_id, now })?;
    Ok(port)
}
