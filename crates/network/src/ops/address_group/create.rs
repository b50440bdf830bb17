use crate::{
    Network as Service,
    model::{AddressGroup, AddressGroupId, Standard},
    ops::common::{Asked, Guard, create_all},
    policy::address_group as rules,
};
use ipnet::IpNet;
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewAddressGroup {
    pub name: String,
    pub description: String,
    pub addresses: Vec<IpNet>,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewAddressGroup>>) -> Result<Vec<Arc<AddressGroup>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    create_all(net, cx, guard, "network.address_group.create", asked, |tx, env, one| {
        Ok(tx.put(AddressGroup {
            id: AddressGroupId::new(),
            standard: Standard::new(&one.project, &one.body.description, env.now),
            name: one.body.name.clone(),
            addresses: one.body.addresses.iter().map(IpNet::trunc).collect(),
            serial: 0,
        }))
    })
    .await
}
