//! Addresses that come into a group and leave it.

use crate::{
    Network as Service,
    error::NetError,
    model::AddressGroup,
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected, listed, save},
    },
    policy::address_group as rules,
};
use ipnet::IpNet;
use kernel::{Ctx, Result};
use policy::Rule;
use std::{collections::BTreeSet, sync::Arc};

type Addresses = BTreeSet<IpNet>;

/// Adds addresses, all or none: one that is there already is refused.
pub async fn add(net: &Service, cx: &Ctx, id: &str, given: Addresses, expect: Expect) -> Result<Arc<AddressGroup>> {
    let added = move |group: &AddressGroup| match some(&mut group.addresses.intersection(&given)) {
        Some(addresses) => Err(NetError::AddressesAlreadyExist { addresses, group: group.id.to_string() }),
        None => Ok(group.addresses.union(&given).copied().collect()),
    };
    apply(net, cx, id, &rules::ADD_ADDRESSES, expect, added).await
}

/// Removes addresses, all or none: one that is not there is refused.
pub async fn remove(net: &Service, cx: &Ctx, id: &str, given: Addresses, expect: Expect) -> Result<Arc<AddressGroup>> {
    let left = move |group: &AddressGroup| match some(&mut given.difference(&group.addresses)) {
        Some(addresses) => Err(NetError::AddressesNotFound { addresses, group: group.id.to_string() }),
        None => Ok(group.addresses.difference(&given).copied().collect()),
    };
    apply(net, cx, id, &rules::REMOVE_ADDRESSES, expect, left).await
}

/// The addresses for people, if there are any.
fn some(addresses: &mut dyn Iterator<Item = &IpNet>) -> Option<String> {
    let addresses: Vec<_> = addresses.map(ToString::to_string).collect();
    (!addresses.is_empty()).then(|| format!("[{}]", listed(addresses.iter().map(String::as_str))))
}

async fn apply(
    net: &Service,
    cx: &Ctx,
    id: &str,
    rule: &'static Rule,
    expect: Expect,
    changed: impl Fn(&AddressGroup) -> Result<Addresses, NetError> + Send + Sync + 'static,
) -> Result<Arc<AddressGroup>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<AddressGroup>(cx, &snapshot, &reach, id, rule, &Set::default())?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.address_group.addresses", move |tx| {
            let old = expected::<AddressGroup>(tx, &id, expect)?;
            let addresses = changed(&old)?;
            Ok(save(tx, &old, AddressGroup { addresses, ..AddressGroup::clone(&old) }, now))
        })
        .await
}
