//! Agents: shown from the hosts, with notes that administrators make.

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

/// Every agent of every host, by id.
pub fn all(net: &Service) -> Vec<Agent> {
    let mut agents: Vec<_> = net.hosts().hosts().iter().flat_map(agents_of).collect();
    agents.sort_by(|a, b| a.id.cmp(&b.id));
    agents
}

pub async fn update(net: &Service, cx: &Ctx, id: &str, changes: AgentChanges) -> Result<Agent> {
    let _permit = cx.authorize(&rules::AGENT_UPDATE, &())?;
    let not_found = || NetError::AgentNotFound { id: id.to_owned() };
    let agent = all(net).into_iter().find(|a| a.id == id).ok_or_else(not_found)?;
    let id = id.to_owned();
    net.store()
        .transact("network.agent.update", move |tx| {
            let note = tx.get::<AgentNote>(&id).map(|n| AgentNote::clone(&n));
            let mut note =
                note.unwrap_or_else(|| AgentNote { id: id.clone(), admin_up: true, description: String::new() });
            note.admin_up = changes.admin_state_up.unwrap_or(note.admin_up);
            if let Some(description) = &changes.description {
                note.description.clone_from(description);
            }
            tx.put(note);
            Ok(())
        })
        .await?;
    Ok(agent)
}
