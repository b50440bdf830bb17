//! Segments of networks, which are kept with the network. The first is the one that its frames travel on.

use crate::{
    Network as Service,
    error::NetError,
    model::{
        Network, Resource, SegmentId, Standard, Subnet,
        segment::{self, Segment, Wanted},
    },
    ops::common::{Env, take},
    policy::segment as rules,
};
use kernel::{Ctx, NetworkId, Result};
use policy::Authorize;
use serde::Deserialize;
use std::sync::Arc;
use store::{Snapshot, Tx};

/// A segment and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    pub id: SegmentId,
    pub network: Arc<Network>,
    pub segment: Segment,
}

/// Those of a network.
pub fn of(network: &Arc<Network>) -> impl Iterator<Item = Placed> {
    network.segments.iter().map(|segment| Placed {
        id: network.segment_id(segment),
        network: Arc::clone(network),
        segment: segment.clone(),
    })
}

pub fn find(snapshot: &Snapshot, id: &str) -> Option<Placed> {
    let network = snapshot.by(Network::BY_SEGMENT, id).next()?;
    of(&network).find(|placed| *placed.id == *id)
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewSegment {
    pub network_id: NetworkId,
    pub network_type: String,
    pub physical_network: Option<String>,
    pub segmentation_id: Option<u32>,
    pub name: Option<String>,
    pub description: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SegmentChanges {
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub name: Option<Option<String>>,
    pub description: Option<String>,
}

pub async fn create(net: &Service, cx: &Ctx, new: NewSegment) -> Result<Placed> {
    let _permit = cx.authorize(&rules::CREATE, &())?;
    let env = net.env();
    net.store().transact("network.segment.create", move |tx| insert(tx, &env, &new)).await
}

fn insert(tx: &mut Tx, env: &Env, new: &NewSegment) -> Result<Placed> {
    let of = tx.get::<Network>(&new.network_id).ok_or_else(|| Network::not_found(&new.network_id))?;
    let wanted = Wanted {
        kind: Some(new.network_type.clone()),
        physical: new.physical_network.clone(),
        number: new.segmentation_id,
    };
    let resolved = wanted.resolve(&env.settings, segment::SegmentKind::Geneve)?;
    let claimed = segment::claim(tx, resolved, &of.id, of.project(), &env.settings)?;
    claimed.ensure_not_among(&of.segments)?;
    let description = new.description.as_deref().unwrap_or_default();
    let standard = Standard::new(of.project(), description, env.now);
    let made = Segment { id: SegmentId::new(), standard, name: new.name.clone(), ..claimed };
    let mut network = Network::clone(&of);
    network.segments.push(made.clone());
    network.standard.touch(env.now);
    Ok(Placed { id: made.id.clone(), network: tx.put(network), segment: made })
}

/// The network of a segment, and where in it the segment is; read so that a change of it conflicts.
fn located(tx: &mut Tx, id: &str) -> Result<(Network, usize)> {
    let not_found = || NetError::SegmentNotFound { id: id.to_owned() };
    let network = find(tx.view(), id).ok_or_else(not_found)?.network.id.clone();
    let network = tx.get::<Network>(&network).ok_or_else(not_found)?;
    let at = network.segments.iter().position(|s| *network.segment_id(s) == *id).ok_or_else(not_found)?;
    Ok((Network::clone(&network), at))
}

pub async fn update(net: &Service, cx: &Ctx, id: &str, changes: SegmentChanges) -> Result<Placed> {
    let _permit = cx.authorize(&rules::UPDATE, &())?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.segment.update", move |tx| {
            let (mut network, at) = located(tx, &id)?;
            let segment = network.segments.get_mut(at).ok_or_else(|| NetError::SegmentNotFound { id: id.clone() })?;
            take(&mut segment.name, &changes.name);
            take(&mut segment.standard.description, &changes.description);
            segment.standard.touch(now);
            let segment = segment.clone();
            Ok(Placed { id: id.as_str().into(), network: tx.put(network), segment })
        })
        .await
}

/// All but the first may go, unless a subnet is on it.
pub async fn delete(net: &Service, cx: &Ctx, id: &str) -> Result<()> {
    let _permit = cx.authorize(&rules::DELETE, &())?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.segment.delete", move |tx| {
            let (mut network, at) = located(tx, &id)?;
            let in_use =
                |reason: &str| Err(NetError::SegmentInUse { id: id.clone(), reason: reason.to_owned() }.into());
            let subnets: Vec<_> = network.subnets.iter().filter_map(|s| tx.get::<Subnet>(s)).collect();
            if subnets.iter().any(|s| s.segment.as_deref() == Some(&id)) {
                return in_use("The segment is still associated with subnet(s)");
            }
            if at == 0 {
                return in_use("The frames of its network travel on it");
            }
            network.segments.remove(at).release(tx, &network.id);
            network.standard.touch(now);
            tx.put(network);
            Ok(())
        })
        .await
}
