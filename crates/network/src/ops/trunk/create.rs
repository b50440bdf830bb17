use super::{SubPortAsked, ensure_parent, port, take};
use crate::{
    Network as Service,
    model::{Port, Standard, Trunk, TrunkId, quota, trunk::TrunkEnd},
    ops::{
        access::{Reach, see},
        common::{Asked, Guard, create_all},
    },
    policy::trunk as rules,
};
use kernel::{Ctx, PortId, ProjectId, Result, Timestamp};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewTrunk {
    pub name: String,
    pub description: String,
    pub admin_state_up: bool,
    pub port_id: PortId,
    pub sub_ports: Vec<SubPortAsked>,
}

/// Makes trunks, all or none. The caller must see every port.
pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewTrunk>>) -> Result<Vec<Arc<Trunk>>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    for new in asked.iter().map(|one| &one.body) {
        let subs = new.sub_ports.iter().map(|s| s.port_id.as_str());
        for id in subs.chain([new.port_id.as_str()]) {
            see::<Port>(cx, &snapshot, &reach, id)?;
        }
    }
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    create_all(net, cx, guard, "network.trunk.create", asked, |tx, env, one| {
        insert(tx, &one.project, &one.body, env.now)
    })
    .await
}

fn insert(tx: &mut Tx, project: &ProjectId, new: &NewTrunk, now: Timestamp) -> Result<Arc<Trunk>> {
    let parent = port(tx, &new.port_id)?;
    ensure_parent(&parent)?;
    quota::claim(tx, project, "trunk", 1)?;
    let mut trunk = Trunk {
        id: TrunkId::new(),
        standard: Standard::new(project, &new.description, now),
        name: new.name.clone(),
        admin_up: new.admin_state_up,
        port: parent.id.clone(),
        sub_ports: Vec::new(),
    };
    tx.update::<Port>(&parent.id, |p| {
        p.trunk = Some(TrunkEnd::Parent { trunk: trunk.id.clone() });
        p.standard.touch(now);
    });
    for asked in &new.sub_ports {
        let sub = take(tx, &trunk, asked, now)?;
        trunk.sub_ports.push(sub);
    }
    Ok(tx.put(trunk))
}
