//! Bindings of a guest's port to further hosts, so that its interface can be made there before the guest comes.
//!
//! ```text
//!               create(h2)                   activate(h2)                        delete(h1)
//!   h1 active ─────────────▶ h1 active     ──────────────▶ h1 inactive, unbound ───────────▶ h2 active
//!                            h2 inactive                   h2 active
//! ```
//!
//! While a binding waits the back end lets the interface be on both hosts.

pub mod activate;
pub mod create;
pub mod delete;
pub mod update;

use crate::{
    error::NetError,
    model::{Port, port::Waiting},
    ops::{
        access::{Reach, Seen, see},
        common::expected,
    },
};
use kernel::{Ctx, HostName, Result};
use policy::{Authorize, Rule};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use store::Tx;

/// One binding of a port, as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub host: HostName,
    pub active: bool,
    pub vnic_type: String,
    pub profile: Map<String, Value>,
    /// An interface may be made there.
    pub usable: bool,
}

/// What may be said of a binding.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BindingAsked {
    pub vnic_type: Option<String>,
    pub profile: Option<Map<String, Value>>,
}

/// All bindings, in order of their hosts.
pub fn all(port: &Port) -> Vec<Bound> {
    let active = port.binding.host.iter().map(|host| Bound {
        host: host.clone(),
        active: true,
        vnic_type: port.binding.vnic_type.clone(),
        profile: port.binding.profile.clone(),
        usable: true,
    });
    let waiting = port.waiting.iter().map(|(host, waiting)| Bound {
        host: host.clone(),
        active: false,
        vnic_type: waiting.vnic_type.clone(),
        profile: waiting.profile.clone(),
        usable: waiting.usable,
    });
    let mut all: Vec<_> = active.chain(waiting).collect();
    all.sort_by(|a, b| a.host.cmp(&b.host));
    all
}

fn one(port: &Port, host: &str) -> Result<Bound> {
    all(port).into_iter().find(|b| *b.host == *host).ok_or_else(|| absent(port, host).into())
}

pub(crate) fn absent(port: &Port, host: &str) -> NetError {
    NetError::PortBindingNotFound { port: port.id.to_string(), host: host.to_owned() }
}

/// The port, if the caller may do this to its bindings.
pub fn may(cx: &Ctx, net: &crate::Network, port: &str, rule: &'static Rule) -> Result<Arc<Port>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let port = see::<Port>(cx, &snapshot, &reach, port)?;
    let _permit = cx.authorize(rule, &port.on(&snapshot, &reach))?;
    Ok(port)
}

/// Only guests move from host to host.
fn guests(tx: &mut Tx, port: &str) -> Result<Arc<Port>> {
    let port = expected::<Port>(tx, port, None)?;
    if port.is_computes() {
        return Ok(port);
    }
    let (owner, id) = (port.device_owner.clone(), port.id.to_string());
    Err(NetError::UnsupportedPortDeviceOwner { op: "multiple bindings", owner, port: id }.into())
}

impl Waiting {
    fn of(asked: &BindingAsked) -> Self {
        let vnic_type = asked.vnic_type.clone().unwrap_or_else(|| "normal".to_owned());
        Self { vnic_type, profile: asked.profile.clone().unwrap_or_default(), usable: true }
    }
}
