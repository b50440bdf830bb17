use super::{qos, router, router_port};
use crate::{
    ovn::{
        FloatingIps, Settings,
        draft::{At, Draft},
        names,
        tables::NAT,
    },
    ovsdb::Datum,
};
use network::driver::{LFloatingIp, LogicalKey};

pub fn draft(fip: &LFloatingIp, settings: &Settings) -> Draft {
    let main = At::new(NAT, fip.id.as_str());
    let mut draft = Draft::new(LogicalKey::FloatingIp(fip.id.clone()), main);
    // With the guest's port and a MAC of its own, the guest's host translates; without, the chassis of the gateway does.
    let own = settings.floating_ips == FloatingIps::Distributed;
    let columns = [
        ("type", Datum::one("dnat_and_snat")),
        ("external_ip", Datum::one(fip.external.to_string())),
        ("logical_ip", Datum::one(fip.internal.to_string())),
        ("external_mac", Datum::set(own.then(|| fip.mac.to_lowercase()))),
        ("logical_port", Datum::set(own.then(|| fip.port.to_string()))),
        ("gateway_port", Datum::one(router_port(&fip.gateway).uuid)),
    ];
    draft.row(main, columns).under(router(&fip.router), "nat", main);
    if let Some(limit) = &fip.limit {
        // Where the address is translated, there its packets are counted.
        let resident = if own { fip.port.to_string() } else { format!("cr-{}", names::router_port(&fip.gateway)) };
        let address = Some((fip.external, resident));
        let place = qos::Place { network: &limit.network, port: &fip.gateway, priority: qos::ONE, address };
        qos::limit(&mut draft, &place, &limit.qos);
    }
    draft
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;

    #[test]
    fn where_a_floating_ip_is_translated() {
        let fip = LFloatingIp {
            id: "f".into(),
            router: "r".into(),
            external: [172, 24, 4, 9].into(),
            internal: [10, 0, 0, 5].into(),
            port: "p".into(),
            mac: "FA:16:3e:00:00:05".into(),
            gateway: "g".into(),
            limit: None,
        };
        let check = |floating_ips: FloatingIps, mac: &str, port: &str| {
            let draft = draft(&fip, &Settings { floating_ips, ..Settings::default() });
            assert_eq!(text(&draft, draft.main, "external_mac"), mac);
            assert_eq!(text(&draft, draft.main, "logical_port"), port);
            assert_eq!(draft.needs, [router(&"r".into())]);
        };
        check(FloatingIps::Centralized, "", "");
        check(FloatingIps::Distributed, "fa:16:3e:00:00:05", "p");
    }
}
