//! Which agents a network or a router is said to be with.
//!
//! OVN answers DHCP and routes on every host, so all are from the first (Neutron: a network once it has a subnet with DHCP); an administrator may take one from an agent and give it back, as
//! Neutron's clients do to move load. That is kept with the network or router and shown, and moves nothing.

use super::{all, find};
use crate::{
    Network as Service,
    error::NetError,
    model::{
        Network, Resource, Router,
        agent::{Agent, AgentKind, AgentNote},
    },
    ops::common::expected,
    policy::service as rules,
};
use kernel::{Ctx, HostName, Result};
use policy::{Authorize, Rule};
use std::{collections::BTreeSet, sync::Arc};

/// What agents of one kind are given.
pub trait Scheduled: Resource + PartialEq {
    const KIND_OF_AGENT: AgentKind;
    const GET_FROM_AGENT: &'static Rule;
    const GET_AGENTS: &'static Rule;
    const ADD: &'static Rule;
    const REMOVE: &'static Rule;

    /// Hosts that it was taken from.
    fn away(&self) -> &BTreeSet<HostName>;
    fn away_mut(&mut self) -> &mut BTreeSet<HostName>;
    fn wrong_agent(id: String) -> NetError;
    fn already(id: String, agent: String) -> NetError;
    fn not_there(id: String, agent: String) -> NetError;
}

impl Scheduled for Network {
    const KIND_OF_AGENT: AgentKind = AgentKind::Dhcp;
    const GET_FROM_AGENT: &'static Rule = &rules::DHCP_NETWORKS_GET;
    const GET_AGENTS: &'static Rule = &rules::DHCP_AGENTS_GET;
    const ADD: &'static Rule = &rules::DHCP_NETWORK_ADD;
    const REMOVE: &'static Rule = &rules::DHCP_NETWORK_REMOVE;

    fn away(&self) -> &BTreeSet<HostName> {
        &self.not_served_by
    }
    fn away_mut(&mut self) -> &mut BTreeSet<HostName> {
        &mut self.not_served_by
    }
    fn wrong_agent(id: String) -> NetError {
        NetError::InvalidDHCPAgent { id }
    }
    fn already(network: String, agent: String) -> NetError {
        NetError::NetworkHostedByDHCPAgent { network, agent }
    }
    fn not_there(network: String, agent: String) -> NetError {
        NetError::NetworkNotHostedByDhcpAgent { network, agent }
    }
}

impl Scheduled for Router {
    const KIND_OF_AGENT: AgentKind = AgentKind::L3;
    const GET_FROM_AGENT: &'static Rule = &rules::L3_ROUTERS_GET;
    const GET_AGENTS: &'static Rule = &rules::L3_AGENTS_GET;
    const ADD: &'static Rule = &rules::L3_ROUTER_ADD;
    const REMOVE: &'static Rule = &rules::L3_ROUTER_REMOVE;

    fn away(&self) -> &BTreeSet<HostName> {
        &self.not_hosted_by
    }
    fn away_mut(&mut self) -> &mut BTreeSet<HostName> {
        &mut self.not_hosted_by
    }
    fn wrong_agent(id: String) -> NetError {
        NetError::InvalidL3Agent { id }
    }
    fn already(router: String, agent: String) -> NetError {
        NetError::RouterHostedByL3Agent { router, agent }
    }
    fn not_there(router: String, agent: String) -> NetError {
        NetError::RouterNotHostedByL3Agent { router, agent }
    }
}

/// What an agent has. An agent that is not there, or of another kind, has nothing.
pub fn of_agent<R: Scheduled>(net: &Service, cx: &Ctx, id: &str) -> Result<Vec<Arc<R>>> {
    let _permit = cx.authorize(R::GET_FROM_AGENT, &())?;
    let Some(agent) = find(net, id).ok().filter(|a| a.kind == R::KIND_OF_AGENT) else { return Ok(Vec::new()) };
    let here = |r: &Arc<R>| !r.away().contains(&agent.host);
    Ok(net.store().snapshot().all::<R>().filter(here).collect())
}

/// The agents that something is with.
pub fn agents<R: Scheduled>(net: &Service, cx: &Ctx, id: &str) -> Result<Vec<Arc<Agent>>> {
    let _permit = cx.authorize(R::GET_AGENTS, &())?;
    let of = net.store().snapshot().get::<R>(id).ok_or_else(|| R::not_found(id))?;
    let with = |a: &Agent| a.kind == R::KIND_OF_AGENT && !of.away().contains(&a.host);
    Ok(all(net).into_iter().filter(with).map(Arc::new).collect())
}

pub async fn add<R: Scheduled>(net: &Service, cx: &Ctx, agent: &str, id: &str) -> Result<()> {
    let _permit = cx.authorize(R::ADD, &())?;
    let agent = usable::<R>(net, agent)?;
    change::<R>(net, id, move |of| {
        if !of.away_mut().remove(&agent.host) {
            return Err(R::already(of.id().to_owned(), agent.id.clone()));
        }
        Ok(())
    })
    .await
}

pub async fn remove<R: Scheduled>(net: &Service, cx: &Ctx, agent: &str, id: &str) -> Result<()> {
    let _permit = cx.authorize(R::REMOVE, &())?;
    let agent = find(net, agent)?;
    change::<R>(net, id, move |of| {
        if agent.kind != R::KIND_OF_AGENT || !of.away_mut().insert(agent.host.clone()) {
            return Err(R::not_there(of.id().to_owned(), agent.id.clone()));
        }
        Ok(())
    })
    .await
}

/// An agent of the right kind that an administrator has not put out of service.
fn usable<R: Scheduled>(net: &Service, id: &str) -> Result<Agent> {
    let agent = find(net, id)?;
    let up = net.store().snapshot().get::<AgentNote>(id).is_none_or(|note| note.admin_up);
    if agent.kind != R::KIND_OF_AGENT || !up {
        return Err(R::wrong_agent(id.to_owned()).into());
    }
    Ok(agent)
}

/// Where something is said to be is no part of what tenants see of it, so its revision stays.
async fn change<R: Scheduled>(
    net: &Service,
    id: &str,
    change: impl Fn(&mut R) -> Result<(), NetError> + Send + 'static,
) -> Result<()> {
    let id = id.to_owned();
    net.store()
        .transact("network.agent.schedule", move |tx| {
            let mut new = R::clone(&*expected::<R>(tx, &id, None)?);
            change(&mut new)?;
            tx.put(new);
            Ok(())
        })
        .await
}
