//! Choosing a free address.

use super::{Pool, address, number, spread};
use std::net::IpAddr;

/// How many places are tried at random before the pools are walked.
const TRIES: u64 = 12;
/// Addresses are chosen among the first so many of a pool while there are free ones: people have to read them.
const WINDOW: u128 = 1 << 16;

/// An address of `pools` that is not in use, or `None` if all are.
///
/// `taken` says whether one is in use; `used` lists those in use within a range, in order, and is asked only when chance has
/// failed: then the first gap is found in one walk over what is in use, however large the pools are. `seed` makes the choice
/// repeatable, so that a transaction that runs again asks for the same.
pub fn pick<I: Iterator<Item = IpAddr>>(
    pools: &[Pool],
    seed: &str,
    mut taken: impl FnMut(IpAddr) -> bool,
    used: impl Fn(IpAddr, IpAddr) -> I,
) -> Option<IpAddr> {
    let total = pools.iter().map(Pool::size).fold(0, u128::saturating_add).min(WINDOW);
    if total == 0 {
        return None;
    }
    for step in 0..TRIES {
        let candidate = nth(pools, u128::from(spread(seed, step)) % total)?;
        if !taken(candidate) {
            return Some(candidate);
        }
    }
    pools.iter().find_map(|pool| first_gap(pool, used(pool.start, pool.end)))
}

/// The address at a position, counting through all pools.
fn nth(pools: &[Pool], mut at: u128) -> Option<IpAddr> {
    for pool in pools {
        if at < pool.size() {
            return Some(address(number(pool.start) + at, pool.start));
        }
        at -= pool.size();
    }
    None
}

fn first_gap(pool: &Pool, used: impl Iterator<Item = IpAddr>) -> Option<IpAddr> {
    let mut free = number(pool.start);
    for address in used {
        if number(address) > free {
            break;
        }
        free = number(address).checked_add(1)?;
    }
    (free <= number(pool.end)).then(|| address(free, pool.start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn choose(pools: &[Pool], used: &BTreeSet<IpAddr>, seed: &str) -> Option<IpAddr> {
        pick(pools, seed, |a| used.contains(&a), |from, to| used.range(from..=to).copied())
    }

    /// Pools of one /24 that do not overlap, from cut points.
    fn pools(cuts: &BTreeSet<u8>) -> Vec<Pool> {
        let cuts: Vec<_> = cuts.iter().copied().collect();
        let ip = |n: u8| IpAddr::from([10, 0, 0, n]);
        cuts.chunks_exact(2).map(|c| Pool { start: ip(c[0]), end: ip(c[1]) }).collect()
    }

    proptest! {
        /// Every address of the pools is given out exactly once, whatever was in use before; then there is none.
        #[test]
        fn all_are_given_once(
            cuts in proptest::collection::btree_set(1u8..254, 2..9),
            before in proptest::collection::btree_set(1u8..254, 0..100),
            seed in "[a-f0-9]{8}",
        ) {
            let pools = pools(&cuts);
            let mut used: BTreeSet<_> = before.into_iter().map(|n| IpAddr::from([10, 0, 0, n])).collect();
            let free = (0..=255u8).map(|n| IpAddr::from([10, 0, 0, n]))
                .filter(|a| pools.iter().any(|p| p.contains(*a)) && !used.contains(a)).count();
            for n in 0..free {
                let got = choose(&pools, &used, &format!("{seed}{n}")).expect("there are free ones left");
                prop_assert!(pools.iter().any(|p| p.contains(got)), "{got} is in no pool");
                prop_assert!(used.insert(got), "{got} was given out twice");
            }
            prop_assert_eq!(choose(&pools, &used, &seed), None);
        }
    }

    #[test]
    fn the_same_seed_chooses_the_same_and_large_pools_cost_nothing() {
        let pool = [Pool { start: "fd00::2".parse().unwrap(), end: "fd00::ffff:ffff:ffff:ffff".parse().unwrap() }];
        let mut used = BTreeSet::new();
        let first = choose(&pool, &used, "a").unwrap();
        assert_eq!(choose(&pool, &used, "a"), Some(first));
        assert!(number(first) - number(pool[0].start) < WINDOW);
        used.insert(first);
        assert_ne!(choose(&pool, &used, "a"), Some(first));
        assert_eq!(choose(&[], &used, "a"), None);
    }
}
