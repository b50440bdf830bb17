use super::{authorize, rules};
use crate::{
    Network as Service,
    model::{AutoTopology, Network, Router},
    ops::{
        network,
        router::{self, InterfaceAsked},
    },
};
use kernel::{Ctx, Kind, ProjectId, Result};

/// Takes a project's topology down, by the operations that anybody would do it with: what somebody has come to use stays, and
/// keeps the rest.
pub async fn delete(net: &Service, cx: &Ctx, project: &ProjectId) -> Result<()> {
    let _permit = authorize(net, cx, project, &rules::DELETE)?;
    let snapshot = net.store().snapshot();
    let Some(known) = snapshot.get::<AutoTopology>(project) else { return Ok(()) };
    let subnets = snapshot.get::<Network>(&known.network).map(|n| n.subnets.clone()).unwrap_or_default();
    if snapshot.get::<Router>(&known.router).is_some() {
        for subnet in subnets {
            let asked = InterfaceAsked { subnet_id: Some(subnet.to_string()), port_id: None };
            gone_already(router::remove_interface::remove(net, cx, &known.router, &asked).await.map(drop))?;
        }
        gone_already(router::delete::delete(net, cx, &known.router, None).await)?;
    }
    gone_already(network::delete::delete(net, cx, &known.network, None).await)?;
    let project = project.clone();
    net.store()
        .transact("network.auto_topology.delete", move |tx| {
            tx.delete::<AutoTopology>(&project);
            Ok(())
        })
        .await
}

/// Somebody else may be at it.
fn gone_already(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is(Kind::NotFound) => Ok(()),
        other => other,
    }
}
