//! The service's own state: the store, the places for bytes, and who may look into them.

use crate::{
    driver::{ImageStore, Inspector},
    error,
    model::Image,
};
use ::policy::{Authorize, Permit, Rule};
use kernel::{Clock, Ctx, Error, Result};
use std::sync::Arc;
use store::{Snapshot, Store, Tx};

/// What `node` gives the service.
pub struct ImageDeps {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    /// The first is the default.
    pub stores: Vec<Arc<dyn ImageStore>>,
    pub inspector: Arc<dyn Inspector>,
    /// The largest image taken, in bytes.
    pub size_limit: u64,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct ImageService(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stores: Vec<Arc<dyn ImageStore>>,
    pub(crate) inspector: Arc<dyn Inspector>,
    pub(crate) size_limit: u64,
    /// Names this start of the process in `Saving`.
    pub(crate) incarnation: String,
}

impl ImageService {
    pub fn new(deps: ImageDeps) -> Self {
        let ImageDeps { store, clock, stores, inspector, size_limit } = deps;
        assert!(!stores.is_empty(), "the image service needs a store");
        let incarnation = kernel::ids::uuid_hex().to_string();
        Self(Arc::new(Inner { store, clock, stores, inspector, size_limit, incarnation }))
    }

    pub(crate) fn store_named(&self, id: &str) -> Result<&Arc<dyn ImageStore>> {
        let found = self.0.stores.iter().find(|s| s.id() == id);
        found.ok_or_else(|| Error::internal(format!("the image store {id} is not configured")))
    }

    pub(crate) fn default_store(&self) -> &Arc<dyn ImageStore> {
        &self.0.stores[0]
    }

    /// A transaction that changes images, which only somebody who was permitted to may run.
    pub(crate) async fn write<R: Send + 'static>(
        &self,
        _permit: Permit,
        label: &'static str,
        closure: impl FnMut(&mut Tx) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        self.0.store.transact(label, closure).await
    }

    /// An image the caller may see; 404 for any other.
    pub(crate) fn find(&self, cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<Arc<Image>> {
        let image = snapshot.get::<Image>(id).ok_or_else(|| error::not_found(id))?;
        if cx.is_admin() || image.visible_to(cx.credentials.project()) { Ok(image) } else { Err(error::not_found(id)) }
    }
}

/// Asks the policy about an image: owner, visibility, and the caller's membership are what rules may speak of.
pub(crate) fn authorize(cx: &Ctx, rule: &'static Rule, image: &Image) -> Result<Permit> {
    let project = cx.credentials.project().map_or("", |p| p.as_str());
    let member = if image.members.contains_key(project) { project } else { "" };
    let visibility =
        if image.visibility == crate::Visibility::Shared && member.is_empty() { "" } else { image.visibility.as_str() };
    let (owner, id) = (image.owner.as_str(), image.id.as_str());
    cx.authorize(
        rule,
        &::policy::target! {
            "project_id" => owner, "owner" => owner, "member_id" => member, "visibility" => visibility, "image_id" => id,
        },
    )
}
