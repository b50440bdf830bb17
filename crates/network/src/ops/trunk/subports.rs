//! Subports that come to a trunk and leave it.

use super::{SubPortAsked, ensure_up, free, take};
use crate::{
    Network as Service,
    error::NetError,
    model::{Port, Trunk},
    ops::{
        access::{Reach, Set, change, see},
        common::{Expect, expected, save},
    },
    policy::trunk as rules,
};
use kernel::{Ctx, Result};
use policy::Authorize;
use std::sync::Arc;

/// The trunk, for whoever may list its subports.
pub fn list(net: &Service, cx: &Ctx, id: &str) -> Result<Arc<Trunk>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let trunk = see::<Trunk>(cx, &snapshot, &reach, id)?;
    let _permit = cx.authorize(&rules::GET_SUBPORTS, &crate::ops::access::Seen::on(&*trunk, &snapshot, &reach))?;
    Ok(trunk)
}

/// Adds subports, all or none.
pub async fn add(net: &Service, cx: &Ctx, id: &str, asked: Vec<SubPortAsked>, expect: Expect) -> Result<Arc<Trunk>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Trunk>(cx, &snapshot, &reach, id, &rules::ADD_SUBPORTS, &Set::default())?;
    for one in &asked {
        see::<Port>(cx, &snapshot, &reach, &one.port_id)?;
    }
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.trunk.add_subports", move |tx| {
            let old = expected::<Trunk>(tx, &id, expect)?;
            ensure_up(&old)?;
            let mut new = Trunk::clone(&old);
            for one in &asked {
                let sub = take(tx, &new, one, now)?;
                new.sub_ports.push(sub);
            }
            Ok(save(tx, &old, new, now))
        })
        .await
}

/// Removes subports, all or none; only their ports matter.
pub async fn remove(net: &Service, cx: &Ctx, id: &str, asked: Vec<SubPortAsked>, expect: Expect) -> Result<Arc<Trunk>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Trunk>(cx, &snapshot, &reach, id, &rules::REMOVE_SUBPORTS, &Set::default())?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.trunk.remove_subports", move |tx| {
            let old = expected::<Trunk>(tx, &id, expect)?;
            ensure_up(&old)?;
            let mut new = Trunk::clone(&old);
            for one in &asked {
                let absent = || NetError::SubPortNotFound { trunk: id.clone(), port: one.port_id.clone() };
                let at = new.sub_ports.iter().position(|s| *s.port == *one.port_id).ok_or_else(absent)?;
                free(tx, &new.sub_ports.remove(at), now);
            }
            Ok(save(tx, &old, new, now))
        })
        .await
}
