use super::{fitting_mtu, known_zones, only_default, open_to_all};
use crate::{
    Network as Service,
    error::NetError,
    model::{Network, QosPolicyId, SegmentId, Standard, quota, rbac::Action, segment, segment::Segment, segment_range},
    ops::{
        access::Reach,
        common::{Asked, Env, Guard, create_all},
        qos, security_group,
    },
    policy::network as rules,
};
use kernel::{Ctx, NetworkId, ProjectId, Result};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};
use store::Tx;

/// A network asked for, with what the API fills in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewNetwork {
    pub name: String,
    pub description: String,
    pub admin_state_up: bool,
    pub shared: bool,
    #[serde(rename = "router:external")]
    pub external: bool,
    pub is_default: bool,
    pub mtu: Option<u32>,
    pub port_security_enabled: bool,
    pub dns_domain: String,
    pub availability_zone_hints: Vec<String>,
    pub qos_policy_id: Option<QosPolicyId>,
    #[serde(flatten)]
    pub provider: segment::Wanted,
    /// Several, instead of the one above.
    pub segments: Option<Vec<segment::Wanted>>,
}

impl Default for NewNetwork {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            admin_state_up: true,
            shared: false,
            external: false,
            is_default: false,
            mtu: None,
            port_security_enabled: true,
            dns_domain: String::new(),
            availability_zone_hints: Vec::new(),
            qos_policy_id: None,
            provider: segment::Wanted::default(),
            segments: None,
        }
    }
}

/// Makes networks, all or none.
pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewNetwork>>) -> Result<Vec<Arc<Network>>> {
    for one in &asked {
        known_zones(&one.body.availability_zone_hints, net.settings())?;
    }
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    let reach = Reach::of(cx);
    create_all(net, cx, guard, "network.network.create", asked, move |tx, env, one| {
        insert(tx, env, &reach, &NetworkId::new(), &one.project, &one.body)
    })
    .await
}

/// Writes a network with all it claims.
pub(crate) fn insert(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    id: &NetworkId,
    project: &ProjectId,
    new: &NewNetwork,
) -> Result<Arc<Network>> {
    quota::claim(tx, project, "network", 1)?;
    security_group::ensure_default(tx, env, project)?;
    let segments = segments(tx, env, id, project, new)?;
    let most = segments.iter().map(|s| s.mtu(&env.settings)).min().unwrap_or(env.settings.physical_mtu);
    let qos = match &new.qos_policy_id {
        Some(policy) => {
            qos::refer(tx, reach, None, Some(policy), qos::Holder::Network(id), env.enforced)?;
            Some(policy.clone())
        }
        None => qos::default_policy(tx, project),
    };
    if new.is_default {
        only_default(tx, id)?;
    }
    let network = Network {
        id: id.clone(),
        standard: Standard::new(project, &new.description, env.now),
        name: new.name.clone(),
        admin_up: new.admin_state_up,
        external: new.external,
        is_default: new.external && new.is_default,
        mtu: fitting_mtu(new.mtu, most)?,
        port_security: new.port_security_enabled,
        dns_domain: new.dns_domain.clone(),
        zone_hints: new.availability_zone_hints.clone(),
        segments,
        subnets: Vec::new(),
        metadata_port: None,
        qos,
        not_served_by: BTreeSet::new(),
        deleting: false,
    };
    if new.shared {
        open_to_all(tx, &network, Action::Shared, env.now)?;
    }
    if new.external {
        open_to_all(tx, &network, Action::External, env.now)?;
    }
    Ok(tx.put(network))
}

/// Claims the segments asked for, or one of the usual kind.
fn segments(tx: &mut Tx, env: &Env, id: &NetworkId, project: &ProjectId, new: &NewNetwork) -> Result<Vec<Segment>> {
    let single = std::slice::from_ref(&new.provider);
    let wanted = match &new.segments {
        Some(_) if new.provider != segment::Wanted::default() => {
            let text = "Plural segments and singular provider attributes cannot be set together";
            return Err(NetError::request(text).into());
        }
        Some(several) if !several.is_empty() => several,
        _ => single,
    };
    let usual = segment_range::overlay_of(tx.view(), project);
    let mut segments: Vec<Segment> = Vec::new();
    for wanted in wanted {
        let claimed = segment::claim(tx, wanted.resolve(&env.settings, usual)?, id, project, &env.settings)?;
        claimed.ensure_not_among(&segments)?;
        segments.push(Segment { id: SegmentId::new(), standard: Standard::new(project, "", env.now), ..claimed });
    }
    Ok(segments)
}
