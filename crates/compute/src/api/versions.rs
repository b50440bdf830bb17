//! What each microversion of Nova changed of what is served here.

use kernel::Microversion;

pub const MIN: Microversion = Microversion::new(2, 1);
pub const MAX: Microversion = Microversion::new(2, 104);

/// The changes, by minor version. Versions that are not named changed what is not served (yet), or nothing that shows.
pub const HISTORY: &[(u16, &str)] = &[
    (2, "key pairs have a type; creating answers 201, deleting 204"),
    (3, "more OS-EXT-SRV-ATTR attributes; delete_on_termination of attached volumes"),
    (5, "everybody may filter servers by ip6"),
    (6, "remote-consoles, in place of one action per kind"),
    (7, "no access lists for public flavors"),
    (9, "servers say whether they are locked"),
    (10, "administrators see key pairs of others"),
    (11, "forced_down of services"),
    (13, "server groups name project and user"),
    (15, "soft affinity and anti-affinity"),
    (16, "host_status of servers"),
    (19, "descriptions of servers"),
    (21, "actions of deleted servers"),
    (23, "types of migrations"),
    (26, "tags of servers"),
    (27, "the header OpenStack-API-Version"),
    (28, "cpu_info of hypervisors is an object"),
    (32, "tags of devices when creating a server"),
    (33, "pages of hypervisors; no tags of volumes when creating a server"),
    (35, "pages of key pairs"),
    (36, "no proxies to other services; no network quotas"),
    (37, "networks auto and none; networks are named when creating a server"),
    (38, "an invalid status is refused when listing servers"),
    (39, "no limit on image metadata"),
    (40, "pages of usage"),
    (41, "aggregates have a UUID"),
    (42, "tags of devices again"),
    (45, "createImage answers with the image's id"),
    (46, "the header X-OpenStack-Request-ID"),
    (47, "a server's flavor is shown whole"),
    (49, "tags of attached volumes and interfaces"),
    (50, "server group quotas in quota classes; no network quotas there"),
    (51, "volume-extended; events of actions for everybody"),
    (52, "tags when creating a server"),
    (53, "services and hypervisors are known by UUID"),
    (55, "descriptions of flavors"),
    (57, "no personality; no quotas of injected files"),
    (58, "pages and changes-since of instance actions"),
    (59, "pages, changes-since and UUIDs of migrations"),
    (60, "volumes attached to several servers"),
    (61, "extra specs in flavors"),
    (62, "host and hostId of events"),
    (63, "trusted image certificates"),
    (64, "server groups have one policy, with rules"),
    (66, "changes-before"),
    (67, "volume types in block device mappings"),
    (69, "partial servers while a part of the cloud is away: never needed here"),
    (70, "tags of attached volumes and interfaces are shown"),
    (71, "server groups of a server"),
    (73, "reasons of locks; lists by locked"),
    (74, "host and hypervisor_hostname when creating a server"),
    (75, "unknown parameters are refused; the answer to PUT is whole; swap is 0"),
    (76, "power-update"),
    (78, "topology: the NUMA nodes of a server"),
    (79, "delete_on_termination of attachments"),
    (80, "user and project of migrations"),
    (82, "accelerator-request-bound"),
    (83, "more filters for everybody"),
    (84, "details of events"),
    (85, "delete_on_termination of attachments can be changed"),
    (86, "extra specs are validated"),
    (88, "hypervisors without statistics; their uptime is shown with them"),
    (89, "attachment_id and bdm_uuid of attachments, no id"),
    (90, "host names are chosen and shown"),
    (92, "key pairs are imported only"),
    (93, "image-uploaded events"),
    (94, "host names with dots"),
    (96, "pinned availability zones are shown"),
    (98, "image properties of servers"),
    (100, "scheduler hints of servers"),
    (101, "attaching a volume answers 202"),
    (102, "flavors by name, without rxtx_factor and disabled; unknown parameters are refused everywhere"),
    (104, "availability zones can be pinned and unpinned"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_in_order_and_within_range() {
        assert!(HISTORY.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(HISTORY.iter().all(|(minor, _)| Microversion::new(2, *minor) <= MAX));
    }
}
