//! A secret's payload: given once, read by whom the access list and the policy let.

use super::{MOST, change, create::from_base64};
use crate::{KeyManager, error, model::Media, policy, service::authorize_secret};
use kernel::{Ctx, Error, Kind, Result};
use ports::KeyBytes;
use store::Tx;

/// Reads a payload as `accept` wants it; the operation's name goes into refusals.
pub(crate) fn read(
    service: &KeyManager,
    cx: &Ctx,
    id: &str,
    accept: Option<&str>,
    operation: &str,
) -> Result<(Media, KeyBytes)> {
    let secret = service.secret(cx, id)?;
    let _read = authorize_secret(cx, &policy::SECRET_DECRYPT, operation, &secret)?;
    let (Some(kept), Some(sealed)) = (secret.media, secret.sealed.as_deref()) else { return Err(error::no_payload()) };
    let wrong = || error::issue(Kind::NotAcceptable, operation, "Wrong payload content-type");
    let wanted = match accept.map(str::trim) {
        None | Some("") => Media::Octets,
        Some("*/*") => kept,
        Some(text) => Media::parse(text).ok_or_else(wrong)?,
    };
    let octets = service.0.sealer.open(&service.view(), sealed)?;
    let octets = octets
        .ok_or_else(|| Error::internal(format!("opening the payload of secret {id}: no key of the ring fits")))?;
    if wanted == Media::Text && std::str::from_utf8(octets.as_bytes()).is_err() {
        return Err(wrong());
    }
    Ok((wanted, octets))
}

/// Gives a secret that has none its payload.
pub(crate) async fn put(
    service: &KeyManager,
    cx: &Ctx,
    id: &str,
    kind: &str,
    encoding: Option<&str>,
    body: &[u8],
) -> Result<()> {
    const UPDATE: &str = "Secret update";
    let secret = service.secret(cx, id)?;
    let permit = authorize_secret(cx, &policy::SECRET_PUT, UPDATE, &secret)?;
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(essence.as_str(), "application/octet-stream" | "text/plain") {
        let text = "Unexpected content type. Expected content types are: ['application/octet-stream', 'text/plain']";
        return Err(Error::of(Kind::UnsupportedMediaType, text));
    }
    let unknown = || error::issue(Kind::BadRequest, UPDATE, format!("content-type of '{kind}' not supported"));
    let media = Media::parse(kind).ok_or_else(unknown)?;
    if body.is_empty() {
        return Err(error::issue(Kind::BadRequest, UPDATE, "No data supplied to process"));
    }
    if body.len() > MOST {
        return Err(error::issue(Kind::TooLarge, UPDATE, "Provided information too large to process"));
    }
    let octets = decode(media, encoding, body)?;
    let sealed = service.0.sealer.seal(&service.view(), octets.as_bytes())?;
    let (id, now) = (secret.id.clone(), cx.now());
    let write = move |tx: &mut Tx| {
        let sealed = sealed.clone();
        if tx.get::<crate::model::Secret>(&id).is_some_and(|s| s.sealed.is_some()) {
            return Err(Error::conflict("Secret already has data, cannot modify it."));
        }
        change(tx, &id, now, |s| (s.media, s.sealed) = (Some(media), Some(sealed))).map(drop)
    };
    service.write(permit, "keymanager.secret.payload", write).await
}

fn decode(media: Media, encoding: Option<&str>, body: &[u8]) -> Result<KeyBytes> {
    let encoding = encoding.map(str::to_ascii_lowercase).filter(|e| !e.is_empty());
    match (media, encoding.as_deref()) {
        (Media::Text, _) | (_, None) => Ok(KeyBytes::new(body.to_vec())),
        (_, Some("base64")) => {
            from_base64(body).ok_or_else(|| error::issue(Kind::BadRequest, "Secret update", "Problem decoding payload"))
        }
        (_, Some(_)) => Err(error::issue(
            Kind::BadRequest,
            "Secret update",
            "Text-based binary secret payloads must specify a content-encoding of 'base64'",
        )),
    }
}
