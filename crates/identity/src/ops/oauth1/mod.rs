//! What the three resources of OAuth 1.0a share: signatures, nonces, and secrets sealed at rest.

mod nonces;
mod signature;

pub(crate) use nonces::{Fresh, forget};
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

/// 401 unless the request was signed, just now, by who knows the consumer's secret and the token's; 400 if it is no signed
/// request at all. What comes back must be spent in the transaction that does what was asked for.
pub(crate) fn verify(id: &Identity, request: &Signed, consumer: &Consumer, token: Option<&str>) -> Result<Fresh> {
    let signed_at = request.well_formed(id.now())?;
    let view = id.view();
    let secret = open(id, &view, &consumer.secret)?;
    let token = token.map(|sealed| open(id, &view, sealed)).transpose()?.unwrap_or_default();
    let named = request.param("oauth_consumer_key") == Some(consumer.id.as_str());
    match named && request.signed_with(&secret, &token) {
        true => Ok(Fresh::new(request, &consumer.id, signed_at, id.now())),
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
