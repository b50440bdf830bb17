//! Which version a request asks for. A function from headers to a version or a refusal in the service's words.
//!
//! The rules are those of the `microversion_parse` library that Nova and placement use: the standard header may name
//! several services, the last entry for ours counts; without one the older header's last value counts.

use crate::{
    FaultStyle,
    spec::{Micro, Versioning},
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header::VARY};
use kernel::{Error, Microversion};

pub(super) const OPENSTACK_API_VERSION: HeaderName = HeaderName::from_static("openstack-api-version");

pub(super) fn negotiate(micro: &Micro, style: FaultStyle, headers: &HeaderMap) -> Result<Microversion, Error> {
    match asked(micro, headers) {
        None => Ok(micro.default),
        Some("latest") => Ok(micro.max),
        Some(text) => {
            // A major version of 0 fits Nova's pattern no more than a word does; to placement it is one it never spoke.
            let version = text.parse::<Microversion>().ok().filter(|v| v.major > 0 || style == FaultStyle::Placement);
            let version = version.ok_or_else(|| malformed(style, text))?;
            let spoken = (micro.min..=micro.max).contains(&version);
            if spoken { Ok(version) } else { Err(not_spoken(style, version, micro)) }
        }
    }
}

/// The text of the version wanted of us, if any.
fn asked<'h>(micro: &Micro, headers: &'h HeaderMap) -> Option<&'h str> {
    let mut found = None;
    for entry in
        headers.get_all(OPENSTACK_API_VERSION).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','))
    {
        if let Some((service, version)) = entry.trim().split_once(char::is_whitespace)
            && micro.service_types.iter().any(|name| name.eq_ignore_ascii_case(service))
        {
            found = Some(version.trim());
        }
    }
    found.or_else(|| {
        let old = headers.get_all(micro.legacy.as_ref()?).iter().filter_map(|v| v.to_str().ok()).next_back()?;
        old.rsplit(',').next().map(str::trim).filter(|text| !text.is_empty())
    })
}

fn malformed(style: FaultStyle, text: &str) -> Error {
    Error::bad_request(match style {
        FaultStyle::Placement => format!("Invalid microversion: invalid version string: {text}"),
        _ => format!("API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."),
    })
}

fn not_spoken(style: FaultStyle, version: Microversion, micro: &Micro) -> Error {
    Error::not_acceptable(match style {
        FaultStyle::Placement => format!("Invalid microversion: Unacceptable version header: {version}"),
        _ => format!(
            "Version {version} is not supported by the API. Minimum is {} and maximum is {}.",
            micro.min, micro.max
        ),
    })
}

/// Says in the answer which version was spoken, and that caches must mind it.
pub(super) fn announce(versioning: &Versioning, version: Microversion, headers: &mut HeaderMap) {
    let Versioning::Micro(micro) = versioning else { return };
    let name = micro.service_types.first().copied().unwrap_or_default();
    if let Ok(value) = HeaderValue::try_from(format!("{name} {version}")) {
        headers.insert(OPENSTACK_API_VERSION, value);
    }
    headers.append(VARY, HeaderValue::from_static("OpenStack-API-Version"));
    if let Some(legacy) = &micro.legacy {
        if let Ok(value) = HeaderValue::try_from(version.to_string()) {
            headers.insert(legacy, value);
        }
        headers.append(VARY, HeaderValue::from_static(display_name(legacy)));
    }
}

fn display_name(legacy: &HeaderName) -> &'static str {
    if *legacy == crate::spec::X_OPENSTACK_NOVA_API_VERSION { "X-OpenStack-Nova-API-Version" } else { "*" }
}
