use crate::{
    Compute, ComputeError,
    error::invalid,
    model::{Aggregate, ComputeHost, Server, vm::VmIntent},
    policy::SERVICES_DELETE,
};
use kernel::{Ctx, Result};
use policy::Authorize;

/// Forgets a service and its host: one that has servers, or whose agent is connected, stays.
pub(crate) async fn delete(c: &Compute, cx: &Ctx, id: &str) -> Result<()> {
    let _permit = cx.authorize(&SERVICES_DELETE, &())?;
    let snapshot = c.store.read().await?;
    if cx.version.since(2, 53) && uuid::Uuid::try_parse(id).is_err() {
        return Err(invalid(format!("Invalid uuid {id}")));
    }
    let is = |h: &ComputeHost| if cx.version.since(2, 53) { h.service_id == id } else { h.number.to_string() == id };
    let found = snapshot.all::<ComputeHost>().find(|h| is(h));
    let name = found.ok_or_else(|| ComputeError::NoService(id.into()))?.name.clone();
    if c.hosts.is_connected(&name) {
        let text = format!("The agent of host {name} is connected; stop it first.");
        return Err(ComputeError::Conflict(text).into());
    }
    let placer = c.placer.clone();
    let deleted = c.store.transact("compute.service.delete", move |tx| {
        let missing = || ComputeError::NoService(name.to_string());
        tx.get::<ComputeHost>(&name).ok_or_else(missing)?;
        let busy = tx.view().keys_by(Server::BY_HOST, &name).next().is_some()
            || tx.view().keys_by(VmIntent::BY_HOST, &name).next().is_some();
        if busy {
            let text =
                "Unable to delete compute service that is hosting instances. Migrate or delete the instances first.";
            return Err(ComputeError::Conflict(text.into()).into());
        }
        let of: Vec<_> = tx.view().all::<Aggregate>().filter(|a| a.hosts.contains(&name)).collect();
        for aggregate in of {
            let mut new = Aggregate::clone(&aggregate);
            new.hosts.remove(&name);
            tx.put(new);
        }
        placer.forget_host(tx, &name)?;
        tx.delete::<ComputeHost>(&name);
        Ok(())
    });
    deleted.await
}
