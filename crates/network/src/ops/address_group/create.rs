use crate::{
    Network as Service,
    model::{AddressGroup, AddressGroupId, Standard},
    ops::{
        access::{On, Reach, authorize},
        common::Asked,
    },
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
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    for one in &asked {
        let on = On::new(&snapshot, &reach, &one.project);
        let _permit = authorize(cx, rules::ALL, &rules::CREATE, &one.set, &on)?;
    }
    let now = net.env().now;
    net.store()
        .transact("network.address_group.create", move |tx| {
            let insert = |one: &Asked<NewAddressGroup>| {
                tx.put(AddressGroup {
                    id: AddressGroupId::new(),
                    standard: Standard::new(&one.project, &one.body.description, now),
                    name: one.body.name.clone(),
                    addresses: one.body.addresses.iter().map(IpNet::trunc).collect(),
                    serial: 0,
                })
            };
            Ok(asked.iter().map(insert).collect())
        })
        .await
}
