//! Configuration: one TOML file. One table ([`KEYS`]) says every key, its default and its meaning; the reader, the check for
//! unknown keys and `tstack config reference` all come from it.

use kernel::{Error, Result, error::Doing};
use std::{
    collections::BTreeMap,
    fmt::Write,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

/// A key: `section.name`, the default as TOML, one line of meaning.
pub struct KeyDoc {
    pub path: &'static str,
    pub default: &'static str,
    pub doc: &'static str,
}

macro_rules! keys {
    ($($path:literal = $default:literal, $doc:literal;)+) => {
        pub const KEYS: &[KeyDoc] = &[$(KeyDoc { path: $path, default: $default, doc: $doc }),+];
    };
}

keys! {
    "node.name" = "\"\"", "this host's name in the cloud; empty: the machine's host name";
    "node.availability_zone" = "\"nova\"", "the zone its servers are in";
    "node.labels" = "[]", "where it stands and what is special about it, [\"rack=r12\", \"room=b\"]: failure domains, and what flavors may ask for";
    "node.address" = "\"127.0.0.1\"", "where other hosts reach this one (tunnels, volume exports)";
    "node.region" = "\"RegionOne\"", "the region's name in the catalog";
    "node.acceptance" = "false", "settings that the acceptance suites want: lock-out after 2 tries for 5 s, password history 2, minimum age 0, network quotas of Neutron's own jobs, volumes of the default type may be attached to several servers, a fake host takes 3 s to copy a disk";
    "api.address" = "\"127.0.0.1\"", "where all APIs listen; any address but loopback is served with TLS";
    "api.port" = "5000", "the one port of all APIs";
    "api.public_url" = "\"\"", "the catalog's URLs begin with this; empty: made from address and port";
    "api.tls" = "\"auto\"", "auto: TLS unless on loopback; on; off";
    "agent.port" = "5001", "where other hosts' agents connect (mutual TLS); 0: this node serves no other host";
    "agent.member" = "\"\"", "the member a plain host connects to, https://ADDRESS:PORT; empty: this node is a member";
    "store.backend" = "\"redb\"", "redb: embedded, in the data directory; etcd: on members of etcd that run beside it; memory: nothing survives";
    "store.etcd_endpoints" = "[]", "URLs of the etcd members, which run with the flags of docs/guides/operating.md";
    "identity.password_hash" = "\"bcrypt\"", "bcrypt, scrypt or argon2id";
    "identity.bcrypt_rounds" = "12", "Keystone's default is 12";
    "identity.token_seconds" = "3600", "how long a token is valid";
    "identity.token_format" = "\"fernet\"", "fernet: sealed; jws: signed (ES256); tokens of the other sort stay good";
    "identity.token_allow_expired_seconds" = "172800", "how long after its end `allow_expired` still finds a token";
    "identity.token_allow_rescope" = "true", "whether a scoped token gets tokens of another scope";
    "identity.rotate_keys_seconds" = "86400", "age at which the keys that seal tokens, credentials and secrets are succeeded";
    "identity.list_limit" = "0", "entries of a list when the client asks for none; 0: all";
    "identity.max_project_depth" = "5", "levels of projects below a domain";
    "identity.limit_model" = "\"flat\"", "flat, or strict_two_level: a project's limit is at most its domain's";
    "identity.max_redelegation_count" = "3", "trusts that may follow one another";
    "identity.user_application_credentials" = "0", "application credentials of one user; 0: as many as they like";
    "identity.user_credentials" = "0", "credentials of one user; 0: as many as they like";
    "identity.lockout_attempts" = "0", "wrong passwords after which an account is locked; 0: never";
    "identity.lockout_seconds" = "1800", "how long; 0: until an administrator enables the user";
    "identity.password_regex" = "\"\"", "what a new password must match; empty: anything";
    "identity.password_regex_description" = "\"\"", "how to say that to people";
    "identity.password_unique_last" = "0", "passwords that a user may not use again; 0: any will do";
    "identity.password_minimum_age_days" = "0", "days before a user may change a password that the user set";
    "identity.password_expires_days" = "0", "days that a password lasts; 0: for ever";
    "identity.password_change_upon_first_use" = "false", "a password set by somebody else is good for nothing but to be changed";
    "identity.disable_after_inactive_days" = "0", "days without a login after which an account counts as disabled; 0: never";
    "identity.verified_cache_seconds" = "60", "how long a right password is not hashed again (docs/adr/0007); 0: always hash";
    "hypervisor.driver" = "\"qemu\"", "qemu; fake: servers exist in memory only";
    "hypervisor.accel" = "\"auto\"", "kvm, tcg; auto boots a kernel to see whether KVM works and falls back to TCG";
    "hypervisor.probe" = "\"\"", "directory with vmlinuz and initrd for that; empty: `probe` in the data directory";
    "hypervisor.vcpus" = "0", "vCPUs this host offers before over-commitment; 0: its cores";
    "hypervisor.memory_mib" = "0", "memory it offers; 0: all but what the host keeps";
    "hypervisor.cpu_dedicated_set" = "\"\"", "processors that guests may have to themselves (`hw:cpu_policy=dedicated`), such as 2-7,^4";
    "hypervisor.cpu_shared_set" = "\"\"", "processors that other guests share; empty: all that are not dedicated";
    "hypervisor.cpu_model" = "\"\"", "processor that guests have, as QEMU calls it (Nehalem, EPYC); empty: the best there is. Running guests go only to hosts with the same";
    "hypervisor.cpu_flags" = "\"\"", "features that it has or not whatever the model says, such as +pcid,-vmx";
    "hypervisor.machine_types" = "\"\"", "what pc and q35 stand for when a server is first started, such as pc-i440fx-7.2,pc-q35-7.2; empty: the newest of QEMU's. A server keeps it, and goes only to hosts that have it";
    "hypervisor.vtpm" = "\"auto\"", "TPMs for guests, emulated by swtpm: auto (if that is installed), on (a start fails without it), off";
    "hypervisor.image_cache_hours" = "24", "how long an image stays unpacked on a host after its last use, when no disk lies on it";
    "compute.allow_resize_to_same_host" = "true", "whether a resize may stay on its host, where nothing has to be carried";
    "compute.live_resize_from_mib" = "128", "guests of so much memory and more can be given more while they run; Linux sets 64 MiB aside in such guests";
    "compute.resize_restarts" = "\"small\"", "guests that a resize may restart unasked, where it cannot be done while they run: none, small (those below live_resize_from_mib), any";
    "compute.max_queues" = "0", "queues of an interface whose guest asks for several (`hw:vif_multiqueue_enabled`), at most; 0: as many as it has vCPUs";
    "compute.resize_confirm_seconds" = "0", "a resize that nobody has confirmed or reverted for so long is confirmed; 0: never";
    "compute.shelved_offload" = "true", "shelved servers leave their host by themselves; false: when an administrator says so";
    "compute.shelved_offload_seconds" = "0", "how long after they were shelved";
    "compute.post_copy_after_seconds" = "60", "from when on a live migration does not wait for memory that changes faster than it is sent: the guest goes on where it goes to, and fetches what it misses; 0: when somebody asks for it";
    "compute.migration_mib_per_second" = "0", "what one live migration may send of memory in a second, and of each disk; 0: as much as it can";
    "network.driver" = "\"ovn\"", "ovn: Open vSwitch and OVN; rest: an SDN controller, by the keys network.rest_*; fake: networks exist in memory only";
    "network.rest_url" = "\"\"", "where the controller's Neutron northbound is: https://CONTROLLER:8443/controller/nb/v2/neutron";
    "network.rest_username" = "\"\"", "who we are to the controller; empty: nobody";
    "network.rest_password" = "\"\"", "the password for that";
    "network.rest_ca_file" = "\"/etc/ssl/certs/ca-certificates.crt\"", "whose certificates are trusted when the controller is spoken to by https";
    "network.rest_timeout_seconds" = "10", "how long the controller may take to answer";
    "network.rest_attempts" = "5", "how often a request is tried, with growing pauses, before the controller counts as away";
    "network.datapath" = "\"auto\"", "netdev: Open vSwitch's user space; system: its kernel module; auto: the module if it loads";
    "network.external_cidr" = "\"172.24.4.0/24\"", "addresses of the external network `public`";
    "network.external_gateway" = "\"172.24.4.1\"", "the host's own address on it";
    "network.external_gateway_here" = "true", "that address is this host's own; false: it is somebody's beyond network.external_nic";
    "network.external_nic" = "\"\"", "a network card to connect to the external network";
    "network.prefix" = "\"ts\"", "begins the names of bridges, namespaces and tables made on this machine; one to five lower case letters and digits";
    "network.namespace" = "\"\"", "the network namespace that is this host, entered at the start; empty: the machine's own (the lab uses it)";
    "network.underlay" = "\"\"", "the network card with node.address, for tunnels between hosts with the user-space datapath";
    "network.southbound" = "\"\"", "OVN's southbound database for a plain host, tcp:ADDRESS:6642; empty: this node's own";
    "network.mtu" = "1500", "what a frame may carry on the hosts' physical network; overlays take their header from it";
    "network.overlay_overhead" = "58", "bytes that the overlay's encapsulation costs (Geneve over IPv4: 58)";
    "network.external_vlans" = "[2, 4094]", "first and last VLAN tag that may be chosen on the physical network `external`; []: none";
    "network.tunnel_keys" = "[1, 16711680]", "first and last tunnel key of projects' networks";
    "network.dns_domain" = "\"openstacklocal.\"", "suffix of the names that guests are given";
    "network.base_mac" = "\"fa:16:3e\"", "first three octets of made MAC addresses";
    "network.max_dns_nameservers" = "5", "name servers of a subnet";
    "network.max_subnet_host_routes" = "20", "routes of a subnet";
    "network.max_routes" = "30", "routes of a router";
    "network.max_allowed_address_pairs" = "10", "address pairs of a port";
    "network.gateway_heartbeat_ms" = "150", "between two signs of life of hosts that carry gateways; after three that do not come another host carries on";
    "network.resync_seconds" = "8", "between comparisons of all that the back end holds with all that it should";
    "network.masquerade" = "true", "guests reach beyond the host with the host's address";
    "image.stores" = "[\"fast\", \"bulk\"]", "stores of image data, each a directory below `images`; the first is the default";
    "image.store_weights" = "[]", "weights of the stores, in their order: images are read from the heaviest that has them; what is missing is 0";
    "image.require_format_match" = "true", "content must be of the image's disk_format; false: hosts alone judge (unsafe content is refused either way)";
    "image.import_schemes" = "[\"http\", \"https\"]", "schemes of addresses that images may be imported from";
    "image.import_hosts" = "[]", "hosts they may be imported from, private ones too; []: any that is public";
    "image.import_disallowed_hosts" = "[]", "hosts they may not be imported from";
    "image.import_ports" = "[80, 443]", "ports they may be imported from; []: any";
    "image.import_ca_file" = "\"/etc/ssl/certs/ca-certificates.crt\"", "whose certificates are trusted when images are imported by https";
    "image.import_convert_to" = "\"\"", "raw or qcow2: what imported images are converted to; empty: they stay as they are";
    "image.property_protection_file" = "\"\"", "who may read and write which properties, by roles (Glance's property protections); empty: no such rules";
    "volume.driver" = "\"file\"", "file: qcow2 files (file::/disk2:/disk3: on further disks, too); rbd:POOL: a pool of a Ceph cluster; fake: volumes exist in memory only";
    "volume.backends" = "[]", "further back ends, NAME=DRIVER or NAME=DRIVER:WHERE; types choose by volume_backend_name";
    "volume.ceph_conf" = "\"/etc/ceph/ceph.conf\"", "where Ceph's monitors and the user's keyring are; the same path on every host";
    "volume.ceph_user" = "\"tstack\"", "Ceph's user, without `client.`";
    "volume.compress" = "[]", "back ends with driver file that keep images, snapshots and copies compressed (zstd); what guests write is not";
    "volume.images_kept" = "8", "unpacked images that a back end with driver file keeps for the next volumes of them, those used last; 0: none";
    "scheduler.cpu_allocation_ratio" = "4.0", "vCPUs of guests for each processor; as the two next, for hosts where nobody has set the ratio of the inventory";
    "scheduler.ram_allocation_ratio" = "1.0", "memory of guests for each MiB there is";
    "scheduler.disk_allocation_ratio" = "1.0", "local disk of guests for each GiB there is";
    "scheduler.reserved_cpus" = "0", "processors that each host keeps for itself";
    "scheduler.reserved_memory_mib" = "512", "memory that each host keeps for itself";
    "scheduler.reserved_disk_gib" = "0", "disk that each host keeps for itself";
    "scheduler.memory_weight" = "1.0", "how much free memory makes a host better; below 0 servers are packed onto few hosts";
    "scheduler.cpu_weight" = "1.0", "the same for free vCPUs";
    "scheduler.disk_weight" = "1.0", "the same for free disk";
    "scheduler.load_weight" = "1.0", "how much a host that is busy, as it measures itself, is worse";
    "scheduler.soft_affinity_weight" = "10.0", "how much the soft rules of server groups count";
    "log.level" = "\"info\"", "error, warn, info, debug or trace";
    "log.format" = "\"text\"", "text or json";
}

/// All settings, by path, defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    values: BTreeMap<&'static str, toml::Value>,
    pub data_dir: PathBuf,
}

fn default_of(key: &KeyDoc) -> toml::Value {
    let table: toml::Table =
        format!("v = {}", key.default).parse().unwrap_or_else(|e| unreachable!("{}: {e}", key.path));
    table["v"].clone()
}

impl Config {
    pub fn defaults(data_dir: &Path) -> Self {
        Self { values: KEYS.iter().map(|k| (k.path, default_of(k))).collect(), data_dir: data_dir.to_owned() }
    }

    /// `<data>/tstack.toml`, or the defaults if there is none.
    pub fn read(data_dir: &Path) -> Result<Self> {
        let file = data_dir.join("tstack.toml");
        if !file.exists() {
            return Ok(Self::defaults(data_dir));
        }
        let text = std::fs::read_to_string(&file).doing(&format!("reading {}", file.display()))?;
        Self::parse(data_dir, &text).map_err(|e| Error::bad_request(format!("{}: {}", file.display(), e.message())))
    }

    /// Reads a text. Every unknown key is named with the nearest known one.
    pub fn parse(data_dir: &Path, text: &str) -> Result<Self> {
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| Error::bad_request(e.message().to_owned()))?;
        let mut config = Self::defaults(data_dir);
        let mut problems = Vec::new();
        for (section, value) in table {
            let toml::Value::Table(entries) = value else {
                problems.push(unknown(&section));
                continue;
            };
            for (name, value) in entries {
                config
                    .set_value(&format!("{section}.{name}"), value)
                    .unwrap_or_else(|e| problems.push(e.message().to_owned()));
            }
        }
        if problems.is_empty() { Ok(config) } else { Err(Error::bad_request(problems.join("; "))) }
    }

    /// Sets `path` from TOML text, as `--set` and the quickstart's options do.
    pub fn set(&mut self, path: &str, text: &str) -> Result<()> {
        let table: toml::Table = format!("v = {text}")
            .parse()
            .or_else(|_| format!("v = {}", toml::Value::String(text.to_owned())).parse())
            .map_err(|_| Error::bad_request(format!("{path}: {text} is no value")))?;
        self.set_value(path, table["v"].clone())
    }

    /// As [`Self::set`], of `KEY=VALUE`.
    pub fn set_all(&mut self, pairs: &[String]) -> Result<()> {
        pairs.iter().try_for_each(|pair| {
            let split = pair.split_once('=');
            let (key, value) = split.ok_or_else(|| Error::bad_request(format!("--set {pair}: expected KEY=VALUE")))?;
            self.set(key, value)
        })
    }

    fn set_value(&mut self, path: &str, value: toml::Value) -> Result<()> {
        let key = KEYS.iter().find(|k| k.path == path).ok_or_else(|| Error::bad_request(unknown(path)))?;
        let wanted = default_of(key);
        // Nobody minds `4` where `4.0` is expected.
        let value = match value.as_integer() {
            Some(whole) if wanted.is_float() => toml::Value::Float(whole as f64),
            _ => value,
        };
        if !wanted.same_type(&value) {
            let text = format!("{path} = {value}: expected {}, for instance {wanted}", article(wanted.type_str()));
            return Err(Error::bad_request(text));
        }
        self.values.insert(key.path, value);
        Ok(())
    }

    fn value(&self, path: &str) -> &toml::Value {
        self.values.get(path).unwrap_or_else(|| panic!("no configuration key {path}"))
    }
    pub fn text(&self, path: &str) -> &str {
        self.value(path).as_str().unwrap_or_default()
    }
    pub fn number(&self, path: &str) -> u64 {
        self.value(path).as_integer().and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
    }
    pub fn decimal(&self, path: &str) -> f64 {
        self.value(path).as_float().unwrap_or_default()
    }
    pub fn flag(&self, path: &str) -> bool {
        self.value(path).as_bool().unwrap_or_default()
    }
    pub fn list(&self, path: &str) -> Vec<String> {
        let items = self.value(path).as_array().into_iter().flatten();
        items.filter_map(|v| v.as_str().map(str::to_owned)).collect()
    }

    pub fn numbers(&self, path: &str) -> Vec<u64> {
        let items = self.value(path).as_array().into_iter().flatten();
        items.filter_map(|v| v.as_integer().and_then(|n| u64::try_from(n).ok())).collect()
    }

    pub fn node_name(&self) -> kernel::HostName {
        match self.text("node.name") {
            "" => {
                let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
                let name = name.trim();
                if name.is_empty() { "localhost".into() } else { name.into() }
            }
            name => name.into(),
        }
    }

    pub fn api_socket(&self) -> Result<SocketAddr> {
        let address: IpAddr = self.text("api.address").parse().map_err(|_| {
            Error::bad_request(format!("api.address: {} is not an IP address", self.text("api.address")))
        })?;
        let port = u16::try_from(self.number("api.port")).map_err(|_| Error::bad_request("api.port: not a port"))?;
        Ok(SocketAddr::new(address, port))
    }

    /// Where other hosts' agents connect, if this node serves any.
    pub fn agent_socket(&self) -> Result<Option<SocketAddr>> {
        let text = self.text("node.address");
        let address: IpAddr =
            text.parse().map_err(|_| Error::bad_request(format!("node.address: {text} is not an IP address")))?;
        let port =
            u16::try_from(self.number("agent.port")).map_err(|_| Error::bad_request("agent.port: not a port"))?;
        Ok((port != 0).then_some(SocketAddr::new(address, port)))
    }

    pub fn tls(&self) -> Result<bool> {
        match self.text("api.tls") {
            "on" => Ok(true),
            "off" => Ok(false),
            "auto" => Ok(!self.api_socket()?.ip().is_loopback()),
            other => Err(Error::bad_request(format!("api.tls: {other} is none of auto, on, off"))),
        }
    }

    /// The catalog's base, without a slash at its end.
    pub fn public_url(&self) -> Result<String> {
        match self.text("api.public_url") {
            "" => Ok(format!("{}://{}", if self.tls()? { "https" } else { "http" }, self.api_socket()?)),
            url => Ok(url.trim_end_matches('/').to_owned()),
        }
    }

    pub fn is_member(&self) -> bool {
        self.text("agent.member").is_empty()
    }

    /// As a file, with what differs from the defaults only.
    pub fn render(&self) -> String {
        let mut sections: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for key in KEYS {
            let value = self.value(key.path);
            if let Some((section, name)) = key.path.split_once('.')
                && *value != default_of(key)
            {
                sections.entry(section).or_default().push(format!("{name} = {value}"));
            }
        }
        sections.iter().map(|(name, lines)| format!("[{name}]\n{}\n\n", lines.join("\n"))).collect()
    }
}

fn article(kind: &str) -> String {
    let an = kind.starts_with(['a', 'i']);
    format!("{} {kind}", if an { "an" } else { "a" })
}

fn unknown(path: &str) -> String {
    let nearest = KEYS.iter().max_by(|a, b| {
        let score = |k: &KeyDoc| strsim::jaro_winkler(k.path, path);
        score(a).total_cmp(&score(b))
    });
    match nearest {
        Some(key) => format!("unknown key {path} (did you mean {}?)", key.path),
        None => format!("unknown key {path}"),
    }
}

/// The text of `tstack config reference`: a complete file, every key commented out with its default.
pub fn reference() -> String {
    let mut out = String::from("# Every key of tstack.toml with its default.\n");
    let mut section = "";
    for key in KEYS {
        let (of, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if of != section {
            let _ = write!(out, "\n[{of}]\n");
            section = of;
        }
        let _ = write!(out, "# {}\n# {name} = {}\n", key.doc, key.default);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("/data"), text).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let check = |text: &str, expect: &str| {
            let message = parse(text).unwrap_err();
            assert!(message.contains(expect), "{text}: {message}");
        };
        check("[api]\nprot = 1", "unknown key api.prot (did you mean api.port?)");
        check("[hypervizor]\ndriver = \"fake\"", "did you mean hypervisor.driver?");
        check("[api]\nport = \"x\"", "expected an integer, for instance 5000");
        check("api = 3", "unknown key api");
        check("[api\n", "");
    }

    #[test]
    fn what_is_rendered_reads_back_and_says_only_differences() {
        let mut config = Config::defaults(Path::new("/data"));
        config.set("api.port", "5055").unwrap();
        config.set("node.name", "n1").unwrap();
        let text = config.render();
        assert_eq!(text, "[api]\nport = 5055\n\n[node]\nname = \"n1\"\n\n");
        let back = parse(&text).unwrap();
        assert_eq!((back.number("api.port"), back.text("node.name")), (5055, "n1"));
        assert!(parse(&reference()).is_ok());
    }

    #[test]
    fn tls_is_on_beyond_loopback() {
        assert_eq!(parse("").unwrap().public_url().unwrap(), "http://127.0.0.1:5000");
        assert_eq!(parse("[api]\naddress = \"10.1.2.3\"").unwrap().public_url().unwrap(), "https://10.1.2.3:5000");
    }
}
