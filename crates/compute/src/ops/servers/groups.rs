use super::{find_in, in_state, permitted};
use crate::{
    Compute, ComputeError,
    flows::guest::change_intent,
    model::ServerState,
    policy::{GROUP_ADD, GROUP_REMOVE},
};
use kernel::{Ctx, Result};

/// Adds a security group to all ports of a server, or removes it from them.
pub(crate) async fn change_group(c: &Compute, cx: &Ctx, id: &str, group: String, add: bool) -> Result<()> {
    let rule = if add { &GROUP_ADD } else { &GROUP_REMOVE };
    let (server, _permit) = permitted(cx, &c.store.read().await?, id, rule)?;
    let (service, cx) = (c.clone(), cx.clone());
    let changed = c.store.transact("compute.server.security_group", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        if !add {
            in_state(&server, "removeSecurityGroup", &[ServerState::Active])?;
        }
        if server.nics.is_empty() {
            let verb = if add { "Cannot add" } else { "Cannot remove" };
            return Err(ComputeError::Invalid(format!(
                "{verb} security group {group}: instance {} has no ports",
                server.id
            ))
            .into());
        }
        service.ports.change_group(&cx, tx, &server.id, &group, add)?;
        let groups = service.ports.group_names(tx.view(), &server.id);
        change_intent(tx, &server.id, |intent| intent.metadata.security_groups = groups);
        Ok(())
    });
    changed.await
}
