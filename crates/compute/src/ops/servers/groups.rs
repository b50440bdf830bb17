use super::{Target, find_in};
use crate::{Compute, ComputeError, flows::guest::change_intent};
use kernel::{Ctx, Result};

/// Adds a security group to all ports of a server, or removes it from them.
pub(crate) async fn change_group(c: &Compute, cx: &Ctx, server: &Target, group: String, add: bool) -> Result<()> {
    let (service, cx, server) = (c.clone(), cx.clone(), server.server());
    let changed = c.store.transact("compute.server.security_group", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
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
