//! What services are given of the configuration: the settings of network and identity.

use crate::{Config, drivers::EXTERNAL};
use identity::{Algorithm, IdentityConfig, LimitModel, LockoutConfig, TokenFormat};
use kernel::{Error, Result, error::Doing};
use network::{Physical, Settings};
use placement::{Ratios, Scheduler, Weights};
use std::collections::BTreeMap;

/// The `identity.*` keys.
pub fn identity(config: &Config) -> Result<IdentityConfig> {
    let key = |name: &str| format!("identity.{name}");
    let number = |name: &str| config.number(&key(name));
    let small = |name: &str| {
        let smaller = || Error::bad_request(format!("identity.{name}: expected a smaller number"));
        u32::try_from(number(name)).map_err(|_| smaller())
    };
    let count = |name: &str| usize::try_from(number(name)).unwrap_or(usize::MAX);
    // Zero stands for "no limit", which is a negative number or nothing inside.
    let limit = |name: &str| if number(name) == 0 { -1 } else { i64::try_from(number(name)).unwrap_or(i64::MAX) };
    let some = |n: usize| (n > 0).then_some(n);
    let text = |name: &str| config.text(&key(name));
    let mut identity = IdentityConfig {
        list_limit: some(count("list_limit")),
        max_project_depth: count("max_project_depth"),
        limit_model: one_of(
            config,
            "limit_model",
            &[("flat", LimitModel::Flat), ("strict_two_level", LimitModel::StrictTwoLevel)],
        )?,
        max_redelegation_count: small("max_redelegation_count")?,
        application_credential_limit: limit("user_application_credentials"),
        credential_limit: limit("user_credentials"),
        lockout: LockoutConfig { failure_attempts: small("lockout_attempts")?, duration: number("lockout_seconds") },
        ..IdentityConfig::default()
    };
    let tokens = &mut identity.tokens;
    tokens.format = one_of(config, "token_format", &[("fernet", TokenFormat::Fernet), ("jws", TokenFormat::Jws)])?;
    tokens.expiration = number("token_seconds");
    tokens.allow_expired_window = number("token_allow_expired_seconds");
    tokens.allow_rescope = config.flag(&key("token_allow_rescope"));
    tokens.rotate_keys_after = number("rotate_keys_seconds").max(60);
    let passwords = &mut identity.passwords;
    let hashes = [("bcrypt", Algorithm::Bcrypt), ("scrypt", Algorithm::Scrypt), ("argon2id", Algorithm::Argon2id)];
    passwords.algorithm = one_of(config, "password_hash", &hashes)?;
    if passwords.algorithm == Algorithm::Bcrypt {
        passwords.rounds = Some(small("bcrypt_rounds")?);
    }
    passwords.regex = Some(text("password_regex").to_owned()).filter(|pattern| !pattern.is_empty());
    passwords.regex_description = text("password_regex_description").to_owned();
    passwords.unique_last = count("password_unique_last");
    passwords.minimum_age_days = small("password_minimum_age_days")?;
    passwords.expires_days = Some(small("password_expires_days")?).filter(|days| *days > 0);
    passwords.change_upon_first_use = config.flag(&key("password_change_upon_first_use"));
    passwords.disable_after_inactive_days = small("disable_after_inactive_days")?;
    passwords.verified_cache_seconds = number("verified_cache_seconds");
    Ok(if config.flag("node.acceptance") { identity.acceptance() } else { identity })
}

/// The value that a word of `identity.*` stands for.
fn one_of<T: Copy>(config: &Config, name: &str, known: &[(&str, T)]) -> Result<T> {
    let word = config.text(&format!("identity.{name}"));
    let names: Vec<_> = known.iter().map(|(word, _)| *word).collect();
    let unknown = || Error::bad_request(format!("identity.{name}: {word} is none of {}", names.join(", ")));
    known.iter().find(|(known, _)| *known == word).map(|(_, value)| *value).ok_or_else(unknown)
}

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

/// `node.labels`: `key=value` each.
pub fn labels(config: &Config) -> Result<BTreeMap<String, String>> {
    let pair = |label: &String| {
        let pair = label.split_once('=').filter(|(key, value)| !key.trim().is_empty() && !value.trim().is_empty());
        let (key, value) =
            pair.ok_or_else(|| Error::bad_request(format!("node.labels: {label:?} is not of the form key=value")))?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    };
    config.list("node.labels").iter().map(pair).collect()
}

/// Which guests a resize may restart unasked.
pub fn restarts(config: &Config) -> Result<compute::Restarts> {
    match config.text("compute.resize_restarts") {
        "none" => Ok(compute::Restarts::None),
        "small" => Ok(compute::Restarts::Small),
        "any" => Ok(compute::Restarts::Any),
        other => Err(Error::bad_request(format!("compute.resize_restarts: {other} is none of none, small, any"))),
    }
}

/// The `scheduler.*` keys.
pub fn scheduler(config: &Config) -> Scheduler {
    let decimal = |name: &str| config.decimal(&format!("scheduler.{name}"));
    let number = |name: &str| config.number(&format!("scheduler.{name}"));
    Scheduler {
        ratios: Ratios {
            cpu_allocation_ratio: decimal("cpu_allocation_ratio"),
            ram_allocation_ratio: decimal("ram_allocation_ratio"),
            disk_allocation_ratio: decimal("disk_allocation_ratio"),
            reserved_cpus: number("reserved_cpus"),
            reserved_memory_mib: number("reserved_memory_mib"),
            reserved_disk_gib: number("reserved_disk_gib"),
            default_zone: config.text("node.availability_zone").to_owned(),
        },
        weights: Weights {
            memory: decimal("memory_weight"),
            cpu: decimal("cpu_weight"),
            disk: decimal("disk_weight"),
            load: decimal("load_weight"),
            soft_affinity: decimal("soft_affinity_weight"),
        },
    }
}

/// The `image.import_*` keys.
pub fn image_import(config: &Config) -> Result<image::ImportSettings> {
    let small = |n: &u64| {
        u16::try_from(*n).map_err(|_| Error::bad_request("image.import_ports: expected ports, at most 65535"))
    };
    let lower = |key: &str| config.list(key).iter().map(|s| s.to_ascii_lowercase()).collect();
    let file = std::path::Path::new(config.text("image.import_ca_file"));
    let roots_pem =
        if file.exists() { std::fs::read(file).doing(&format!("reading {}", file.display()))? } else { Vec::new() };
    Ok(image::ImportSettings {
        rules: image::UriRules {
            schemes: lower("image.import_schemes"),
            hosts: lower("image.import_hosts"),
            disallowed_hosts: lower("image.import_disallowed_hosts"),
            ports: config.numbers("image.import_ports").iter().map(small).collect::<Result<_>>()?,
        },
        roots_pem,
    })
}

/// Errors name the file, and the line or section in it.
pub fn image_properties(config: &Config) -> Result<image::PropertyRules> {
    match config.text("image.property_protection_file") {
        "" => Ok(image::PropertyRules::default()),
        file => {
            let text =
                std::fs::read_to_string(file).doing(&format!("reading image.property_protection_file {file}"))?;
            image::PropertyRules::parse(&text).map_err(|e| Error::bad_request(format!("{file}: {}", e.message())))
        }
    }
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
    fn image_imports_defaults_are_glances() {
        let read = image_import(&Config::defaults(Path::new("/data"))).unwrap();
        assert_eq!(read.rules, image::UriRules::default());
        let with = |text: &str| image_import(&Config::parse(Path::new("/data"), &format!("[image]\n{text}")).unwrap());
        assert_eq!(with("import_hosts = [\"Mirror\"]").unwrap().rules.hosts, ["mirror"]);
        assert!(with("import_ports = [70000]").is_err());
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

    #[test]
    fn identitys_defaults_are_keystones() {
        let expect = IdentityConfig {
            passwords: identity::PasswordConfig { rounds: Some(12), ..IdentityConfig::default().passwords },
            ..IdentityConfig::default()
        };
        assert_eq!(super::identity(&Config::defaults(Path::new("/data"))).unwrap(), expect);
    }

    #[test]
    fn identitys_settings_are_read_and_checked() {
        let with =
            |text: &str| super::identity(&Config::parse(Path::new("/data"), &format!("[identity]\n{text}")).unwrap());
        let set = with("token_format = \"jws\"\nlist_limit = 7\nuser_credentials = 3\npassword_expires_days = 90\npassword_regex = \"a+\"").unwrap();
        assert_eq!((set.tokens.format, set.list_limit, set.credential_limit), (TokenFormat::Jws, Some(7), 3));
        assert_eq!((set.passwords.expires_days, set.passwords.regex.as_deref()), (Some(90), Some("a+")));
        for wrong in [
            "token_format = \"pki\"",
            "limit_model = \"x\"",
            "password_hash = \"md5\"",
            "lockout_attempts = 99999999999",
        ] {
            let key = wrong.split(' ').next().unwrap();
            assert!(with(wrong).unwrap_err().message().starts_with(&format!("identity.{key}: ")), "{wrong}");
        }
    }
}
