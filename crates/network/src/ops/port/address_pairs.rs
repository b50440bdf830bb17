//! Single address pairs of a port, added and removed: two clients who each change one of them at once both have what they asked
//! for, which setting the whole list does not give them.

use super::{PairAsked, full_pairs};
use crate::{
    Network as Service,
    error::NetError,
    model::{Port, port::AddressPair},
    ops::{
        access::Set,
        common::{Expect, Of, update_one},
    },
    policy::port as rules,
};
use kernel::{Ctx, Result};
use policy::Rule;
use std::sync::Arc;

/// Adds pairs. One that the port has already stays as it is.
pub async fn add(net: &Service, cx: &Ctx, id: &str, pairs: Vec<PairAsked>, expect: Expect) -> Result<Arc<Port>> {
    let quota = net.settings().max_allowed_address_pairs;
    apply(net, cx, id, &rules::ADD_ALLOWED_ADDRESS_PAIRS, expect, move |port| {
        if !port.port_security {
            return Err(NetError::AddressPairAndPortSecurityRequired);
        }
        let new = full_pairs(&pairs, &port.mac).into_iter().filter(|pair| !port.allowed_pairs.contains(pair));
        let all: Vec<_> = port.allowed_pairs.iter().cloned().chain(new).collect();
        if all.len() > quota { Err(NetError::AllowedAddressPairExhausted { quota }) } else { Ok(all) }
    })
    .await
}

/// Removes pairs. One that the port has not is no error: it is not there afterwards.
pub async fn remove(net: &Service, cx: &Ctx, id: &str, pairs: Vec<PairAsked>, expect: Expect) -> Result<Arc<Port>> {
    apply(net, cx, id, &rules::REMOVE_ALLOWED_ADDRESS_PAIRS, expect, move |port| {
        let gone = full_pairs(&pairs, &port.mac);
        Ok(port.allowed_pairs.iter().filter(|pair| !gone.contains(pair)).cloned().collect())
    })
    .await
}

async fn apply(
    net: &Service,
    cx: &Ctx,
    id: &str,
    rule: &'static Rule,
    expect: Expect,
    changed: impl Fn(&Port) -> Result<Vec<AddressPair>, NetError> + Send + 'static,
) -> Result<Arc<Port>> {
    let of = Of { id, rule, label: "network.port.address_pairs", expect };
    update_one::<Port>(net, cx, of, &Set::default(), move |_, _, port| {
        port.allowed_pairs = changed(port)?;
        Ok(())
    })
    .await
}
