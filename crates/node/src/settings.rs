//! What services are given of the configuration: the network service's settings.

use crate::{Config, drivers::EXTERNAL};
use kernel::{Error, Result};
use network::{Physical, Settings};

/// The `network.*` keys.
pub fn network(config: &Config) -> Result<Settings> {
    let bad = |key: &str, wanted: &str| Error::bad_request(format!("{key}: expected {wanted}"));
    let number = |key: &str| u32::try_from(config.number(key)).map_err(|_| bad(key, "a smaller number"));
    let count = |key: &str| usize::try_from(config.number(key)).map_err(|_| bad(key, "a smaller number"));
    let range = |key: &str, most: u32| match config.numbers(key)[..] {
        [first, last] if first <= last && last <= u64::from(most) => {
            Ok(Some((u32::try_from(first).unwrap_or(most), u32::try_from(last).unwrap_or(most))))
        }
        [] => Ok(None),
        _ => Err(bad(key, &format!("[first, last], at most {most}"))),
    };
    let tag = |tag: u32| u16::try_from(tag).unwrap_or(u16::MAX);
    let vlans = range("network.external_vlans", 4094)?.map(|(first, last)| (tag(first), tag(last)));
    let keys = range("network.tunnel_keys", 16_711_680)?; // OVN keeps the rest of its 24 bits
    Ok(Settings {
        physical_mtu: number("network.mtu")?,
        overlay_overhead: number("network.overlay_overhead")?,
        physical_networks: [(EXTERNAL.to_owned(), Physical { vlans, mtu: None })].into(),
        tunnel_keys: keys.ok_or_else(|| bad("network.tunnel_keys", "[first, last]"))?,
        availability_zone: config.text("node.availability_zone").to_owned(),
        dns_domain: format!("{}.", config.text("network.dns_domain").trim_end_matches('.')),
        base_mac: base_mac(config.text("network.base_mac"))
            .ok_or_else(|| bad("network.base_mac", "three octets of an address that is no group's, fa:16:3e"))?,
        max_dns_nameservers: count("network.max_dns_nameservers")?,
        max_subnet_host_routes: count("network.max_subnet_host_routes")?,
        max_routes: count("network.max_routes")?,
        max_allowed_address_pairs: count("network.max_allowed_address_pairs")?,
        resync_seconds: config.number("network.resync_seconds").max(1),
    })
}

fn base_mac(text: &str) -> Option<[u8; 3]> {
    let octets: Vec<u8> = text.split(':').map(|o| u8::from_str_radix(o, 16).ok()).collect::<Option<_>>()?;
    octets.try_into().ok().filter(|mac: &[u8; 3]| mac[0] & 1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn defaults_are_the_network_services_own() {
        assert_eq!(network(&Config::defaults(Path::new("/data"))).unwrap(), Settings::default());
    }

    #[test]
    fn settings_are_read_and_checked() {
        let with = |text: &str| network(&Config::parse(Path::new("/data"), &format!("[network]\n{text}")).unwrap());
        let set = with("mtu = 9000\nexternal_vlans = []\nbase_mac = \"02:00:5E\"\ndns_domain = \"a.example\"").unwrap();
        assert_eq!((set.physical_mtu, set.physical_networks[EXTERNAL].vlans), (9000, None));
        assert_eq!((set.base_mac, set.dns_domain.as_str()), ([2, 0, 0x5e], "a.example."));
        for wrong in [
            "external_vlans = [5]",
            "external_vlans = [5, 4]",
            "external_vlans = [1, 5000]",
            "tunnel_keys = []",
            "base_mac = \"01:00:5e\"",
            "base_mac = \"fa:16\"",
            "base_mac = \"fa:16:3e:00\"",
            "mtu = 99999999999",
        ] {
            let said = with(wrong).unwrap_err();
            let key = wrong.split(' ').next().unwrap();
            assert!(said.message().starts_with(&format!("network.{key}: expected")), "{wrong}: {said}");
        }
    }
}
