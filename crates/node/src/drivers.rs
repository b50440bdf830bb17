//! The drivers that the configuration asks for: those of the region (networks, image bytes) and those of this host.

use crate::{Config, encryptor::ByTarget, host_audit, pools};
use agent::{HostAudit, HostDrivers};
use compute::driver::{Hypervisor, LocalDisks};
use drivers_blk::{
    image_store::FileStore,
    inspect::HeaderInspector,
    local::{LocalConfig, LocalStore},
    luks::QemuLuks,
    qemu_img::QemuImg,
};
use drivers_net::{
    fake::FakeCloud,
    ovn::{OvnBackend, OvnConfig, Settings as OvnSettings},
    rest::{RestBackend, RestConfig},
    system::{CentralConfig, Datapath, External, HostNetConfig, OvnCentral, OvsHost},
};
use drivers_virt::{
    fake::{Fake, FakeDisks, FakeHost, FakeSettings},
    qemu::{Acceleration, CpuSets, Crossing, ProbeKernel, Qemu, QemuConfig, Vtpm, probe},
};
use image::{
    Conversion,
    driver::{ImageStore, Inspector},
};
use kernel::{Clock, Error, Result, error::Doing};
use network::driver::{HostNetwork, NetworkBackend};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Neutron's name of the physical network behind `public`.
pub const EXTERNAL: &str = "external";

/// `qemu-img` processes that may convert at a time.
const CONVERSIONS: usize = 2;

/// What a member needs.
pub struct RegionDrivers {
    pub network: Arc<dyn NetworkBackend>,
    pub image_stores: Vec<Arc<dyn ImageStore>>,
    /// Where images wait to be imported.
    pub image_staging: Arc<dyn ImageStore>,
    pub image_conversion: Option<Conversion>,
    pub inspector: Arc<dyn Inspector>,
    /// Kept for as long as its processes are to be watched.
    _central: Option<OvnCentral>,
    fake_network: Option<FakeCloud>,
}

/// Ports of OVN's databases for other hosts of the region.
const NORTHBOUND: u16 = 6641;
pub(crate) const SOUTHBOUND: u16 = 6642;

pub fn central_config(config: &Config) -> Result<CentralConfig> {
    let netns = netns(config);
    let address = address(config)?;
    let listen = (!address.is_loopback()).then_some((address, NORTHBOUND, SOUTHBOUND));
    Ok(CentralConfig { state_dir: config.data_dir.join("ovn"), netns, listen })
}

/// The namespace that is this host, if it is not the machine's own.
fn netns(config: &Config) -> Option<String> {
    Some(config.text("network.namespace").to_owned()).filter(|n| !n.is_empty())
}

pub(crate) fn address(config: &Config) -> Result<std::net::IpAddr> {
    let text = config.text("node.address");
    text.parse().map_err(|_| Error::bad_request(format!("node.address: {text} is not an IP address")))
}

pub fn host_net_config(config: &Config) -> Result<HostNetConfig> {
    let text = |key: &str| config.text(key);
    let bad = |key: &str| Error::bad_request(format!("{key}: {} cannot be read", config.text(key)));
    let cidr: ipnet::IpNet = text("network.external_cidr").parse().map_err(|_| bad("network.external_cidr"))?;
    let mut addresses = Vec::new();
    if config.flag("network.external_gateway_here") && !text("network.external_gateway").is_empty() {
        let gateway: std::net::IpAddr =
            text("network.external_gateway").parse().map_err(|_| bad("network.external_gateway"))?;
        addresses.push(ipnet::IpNet::new(gateway, cidr.prefix_len()).map_err(|_| bad("network.external_cidr"))?);
    }
    let southbound = match text("network.southbound") {
        _ if text("network.driver") == "rest" => String::new(),
        "" => format!("unix:{}", config.data_dir.join("ovn/ovnsb.sock").display()),
        remote => remote.to_owned(),
    };
    let nic = Some(text("network.external_nic").to_owned()).filter(|n| !n.is_empty());
    Ok(HostNetConfig {
        state_dir: config.data_dir.join("ovs"),
        netns: netns(config),
        prefix: text("network.prefix").to_owned(),
        system_id: config.node_name(),
        encap_ip: address(config)?,
        underlay: Some(text("network.underlay").to_owned()).filter(|n| !n.is_empty()),
        datapath: match text("network.datapath") {
            "auto" => Datapath::Auto,
            "netdev" => Datapath::Netdev,
            "system" => Datapath::System,
            _ => return Err(bad("network.datapath")),
        },
        southbound,
        external: vec![External {
            physical: EXTERNAL.into(),
            addresses,
            masquerade: config.flag("network.masquerade"),
            nic,
        }],
        gateway: true,
    })
}

/// A directory each for the stores of images, and one for what is staged.
#[expect(clippy::type_complexity, reason = "a pair that is taken apart at once")]
fn image_stores(config: &Config) -> Result<(Vec<Arc<dyn ImageStore>>, Arc<dyn ImageStore>)> {
    let dir = |id: &str| config.data_dir.join("images").join(id);
    let bad = |why: &str| Error::bad_request(format!("image.stores: {why}"));
    let mut stores: Vec<Arc<dyn ImageStore>> = Vec::new();
    let weights = config.numbers("image.store_weights");
    for (n, id) in config.list("image.stores").into_iter().enumerate() {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if id.is_empty() || !id.chars().all(plain) || id.starts_with("os_glance") || id == "staging" {
            return Err(bad(&format!("{id:?} cannot be the name of a store")));
        }
        if stores.iter().any(|s| s.id() == id) {
            return Err(bad(&format!("{id} is named twice")));
        }
        let weight = weights.get(n).map_or(0, |w| i64::try_from(*w).unwrap_or(i64::MAX));
        stores.push(Arc::new(FileStore::open(id.as_str(), dir(&id))?.weighing(weight)));
    }
    if stores.is_empty() {
        return Err(bad("at least one is needed"));
    }
    Ok((stores, Arc::new(FileStore::open("os_glance_staging_store", dir("staging"))?)))
}

/// What imported images become, if the operator wants them all alike.
fn image_conversion(config: &Config) -> Result<Option<Conversion>> {
    let to = config.text("image.import_convert_to");
    match to {
        "" => Ok(None),
        "raw" | "qcow2" => Ok(Some(Conversion {
            to: to.to_owned(),
            converter: Arc::new(QemuImg::new("qemu-img", CONVERSIONS)),
            dir: config.data_dir.join("images").join("staging").join("incoming"),
        })),
        other => Err(Error::bad_request(format!("image.import_convert_to: {other} is none of raw, qcow2"))),
    }
}

pub async fn region(config: &Config, clock: &Arc<dyn Clock>) -> Result<RegionDrivers> {
    let (image_stores, image_staging) = image_stores(config)?;
    let image_conversion = image_conversion(config)?;
    let inspector: Arc<dyn Inspector> = Arc::new(HeaderInspector);
    match config.text("network.driver") {
        "fake" => {
            let fake = FakeCloud::new();
            let network: Arc<dyn NetworkBackend> = Arc::new(fake.backend());
            Ok(RegionDrivers {
                network,
                image_stores,
                image_staging,
                image_conversion,
                inspector,
                _central: None,
                fake_network: Some(fake),
            })
        }
        "ovn" => {
            let central_config = central_config(config)?;
            let central = OvnCentral::ensure(&central_config).await?;
            let heartbeat = Duration::from_millis(config.number("network.gateway_heartbeat_ms").max(1));
            let backend = OvnBackend::start(OvnConfig {
                northbound: vec![central_config.northbound()],
                southbound: vec![central_config.southbound()],
                settings: OvnSettings { heartbeat, ..OvnSettings::default() },
                clock: Arc::clone(clock),
            });
            backend.ready(Duration::from_secs(30)).await?;
            let network: Arc<dyn NetworkBackend> = Arc::new(backend);
            Ok(RegionDrivers {
                network,
                image_stores,
                image_staging,
                image_conversion,
                inspector,
                _central: Some(central),
                fake_network: None,
            })
        }
        "rest" => {
            let network: Arc<dyn NetworkBackend> = Arc::new(RestBackend::new(rest_config(config)?)?);
            Ok(RegionDrivers {
                network,
                image_stores,
                image_staging,
                image_conversion,
                inspector,
                _central: None,
                fake_network: None,
            })
        }
        other => Err(Error::bad_request(format!("network.driver: {other} is none of ovn, rest, fake"))),
    }
}

/// How to speak to the SDN controller.
fn rest_config(config: &Config) -> Result<RestConfig> {
    let url = config.text("network.rest_url");
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Error::bad_request(format!("network.rest_url: {url:?} is no address of a controller")));
    }
    let ca_file = config.text("network.rest_ca_file");
    let roots_pem = match url.starts_with("https://") {
        true => std::fs::read(ca_file).doing("reading the file of network.rest_ca_file")?,
        false => Vec::new(),
    };
    Ok(RestConfig {
        url: url.to_owned(),
        username: config.text("network.rest_username").to_owned(),
        password: config.text("network.rest_password").to_owned(),
        roots_pem,
        timeout: Duration::from_secs(config.number("network.rest_timeout_seconds").max(1)),
        attempts: u32::try_from(config.number("network.rest_attempts")).unwrap_or(u32::MAX).max(1),
        pause: Duration::from_millis(100),
    })
}

/// About what a real disk's copy takes.
const FAKE_COPY: Duration = Duration::from_secs(3);

/// This host's drivers, and what must be kept while they are used.
pub struct HostSide {
    pub drivers: HostDrivers,
    pub _ovs: Option<OvsHost>,
}

pub async fn host(config: &Config, region: Option<&RegionDrivers>) -> Result<HostSide> {
    let (img, mut audits) = (QemuImg::new("qemu-img", CONVERSIONS), Audits::new());
    let (hypervisor, disks) = hypervisor(config, &img, &mut audits).await?;
    let (network, ovs) = host_network(config, region).await?;
    let pools = pools::open(config, &img, &mut audits)?;
    let encryptor = Arc::new(ByTarget(QemuLuks(img)));
    Ok(HostSide { drivers: HostDrivers { hypervisor, disks, network, pools, encryptor, audits }, _ovs: ovs })
}

/// Each driver of the real world brings its audit along.
pub(crate) type Audits = Vec<Arc<dyn HostAudit>>;

/// `img`: one for the host, as it limits how many conversions run at a time.
pub(crate) async fn hypervisor(
    config: &Config,
    img: &QemuImg,
    audits: &mut Audits,
) -> Result<(Arc<dyn Hypervisor>, Arc<dyn LocalDisks>)> {
    match config.text("hypervisor.driver") {
        "fake" => {
            let mut settings = FakeSettings::default();
            let (vcpus, memory_mib) = offered(config)?;
            settings.capabilities.vcpus = vcpus.unwrap_or(settings.capabilities.vcpus);
            settings.capabilities.memory_mib = memory_mib.unwrap_or(settings.capabilities.memory_mib);
            let sets = cpu_sets(config)?;
            for cell in &mut settings.capabilities.cells {
                let all = cell.shared.clone();
                sets.divide(cell, &all);
            }
            if vtpm(config)? == Vtpm::Off {
                settings.capabilities.traits.retain(|name| !name.starts_with("COMPUTE_SECURITY_TPM"));
            }
            if config.flag("node.acceptance") {
                // Suites look for images that are being saved.
                settings.copy_time = FAKE_COPY;
            }
            let host = FakeHost::at(config.data_dir.join("guests/fake"), settings)?;
            Ok((Arc::new(Fake::on(host)), Arc::new(FakeDisks::at(config.data_dir.join("guests/disks"))?)))
        }
        "qemu" => {
            let disks = LocalStore::open(local_config(config), img.clone())?;
            let qemu = Arc::new(Qemu::open(qemu_config(config)?).await?);
            audits.push(Arc::new(host_audit::Guests(Arc::clone(&qemu))));
            Ok((qemu, Arc::new(disks)))
        }
        other => Err(Error::bad_request(format!("hypervisor.driver: {other} is none of qemu, fake"))),
    }
}

fn local_config(config: &Config) -> LocalConfig {
    let keep_unused = Duration::from_secs(config.number("hypervisor.image_cache_hours") * 3600);
    LocalConfig { keep_unused, ..LocalConfig::new(config.data_dir.join("disks")) }
}

/// vCPUs and memory that the host is to offer, where the configuration says so.
fn offered(config: &Config) -> Result<(Option<u32>, Option<u64>)> {
    let vcpus = u32::try_from(config.number("hypervisor.vcpus"));
    let vcpus = vcpus.map_err(|_| Error::bad_request("hypervisor.vcpus: too many"))?;
    Ok((Some(vcpus).filter(|n| *n > 0), Some(config.number("hypervisor.memory_mib")).filter(|n| *n > 0)))
}

/// `a, b`
fn words(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

pub(crate) fn qemu_config(config: &Config) -> Result<QemuConfig> {
    let mut qemu = QemuConfig::new(config.data_dir.join("guests"));
    qemu.run_dir = run_dir(config);
    qemu.acceleration = match config.text("hypervisor.accel") {
        "auto" => Acceleration::Auto,
        "kvm" => Acceleration::Kvm,
        "tcg" => Acceleration::Tcg,
        other => return Err(Error::bad_request(format!("hypervisor.accel: {other} is none of auto, kvm, tcg"))),
    };
    qemu.probe = probe_kernel(config);
    qemu.vtpm = vtpm(config)?;
    qemu.crossing = Some(Crossing {
        name: config.node_name(),
        address: address(config)?,
        ports: Crossing::PORTS,
        identity: config.data_dir.join("pki/node"),
    });
    (qemu.vcpus, qemu.memory_mib) = offered(config)?;
    qemu.cpu_model = Some(config.text("hypervisor.cpu_model").to_owned()).filter(|model| !model.is_empty());
    qemu.machine_types = words(config.text("hypervisor.machine_types"));
    qemu.cpu_flags = probe::flags(config.text("hypervisor.cpu_flags"))?;
    qemu.cpus = cpu_sets(config)?;
    // Nodes that share a kernel have names of their own on it, here as for their network.
    let prefix = config.text("network.prefix");
    qemu.cgroup = if prefix == "ts" { qemu.cgroup } else { format!("tstack-{prefix}") };
    Ok(qemu)
}

fn cpu_sets(config: &Config) -> Result<CpuSets> {
    CpuSets::parse(config.text("hypervisor.cpu_dedicated_set"), config.text("hypervisor.cpu_shared_set"))
}

fn vtpm(config: &Config) -> Result<Vtpm> {
    match config.text("hypervisor.vtpm") {
        "auto" => Ok(Vtpm::Auto),
        "on" => Ok(Vtpm::On),
        "off" => Ok(Vtpm::Off),
        other => Err(Error::bad_request(format!("hypervisor.vtpm: {other} is none of auto, on, off"))),
    }
}

/// Sockets have short paths only: they lie below /run, one directory per data directory.
pub(crate) fn run_dir(config: &Config) -> PathBuf {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    let of_data = BuildHasherDefault::<DefaultHasher>::default().hash_one(&config.data_dir);
    PathBuf::from(format!("/run/tstack/{of_data:016x}"))
}

/// The kernel for the acceleration probe; `quickstart` leaves one in the data directory.
fn probe_kernel(config: &Config) -> Option<ProbeKernel> {
    let dir = match config.text("hypervisor.probe") {
        "" => config.data_dir.join("probe"),
        dir => PathBuf::from(dir),
    };
    let initrd = Some(dir.join("initrd")).filter(|f| f.exists());
    Some(ProbeKernel { kernel: dir.join("vmlinuz"), initrd }).filter(|p| p.kernel.exists())
}

async fn host_network(
    config: &Config,
    region: Option<&RegionDrivers>,
) -> Result<(Arc<dyn HostNetwork>, Option<OvsHost>)> {
    // Guests in memory have no taps that a controller's switch could take.
    let imagined = config.text("network.driver") == "rest" && config.text("hypervisor.driver") == "fake";
    if config.text("network.driver") == "fake" || imagined {
        let cloud = region.and_then(|r| r.fake_network.clone()).unwrap_or_default();
        return Ok((Arc::new(cloud.host(config.node_name())), None));
    }
    let ovs = OvsHost::ensure(host_net_config(config)?).await?;
    Ok((ovs.network(), Some(ovs)))
}
