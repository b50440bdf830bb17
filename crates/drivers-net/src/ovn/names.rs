//! How the rows of an object are called. A row's uuid follows from what it stands for, so two writers that put the same
//! object at once write the same row (the second is refused as a duplicate and plans again), and no writer needs to look
//! up what another one made.

use kernel::{PortId, SecurityGroupId};
use uuid::Uuid;

/// Chosen once at random; changing it would orphan every row in every region.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1f_52c4_70f8_4d0f_9a3e_2b7d_5c1e_88a1);

pub fn row(table: &str, what: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{table}/{what}").as_bytes())
}

/// A name that OVN's expression language takes for an identifier, so that rules can say `@pg_…` and `$pg_…_ip4`.
pub fn port_group(id: &SecurityGroupId) -> String {
    let text = id.as_str();
    let plain = text.len() == 36 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain { format!("pg_{}", text.replace('-', "_")) } else { format!("pg_x{}", row("Port_Group", text).simple()) }
}

/// The router's end of the link whose switch end is the port of this id.
pub fn router_port(id: &PortId) -> String {
    format!("lrp-{id}")
}

/// The group of all ports with port security, which lets nothing pass.
pub const DROP_GROUP: &str = "pg_tstack_drop";

/// 32 hexadecimal digits that follow from a name, for devices whose names have no room for it.
pub fn short_hash(name: &str) -> String {
    row("device", name).simple().to_string()
}

/// A MAC address that belongs to nobody, for the DHCP server of a subnet.
pub fn server_mac(subnet: &str) -> String {
    let bytes = row("mac", subnet).into_bytes();
    format!("0a:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_legal() {
        assert_eq!(row("ACL", "x").to_string(), row("ACL", "x").to_string());
        assert_ne!(row("ACL", "x"), row("NAT", "x"));
        let uuid = SecurityGroupId::from("550e8400-e29b-41d4-a716-446655440000");
        assert_eq!(port_group(&uuid), "pg_550e8400_e29b_41d4_a716_446655440000");
        let odd = port_group(&SecurityGroupId::from("a b"));
        assert!(odd.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{odd}");
        assert_eq!(server_mac("s").len(), 17);
    }
}
