//! Agents: shown from the hosts, with notes that administrators make.

pub mod schedule;

use crate::{
    Network as Service,
    error::NetError,
    model::agent::{Agent, AgentNote, agents_of},
    policy::service as rules,
};
use kernel::{Ctx, Result};
use policy::Authorize;
use serde::Deserialize;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AgentChanges {
    pub admin_state_up: Option<bool>,
    pub description: Option<String>,
}

/// Every agent of every host, by id; without those that were removed and whose host is away.
pub fn all(net: &Service) -> Vec<Agent> {
    let snapshot = net.store().snapshot();
    let removed = |a: &Agent| !a.alive && snapshot.get::<AgentNote>(&a.id).is_some_and(|note| note.removed);
    let mut agents: Vec<_> = net.hosts().hosts().iter().flat_map(agents_of).filter(|a| !removed(a)).collect();
    agents.sort_by(|a, b| a.id.cmp(&b.id));
    agents
}

pub fn find(net: &Service, id: &str) -> Result<Agent> {
    let found = all(net).into_iter().find(|a| a.id == id);
    found.ok_or_else(|| NetError::AgentNotFound { id: id.to_owned() }.into())
}

pub async fn update(net: &Service, cx: &Ctx, id: &str, changes: AgentChanges) -> Result<Agent> {
    let _permit = cx.authorize(&rules::AGENT_UPDATE, &())?;
    let agent = find(net, id)?;
    note(net, id, move |note| {
        note.admin_up = changes.admin_state_up.unwrap_or(note.admin_up);
        if let Some(description) = &changes.description {
            note.description.clone_from(description);
        }
    })
    .await?;
    Ok(agent)
}

/// Forgets an agent. That of a host which is there is shown all the same, as Neutron's comes back with its next heartbeat.
pub async fn delete(net: &Service, cx: &Ctx, id: &str) -> Result<()> {
    let _permit = cx.authorize(&rules::AGENT_DELETE, &())?;
    find(net, id)?;
    note(net, id, |note| *note = AgentNote { removed: true, ..AgentNote::new(&note.id) }).await
}

async fn note(net: &Service, id: &str, change: impl Fn(&mut AgentNote) + Send + 'static) -> Result<()> {
    let id = id.to_owned();
    net.store()
        .transact("network.agent.note", move |tx| {
            let known = tx.get::<AgentNote>(&id);
            let mut note = known.map_or_else(|| AgentNote::new(&id), |n| AgentNote::clone(&n));
            change(&mut note);
            tx.put(note);
            Ok(())
        })
        .await
}
