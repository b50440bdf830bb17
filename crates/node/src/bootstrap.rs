//! What every region has from its first start. Each part is idempotent.

use crate::{Config, credentials, drivers::EXTERNAL, services::Services};
use identity::BootstrapSpec;
use kernel::{Error, Result};

pub async fn bootstrap(config: &Config, services: &Services) -> Result<()> {
    let spec = BootstrapSpec {
        admin_password: credentials::admin_password(config)?,
        region: config.text("node.region").to_owned(),
        base_url: config.public_url()?,
    };
    identity::bootstrap(&services.identity, spec).await?;
    services.keymanager.bootstrap().await?;
    services.image.recover().await?;
    // The suites attach volumes of the default type to several servers, unless they are told of another.
    let shared = config.flag("node.acceptance").then(|| ("multiattach".to_owned(), "<is> True".to_owned()));
    services.volume.bootstrap(shared.into_iter().collect()).await?;
    services.compute.bootstrap_flavors().await?;
    network(config, services).await
}

/// The external network `public` belongs to the project `admin`.
async fn network(config: &Config, services: &Services) -> Result<()> {
    let cidr = config.text("network.external_cidr");
    let cidr: ipnet::IpNet =
        cidr.parse().map_err(|_| Error::bad_request(format!("network.external_cidr: {cidr} is not a network")))?;
    let gateway = config.text("network.external_gateway");
    let gateway = gateway
        .parse()
        .map_err(|_| Error::bad_request(format!("network.external_gateway: {gateway} is not an address")))?;
    let project = identity::model::project::named(&services.store.snapshot(), Some(&"default".into()), "admin")
        .ok_or_else(|| Error::internal("the project admin is missing after the bootstrap"))?;
    let mut spec = network::BootstrapSpec::usual(project.id.clone(), services.network.settings().clone());
    if let Some(external) = &mut spec.external {
        (external.physical, external.cidr, external.gateway) = (EXTERNAL.to_owned(), cidr, Some(gateway));
    }
    if config.flag("node.acceptance") {
        // Those with which Neutron's own jobs run its suite: a class of tests makes more than a project usually has.
        let quotas = [("router", 100), ("floatingip", 500), ("security_group", 150), ("security_group_rule", 1000)];
        spec.quotas = quotas.map(|(resource, limit)| (resource.to_owned(), limit)).into();
    }
    network::bootstrap(&services.store, &services.clock, spec).await.map(drop)
}
