use super::router;
use crate::{
    ovn::{
        draft::{At, Draft},
        tables::LOAD_BALANCER,
    },
    ovsdb::Datum,
};
use network::driver::{LPortForwarding, LogicalKey};

/// A load balancer of one backend each, on the router alone: one that is on a switch as well makes the userspace conntrack of
/// Open vSwitch 3.1 abort.
pub fn draft(pf: &LPortForwarding) -> Draft {
    let main = At::new(LOAD_BALANCER, pf.id.as_str());
    let mut draft = Draft::new(LogicalKey::PortForwarding(pf.id.clone()), main);
    let vips = pf
        .pairs()
        .map(|(external, internal)| (format!("{}:{external}", pf.external), format!("{}:{internal}", pf.internal)));
    let columns = [
        ("name", Datum::one(format!("pf-{}", pf.id))),
        ("protocol", Datum::one(pf.protocol.as_str())),
        ("vips", Datum::map(vips)),
    ];
    draft.row(main, columns).under(router(&pf.router), "load_balancer", main);
    draft
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;
    use network::model::port_forwarding::{PortRange, Protocol};

    #[test]
    fn ports_lead_one_to_one_or_all_to_one() {
        let check = |external: (u16, u16), internal: (u16, u16), vips: &str| {
            let draft = draft(&LPortForwarding {
                id: "pf".into(),
                router: "r".into(),
                protocol: Protocol::Udp,
                external: [172, 24, 4, 9].into(),
                external_ports: PortRange(external.0, external.1),
                internal: [10, 0, 0, 5].into(),
                internal_ports: PortRange(internal.0, internal.1),
            });
            assert_eq!(text(&draft, draft.main, "vips"), vips);
            assert_eq!((text(&draft, draft.main, "protocol"), draft.needs.len()), ("udp".to_owned(), 1));
        };
        check((80, 80), (8080, 8080), "172.24.4.9:80=10.0.0.5:8080");
        check((80, 81), (90, 91), "172.24.4.9:80=10.0.0.5:90|172.24.4.9:81=10.0.0.5:91");
        check((80, 81), (90, 90), "172.24.4.9:80=10.0.0.5:90|172.24.4.9:81=10.0.0.5:90");
    }
}
