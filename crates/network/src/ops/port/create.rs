use super::{
    OptionAsked, PairAsked, address, address::AskedIp, extras::ExtrasAsked, full_pairs, laid_over, mac, usable_groups,
};
use crate::{
    Network as Service,
    error::NetError,
    model::{Network, Port, QosPolicyId, Resource, Router, Standard, port::Binding, port::owner, quota},
    ops::{
        access::{On, Reach, authorize, see},
        common::{Asked, Env, write_all},
        qos, security_group,
    },
    policy::port as rules,
};
use ::ports::network::NicLimits;
use kernel::{Ctx, HostName, NetworkId, PortId, ProjectId, Result, SecurityGroupId};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};
use store::{Snapshot, Tx};

/// A port asked for, with what the API fills in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct NewPort {
    pub name: String,
    pub description: String,
    pub network_id: NetworkId,
    pub admin_state_up: bool,
    pub mac_address: Option<String>,
    pub fixed_ips: Option<Vec<AskedIp>>,
    pub device_id: String,
    pub device_owner: String,
    pub security_groups: Option<Vec<SecurityGroupId>>,
    pub port_security_enabled: Option<bool>,
    pub allowed_address_pairs: Option<Vec<PairAsked>>,
    pub extra_dhcp_opts: Option<Vec<OptionAsked>>,
    pub dns_name: String,
    #[serde(rename = "binding:host_id")]
    pub host: Option<HostName>,
    #[serde(rename = "binding:vnic_type")]
    pub vnic_type: String,
    #[serde(rename = "binding:profile")]
    pub profile: Option<Map<String, Value>>,
    pub qos_policy_id: Option<QosPolicyId>,
    pub tags: BTreeSet<String>,
    #[serde(flatten)]
    pub extras: ExtrasAsked,
    /// Not a client's: made for its server, and where among its interfaces.
    #[serde(skip)]
    pub made_for_server: bool,
    #[serde(skip)]
    pub nic: u32,
    #[serde(skip)]
    pub limits: NicLimits,
}

impl Default for NewPort {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            network_id: NetworkId::default(),
            admin_state_up: true,
            mac_address: None,
            fixed_ips: None,
            device_id: String::new(),
            device_owner: String::new(),
            security_groups: None,
            port_security_enabled: None,
            allowed_address_pairs: None,
            extra_dhcp_opts: None,
            dns_name: String::new(),
            host: None,
            vnic_type: "normal".to_owned(),
            profile: None,
            qos_policy_id: None,
            tags: BTreeSet::new(),
            extras: ExtrasAsked::default(),
            made_for_server: false,
            nic: 0,
            limits: NicLimits::default(),
        }
    }
}

impl NewPort {
    pub fn on(network: &NetworkId) -> Self {
        Self { network_id: network.clone(), ..Self::default() }
    }
}

/// Makes ports, all or none.
pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewPort>>) -> Result<Vec<Arc<Port>>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    for one in &asked {
        let _permit = may_create(cx, &snapshot, &reach, one)?;
        check(&one.body, net)?;
    }
    write_all(net, "network.port.create", asked, move |tx, env, one| {
        ensure_own_router(tx, &reach, &one.project, &one.body.device_owner, &one.body.device_id)?;
        insert_for(tx, env, &PortId::new(), &one.project, &one.body, &reach)
    })
    .await
}

fn may_create(cx: &Ctx, snapshot: &Snapshot, reach: &Reach, asked: &Asked<NewPort>) -> Result<policy::Permit> {
    let network = see::<Network>(cx, snapshot, reach, &asked.body.network_id)?;
    let (network, device_owner) = (Some(network.id.as_str()), Some(asked.body.device_owner.as_str()));
    let on = On { network, device_owner, ..On::new(snapshot, reach, &asked.project) };
    authorize(cx, rules::ALL, &rules::CREATE, &asked.set, &on)
}

fn check(new: &NewPort, net: &Service) -> Result<()> {
    let quota = net.settings().max_allowed_address_pairs;
    if new.allowed_address_pairs.as_ref().is_some_and(|pairs| pairs.len() > quota) {
        return Err(NetError::AllowedAddressPairExhausted { quota }.into());
    }
    Ok(())
}

/// A port may not pretend to be another project's router's.
pub(crate) fn ensure_own_router(
    tx: &mut Tx,
    reach: &Reach,
    project: &ProjectId,
    device_owner: &str,
    device: &str,
) -> Result<()> {
    if device_owner != owner::ROUTER_INTERFACE || reach.admin || device.is_empty() {
        return Ok(());
    }
    match tx.get::<Router>(device) {
        Some(router) if router.project() != project => {
            Err(NetError::DeviceIDNotOwnedByTenant { device: device.to_owned() }.into())
        }
        _ => Ok(()),
    }
}

/// Writes a port of the service's own or of another service's, with all it claims.
pub(crate) fn insert(tx: &mut Tx, env: &Env, id: &PortId, project: &ProjectId, new: &NewPort) -> Result<Arc<Port>> {
    insert_for(tx, env, id, project, new, &Reach::everything())
}

/// The same on behalf of somebody, who may use only some groups.
pub(crate) fn insert_for(
    tx: &mut Tx,
    env: &Env,
    id: &PortId,
    project: &ProjectId,
    new: &NewPort,
    reach: &Reach,
) -> Result<Arc<Port>> {
    let network = tx.get::<Network>(&new.network_id).ok_or_else(|| Network::not_found(&new.network_id))?;
    if network.deleting {
        return Err(NetError::Deleting { what: "network", id: network.id.to_string() }.into());
    }
    quota::claim(tx, project, "port", 1)?;
    let mac = mac::claim(tx, env, &network.id, id, new.mac_address.as_deref())?;
    let fixed_ips = address::assign(tx, &network, id, &mac, &new.device_owner, new.fixed_ips.as_deref())?;
    let trusted = Port::is_trusted(&new.device_owner);
    let port_security = !trusted && new.port_security_enabled.unwrap_or(network.port_security);
    let pairs = new.allowed_address_pairs.as_deref().unwrap_or_default();
    if !pairs.is_empty() && !port_security {
        return Err(NetError::AddressPairAndPortSecurityRequired.into());
    }
    let security_groups = groups(tx, env, project, new, port_security, reach)?;
    qos::refer(tx, reach, None, new.qos_policy_id.as_ref(), qos::Holder::Port(id), env.enforced)?;
    let mut standard = Standard::new(project, &new.description, env.now);
    standard.tags.clone_from(&new.tags);
    Ok(tx.put(Port {
        id: id.clone(),
        standard,
        name: new.name.clone(),
        network: network.id.clone(),
        admin_up: new.admin_state_up,
        allowed_pairs: full_pairs(pairs, &mac),
        mac,
        fixed_ips,
        device_id: new.device_id.clone(),
        device_owner: new.device_owner.clone(),
        security_groups,
        port_security,
        dhcp_options: laid_over(&[], new.extra_dhcp_opts.as_deref().unwrap_or_default()),
        dns_name: new.dns_name.clone(),
        binding: Binding {
            host: new.host.clone().filter(|h| !h.is_empty()),
            vnic_type: new.vnic_type.clone(),
            profile: new.profile.clone().unwrap_or_default(),
        },
        plugged: false,
        made_for_server: new.made_for_server,
        nic: new.nic,
        floating_ips: BTreeSet::new(),
        trunk: None,
        waiting: Default::default(),
        forwardings: BTreeSet::new(),
        qos: new.qos_policy_id.clone(),
        limits: new.limits,
        extras: new.extras.made(),
    }))
}

/// The groups asked for, or the project's default one.
fn groups(
    tx: &mut Tx,
    env: &Env,
    project: &ProjectId,
    new: &NewPort,
    port_security: bool,
    reach: &Reach,
) -> Result<BTreeSet<SecurityGroupId>> {
    if Port::is_trusted(&new.device_owner) {
        return Ok(BTreeSet::new());
    }
    match &new.security_groups {
        Some(asked) if !port_security && !asked.is_empty() => {
            Err(NetError::PortSecurityAndIPRequiredForSecurityGroups.into())
        }
        Some(asked) => usable_groups(tx, project, asked, reach),
        None if port_security && !project.is_empty() => Ok([security_group::ensure_default(tx, env, project)?].into()),
        None => Ok(BTreeSet::new()),
    }
}
