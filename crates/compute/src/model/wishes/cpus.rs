//! Sockets, cores and threads.
//!
//! Of all ways to make up the flavor's number of processors within the limits, the one that has most of what is preferred; among equals,
//! few threads and many sockets.
//!
//! | | set by the flavor | set by the image |
//! |---|---|---|
//! | limits (`cpu_max_*`) | hold | may only be lower than the flavor's |
//! | preferences (`cpu_*`) | count if the image has none, and if they are within the limits | must be within the limits |

use super::{Asked, Result, WishError, image::number, is_yes};
use crate::driver::Package;
use std::collections::BTreeSet;

/// Without a limit.
const ANY: i64 = 65_536;

/// Sockets, cores, threads; 0: not said.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Three([i64; 3]);

const NAMES: [&str; 3] = ["sockets", "cores", "threads"];

impl Three {
    fn exceeds(self, other: Self) -> bool {
        self.0.iter().zip(other.0).any(|(mine, most)| *mine > most)
    }

    fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| if self.0[at] == 0 { other.0[at] } else { self.0[at] }))
    }

    fn is_unsaid(self) -> bool {
        self.0 == [0; 3]
    }

    fn words(self) -> String {
        let [sockets, cores, threads] = self.0;
        format!("sockets={sockets}, cores={cores}, threads={threads}")
    }
}

/// How the processors of a guest are put together.
pub(super) struct Cpus {
    pub package: Package,
    pub most_sockets: Option<u32>,
}

pub(super) fn best(asked: &Asked<'_>) -> Result<Cpus> {
    let (preferred, most) = constraints(asked)?;
    let vcpus = i64::from(asked.flavor.vcpus.max(1));
    let within = Three(most.0.map(|limit| limit.min(vcpus)));
    let score = |three: &Three| three.0.iter().zip(preferred.0).filter(|(is, wish)| *wish != 0 && *is == wish).count();
    let key = |three: &Three| {
        let [sockets, cores, threads] = three.0;
        (score(three), sockets * cores, sockets, threads)
    };
    let best = possible(vcpus, within).max_by_key(key);
    let Three([_, cores, threads]) = best.ok_or_else(|| {
        let [sockets, cores, threads] = within.0;
        WishError::Impossible(format!("{sockets}:{cores}:{threads}"), asked.flavor.vcpus)
    })?;
    let count = |n: i64| u32::try_from(n).unwrap_or(1);
    let package = Package { cores: count(cores), threads: count(threads) };
    Ok(Cpus { package, most_sockets: (most.0[0] < ANY).then(|| count(most.0[0])) })
}

fn possible(vcpus: i64, within: Three) -> impl Iterator<Item = Three> {
    let [sockets, cores, threads] = within.0;
    let parts = (1..=sockets).filter(move |s| vcpus % s == 0);
    parts.flat_map(move |s| {
        let rest = vcpus / s;
        let parts = (1..=cores).filter(move |c| rest % c == 0);
        parts.map(move |c| Three([s, c, rest / c])).filter(move |three| three.0[2] <= threads)
    })
}

/// What is preferred, and the limits.
fn constraints(asked: &Asked<'_>) -> Result<(Three, Three)> {
    let (flavor_most, image_most) = (of_flavor(asked, "cpu_max_")?, of_image(asked, "cpu_max_")?);
    if image_most.exceeds(flavor_most.or(Three([i64::MAX; 3]))) {
        return Err(WishError::LimitsExceed { image: image_most.words(), flavor: flavor_most.words() });
    }
    let most = image_most.or(flavor_most).or(Three([ANY; 3]));
    let (mut flavor, image) = (of_flavor(asked, "cpu_")?, of_image(asked, "cpu_")?);
    if flavor.exceeds(most) {
        // The image has lowered the limits: then the flavor prefers nothing.
        flavor = Three([0; 3]);
    }
    if image.exceeds(most) {
        return Err(WishError::TopologyExceeds { image: image.words(), most: most.words() });
    }
    // One word of the image's is all of its word.
    Ok((if image.is_unsaid() { flavor } else { image }, most))
}

fn of_flavor(asked: &Asked<'_>, prefix: &str) -> Result<Three> {
    let mut three = Three([0; 3]);
    for (value, name) in three.0.iter_mut().zip(NAMES) {
        let Some(text) = asked.spec(&format!("{prefix}{name}")) else { continue };
        *value = text.trim().parse().map_err(|_| WishError::FlavorNumber(text.to_owned()))?;
    }
    Ok(three)
}

fn of_image(asked: &Asked<'_>, prefix: &str) -> Result<Three> {
    let mut three = Three([0; 3]);
    for (value, name) in three.0.iter_mut().zip(NAMES) {
        *value = asked.property(&format!("{prefix}{name}")).map_or(Ok(0), number)?;
    }
    Ok(three)
}

/// What may be asked of processors that are never kept waiting; and of the emulator's own threads.
pub(super) fn realtime(asked: &Asked<'_>) -> Result<Option<BTreeSet<u32>>> {
    let emulator = match asked.spec("emulator_threads_policy").filter(|p| !p.is_empty()) {
        None => None,
        Some(policy @ ("share" | "isolate")) => Some(policy),
        Some(other) => return Err(WishError::EmulatorThreads(other.to_owned())),
    };
    let policy = asked.spec("cpu_policy").or(asked.property("cpu_policy"));
    let pinned = matches!(policy, Some("dedicated" | "mixed"))
        || asked.extra("resources:PCPU").is_some_and(|n| n.parse().is_ok_and(|n: u64| n > 0));
    if emulator == Some("isolate") && !pinned {
        return Err(WishError::EmulatorThreadsUnpinned);
    }
    if !asked.spec("cpu_realtime").is_some_and(is_yes) {
        return Ok(None);
    }
    let all: BTreeSet<u32> = (0..asked.flavor.vcpus).collect();
    let mask = asked.property("cpu_realtime_mask").or(asked.spec("cpu_realtime_mask")).filter(|m| !m.is_empty());
    let chosen = match mask {
        None => all.clone(),
        Some(mask) => kernel::cpu_list::parse(mask).ok_or(WishError::RealtimeMask)?.of(all.clone()),
    };
    if chosen.is_empty() || chosen == all && emulator.is_none() {
        return Err(WishError::RealtimeMask);
    }
    if !chosen.is_subset(&all) {
        return Err(WishError::RealtimeSubset);
    }
    if !pinned {
        return Err(WishError::RealtimeUnpinned);
    }
    Ok(Some(chosen))
}
