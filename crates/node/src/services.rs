//! The services, made and wired to each other.

use crate::{Config, drivers::RegionDrivers, neighbours::OwnApis, policy_file::PolicyFile, settings};
use agent::{Gateway, GatewayDeps};
use compute::{Compute, KnownServers};
use flow::{Engine, EngineBuilder, Reconciler, Starter};
use http::axum::Router;
use http::{Deps, Loopback};
use identity::{Identity, KnownLimits, KnownProjects};
use image::{ImageDeps, ImageService};
use kernel::{Clock, Error, Result};
use keymanager::{KeyManager, KeyManagerDeps};
use network::Network;
use placement::{KeepHosts, Placement};
use policy::Policies;
use ports::{Placer, PortBinder, Projects};
use std::sync::Arc;
use store::{Schema, Store};
use volume::{VolumeDeps, VolumeService};

/// Every kind of object that any service keeps.
pub fn schema() -> Schema {
    let schema = Schema::new()
        .with::<flow::FlowRecord>()
        .with::<ports::quota::QuotaUsage>()
        .with::<ports::quota::QuotaLimits>()
        .with::<cluster::JoinToken>();
    let schema = placement::schema(network::schema(identity::schema(schema)));
    keymanager::schema(compute::schema(volume::schema(image::schema(schema))))
}

/// The rules of all services.
pub fn policies() -> Result<Arc<Policies>> {
    let all = [
        &identity::policy::POLICY,
        &image::policy::POLICY,
        &network::policy::POLICY,
        &compute::policy::POLICY,
        &placement::policy::POLICY,
        &volume::policy::POLICY,
        &keymanager::policy::POLICY,
        &crate::cloud_api::POLICY,
    ];
    Policies::new(&all).map_err(|problems| Error::internal(format!("the default policies are broken: {problems}")))
}

/// What a member runs.
#[derive(Clone)]
pub struct Services {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub policies: Arc<Policies>,
    pub policy_file: Arc<PolicyFile>,
    pub gateway: Arc<Gateway>,
    pub identity: Identity,
    pub keymanager: KeyManager,
    pub image: ImageService,
    pub network: Network,
    pub placement: Placement,
    pub volume: VolumeService,
    pub compute: Compute,
    pub starter: Starter,
    loopback: Arc<Loopback>,
}

impl Services {
    pub fn new(config: &Config, store: Store, clock: Arc<dyn Clock>, drivers: &RegionDrivers) -> Result<Self> {
        let policies = policies()?;
        let policy_file = PolicyFile::open(&config.data_dir, Arc::clone(&policies))?;
        let starter = Starter::new(config.node_name());
        let gateway = Gateway::new(GatewayDeps { store: store.clone(), clock: Arc::clone(&clock) });
        let identity = Identity::new(store.clone(), Arc::clone(&clock), settings::identity(config)?);
        let keymanager = KeyManager::new(KeyManagerDeps {
            store: store.clone(),
            clock: Arc::clone(&clock),
            sealer: Arc::new(identity.clone()),
        });
        let projects: Arc<dyn Projects> = Arc::new(KnownProjects);
        let image = ImageService::new(ImageDeps {
            store: store.clone(),
            clock: Arc::clone(&clock),
            stores: drivers.image_stores.clone(),
            staging: Arc::clone(&drivers.image_staging),
            inspector: Arc::clone(&drivers.inspector),
            size_limit: 1 << 40,
            starter: starter.clone(),
            limits: Arc::new(KnownLimits),
            hosts: gateway.clone(),
            require_format_match: config.flag("image.require_format_match"),
            properties: settings::image_properties(config)?,
            conversion: drivers.image_conversion.clone(),
            region: config.text("node.region").to_owned(),
            import: settings::image_import(config)?,
        })?;
        let network = Network::new(network::Deps {
            store: store.clone(),
            backend: Arc::clone(&drivers.network),
            hosts: gateway.clone(),
            clock: Arc::clone(&clock),
            settings: settings::network(config)?,
        });
        let volume = VolumeService::new(VolumeDeps {
            store: store.clone(),
            clock: Arc::clone(&clock),
            starter: starter.clone(),
            hosts: gateway.clone(),
            images: Arc::new(image.clone()),
            servers: Arc::new(KnownServers),
            keys: Arc::new(keymanager.clone()),
        });
        let loopback: Arc<Loopback> = Arc::default();
        let placer: Arc<dyn Placer> = Arc::new(settings::scheduler(config));
        let binder: Arc<dyn PortBinder> = Arc::new(network.clone());
        let compute = Compute::new(compute::Deps {
            store: store.clone(),
            starter: starter.clone(),
            clock: Arc::clone(&clock),
            placer,
            ports: binder,
            volumes: Arc::new(volume.clone()),
            images: Arc::new(image.clone()),
            hosts: gateway.clone(),
            projects,
            keys: Arc::new(keymanager.clone()),
            neighbours: Arc::new(OwnApis(loopback.clone())),
            config: compute::Config {
                default_zone: config.text("node.availability_zone").to_owned(),
                console_base: config.public_url()?,
                allow_resize_to_same_host: config.flag("compute.allow_resize_to_same_host"),
                resize_confirm_seconds: config.number("compute.resize_confirm_seconds"),
                live_resize_from_mib: config.number("compute.live_resize_from_mib"),
                max_queues: u32::try_from(config.number("compute.max_queues")).unwrap_or(u32::MAX),
                resize_restarts: settings::restarts(config)?,
                shelved_offload_seconds: config
                    .flag("compute.shelved_offload")
                    .then(|| config.number("compute.shelved_offload_seconds")),
                post_copy_after_seconds: config.number("compute.post_copy_after_seconds"),
                migration_mib_per_second: config.number("compute.migration_mib_per_second"),
                ..compute::Config::default()
            },
        });
        let placement = Placement { store: store.clone() };
        Ok(Self {
            store,
            clock,
            policies,
            policy_file,
            gateway,
            identity,
            keymanager,
            image,
            network,
            placement,
            volume,
            compute,
            starter,
            loopback,
        })
    }

    /// What every service's pipeline needs.
    pub fn deps(&self) -> Deps {
        Deps {
            tokens: Arc::new(self.identity.clone()),
            policy: self.policies.clone(),
            clock: Arc::clone(&self.clock),
            body_limit: Deps::BODY_LIMIT,
            timeout: Deps::TIMEOUT,
        }
    }

    /// All OpenStack APIs.
    pub fn router(&self) -> Router {
        let deps = || self.deps();
        let neighbours = Router::new()
            .merge(image::api::router().finish(image::api::spec(), self.image.clone(), deps()))
            .merge(self.network.router(deps()))
            .merge(volume::api::finish(self.volume.clone(), deps()));
        self.loopback.wire(neighbours.clone());
        neighbours
            .merge(identity::router(self.identity.clone(), deps()))
            .merge(compute::api::router(self.compute.clone(), deps()))
            .merge(placement::api::router(self.placement.clone(), deps()))
            .merge(keymanager::api::finish(self.keymanager.clone(), deps()))
    }

    /// Starts what carries out verbs.
    pub fn engine(&self) -> Engine {
        let builder = EngineBuilder::new(self.starter.clone());
        let builder = image::flows(volume::flows(builder, &self.volume), &self.image);
        self.compute.flows(builder).run(self.store.clone(), Arc::clone(&self.clock))
    }

    /// What holds states.
    pub fn reconcilers(&self) -> Vec<Arc<dyn Reconciler>> {
        let mut all = identity::reconcilers(&self.identity);
        all.extend(self.network.reconcilers());
        all.extend(image::reconcilers(&self.image));
        all.push(Arc::new(KeepHosts { store: self.store.clone(), clock: Arc::clone(&self.clock) }));
        all.extend(volume::reconcilers(&self.volume));
        all.extend(self.compute.reconcilers());
        all.extend(keymanager::reconcilers(&self.keymanager));
        all
    }
}
