use super::ground;
use crate::{
    model::AutoTopology,
    ops::{
        access::Reach,
        common::Env,
        network::create::{NewNetwork, insert as insert_network},
        router::{
            add_interface,
            create::{NewRouter, insert as insert_router},
            gateway::GatewayAsked,
        },
        subnet::create::{NewSubnet, insert as insert_subnet},
    },
};
use kernel::{NetworkId, ProjectId, Result, SubnetId};
use store::Tx;

/// Writes a project's topology with all that it claims.
pub(super) fn make(tx: &mut Tx, env: &Env, project: &ProjectId) -> Result<NetworkId> {
    let ground = ground(tx)?;
    let network = NetworkId::new();
    let new = NewNetwork { name: "auto_allocated_network".to_owned(), ..NewNetwork::default() };
    let reach = Reach::everything();
    insert_network(tx, env, &reach, &network, project, &new)?;
    let gateway = GatewayAsked { network_id: Some(ground.external.to_string()), ..GatewayAsked::default() };
    let new = NewRouter {
        name: "auto_allocated_router".to_owned(),
        admin_state_up: true,
        external_gateway_info: Some(gateway),
        ..NewRouter::default()
    };
    let mut router = insert_router(tx, env, &reach, project, &new)?;
    for pool in &ground.pools {
        let subnet = SubnetId::new();
        let new = NewSubnet {
            name: format!("auto_allocated_subnet_v{}", pool.ip_version()),
            ip_version: pool.ip_version(),
            ..NewSubnet::on(&network)
        };
        insert_subnet(tx, env, &subnet, project, &new, Some(&pool.id))?;
        router = add_interface::by_subnet(tx, env, &reach, &router, &subnet)?.router;
    }
    tx.put(AutoTopology { project: project.clone(), network: network.clone(), router: router.id.clone() });
    Ok(network)
}
