//! Pools: what hosts report, and which one a new volume goes to.

use crate::{
    VolumeService, capabilities,
    driver::PoolStats,
    model::{Volume, VolumePool, VolumeType},
};
use kernel::{Error, HostName, Result, VolumeId};
use store::{Snapshot as View, Tx};

/// One pool of a host that has just connected.
#[derive(Clone, Debug)]
pub struct PoolReport {
    pub host: HostName,
    pub backend: String,
    pub availability_zone: String,
    pub stats: PoolStats,
}

impl PoolReport {
    pub(crate) fn name(&self) -> String {
        format!("{}@{}#{}", self.host, self.backend, self.stats.pool)
    }
}

impl VolumeService {
    /// Takes what a host reports; writes only what changed.
    pub async fn report_pools(&self, reports: Vec<PoolReport>) -> Result<()> {
        let write = move |tx: &mut Tx| {
            for report in &reports {
                let pool = VolumePool {
                    name: report.name(),
                    host: report.host.clone(),
                    backend: report.backend.clone(),
                    availability_zone: report.availability_zone.clone(),
                    stats: report.stats.clone(),
                };
                if tx.get::<VolumePool>(&pool.name).is_none_or(|known| *known != pool) {
                    tx.put(pool);
                }
            }
            Ok(())
        };
        self.0.store.transact("volume.pool.report", write).await
    }
}

/// What a volume asks of a pool.
pub(crate) struct PoolRequest<'a> {
    pub(crate) size_gib: u64,
    pub(crate) zone: Option<&'a str>,
    pub(crate) volume_type: Option<&'a VolumeType>,
    /// Only this one: a clone or a restored snapshot lies with its source.
    pub(crate) only: Option<&'a str>,
    /// Who asks; a volume that is bound to its source's pool counts there already.
    pub(crate) asking: &'a VolumeId,
}

/// Chooses a pool, purely: of the connected ones that fit, the one with most room left. The refusal says for each why not.
pub(crate) fn choose(
    view: &View,
    connected: impl Fn(&HostName) -> bool,
    request: &PoolRequest<'_>,
) -> Result<std::sync::Arc<VolumePool>> {
    let mut refusals = Vec::new();
    let mut best: Option<(i64, std::sync::Arc<VolumePool>)> = None;
    for pool in view.all::<VolumePool>() {
        match unfit(view, &pool, &connected, request) {
            Some(why) => refusals.push(format!("{}: {why}", pool.name)),
            None => {
                let room = room_gib(view, &pool, Some(request.asking));
                if best.as_ref().is_none_or(|(most, _)| room > *most) {
                    best = Some((room, pool));
                }
            }
        }
    }
    best.map(|(_, pool)| pool).ok_or_else(|| {
        let why = if refusals.is_empty() { "no host offers a pool".to_owned() } else { refusals.join("; ") };
        Error::conflict(format!("No valid backend was found: {why}"))
    })
}

/// Why a pool does not do.
pub(crate) fn unfit(
    view: &View,
    pool: &VolumePool,
    connected: &impl Fn(&HostName) -> bool,
    request: &PoolRequest<'_>,
) -> Option<String> {
    if request.only.is_some_and(|only| only != pool.name) {
        return Some("its source lies elsewhere".into());
    }
    if let Some(why) = request.volume_type.and_then(|t| capabilities::missing(pool, &t.extra_specs)) {
        return Some(why);
    }
    if request.zone.is_some_and(|zone| zone != pool.availability_zone) {
        return Some(format!("it is in zone {}", pool.availability_zone));
    }
    if let Some(why) = crate::ops::services::closed(view, pool) {
        return Some(why.into());
    }
    if !connected(&pool.host) {
        return Some("its host is not connected".into());
    }
    let room = room_gib(view, pool, Some(request.asking));
    let wanted = i64::try_from(request.size_gib).unwrap_or(i64::MAX);
    (room < wanted).then(|| format!("{room} GiB are left of {} GiB", pool.stats.total_mib / 1024))
}

/// How far thin pools may promise more than they have (Cinder's `max_over_subscription_ratio` is 20).
const OVER_SUBSCRIPTION: u64 = 20;

/// GiB that volumes on a pool were promised.
pub(crate) fn promised_gib(view: &View, pool: &VolumePool) -> u64 {
    view.by(Volume::BY_POOL, &pool.name).map(|v| v.size_gib).sum()
}

/// What may still be promised, but for what is promised to one.
pub(crate) fn room_gib(view: &View, pool: &VolumePool, but: Option<&VolumeId>) -> i64 {
    let others = view.by(Volume::BY_POOL, &pool.name).filter(|v| Some(&v.id) != but);
    let promised: u64 = others.map(|v| v.size_gib).sum();
    let factor = if pool.stats.thin { OVER_SUBSCRIPTION } else { 1 };
    let gib = |mib: u64| i64::try_from(mib / 1024 * factor).unwrap_or(i64::MAX);
    let unpromised = gib(pool.stats.total_mib) - i64::try_from(promised).unwrap_or(i64::MAX);
    // What others have written on the same disk counts, too.
    unpromised.min(gib(pool.stats.free_mib))
}
