use super::{map, switch};
use crate::{
    ovn::{
        draft::{At, Draft},
        tables::{ACL, IDS, SWITCH_PORT},
    },
    ovsdb::Datum,
};
use network::driver::{LNetwork, LogicalKey, NetworkKind};

/// Above every rule of a security group.
const CLOSED: i64 = 3000;

pub fn draft(network: &LNetwork) -> Draft {
    let id = network.id.as_str();
    let main = switch(&network.id);
    let mut draft = Draft::new(LogicalKey::Network(network.id.clone()), main);
    draft.row(main, [("name", Datum::one(id)), (IDS, map([("tstack:name", network.name.clone())]))]);
    if let NetworkKind::Provider { physical, vlan } = &network.kind {
        let port = At::new(SWITCH_PORT, &format!("localnet/{id}"));
        let columns = [
            ("name", Datum::one(format!("localnet-{id}"))),
            ("type", Datum::one("localnet")),
            ("addresses", Datum::one("unknown")),
            ("options", map([("network_name", physical.clone())])),
            ("tag", Datum::set(vlan.map(i64::from))),
        ];
        draft.row(port, columns).under(main, "ports", port);
    }
    if !network.admin_up {
        for (direction, matches) in [("from-lport", "1"), ("to-lport", "1")] {
            let acl = At::new(ACL, &format!("closed/{id}/{direction}"));
            let columns = [
                ("priority", Datum::one(CLOSED)),
                ("direction", Datum::one(direction)),
                ("match", Datum::one(matches)),
                ("action", Datum::one("drop")),
            ];
            draft.row(acl, columns).under(main, "acls", acl);
        }
    }
    draft
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;

    #[test]
    fn kinds_and_states_of_a_network() {
        let check = |kind: NetworkKind, admin_up: bool, localnet: Option<(&str, &str)>, rows: usize| {
            let (name, dns_domain) = ("n".to_owned(), String::new());
            let draft = draft(&LNetwork { id: "n1".into(), name, mtu: 1442, kind, admin_up, dns_domain });
            assert_eq!((draft.rows.len(), draft.edges.len(), draft.needs.len()), (rows, rows - 1, 0));
            let port = At::new(SWITCH_PORT, "localnet/n1");
            let seen =
                draft.rows.contains_key(&port).then(|| (text(&draft, port, "options"), text(&draft, port, "tag")));
            assert_eq!(seen, localnet.map(|(o, t)| (o.to_owned(), t.to_owned())));
        };
        let provider = |vlan| NetworkKind::Provider { physical: "public".into(), vlan };
        check(NetworkKind::Overlay { tunnel_key: 7 }, true, None, 1);
        check(NetworkKind::Overlay { tunnel_key: 7 }, false, None, 3);
        check(provider(None), true, Some(("network_name=public", "")), 2);
        check(provider(Some(42)), true, Some(("network_name=public", "42")), 2);
    }
}
