//! What the database holds of ours, and whether it is still as we wrote it.

use super::{
    dhcp,
    draft::{self, At},
    plan::{edges_of, rows_of},
    tables::{self, DHCP, DIGEST, IDS, KEY, ROWS, SWITCH_PORT},
};
use crate::ovsdb::Replica;
use network::driver::LogicalKey;
use std::collections::{BTreeMap, BTreeSet};

/// Every object by key with the digest it was put with; another number if any of its rows was changed, added or taken away.
pub fn dump(replica: &Replica) -> BTreeMap<LogicalKey, u64> {
    let keys = tables::TABLES.iter().flat_map(|t| replica.rows(t.name)).filter_map(|(_, row)| row.entry(IDS, KEY));
    let keys: BTreeSet<&str> = keys.collect();
    keys.into_iter().filter_map(|key| Some((key.parse().ok()?, digest(replica, key)))).collect()
}

fn digest(replica: &Replica, key: &str) -> u64 {
    let rows = rows_of(replica, key);
    let main = rows.iter().find_map(|at| {
        let row = replica.row(at.table, at.uuid)?;
        Some((*at, row, u64::from_str_radix(row.entry(IDS, DIGEST)?, 16).ok()?))
    });
    let Some((at, row, digest)) = main else { return 0 };
    let intact = row.entry(IDS, ROWS) == Some(&sum(replica, &rows))
        && (at.table != SWITCH_PORT || dhcp::is_settled(row, replica));
    if intact { digest } else { !digest }
}

fn sum(replica: &Replica, rows: &[At]) -> String {
    let is_port = rows.iter().any(|at| at.table == SWITCH_PORT);
    // A port's own DHCP rows are derived, and checked by `dhcp::is_settled`.
    let rows: Vec<_> = rows.iter().filter(|at| !(is_port && at.table == DHCP)).collect();
    let edges = rows.iter().flat_map(|at| edges_of(replica, **at)).collect();
    let values = rows.iter().filter_map(|at| {
        let row = replica.row(at.table, at.uuid)?;
        Some((**at, draft::canonical(at.table, |column| row.get(column).cloned())))
    });
    draft::sum(values, &edges)
}
