//! One function per family of bodies.

use super::{
    Fault, FaultContext, FaultStyle,
    texts::{fault_name, message, neutron_type, title},
};
use crate::extract::quality;
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use bytes::Bytes;
use kernel::{Error, Kind, Microversion};
use serde_json::{Map, Value, json};
use std::fmt::Write;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// From this version on placement's errors carry a code.
const PLACEMENT_CODES: Microversion = Microversion::new(1, 23);

impl FaultStyle {
    pub fn render(self, error: &Error, about: &FaultContext<'_>) -> Fault {
        let status = self.status(error.kind());
        let mut headers = HeaderMap::with_capacity(8);
        if error.is(Kind::Unauthorized) {
            let challenge = format!("Keystone uri=\"{}\"", about.base.join("/identity/v3"));
            put(&mut headers, WWW_AUTHENTICATE, &challenge);
        }
        if let Some(after) = self.retry_after(error.kind()) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(after));
        }
        let text = message(self, error, about.request_id);
        let (media, body) = match self {
            // A missing or invalid token never reaches a service: keystonemiddleware answers for all of them.
            _ if error.is(Kind::Unauthorized) => (JSON, keystone(status, &text).to_string()),
            Self::Keystone => (JSON, keystone(status, &text).to_string()),
            Self::Nova | Self::Cinder | Self::Cloud => {
                (JSON, nova(status, &text, self.retry_after(error.kind())).to_string())
            }
            Self::Neutron => (JSON, neutron(error, &text).to_string()),
            Self::Placement => (JSON, placement(status, error, &text, about).to_string()),
            Self::Barbican => (JSON, barbican(status, &text).to_string()),
            Self::Glance => glance(status, &text, about.accept),
        };
        headers.insert(CONTENT_TYPE, media);
        Fault { status, headers, body: Bytes::from(body) }
    }

    /// Clients repeat a request by themselves where they see this: not for one that was too large.
    fn retry_after(self, kind: Kind) -> Option<&'static str> {
        match (self, kind) {
            (_, Kind::Unavailable) => Some("1"),
            (_, Kind::TooManyRequests) | (Self::Cinder, Kind::OverQuota) => Some("0"),
            _ => None,
        }
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // The base address comes from the client's Host header: what cannot be sent back is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn keystone(status: StatusCode, text: &str) -> Value {
    json!({"error": {"code": status.as_u16(), "message": text, "title": title(status)}})
}

fn nova(status: StatusCode, text: &str, retry_after: Option<&str>) -> Value {
    let mut fault = json!({"code": status.as_u16(), "message": text});
    if let (413 | 429, Some(after)) = (status.as_u16(), retry_after) {
        fault["retryAfter"] = after.into();
    }
    let mut body = Map::new();
    body.insert(fault_name(status).to_owned(), fault);
    Value::Object(body)
}

fn barbican(status: StatusCode, text: &str) -> Value {
    json!({"code": status.as_u16(), "title": title(status), "description": text})
}

fn neutron(error: &Error, text: &str) -> Value {
    let name = error.code().unwrap_or_else(|| neutron_type(error.kind()));
    json!({"NeutronError": {"type": name, "message": text, "detail": ""}})
}

fn placement(status: StatusCode, error: &Error, text: &str, about: &FaultContext<'_>) -> Value {
    // webob puts an empty explanation's blank lines around the detail; placement's own clients strip them.
    let mut fault = json!({
        "status": status.as_u16(),
        "title": title(status),
        "detail": text,
        "request_id": about.request_id.as_str(),
    });
    match about.version {
        Some(version) if version >= PLACEMENT_CODES => {
            fault["code"] = error.code().unwrap_or("placement.undefined_code").into();
        }
        Some(_) => {}
        None => {
            if let (Kind::NotAcceptable, Some(range)) = (error.kind(), about.range) {
                fault["max_version"] = range.max.to_string().into();
                fault["min_version"] = range.min.to_string().into();
            }
        }
    }
    json!({"errors": [fault]})
}

/// What webob answers for an exception that nobody rendered: by `Accept` HTML (the default), JSON or plain text.
fn glance(status: StatusCode, text: &str, accept: &str) -> (HeaderValue, String) {
    let line = format!("{} {}", status.as_u16(), title(status));
    match preferred(accept) {
        Some(Media::Html) => {
            let text = escape(text);
            let body = format!(
                "<html>\n <head>\n  <title>{line}</title>\n </head>\n <body>\n  <h1>{line}</h1>\n  {text}<br /><br />\n\n\n\n </body>\n</html>"
            );
            (HeaderValue::from_static("text/html; charset=UTF-8"), body)
        }
        Some(Media::Json) => {
            let body = json!({"message": format!("{text}<br /><br />\n\n\n"), "code": line, "title": title(status)});
            (JSON, body.to_string())
        }
        None => (HeaderValue::from_static("text/plain; charset=UTF-8"), format!("{line}\n\n{text}\n\n\n")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Html,
    Json,
}

/// Which of HTML and JSON an `Accept` header prefers; HTML on a tie, as webob offers it first.
fn preferred(accept: &str) -> Option<Media> {
    if accept.trim().is_empty() {
        return Some(Media::Html);
    }
    let (html, json) = (quality(accept, "text", "html"), quality(accept, "application", "json"));
    match () {
        () if html <= 0.0 && json <= 0.0 => None,
        () if json > html => Some(Media::Json),
        () => Some(Media::Html),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            c if c.is_ascii() => out.push(c),
            // webob escapes beyond ASCII by number.
            c => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_weighed() {
        for (accept, expect) in [
            ("", Some(Media::Html)),
            ("*/*", Some(Media::Html)),
            ("application/json", Some(Media::Json)),
            ("text/html;q=0.5, application/json", Some(Media::Json)),
            ("application/json;q=0.1, */*", Some(Media::Html)),
            ("application/*", Some(Media::Json)),
            ("image/png", None),
            ("text/html;q=0, application/json;q=0", None),
            ("garbage", None),
            ("*/*;q=NaN", None),
        ] {
            assert_eq!(preferred(accept), expect, "{accept}");
        }
    }
}
