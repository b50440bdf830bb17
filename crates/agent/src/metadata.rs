//! The metadata service of this host: a guest is known by its network and source address, and answered from its intent.

use crate::{convert, host::Shared};
use async_trait::async_trait;
use compute::model::vm::VmIntent;
use kernel::{Error, Result, ServerId};
use network::driver::{MetadataHandler, MetadataRequest, MetadataResponse};
use std::{net::IpAddr, sync::Weak};

pub(crate) struct Metadata(pub(crate) Weak<Shared>);

#[async_trait]
impl MetadataHandler for Metadata {
    async fn answer(&self, request: MetadataRequest) -> MetadataResponse {
        let shared = self.0.upgrade();
        let found = shared.and_then(|shared| Some((shared.intent_of(|i| is_guest(i, &request))?, shared)));
        let Some((intent, shared)) = found else {
            tracing::debug!(network = %request.network, from = %request.from, "metadata asked by an address of no guest here");
            return text(404, "404 Not Found");
        };
        if compute::metadata::is_password(&request.path) {
            return password(&shared, &intent.server, request).await.unwrap_or_else(|error| refused(&error));
        }
        let at = || convert::addresses(&intent, &*shared.drivers.hypervisor);
        let answer = compute::metadata::answer(&request.method, &request.path, &intent, at);
        MetadataResponse { status: answer.status, content_type: answer.content_type, body: answer.body }
    }
}

fn text(status: u16, body: impl Into<Vec<u8>>) -> MetadataResponse {
    MetadataResponse { status, content_type: "text/plain; charset=UTF-8", body: body.into() }
}

fn refused(error: &Error) -> MetadataResponse {
    tracing::debug!(error = %error.internal_text(), "a guest's password");
    text(error.status(), error.message())
}

/// What a guest has posted and what it posts now: the only thing that it can tell. The region keeps it, for its user to read.
async fn password(shared: &Shared, server: &ServerId, request: MetadataRequest) -> Result<MetadataResponse> {
    let (link, host) = (&shared.link, &shared.host);
    match request.method.as_str() {
        "GET" => Ok(text(200, link.guest_password(host, server).await?)),
        "POST" => {
            let password = String::from_utf8(request.body).map_err(|_| Error::bad_request("A password is text."))?;
            link.post_guest_password(host, server, password).await?;
            Ok(text(200, ""))
        }
        _ => Err(Error::bad_request("GET and POST only are supported.")),
    }
}

fn is_guest(intent: &VmIntent, request: &MetadataRequest) -> bool {
    let from = match request.from.ip() {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 => v4,
    };
    intent.power.is_guest()
        && intent.ports.iter().any(|p| {
            p.bound.network == request.network
                && (p.bound.addresses.contains(&from) || link_local_of(&p.bound.mac) == Some(from))
        })
}

/// The address a guest gives itself from its MAC (RFC 4291, modified EUI-64): what asks over `fe80::a9fe:a9fe`.
fn link_local_of(mac: &str) -> Option<IpAddr> {
    let bytes: Vec<u8> = mac.split(':').map(|part| u8::from_str_radix(part, 16)).collect::<Result<_, _>>().ok()?;
    let [a, b, c, d, e, f] = bytes[..] else { return None };
    let word = |hi: u8, lo: u8| u16::from_be_bytes([hi, lo]);
    Some(IpAddr::from([0xfe80, 0, 0, 0, word(a ^ 2, b), word(c, 0xff), word(0xfe, d), word(e, f)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_follow_the_mac() {
        assert_eq!(link_local_of("fa:16:3e:12:34:56"), "fe80::f816:3eff:fe12:3456".parse().ok());
        assert_eq!(link_local_of("nonsense"), None);
    }
}
