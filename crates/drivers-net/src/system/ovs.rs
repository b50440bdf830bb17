//! Open vSwitch and ovn-controller of one host: three processes with a directory, sockets and a database of their own, beside
//! whatever Open vSwitch the operator runs.
//!
//! ```text
//!   ensure:  ovsdb-server ─▶ root row ─▶ ovs-vswitchd ─▶ bridges (int, phy, ex) ─▶ addresses, nft ─▶ ovn-controller
//!   down:    ovn-controller (takes its chassis out of OVN) ─▶ ovs-vswitchd (takes its devices along) ─▶ ovsdb-server
//!            ─▶ taps, metadata namespaces, nft tables, the underlay's card as it was, the directory
//! ```
//!
//! `ensure` makes only what is missing and may be called at any time; processes that run are adopted. `down` needs nothing
//! but the configuration and takes away what it finds, also after a crash half way through either.

use super::{
    config::HostNetConfig,
    daemon::Daemon,
    database,
    datapath::{self, Kind},
    external,
    supervise::Supervisor,
    underlay,
};
use crate::{
    host::{
        OvsNetwork,
        guard::Guard,
        switch::{BridgeSpec, Switch},
        tracking::Denial,
    },
    link::{self, Link, Owner},
    netns, ovsdb,
};
use kernel::{Result, error::Doing};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";
/// How long a daemon may take to end when asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// A host whose switch runs. Dropping it ends the supervision, not the switch.
pub struct OvsHost {
    config: HostNetConfig,
    datapath: Kind,
    switch: Switch,
    network: Arc<OvsNetwork>,
    supervisor: Supervisor,
    _guard: Guard,
    _denial: Option<Denial>,
}

impl OvsHost {
    pub async fn ensure(config: HostNetConfig) -> Result<Self> {
        config.check()?;
        std::fs::create_dir_all(&config.state_dir).doing("making the directory of the host's switch")?;
        let database = database_server(&config);
        database::ensure(&database, SCHEMA).await?;
        let switch = Switch::connect(config.database());
        switch.ready().await?;
        let existing = switch.datapath_of(&config.integration_bridge());
        let datapath = datapath::choose(&config, existing.as_deref()).await?;
        if datapath == Kind::Userspace {
            datapath::make_room().await;
        }
        // Before there is an ovn-controller that reads what the switch can.
        let denial = (datapath == Kind::Userspace).then(|| Denial::start(switch.clone()));
        make(&config, datapath, &switch).await?;
        let controller = config.is_ovn().then(|| controller(&config));
        let daemons = [database, vswitchd(&config, datapath)].into_iter().chain(controller);
        let supervisor = Supervisor::watch(daemons.collect());
        let network = Arc::new(OvsNetwork::new(&config, switch.clone()));
        let guard = Guard::start(&config);
        Ok(Self { config, datapath, switch, network, supervisor, _guard: guard, _denial: denial })
    }

    /// Makes again whatever is missing of the host's switch: for a reconciler.
    pub async fn repair(&self) -> Result<()> {
        make(&self.config, self.datapath, &self.switch).await
    }

    pub fn network(&self) -> Arc<OvsNetwork> {
        self.network.clone()
    }

    /// With the userspace one, guests must compute their checksums themselves.
    pub fn datapath(&self) -> Kind {
        self.datapath
    }

    /// The devices that are left of a switch that does not run: the bridges', the guests', the datapath's.
    pub async fn remains(config: &HostNetConfig) -> Result<Vec<String>> {
        let nobody = datapath::other_switches(&config.netns(), None).is_empty();
        let links = link::list(&config.netns()).await?.into_iter();
        let ours = |l: &Link| l.owner() != Owner::Stranger || config.is_bridge(&l.ifname);
        Ok(links.filter(|l| ours(l) || (nobody && l.ifname == datapath::USERSPACE_DEVICE)).map(|l| l.ifname).collect())
    }

    /// The daemons of this host that run now.
    pub fn processes(config: &HostNetConfig) -> Vec<&'static str> {
        let all = [database_server(config), vswitchd(config, Kind::Userspace), controller(config)];
        all.iter().filter(|d| d.running().is_some()).map(|d| d.name).collect()
    }

    pub fn restarts(&self) -> BTreeMap<&'static str, u64> {
        self.supervisor.restarts()
    }

    /// Stops everything of this host's network and removes all that was made. An `OvsHost` of the same configuration must
    /// have been dropped: its supervision would start again what this stops.
    pub async fn down(config: &HostNetConfig) -> Result<()> {
        config.check()?;
        stop(config).await?;
        let netns = config.netns();
        if config.netns.as_deref().is_none_or(netns::exists) {
            for device in Self::remains(config).await? {
                link::delete(&netns, &device).await?;
            }
            forget_nft(config).await?;
            external::undo(config).await?;
            underlay::give_back(config).await?;
        }
        for namespace in netns::list(&config.metadata_namespaces()) {
            netns::remove(&namespace).await?;
        }
        match std::fs::remove_dir_all(&config.state_dir) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(e).doing("removing the directory of the host's switch")
            }
            _ => Ok(()),
        }
    }
}

async fn make(config: &HostNetConfig, datapath: Kind, switch: &Switch) -> Result<()> {
    config.netns().ip(&["link set lo up".to_owned()]).await?;
    database::ensure(&database_server(config), SCHEMA).await?;
    switch.initialise(controller_ids(config, datapath)).await?;
    vswitchd(config, datapath).ensure().await?;
    let name = config.integration_bridge();
    switch.add_bridge(&BridgeSpec { name, datapath: datapath.name(), secure: true, mac: None }).await?;
    if let (Some(nic), Kind::Userspace) = (&config.underlay, datapath) {
        underlay::take_over(config, nic, switch).await?;
    }
    external::ensure(config, datapath, switch).await?;
    if config.is_ovn() {
        controller(config).ensure().await?;
    }
    Ok(())
}

async fn stop(config: &HostNetConfig) -> Result<()> {
    let controller = controller(config);
    if let Some(socket) = controller.control() {
        // It takes its chassis out of the southbound database, if that can be reached.
        let _ = ovsdb::control(&socket, "exit", &[], PATIENCE).await;
        wait_gone(&controller).await;
    }
    controller.stop(PATIENCE).await?;
    // The datapath argument matters only for starting.
    let vswitchd = vswitchd(config, Kind::Userspace);
    if let Some(socket) = vswitchd.control().filter(|_| vswitchd.running().is_some()) {
        let _ = ovsdb::control(&socket, "exit", &["--cleanup"], PATIENCE).await;
        wait_gone(&vswitchd).await;
    }
    vswitchd.stop(PATIENCE).await?;
    database_server(config).stop(PATIENCE).await
}

async fn wait_gone(daemon: &Daemon) {
    if let Some(process) = daemon.running() {
        let _ = tokio::time::timeout(PATIENCE, process.ended()).await;
    }
}

async fn forget_nft(config: &HostNetConfig) -> Result<()> {
    let table = config.nft_table();
    let families =
        ["ip", "netdev"].map(|family| format!("table {family} {table} {{\n}}\ndelete table {family} {table}\n"));
    config.netns().nft(families.concat()).await
}

fn database_server(config: &HostNetConfig) -> Daemon {
    let socket = format!("punix:{}", config.state_dir.join("db.sock").display());
    database::server("conf", &config.state_dir, &config.netns(), &[socket])
}

fn vswitchd(config: &HostNetConfig, datapath: Kind) -> Daemon {
    let mut arguments = vec![config.database().to_string()];
    if datapath == Kind::Userspace {
        // Hands off the kernel's datapath, which may be somebody else's.
        arguments.push("--disable-system".into());
    }
    let (dir, netns) = (config.state_dir.clone(), config.netns());
    Daemon { program: "ovs-vswitchd", name: "ovs-vswitchd", dir, netns, arguments, has_control: true }
}

fn controller(config: &HostNetConfig) -> Daemon {
    let arguments = vec![config.database().to_string()];
    let (dir, netns) = (config.state_dir.clone(), config.netns());
    Daemon { program: "ovn-controller", name: "ovn-controller", dir, netns, arguments, has_control: false }
}

/// ovn-controller's configuration: ovn-controller(8).
fn controller_ids(config: &HostNetConfig, datapath: Kind) -> Vec<(String, String)> {
    let gateway = if config.gateway { "enable-chassis-as-gw" } else { "" };
    let ids = [
        ("system-id", config.system_id.to_string()),
        ("hostname", config.system_id.to_string()),
        ("ovn-remote", config.southbound.clone()),
        ("ovn-encap-type", "geneve".into()),
        ("ovn-encap-ip", config.encap_ip.to_string()),
        ("ovn-bridge", config.integration_bridge()),
        ("ovn-bridge-datapath-type", datapath.name().into()),
        ("ovn-bridge-mappings", config.mappings()),
        ("ovn-cms-options", gateway.into()),
        // A busy host is no dead one.
        ("ovn-remote-probe-interval", "60000".into()),
        ("ovn-openflow-probe-interval", "60".into()),
    ];
    ids.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}
