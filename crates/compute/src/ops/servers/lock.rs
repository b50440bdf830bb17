use super::{Target, find_in};
use crate::{
    Compute, ComputeError,
    model::{
        Lock, Server,
        action::{Action, Verb},
    },
    policy::UNLOCK_OVERRIDE,
};
use kernel::{Ctx, Result};
use policy::{Authorize, target};

/// Locks a server. An administrator who is not its owner locks it as administrator; that lock stays when it is there.
pub(crate) async fn lock(c: &Compute, cx: &Ctx, server: &Target, reason: Option<String>) -> Result<()> {
    let (cx, server) = (cx.clone(), server.server());
    let locked = c.store.transact("compute.server.lock", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        let by_admin = cx.is_admin() && cx.credentials.project() != Some(&server.project);
        let lock = Lock { by_admin, reason: reason.clone() };
        let action = Action::asked(&cx, &server.id, &server.project, Verb::Lock);
        action.finish(tx, server.host.as_ref(), None, cx.now())?;
        tx.update::<Server>(&server.id, |s| s.lock = Some(lock));
        Ok(())
    });
    locked.await
}

/// Unlocks a server; one that an administrator has locked needs the right to override.
pub(crate) async fn unlock(c: &Compute, cx: &Ctx, server: &Target) -> Result<()> {
    let (cx, server) = (cx.clone(), server.server());
    let unlocked = c.store.transact("compute.server.unlock", move |tx| {
        let server = find_in(&cx, tx, &server.id)?;
        if server.lock.as_ref().is_some_and(|l| l.by_admin) {
            let target = target! { "project_id" => server.project, "user_id" => server.user };
            cx.authorize(&UNLOCK_OVERRIDE, &target).map(|_| ()).map_err(|_| {
                ComputeError::Forbidden(format!("Policy doesn't allow {} to be performed.", UNLOCK_OVERRIDE.name))
            })?;
        }
        let action = Action::asked(&cx, &server.id, &server.project, Verb::Unlock);
        action.finish(tx, server.host.as_ref(), None, cx.now())?;
        tx.update::<Server>(&server.id, |s| s.lock = None);
        Ok(())
    });
    unlocked.await
}
