//! The service's own state: the store, the places for bytes, and who may look into them.

use crate::{
    driver::{ImageStore, Inspector},
    error,
    flows::fetch::Fetcher,
    model::{Image, Location},
    uri::UriRules,
};
use ::policy::{Authorize, Permit, Rule};
use flow::Starter;
use kernel::{Clock, Ctx, Error, FlowId, Result};
use parking_lot::Mutex;
use ports::Limits;
use std::sync::Arc;
use store::{Snapshot, Store, Tx};

/// What `node` gives the service.
pub struct ImageDeps {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    /// The first is the default.
    pub stores: Vec<Arc<dyn ImageStore>>,
    /// Where bytes wait to be imported; none of `stores`.
    pub staging: Arc<dyn ImageStore>,
    pub inspector: Arc<dyn Inspector>,
    /// The largest image taken, in bytes.
    pub size_limit: u64,
    pub starter: Starter,
    pub limits: Arc<dyn Limits>,
    /// This cloud's name in its catalog.
    pub region: String,
    pub import: ImportSettings,
}

/// From where images may be imported, and whose certificates are trusted there.
#[derive(Clone, Debug, Default)]
pub struct ImportSettings {
    pub rules: UriRules,
    /// Empty: `https` trusts nobody.
    pub roots_pem: Vec<u8>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct ImageService(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stores: Vec<Arc<dyn ImageStore>>,
    pub(crate) staging: Arc<dyn ImageStore>,
    pub(crate) inspector: Arc<dyn Inspector>,
    pub(crate) size_limit: u64,
    pub(crate) starter: Starter,
    pub(crate) limits: Arc<dyn Limits>,
    pub(crate) region: String,
    pub(crate) fetcher: Fetcher,
    /// What flows of this process have written and may not have journalled; see `flows::Sweeper`.
    pub(crate) loose: Mutex<Vec<(FlowId, Location)>>,
    /// Names this start of the process in `Saving`.
    pub(crate) incarnation: String,
}

impl ImageService {
    /// Fails if the certificates to trust cannot be read.
    pub fn new(deps: ImageDeps) -> Result<Self> {
        let ImageDeps { store, clock, stores, staging, inspector, size_limit, starter, limits, region, import } = deps;
        assert!(!stores.is_empty(), "the image service needs a store");
        let fetcher = Fetcher::new(import.rules, import.roots_pem)?;
        let (incarnation, loose) = (kernel::ids::uuid_hex().to_string(), Mutex::default());
        let inner = Inner {
            store,
            clock,
            stores,
            staging,
            inspector,
            size_limit,
            starter,
            limits,
            region,
            fetcher,
            loose,
            incarnation,
        };
        Ok(Self(Arc::new(inner)))
    }

    pub(crate) fn store_named(&self, id: &str) -> Result<&Arc<dyn ImageStore>> {
        let found = self.0.stores.iter().chain([&self.0.staging]).find(|s| s.id() == id);
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
