//! What the three resources of OAuth 1.0a share: signatures, and secrets sealed at rest.

mod signature;

pub use signature::Signed;

use crate::{
    Identity, Refusal,
    model::{Consumer, Purpose},
};
use kernel::{Error, Result};
use store::Snapshot;

/// How long a consumer may take to get a request token authorized and exchanged, and how long an access token lasts, in
/// seconds (Keystone's defaults).
pub(crate) const REQUEST_LIFETIME: u64 = 28_800;
pub(crate) const ACCESS_LIFETIME: u64 = 86_400;
/// How far a signature's time may be off, in seconds.
const SKEW: u64 = 600;

/// 401 unless the request was signed, just now, by who knows the consumer's secret and the token's.
pub(crate) fn verify(id: &Identity, request: &Signed, consumer: &Consumer, token: Option<&str>) -> Result<()> {
    let view = id.view();
    let secret = open(id, &view, &consumer.secret)?;
    let token = token.map(|sealed| open(id, &view, sealed)).transpose()?.unwrap_or_default();
    let signed_at = request.param("oauth_timestamp").and_then(|text| text.parse::<i64>().ok());
    let fresh = signed_at.is_some_and(|at| at.abs_diff(id.now().secs()) <= SKEW);
    let named = request.param("oauth_consumer_key") == Some(consumer.id.as_str());
    match named && fresh && request.signed_with(&secret, &token) {
        true => Ok(()),
        false => Err(Refusal::Unauthorized("invalid OAuth signature").into()),
    }
}

pub(crate) fn seal(id: &Identity, secret: &str) -> Result<String> {
    id.rings().seal(&id.view(), Purpose::Credentials, secret.as_bytes())
}

fn open(id: &Identity, view: &Snapshot, sealed: &str) -> Result<String> {
    let content = id.rings().open(view, Purpose::Credentials, sealed)?;
    let text = content.and_then(|octets| String::from_utf8(octets).ok());
    text.ok_or_else(|| Error::internal("opening an OAuth secret: no key of the ring fits"))
}
