//! Resources as Keystone shows them.

mod catalog;
mod delegation;
mod federation;
mod limits;
mod tokens;

pub(super) use catalog::{endpoint_group, policy};
pub(super) use delegation::{access_token, consumer, ec2, listed_trust, trust, trust_roles_links};
pub(super) use federation::{identity_provider, listed_protocol, mapping, protocol, service_provider};
pub(super) use limits::{limit, registered_limit};
pub(super) use tokens::{TokenView, receipt, revocation, token};

use super::at::At;
use crate::{
    model::{
        AccessRule, Endpoint, Extra, Fields, Group, Options, Project, Region, Role, Service, User, catalog::EndpointId,
    },
    ops::{
        app_creds::Full,
        catalog::{Entry, Place},
        credentials::Opened,
        query::Listed,
    },
};
use http::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, sync::Arc};

#[derive(Serialize)]
pub(super) struct Links {
    #[serde(rename = "self")]
    own: String,
}

impl Links {
    pub(super) fn to(at: &At, collection: &str, id: &str) -> Self {
        Self { own: at.url(&format!("/{collection}/{id}")) }
    }
}

/// `{"user": {…}}`
pub(super) fn member(key: &str, view: impl Serialize) -> Response {
    http::ok(&Wrapped(key, view))
}

/// The same with 201.
pub(super) fn created(key: &str, view: impl Serialize) -> Response {
    http::created(&Wrapped(key, view))
}

struct Wrapped<'a, T>(&'a str, T);

impl<T: Serialize> Serialize for Wrapped<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}

#[derive(Serialize)]
struct PageLinks {
    next: Option<String>,
    #[serde(rename = "self")]
    own: String,
    previous: Option<String>,
}

/// `{"users": […], "links": {…}}`, with `truncated` and the address of the next page if there is more after `last`.
pub(super) fn collection<T: Serialize>(at: &At, key: &str, items: &[T], more_after: Option<&str>) -> Response {
    let links = PageLinks { next: more_after.map(|last| at.next(last)), own: at.this(), previous: None };
    let mut body = Map::new();
    // Items are written once; a list of 10,000 does not become a tree first.
    let written = serde_json::value::to_raw_value(items);
    body.insert("links".to_owned(), json!(links));
    if more_after.is_some() {
        body.insert("truncated".to_owned(), true.into());
    }
    match written {
        Ok(items) => http::ok(&Page { key, items: &items, rest: &body }),
        Err(error) => http::IntoResponse::into_response(http::ApiError(
            kernel::Error::internal("writing a list as JSON").with_source(error),
        )),
    }
}

/// A page of a list, each item as `view` shows it.
pub(super) fn listed<'a, T: Fields, V: Serialize + 'a>(
    at: &At,
    key: &str,
    listed: &'a Listed<T>,
    view: impl Fn(&'a T) -> V,
) -> Response {
    let views: Vec<_> = listed.items.iter().map(|item| view(item)).collect();
    let last = listed.items.last().filter(|_| listed.truncated).map(|item| item.id());
    collection(at, key, &views, last)
}

/// A list that has no pages.
pub(super) fn all<'a, T, V: Serialize + 'a>(
    at: &At,
    key: &str,
    items: &'a [Arc<T>],
    view: impl Fn(&'a T) -> V,
) -> Response {
    let views: Vec<_> = items.iter().map(|item| view(item)).collect();
    collection(at, key, &views, None)
}

struct Page<'a> {
    key: &'a str,
    items: &'a serde_json::value::RawValue,
    rest: &'a Map<String, Value>,
}

impl Serialize for Page<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(1 + self.rest.len()))?;
        map.serialize_entry(self.key, self.items)?;
        self.rest.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        map.end()
    }
}

#[derive(Serialize)]
pub(super) struct UserView<'a> {
    id: &'a str,
    name: &'a str,
    domain_id: &'a str,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_project_id: Option<&'a str>,
    password_expires_at: Option<String>,
    options: &'a Options,
    links: Links,
    #[serde(flatten)]
    extra: &'a Extra,
}

pub(super) fn user<'a>(at: &At, user: &'a User) -> UserView<'a> {
    UserView {
        id: &user.id,
        name: &user.name,
        domain_id: &user.domain,
        enabled: user.enabled,
        default_project_id: user.default_project.as_deref(),
        password_expires_at: user.password_expires().map(|t| t.iso_micros()),
        options: &user.options,
        links: Links::to(at, "users", &user.id),
        extra: &user.extra,
    }
}

#[derive(Serialize)]
pub(super) struct GroupView<'a> {
    id: &'a str,
    name: &'a str,
    domain_id: &'a str,
    description: Option<&'a str>,
    links: Links,
    /// Only in the list of a user's groups; federation would set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    membership_expires_at: Option<Value>,
    #[serde(flatten)]
    extra: &'a Extra,
}

pub(super) fn group<'a>(at: &At, group: &'a Group) -> GroupView<'a> {
    GroupView {
        id: &group.id,
        name: &group.name,
        domain_id: &group.domain,
        description: group.description.as_deref(),
        links: Links::to(at, "groups", &group.id),
        membership_expires_at: None,
        extra: &group.extra,
    }
}

pub(super) fn group_of_user<'a>(at: &At, of: &'a Group) -> GroupView<'a> {
    GroupView { membership_expires_at: Some(Value::Null), ..group(at, of) }
}

#[derive(Serialize)]
pub(super) struct ProjectView<'a> {
    id: &'a str,
    name: &'a str,
    domain_id: Option<&'a str>,
    parent_id: Option<&'a str>,
    is_domain: bool,
    enabled: bool,
    description: Option<&'a str>,
    tags: &'a BTreeSet<String>,
    options: &'a Options,
    links: Links,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parents: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subtree: Option<Value>,
    #[serde(flatten)]
    extra: &'a Extra,
}

pub(super) fn project<'a>(at: &At, project: &'a Project) -> ProjectView<'a> {
    ProjectView {
        id: &project.id,
        name: &project.name,
        domain_id: project.domain.as_deref(),
        parent_id: project.parent.as_deref(),
        is_domain: project.is_domain(),
        enabled: project.enabled,
        description: project.description.as_deref(),
        tags: &project.tags,
        options: &project.options,
        links: Links::to(at, "projects", &project.id),
        parents: None,
        subtree: None,
        extra: &project.extra,
    }
}

#[derive(Serialize)]
pub(super) struct DomainView<'a> {
    id: &'a str,
    name: &'a str,
    enabled: bool,
    description: Option<&'a str>,
    tags: &'a BTreeSet<String>,
    options: &'a Options,
    links: Links,
}

pub(super) fn domain<'a>(at: &At, domain: &'a Project) -> DomainView<'a> {
    DomainView {
        id: &domain.id,
        name: &domain.name,
        enabled: domain.enabled,
        description: domain.description.as_deref(),
        tags: &domain.tags,
        options: &domain.options,
        links: Links::to(at, "domains", &domain.id),
    }
}

#[derive(Serialize)]
pub(super) struct RoleView<'a> {
    id: &'a str,
    name: &'a str,
    domain_id: Option<&'a str>,
    description: Option<&'a str>,
    options: &'a Options,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links>,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

pub(super) fn role<'a>(at: &At, role: &'a Role) -> RoleView<'a> {
    RoleView { links: Some(Links::to(at, "roles", &role.id)), extra: Some(&role.extra), ..bare_role(role) }
}

/// As other resources show the roles they have.
fn bare_role(role: &Role) -> RoleView<'_> {
    RoleView {
        id: &role.id,
        name: &role.name,
        domain_id: role.domain.as_deref(),
        description: role.description.as_deref(),
        options: &role.options,
        links: None,
        extra: None,
    }
}

#[derive(Serialize)]
pub(super) struct RegionView<'a> {
    id: &'a str,
    description: &'a str,
    parent_region_id: Option<&'a str>,
    links: Links,
    #[serde(flatten)]
    extra: &'a Extra,
}

pub(super) fn region<'a>(at: &At, region: &'a Region) -> RegionView<'a> {
    RegionView {
        id: &region.id,
        description: &region.description,
        parent_region_id: region.parent.as_deref(),
        links: Links::to(at, "regions", &region.id),
        extra: &region.extra,
    }
}

#[derive(Serialize)]
pub(super) struct ServiceView<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    name: &'a str,
    enabled: bool,
    links: Links,
    #[serde(flatten)]
    extra: &'a Extra,
}

pub(super) fn service<'a>(at: &At, service: &'a Service) -> ServiceView<'a> {
    ServiceView {
        id: &service.id,
        kind: &service.kind,
        name: &service.name,
        enabled: service.enabled,
        links: Links::to(at, "services", &service.id),
        extra: &service.extra,
    }
}

#[derive(Serialize)]
pub(super) struct EndpointView<'a> {
    id: &'a str,
    interface: &'a str,
    region: Option<&'a str>,
    region_id: Option<&'a str>,
    service_id: &'a str,
    url: &'a str,
    enabled: bool,
    links: Links,
    #[serde(flatten)]
    extra: &'a Extra,
}

pub(super) fn endpoint<'a>(at: &At, endpoint: &'a Endpoint) -> EndpointView<'a> {
    EndpointView {
        id: &endpoint.id,
        interface: endpoint.interface.as_str(),
        region: endpoint.region.as_deref(),
        region_id: endpoint.region.as_deref(),
        service_id: &endpoint.service,
        url: &endpoint.url,
        enabled: endpoint.enabled,
        links: Links::to(at, "endpoints", &endpoint.id),
        extra: &endpoint.extra,
    }
}

/// A service in the catalog of a token.
#[derive(Serialize)]
pub(super) struct CatalogView<'a> {
    endpoints: Vec<PlaceView<'a>>,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct PlaceView<'a> {
    id: &'a EndpointId,
    interface: &'a str,
    region: Option<&'a str>,
    region_id: Option<&'a str>,
    url: &'a str,
}

pub(super) fn catalog(entries: &[Entry]) -> Vec<CatalogView<'_>> {
    entries
        .iter()
        .map(|entry| CatalogView {
            endpoints: entry.places.iter().map(place_view).collect(),
            id: &entry.service.id,
            kind: &entry.service.kind,
            name: &entry.service.name,
        })
        .collect()
}

fn place_view(place: &Place) -> PlaceView<'_> {
    PlaceView {
        id: &place.endpoint.id,
        interface: place.endpoint.interface.as_str(),
        region: place.endpoint.region.as_deref(),
        region_id: place.endpoint.region.as_deref(),
        url: &place.url,
    }
}

#[derive(Serialize)]
pub(super) struct AccessRuleView<'a> {
    id: &'a str,
    service: &'a str,
    path: &'a str,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links>,
}

pub(super) fn bare_access_rule(rule: &AccessRule) -> AccessRuleView<'_> {
    AccessRuleView { id: &rule.id, service: &rule.service, path: &rule.path, method: &rule.method, links: None }
}

pub(super) fn access_rule<'a>(at: &At, rule: &'a AccessRule) -> AccessRuleView<'a> {
    let links = Links::to(at, "access_rules", &rule.id);
    AccessRuleView { links: Some(links), ..bare_access_rule(rule) }
}

#[derive(Serialize)]
pub(super) struct AppCredView<'a> {
    id: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    user_id: &'a str,
    project_id: &'a str,
    system: Option<&'a str>,
    expires_at: Option<String>,
    unrestricted: bool,
    roles: Vec<RoleView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_rules: Option<Vec<AccessRuleView<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<&'a str>,
    links: Links,
}

pub(super) fn app_cred<'a>(at: &At, full: &'a Full) -> AppCredView<'a> {
    let app_cred = &*full.app_cred;
    let rules = full.access_rules.as_ref().filter(|rules| !rules.is_empty());
    AppCredView {
        id: &app_cred.id,
        name: &app_cred.name,
        description: app_cred.description.as_deref(),
        user_id: &app_cred.user,
        project_id: &app_cred.project,
        system: None,
        expires_at: app_cred.expires.map(|t| t.iso_micros()),
        unrestricted: app_cred.unrestricted,
        roles: full.roles.iter().map(|r| bare_role(r)).collect(),
        access_rules: rules.map(|rules| rules.iter().map(|r| bare_access_rule(r)).collect()),
        secret: None,
        links: Links::to(at, "application_credentials", &app_cred.id),
    }
}

#[derive(Serialize)]
pub(super) struct CredentialView<'a> {
    id: &'a str,
    user_id: &'a str,
    project_id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'a str,
    blob: &'a str,
    links: Links,
    #[serde(flatten)]
    extra: &'a Extra,
}

pub(super) fn credential<'a>(at: &At, opened: &'a Opened) -> CredentialView<'a> {
    let credential = &*opened.credential;
    CredentialView {
        id: &credential.id,
        user_id: &credential.user,
        project_id: credential.project.as_deref(),
        kind: &credential.kind,
        blob: &opened.blob,
        links: Links::to(at, "credentials", &credential.id),
        extra: &credential.extra,
    }
}
