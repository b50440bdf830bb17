//! What each microversion changed of what is served here. Those not named changed what is not (yet).

use kernel::{Microversion, Timestamp};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

pub const MIN: Microversion = Microversion::new(1, 0);
pub const MAX: Microversion = Microversion::new(1, 39);

pub const HISTORY: &[(u16, &str)] = &[
    (1, "aggregates of resource providers"),
    (2, "resource classes"),
    (3, "member_of when listing resource providers"),
    (4, "resources when listing resource providers"),
    (6, "traits"),
    (9, "usages of a project"),
    (10, "allocation candidates"),
    (11, "the link `allocations` of resource providers"),
    (12, "allocations name project and user; candidates are keyed by provider"),
    (14, "parent and root of resource providers; in_tree"),
    (15, "last-modified and cache-control"),
    (16, "limit of allocation candidates"),
    (17, "required traits of candidates; traits in their summaries"),
    (18, "required traits when listing resource providers"),
    (19, "aggregates name the provider's generation"),
    (21, "member_of of candidates"),
    (22, "forbidden traits"),
    (23, "codes in faults"),
    (24, "member_of may be repeated"),
    (25, "group_policy of candidates"),
    (27, "summaries of candidates show all resource classes"),
    (28, "generations of consumers"),
    (29, "parent and root in summaries of candidates"),
    (31, "in_tree of candidates"),
    (34, "mappings of candidates"),
    (38, "types of consumers; usages by type"),
    (39, "any of several traits: in:"),
];

const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// RFC 9110 §5.6.7
pub(crate) fn http_date(at: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(DATE).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(Timestamp::from_secs(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
