//! The service's own state: the store, the places for bytes, and who may look into them.

use crate::{
    driver::{Converter, ImageStore, Inspector},
    error,
    flows::fetch::Fetcher,
    model::{Image, Location},
    protections::{PropertyRules, Verb},
    uri::UriRules,
};
use ::policy::{Authorize, Permit, Rule};
use flow::Starter;
use kernel::{Clock, Ctx, Error, FlowId, Result};
use parking_lot::Mutex;
use ports::{HostCalls, Limits};
use std::{path::PathBuf, sync::Arc};
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
    /// Whose caches images are brought to.
    pub hosts: Arc<dyn HostCalls>,
    /// Whether content must be of the declared format (Glance's `require_image_format_match`). What leads to other files or is
    /// damaged is refused either way, and hosts look again before a guest gets it.
    pub require_format_match: bool,
    pub properties: PropertyRules,
    /// This cloud's name in its catalog.
    pub region: String,
    pub import: ImportSettings,
    /// What imported images become; `None`: they stay as they are.
    pub conversion: Option<Conversion>,
}

/// How imported images are brought into one format.
#[derive(Clone)]
pub struct Conversion {
    /// Glance's name of the format: `raw`, `qcow2`.
    pub to: String,
    pub converter: Arc<dyn Converter>,
    /// Where the result lies until it is a blob.
    pub dir: PathBuf,
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
    pub(crate) hosts: Arc<dyn HostCalls>,
    pub(crate) require_format_match: bool,
    pub(crate) properties: PropertyRules,
    pub(crate) conversion: Option<Conversion>,
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
        assert!(!deps.stores.is_empty(), "the image service needs a store");
        let fetcher = Fetcher::new(deps.import.rules, deps.import.roots_pem)?;
        let (incarnation, loose) = (kernel::ids::uuid_hex().to_string(), Mutex::default());
        let inner = Inner {
            store: deps.store,
            clock: deps.clock,
            stores: deps.stores,
            staging: deps.staging,
            inspector: deps.inspector,
            size_limit: deps.size_limit,
            starter: deps.starter,
            limits: deps.limits,
            hosts: deps.hosts,
            require_format_match: deps.require_format_match,
            properties: deps.properties,
            conversion: deps.conversion,
            region: deps.region,
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

    /// Whether a property of an image exists for the caller.
    pub(crate) fn may_read(&self, cx: &Ctx, property: &str) -> bool {
        self.0.properties.allows(cx, property, Verb::Read)
    }

    /// Where an image's bytes are, the place to read them from first.
    pub(crate) fn by_weight<'a>(&self, image: &'a Image) -> Vec<&'a Location> {
        let weight = |l: &Location| self.store_named(&l.store).map_or(i64::MIN, |s| s.weight());
        let mut found: Vec<&Location> = image.locations.iter().collect();
        found.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.store.cmp(&b.store)));
        found
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
