//! Regions, services and endpoints: where things are.

use super::{Extra, Field, Fields, extra};
use kernel::{RegionId, id_type};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object};

id_type! {
    ServiceId,
    EndpointId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    pub id: RegionId,
    pub description: String,
    pub parent: Option<RegionId>,
    #[serde(default)]
    pub extra: Extra,
}

pub const BY_PARENT: Index<Region> = Index::new(0);

impl Object for Region {
    const KIND: &'static str = "identity.region";
    const INDEXES: &'static [&'static str] = &["parent"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        if let Some(parent) = &self.parent {
            sink.add(BY_PARENT, parent);
        }
    }
}

impl Fields for Region {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "parent_region_id" => Field::maybe(self.parent.as_deref()),
            "description" => Field::text(&self.description),
            other => return extra(&self.extra, other),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub id: ServiceId,
    pub kind: String,
    pub name: String,
    pub enabled: bool,
    #[serde(default)]
    pub extra: Extra,
}

impl Object for Service {
    const KIND: &'static str = "identity.service";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

impl Fields for Service {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "type" => Field::text(&self.kind),
            "name" => Field::text(&self.name),
            "enabled" => Field::Flag(self.enabled),
            other => return extra(&self.extra, other),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    Public,
    Internal,
    Admin,
}

impl Interface {
    pub const ALL: [Self; 3] = [Self::Public, Self::Internal, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    pub id: EndpointId,
    pub service: ServiceId,
    pub interface: Interface,
    pub region: Option<RegionId>,
    pub url: String,
    pub enabled: bool,
    #[serde(default)]
    pub extra: Extra,
    /// Made by bootstrap and not changed since: bootstrap keeps its address right.
    #[serde(default)]
    pub managed: bool,
}

pub const OF_SERVICE: Index<Endpoint> = Index::new(0);
pub const OF_REGION: Index<Endpoint> = Index::new(1);

impl Object for Endpoint {
    const KIND: &'static str = "identity.endpoint";
    const INDEXES: &'static [&'static str] = &["service", "region"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(OF_SERVICE, &self.service);
        if let Some(region) = &self.region {
            sink.add(OF_REGION, region);
        }
    }
}

impl Endpoint {
    /// The address for a token's user and project; `None` if it needs a project and there is none, or is malformed.
    pub fn url_for(&self, user: &str, project: Option<&str>) -> Option<String> {
        substitute(&self.url, user, project)
    }
}

impl Fields for Endpoint {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "interface" => Field::text(self.interface.as_str()),
            "service_id" => Field::text(&self.service),
            "region_id" | "region" => Field::maybe(self.region.as_deref()),
            "url" => Field::text(&self.url),
            "enabled" => Field::Flag(self.enabled),
            other => return extra(&self.extra, other),
        })
    }
}

/// Whether every placeholder of an address is known: what `create endpoint` asks.
pub fn well_formed(url: &str) -> bool {
    substitute(url, "u", Some("p")).is_some()
}

/// Replaces `$(project_id)s`, `%(tenant_id)s`, `$(user_id)s`; `%%` is a percent sign.
fn substitute(url: &str, user: &str, project: Option<&str>) -> Option<String> {
    let mut out = String::with_capacity(url.len() + 40);
    let mut rest = url;
    while let Some(at) = rest.find(['$', '%']) {
        out.push_str(&rest[..at]);
        let (sign, tail) = (rest.as_bytes()[at], &rest[at + 1..]);
        if let Some(inner) = tail.strip_prefix('(') {
            let (name, after) = inner.split_once(")s")?;
            out.push_str(match name {
                "user_id" => user,
                "project_id" | "tenant_id" => project?,
                _ => return None,
            });
            rest = after;
        } else if sign == b'$' {
            out.push('$');
            rest = tail;
        } else {
            rest = tail.strip_prefix('%')?;
            out.push('%');
        }
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_filled_in() {
        let check = |url: &str, project: Option<&str>, expect: Option<&str>| {
            assert_eq!(substitute(url, "me", project).as_deref(), expect, "{url}");
        };
        check("http://h/v3", None, Some("http://h/v3"));
        check("http://h/v3/$(project_id)s/x", Some("p"), Some("http://h/v3/p/x"));
        check("http://h/v3/%(tenant_id)s", Some("p"), Some("http://h/v3/p"));
        check("http://h/%(user_id)s", None, Some("http://h/me"));
        check("http://h/v3/$(project_id)s", None, None);
        check("http://h/%(bogus)s", Some("p"), None);
        check("http://h/%(user_id)", Some("p"), None);
        check("http://h/100%", Some("p"), None);
        check("http://h/100%%/$5", Some("p"), Some("http://h/100%/$5"));
    }
}
