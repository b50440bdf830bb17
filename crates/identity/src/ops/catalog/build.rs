use crate::{
    Identity, Refusal,
    model::{Endpoint, Service, catalog::OF_SERVICE, endpoint_filter::given_to},
    policy::{Authorize, tokens::GET_AUTH_CATALOG},
};
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::Snapshot;

/// A service and where it is.
pub struct Entry {
    pub service: Arc<Service>,
    pub places: Vec<Place>,
}

pub struct Place {
    pub endpoint: Arc<Endpoint>,
    /// With user and project filled in.
    pub url: String,
}

/// What is enabled, and given to the project if anything was. Without a project, endpoints whose address needs one are left out (Keystone: domain scope).
pub fn build(view: &Snapshot, user: &str, project: Option<&str>) -> Vec<Entry> {
    let given = project.and_then(|project| given_to(view, project));
    let sees = |e: &Arc<Endpoint>| given.as_ref().is_none_or(|given| given.iter().any(|g| g.id == e.id));
    let entry = |service: Arc<Service>| {
        let enabled = view.by(OF_SERVICE, &service.id).filter(|e| e.enabled && sees(e));
        let places = enabled.filter_map(|endpoint| {
            let url = endpoint.url_for(user, project)?;
            Some(Place { endpoint, url })
        });
        Entry { places: places.collect(), service }
    };
    view.all::<Service>().filter(|s| s.enabled).map(entry).collect()
}

pub fn show(id: &Identity, cx: &Ctx) -> Result<Vec<Entry>> {
    let _ = cx.authorize(&GET_AUTH_CATALOG, &())?;
    let text = "A project-scoped token is required to produce a service catalog.";
    let project = cx.credentials.project().ok_or_else(|| Refusal::forbidden(text))?;
    Ok(build(&id.view(), &cx.credentials.user, Some(project)))
}
