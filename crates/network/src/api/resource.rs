//! What every resource's handlers share: how one is looked up and shown, lists, tags, `If-Match`.

use super::{
    listing::{self, render},
    query::Query,
    spec::Spec,
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Resource, Settings},
    ops::{
        access::{Reach, Seen, attribute_of},
        common::Expect,
    },
};
use http::{ApiError, ApiResult, BaseUrl, Cx, Params, Path, Response, State, header::IF_MATCH};
use kernel::{Ctx, Result};
use policy::{Authorize, Rule};
use serde_json::{Map, Value};
use std::sync::Arc;
use store::Snapshot;

/// Who looks at what.
pub struct Look<'a> {
    pub net: &'a Service,
    pub cx: &'a Ctx,
    pub snapshot: &'a Snapshot,
    pub reach: &'a Reach,
    /// The object in whose own collection they look.
    pub parent: Option<&'a str>,
}

impl<'a> Look<'a> {
    pub fn new(net: &'a Service, cx: &'a Ctx, snapshot: &'a Snapshot, reach: &'a Reach) -> Self {
        Self { net, cx, snapshot, reach, parent: None }
    }
}

impl Look<'_> {
    pub fn settings(&self) -> &Settings {
        self.net.settings()
    }
}

/// Something that can be listed and shown.
pub trait View: Send + Sync + Sized + 'static {
    fn spec() -> &'static Spec;
    fn key(&self) -> &str;
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>>;
    fn not_found(id: &str) -> NetError;
    /// All that the caller can have to do with, in order of keys.
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>>;
    /// Fewer, if an index knows which ones the filters can let through.
    fn narrowed(_look: &Look<'_>, _query: &Query) -> Option<Vec<Arc<Self>>> {
        None
    }
    fn is_seen(&self, look: &Look<'_>) -> bool;
    /// Whether a page may begin after what the caller does not see; it begins at the beginning then.
    fn takes_any_marker() -> bool {
        false
    }
    /// An attribute as answers show it. Names are those of the spec.
    fn field(&self, name: &str, look: &Look<'_>) -> Value;
    /// Whether policy hides an attribute from the caller.
    fn is_hidden(&self, _name: &str, _look: &Look<'_>) -> bool {
        false
    }
    /// Whether the attribute is left out of answers when it is null.
    fn is_absent(&self, _name: &str) -> bool {
        false
    }
}

/// A stored resource's own part of [`View`].
pub trait Fields: Seen {
    fn spec() -> &'static Spec;
    fn own(&self, name: &str, look: &Look<'_>) -> Value;
    const TAKES_ANY_MARKER: bool = false;
    fn narrowed(_look: &Look<'_>, _query: &Query) -> Option<Vec<Arc<Self>>> {
        None
    }
    fn is_absent(&self, _name: &str) -> bool {
        false
    }
}

impl<R: Fields> View for R {
    fn spec() -> &'static Spec {
        <R as Fields>::spec()
    }
    fn key(&self) -> &str {
        self.id()
    }
    fn find(look: &Look<'_>, id: &str) -> Option<Arc<Self>> {
        look.snapshot.get::<R>(id)
    }
    fn not_found(id: &str) -> NetError {
        <R as Resource>::not_found(id)
    }
    fn candidates(look: &Look<'_>) -> Vec<Arc<Self>> {
        <R as Seen>::candidates(look.snapshot, look.reach)
    }
    fn narrowed(look: &Look<'_>, query: &Query) -> Option<Vec<Arc<Self>>> {
        <R as Fields>::narrowed(look, query).or_else(|| {
            let projects = query.exact("project_id")?;
            Some(projects.iter().flat_map(|p| look.snapshot.by(R::BY_PROJECT, p)).collect())
        })
    }
    fn takes_any_marker() -> bool {
        R::TAKES_ANY_MARKER
    }
    fn is_seen(&self, look: &Look<'_>) -> bool {
        <R as Seen>::is_seen(self, look.cx, look.snapshot, look.reach)
    }
    fn field(&self, name: &str, look: &Look<'_>) -> Value {
        let standard = self.standard();
        match name {
            "id" => self.id().into(),
            "project_id" | "tenant_id" => standard.project.as_str().into(),
            "description" => standard.description.as_str().into(),
            "created_at" => standard.created.iso_z().into(),
            "updated_at" => standard.updated.iso_z().into(),
            "revision_number" => standard.revision.into(),
            "tags" => standard.tags.iter().map(String::as_str).collect::<Vec<_>>().into(),
            other => self.own(other, look),
        }
    }
    fn is_hidden(&self, name: &str, look: &Look<'_>) -> bool {
        let rule: Option<&'static Rule> =
            R::RULES.iter().copied().find(|rule| attribute_of(rule, R::GET) == Some(name));
        // Tags have a rule of their own path; in the object they are part of the object.
        rule.is_some_and(|rule| name != "tags" && !look.cx.allows(rule, &self.on(look.snapshot, look.reach)))
    }
    fn is_absent(&self, name: &str) -> bool {
        <R as Fields>::is_absent(self, name)
    }
}

/// `{"network": {…}}`
pub fn one<V: View>(net: &Service, cx: &Ctx, object: &V, fields: &[String]) -> Value {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let look = Look::new(net, cx, &snapshot, &reach);
    wrapped(V::spec().resource, render(object, &look, fields))
}

fn wrapped(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

/// `{"networks": […]}`
pub fn many<V: View>(net: &Service, cx: &Ctx, objects: &[Arc<V>]) -> Value {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let look = Look { net, cx, snapshot: &snapshot, reach: &reach, parent: None };
    let views: Vec<_> = objects.iter().map(|o| render(o.as_ref(), &look, &[])).collect();
    wrapped(V::spec().collection, views.into())
}

/// 201 with what was made, in the form of the request: one, or a list.
pub fn made<V: View>(net: &Service, cx: &Ctx, objects: &[Arc<V>], bulk: bool) -> Response {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let look = Look::new(net, cx, &snapshot, &reach);
    let mut views: Vec<_> = objects.iter().map(|o| render(o.as_ref(), &look, &[])).collect();
    let answer = match (bulk, views.pop()) {
        (false, Some(view)) => wrapped(V::spec().resource, view),
        (_, last) => {
            views.extend(last);
            wrapped(V::spec().collection, views.into())
        }
    };
    http::created(&answer)
}

/// `GET /v2.0/<collection>`
pub async fn list<V: View>(State(net): State<Service>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(&cx));
    let look = Look::new(&net, &cx, &snapshot, &reach);
    Ok(http::ok(&listing::list::<V>(&look, &params, &base)?))
}

/// `GET /v2.0/<collection>/{id}`
pub async fn show<V: View>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    params: Params,
) -> ApiResult {
    let object = seen::<V>(&net, &cx, &id)?;
    let fields: Vec<_> = params.all("fields").filter(|f| !f.is_empty()).map(str::to_owned).collect();
    Ok(http::ok(&one(&net, &cx, object.as_ref(), &fields)))
}

/// `GET /v2.0/<parents>/{parent}/<collection>`
pub async fn list_in<P: View, V: View>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path(parent): Path<String>,
    params: Params,
    base: BaseUrl,
) -> ApiResult {
    seen::<P>(&net, &cx, &parent)?;
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(&cx));
    let look = Look { parent: Some(&parent), ..Look::new(&net, &cx, &snapshot, &reach) };
    Ok(http::ok(&listing::list::<V>(&look, &params, &base)?))
}

/// `GET /v2.0/<parents>/{parent}/<collection>/{id}`
pub async fn show_in<P: View, V: View>(
    State(net): State<Service>,
    Cx(cx): Cx,
    Path((parent, id)): Path<(String, String)>,
    params: Params,
) -> ApiResult {
    seen::<P>(&net, &cx, &parent)?;
    shown_in::<V>(&net, &cx, Some(&parent), &id, &params)
}

/// One object, in the collection of its parent or wherever it is.
pub fn shown_in<V: View>(net: &Service, cx: &Ctx, parent: Option<&str>, id: &str, params: &Params) -> ApiResult {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let look = Look { parent, ..Look::new(net, cx, &snapshot, &reach) };
    let found = V::find(&look, id).filter(|o| o.is_seen(&look));
    let found = found.ok_or_else(|| kernel::Error::from(V::not_found(id)))?;
    let fields: Vec<_> = params.all("fields").filter(|f| !f.is_empty()).map(str::to_owned).collect();
    Ok(http::ok(&wrapped(V::spec().resource, render(found.as_ref(), &look, &fields))))
}

/// The object if the caller sees it.
pub fn seen<V: View>(net: &Service, cx: &Ctx, id: &str) -> Result<Arc<V>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let look = Look::new(net, cx, &snapshot, &reach);
    V::find(&look, id).filter(|o| o.is_seen(&look)).ok_or_else(|| V::not_found(id).into())
}

/// `If-Match: revision_number=5`
pub struct IfMatch(pub Expect);

impl<S: Sync> axum::extract::FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<Self, ApiError> {
        let values = parts.headers.get_all(IF_MATCH).iter().filter_map(|v| v.to_str().ok());
        let tags = values.flat_map(|v| v.split(',')).map(|t| t.trim().trim_matches('"'));
        let mut revisions = tags.filter_map(|tag| tag.strip_prefix("revision_number="));
        let refuse = |reason: &str| {
            let error = NetError::BadRequest { resource: "if-match", reason: reason.to_owned() };
            Err(ApiError(error.into()))
        };
        let Some(first) = revisions.next() else { return Ok(Self(None)) };
        if revisions.next().is_some() {
            return refuse("Multiple revision_number etags are not supported.");
        }
        match first.parse() {
            Ok(revision) => Ok(Self(Some(revision))),
            Err(_) => refuse("Revision number etag must be in the format of revision_number=<int>"),
        }
    }
}
