//! Conntrack helpers of routers; kept with the router.

use crate::{
    Network as Service,
    error::NetError,
    model::{ConntrackHelperId, Router, router::ConntrackHelper},
    ops::{
        access::{Reach, Seen, Set, see},
        common::{Of, take, update_one},
    },
    policy::conntrack_helper as rules,
};
use kernel::{Ctx, Result};
use policy::Authorize;
use serde::Deserialize;

/// Who may look into which protocol; Neutron's defaults.
const ALLOWED: [(&str, &str); 12] = [
    ("amanda", "tcp"),
    ("ftp", "tcp"),
    ("h323", "udp"),
    ("h323", "tcp"),
    ("irc", "tcp"),
    ("netbios-ns", "udp"),
    ("pptp", "tcp"),
    ("sane", "tcp"),
    ("sip", "udp"),
    ("sip", "tcp"),
    ("snmp", "udp"),
    ("tftp", "udp"),
];

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewConntrackHelper {
    pub protocol: String,
    pub port: u16,
    pub helper: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ConntrackHelperChanges {
    pub protocol: Option<String>,
    pub port: Option<u16>,
    pub helper: Option<String>,
}

/// Those of a router that the caller may see.
pub fn list(net: &Service, cx: &Ctx, router: &str) -> Result<Vec<ConntrackHelper>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let router = see::<Router>(cx, &snapshot, &reach, router)?;
    let _permit = cx.authorize(&rules::GET, &router.on(&snapshot, &reach))?;
    Ok(router.conntrack_helpers.clone())
}

pub fn find(net: &Service, cx: &Ctx, router: &str, id: &str) -> Result<ConntrackHelper> {
    let found = list(net, cx, router)?.into_iter().find(|h| *h.id == *id);
    found.ok_or_else(|| NetError::ConntrackHelperNotFound { id: id.to_owned() }.into())
}

pub async fn create(net: &Service, cx: &Ctx, router: &str, new: NewConntrackHelper) -> Result<ConntrackHelper> {
    let NewConntrackHelper { protocol, port, helper } = new;
    let made = ConntrackHelper { id: ConntrackHelperId::new(), helper, protocol, port };
    let added = made.clone();
    let of = Of { id: router, rule: &rules::CREATE, label: "network.conntrack_helper.create", expect: None };
    update_one::<Router>(net, cx, of, &Set::default(), move |_, _, router| {
        fits(router, &added)?;
        router.conntrack_helpers.push(added.clone());
        Ok(())
    })
    .await?;
    Ok(made)
}

/// Allowed, and not there yet.
fn fits(router: &Router, new: &ConntrackHelper) -> Result<()> {
    let helper = new.helper.clone();
    let protocols: Vec<_> = ALLOWED.iter().filter(|(name, _)| *name == helper).map(|(_, p)| *p).collect();
    if protocols.is_empty() {
        return Err(NetError::ConntrackHelperNotAllowed { helper }.into());
    }
    if !protocols.contains(&new.protocol.as_str()) {
        let (protocol, supported) = (new.protocol.clone(), protocols.join(", "));
        return Err(NetError::InvalidProtocolForHelper { helper, protocol, supported }.into());
    }
    let same = |h: &ConntrackHelper| {
        h.id != new.id && (&h.helper, &h.protocol, h.port) == (&new.helper, &new.protocol, new.port)
    };
    if router.conntrack_helpers.iter().any(same) {
        let reason = "A duplicate conntrack helper entry with same attributes already exists".to_owned();
        return Err(NetError::BadRequest { resource: "conntrack_helper", reason }.into());
    }
    Ok(())
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    router: &str,
    id: &str,
    changes: ConntrackHelperChanges,
) -> Result<ConntrackHelper> {
    let of = Of { id: router, rule: &rules::UPDATE, label: "network.conntrack_helper.update", expect: None };
    let wanted = id.to_owned();
    let router = update_one::<Router>(net, cx, of, &Set::default(), move |_, _, router| {
        let mut new = of_router(router, &wanted)?.clone();
        take(&mut new.protocol, &changes.protocol);
        take(&mut new.port, &changes.port);
        take(&mut new.helper, &changes.helper);
        fits(router, &new)?;
        router.conntrack_helpers.iter_mut().filter(|h| h.id == new.id).for_each(|h| *h = new.clone());
        Ok(())
    })
    .await?;
    Ok(of_router(&router, id)?.clone())
}

fn of_router<'a>(router: &'a Router, id: &str) -> Result<&'a ConntrackHelper> {
    let found = router.conntrack_helpers.iter().find(|h| *h.id == *id);
    found.ok_or_else(|| NetError::ConntrackHelperNotFound { id: id.to_owned() }.into())
}

pub async fn delete(net: &Service, cx: &Ctx, router: &str, id: &str) -> Result<()> {
    let of = Of { id: router, rule: &rules::DELETE, label: "network.conntrack_helper.delete", expect: None };
    let id = id.to_owned();
    update_one::<Router>(net, cx, of, &Set::default(), move |_, _, router| {
        of_router(router, &id)?;
        router.conntrack_helpers.retain(|h| *h.id != *id);
        Ok(())
    })
    .await
    .map(drop)
}
