//! What a request to create servers needs permission for besides creating, and where the servers may go.

use super::request::{CreateBody, Networks};
use crate::{
    Compute,
    error::invalid,
    model::ComputeHost,
    ops::zones,
    policy::{
        CREATE_ATTACH_NETWORK, CREATE_ATTACH_VOLUME, CREATE_FORCED_HOST, CREATE_REQUESTED_DESTINATION,
        CREATE_TRUSTED_CERTS,
    },
};
use kernel::{Ctx, HostName, Result};
use policy::{Authorize, Rule, target};
use store::Snapshot;

/// Where servers may go.
pub(super) struct Wanted {
    pub(super) zone: Option<String>,
    pub(super) host: Option<HostName>,
}

impl Wanted {
    pub(super) fn check(c: &Compute, cx: &Ctx, snapshot: &Snapshot, body: &CreateBody, count: u32) -> Result<Self> {
        let server = &body.server;
        if server.trusted_image_certificates.as_ref().is_some_and(|certs| !certs.is_empty()) {
            may(cx, &CREATE_TRUSTED_CERTS)?;
        }
        if !server.block_device_mapping.is_empty() || !server.block_device_mapping_v2.is_empty() {
            may(cx, &CREATE_ATTACH_VOLUME)?;
        }
        if matches!(&server.networks, Networks::List(list) if !list.is_empty()) {
            may(cx, &CREATE_ATTACH_NETWORK)?;
        }
        if count > 1 && server.hostname.is_some() {
            return Err(invalid("Unable to allocate a single hostname to multiple instances"));
        }
        let (zone, host) = parse_zone(server.availability_zone.as_deref())?;
        if host.is_some() {
            may(cx, &CREATE_FORCED_HOST)?;
        }
        let asked = server.host.as_ref().or(server.hypervisor_hostname.as_ref());
        if asked.is_some() {
            may(cx, &CREATE_REQUESTED_DESTINATION)?;
            if host.is_some() {
                return Err(invalid(
                    "One mechanism with host and/or hypervisor_hostname and another mechanism with zone:host:node are \
                     mutually exclusive.",
                ));
            }
        }
        let host = host.or_else(|| asked.map(|h| h.as_str().into()));
        if let Some(host) = &host
            && !snapshot.contains::<ComputeHost>(host)
        {
            return Err(invalid(format!("Compute host {host} could not be found.")));
        }
        // A host that is named decides the zone; a zone that is not there is refused at once.
        let zone = zone.filter(|_| host.is_none());
        if let Some(zone) = &zone
            && !zones::available(c, snapshot).contains(zone)
        {
            return Err(invalid("The requested availability zone is not available"));
        }
        Ok(Self { zone, host })
    }
}

fn may(cx: &Ctx, rule: &'static Rule) -> Result<()> {
    let project = cx.project()?;
    cx.authorize(rule, &target! { "project_id" => project, "user_id" => cx.credentials.user }).map(|_| ())
}

/// `zone`, `zone:host` or `zone:host:node`; a node is a host's other name here.
fn parse_zone(text: Option<&str>) -> Result<(Option<String>, Option<HostName>)> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok((None, None)) };
    let parts: Vec<&str> = text.split(':').collect();
    let named = |part: &&str| (!part.is_empty()).then(|| HostName::from(*part));
    let zone = Some(parts[0].to_owned()).filter(|z| !z.is_empty());
    match parts.as_slice() {
        [_] => Ok((zone, None)),
        [_, host] => Ok((zone, named(host))),
        [_, host, node] => Ok((zone, named(host).or_else(|| named(node)))),
        _ => Err(invalid("Invalid input received: Unable to parse availability_zone")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_may_name_hosts() {
        let check = |text: &str, zone: Option<&str>, host: Option<&str>| {
            let (z, h) = parse_zone(Some(text)).unwrap();
            assert_eq!((z.as_deref(), h.as_deref()), (zone, host), "{text}");
        };
        check("nova", Some("nova"), None);
        check("nova:h1", Some("nova"), Some("h1"));
        check("nova:h1:h1", Some("nova"), Some("h1"));
        check("nova::h2", Some("nova"), Some("h2"));
        check(":h1", None, Some("h1"));
        check("", None, None);
        assert!(parse_zone(Some("a:b:c:d")).is_err());
    }
}
