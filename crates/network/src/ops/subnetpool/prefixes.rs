//! Prefixes that come into a pool and leave it, and subnets that a pool takes over with theirs.

use super::update::grown;
use crate::{
    Network as Service,
    error::NetError,
    model::{Network, Resource, Subnet, SubnetPool, subnetpool::joined},
    ops::{
        access::{Reach, Set, see},
        address_scope::{join, may_change_pool},
        common::{Of, update_one},
    },
    policy::subnetpool as rules,
};
use ipnet::IpNet;
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::Tx;

/// Adds prefixes. Those that overlap become one.
pub async fn add(net: &Service, cx: &Ctx, id: &str, given: Vec<IpNet>) -> Result<Arc<SubnetPool>> {
    let reach = Reach::of(cx);
    let of = Of { id, rule: &rules::ADD_PREFIXES, label: "network.subnetpool.add_prefixes", expect: None };
    update_one::<SubnetPool>(net, cx, of, &Set::default(), move |tx, _, pool| extend(tx, &reach, pool, &given)).await
}

fn extend(tx: &mut Tx, reach: &Reach, pool: &mut SubnetPool, more: &[IpNet]) -> Result<()> {
    let old = pool.clone();
    let all: Vec<_> = old.prefixes.iter().chain(more).copied().collect();
    pool.prefixes = grown(&old, &all)?;
    may_change_pool(tx, reach, &old, pool)?;
    if pool.prefixes == old.prefixes { Ok(()) } else { join(tx, reach, pool) }
}

/// Removes prefixes, or parts of them, that no subnet is from.
pub async fn remove(net: &Service, cx: &Ctx, id: &str, given: Vec<IpNet>) -> Result<Arc<SubnetPool>> {
    let of = Of { id, rule: &rules::REMOVE_PREFIXES, label: "network.subnetpool.remove_prefixes", expect: None };
    update_one::<SubnetPool>(net, cx, of, &Set::default(), move |tx, _, pool| {
        let overlaps = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        let used = tx.by(Subnet::BY_POOL, &pool.id);
        if used.iter().any(|s| given.iter().any(|g| overlaps(g, &s.cidr))) {
            let reason = "One or more the prefixes to be removed is in use by a subnet.".to_owned();
            return Err(NetError::IllegalSubnetPoolPrefixUpdate { reason }.into());
        }
        let mut left = pool.prefixes.clone();
        for gone in &given {
            left = left.iter().flat_map(|prefix| without(prefix, gone)).collect();
        }
        // A pool without prefixes is none.
        pool.prefixes = joined(&left)?;
        // Whoever takes a subnet from the pool writes it, so that a subnet that comes meanwhile conflicts.
        pool.serial += 1;
        Ok(())
    })
    .await
}

/// What is left of a prefix without another: halves, quarters … on the way down to it.
fn without(prefix: &IpNet, gone: &IpNet) -> Vec<IpNet> {
    if gone.contains(prefix) {
        return Vec::new();
    }
    if !prefix.contains(gone) {
        return vec![*prefix];
    }
    match prefix.subnets(prefix.prefix_len() + 1) {
        Ok(halves) => halves.flat_map(|half| without(&half, gone)).collect(),
        Err(_) => Vec::new(),
    }
}

/// Takes all subnets of a network of the pool's family into the pool, their prefixes with them.
pub async fn onboard(net: &Service, cx: &Ctx, id: &str, network: &str) -> Result<Vec<Arc<Subnet>>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let network = see::<Network>(cx, &snapshot, &reach, network)?;
    if !reach.admin && !reach.is(network.project()) {
        return Err(kernel::Error::forbidden("onboarding the subnets of another project's network"));
    }
    let of = Of { id, rule: &rules::ONBOARD, label: "network.subnetpool.onboard", expect: None };
    let family = network.id.clone();
    let pool = update_one::<SubnetPool>(net, cx, of, &Set::default(), move |tx, env, pool| {
        let network = tx.get::<Network>(&family).ok_or_else(|| Network::not_found(&family))?;
        let subnets = of_family(tx, &network, pool);
        ensure_new(tx, pool, &subnets)?;
        extend(tx, &reach, pool, &subnets.iter().map(|s| s.cidr).collect::<Vec<_>>())?;
        for subnet in subnets {
            let mut subnet = Subnet::clone(&subnet);
            subnet.subnetpool = Some(pool.id.clone());
            subnet.standard.touch(env.now);
            tx.put(subnet);
        }
        tx.put(Network::clone(&network));
        Ok(())
    })
    .await?;
    let snapshot = net.store().snapshot();
    let subnets = network.subnets.iter().filter_map(|id| snapshot.get::<Subnet>(id));
    Ok(subnets.filter(|s| s.subnetpool.as_ref() == Some(&pool.id)).collect())
}

fn of_family(tx: &mut Tx, network: &Network, pool: &SubnetPool) -> Vec<Arc<Subnet>> {
    let subnets = network.subnets.iter().filter_map(|id| tx.get::<Subnet>(id));
    subnets.filter(|s| s.is_v6() == pool.is_v6()).collect()
}

/// What the pool has given out already it cannot be given.
fn ensure_new(tx: &Tx, pool: &SubnetPool, subnets: &[Arc<Subnet>]) -> Result<()> {
    let given: Vec<_> = tx.view().by(Subnet::BY_POOL, &pool.id).map(|s| s.cidr).collect();
    let meets = |s: &&Arc<Subnet>| given.iter().any(|g| g.contains(&s.cidr) || s.cidr.contains(g));
    if let Some(subnet) = subnets.iter().find(meets) {
        let reason = format!(
            "Onboarding subnet {}: {} conflicts with allocated prefixes in subnet pool {}",
            subnet.id, subnet.cidr, pool.id
        );
        return Err(NetError::IllegalSubnetPoolUpdate { reason }.into());
    }
    Ok(())
}
