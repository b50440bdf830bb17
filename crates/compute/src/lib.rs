pub mod api;
mod audit;
pub mod driver;
mod error;
pub mod flows;
pub mod metadata;
pub mod model;
mod ops;
pub mod policy;
mod service;
#[cfg(test)]
mod testkit;

pub use audit::audit;
pub use error::ComputeError;
pub use ops::hosts::HostReport;
pub use service::{Compute, Config, Deps};

use flow::{EngineBuilder, Reconciler};
use model::{Aggregate, ComputeHost, ConsoleToken, Flavor, Keypair, Server, ServerGroup, sequence::Sequence, vm};
use std::sync::Arc;
use store::Schema;

/// The kinds of object this service keeps, and those it counts with.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema
        .with::<Server>()
        .with::<vm::VmIntent>()
        .with::<vm::VmObserved>()
        .with::<Flavor>()
        .with::<Keypair>()
        .with::<Aggregate>()
        .with::<ServerGroup>()
        .with::<ComputeHost>()
        .with::<ConsoleToken>()
        .with::<Sequence>()
        .with::<ports::quota::QuotaUsage>()
        .with::<ports::quota::QuotaLimits>()
}

impl Compute {
    /// Makes a process able to carry out this service's flows.
    #[must_use]
    pub fn flows(&self, engine: EngineBuilder) -> EngineBuilder {
        let c = || self.clone();
        engine
            .register(flows::create::CreateServer(c()))
            .register(flows::delete::DeleteServer(c()))
            .register(flows::power::ChangePower(c()))
            .register(flows::attach_volume::AttachVolume(c()))
            .register(flows::detach_volume::DetachVolume(c()))
            .register(flows::attach_interface::AttachInterface(c()))
            .register(flows::detach_interface::DetachInterface(c()))
            .register(flows::create_image::CreateImage(c()))
    }

    /// To be spawned with [`flow::spawn_reconciler`].
    pub fn reconcilers(&self) -> Vec<Arc<dyn Reconciler>> {
        vec![Arc::new(flows::reconcile::Tidy(self.clone()))]
    }
}
