//! The Open vSwitch of one host, through its own database: bridges and ports are rows, and ovs-vswitchd makes them so.
//!
//! A change raises `next_cfg` in its own transaction and waits until ovs-vswitchd says, by `cur_cfg`, that it has done
//! everything up to there. So when a call returns, the packets already go the new way; and a port that was taken away is
//! really let go of before its device is deleted: a device deleted under OVS and made again by the same name would stay
//! dead.

use crate::{
    link::{Link, Owner},
    ovsdb::{
        Client, Columns, Condition, Config, Datum, Endpoint, Function, IndexSpec, Monitored, Mutation, Mutator, Op,
        Outcome, Row,
    },
};
use kernel::{Error, NetworkId, Result};
use std::{collections::BTreeSet, net::SocketAddr, time::Duration};
use uuid::Uuid;

/// How long ovs-vswitchd may take for a change. It may just be restarting.
const PATIENCE: Duration = Duration::from_secs(20);

const ROOT: &str = "Open_vSwitch";
const DATAPATH: &str = "Datapath";
const COLLECTORS: &str = "Flow_Sample_Collector_Set";
const BY_NAME: [IndexSpec; 3] =
    [by_name("bridge", "Bridge"), by_name("port", "Port"), by_name("interface", "Interface")];

const fn by_name(name: &'static str, table: &'static str) -> IndexSpec {
    IndexSpec { name, table, keys: |row| BTreeSet::from([row.text("name").into()]) }
}

#[derive(Clone)]
pub struct Switch {
    client: Client,
}

/// A bridge to have.
#[derive(Clone, Debug)]
pub struct BridgeSpec {
    pub name: String,
    /// `netdev` or `system`
    pub datapath: &'static str,
    /// Pass nothing until a controller says what to pass.
    pub secure: bool,
    /// The MAC of the bridge's own port.
    pub mac: Option<String>,
}

/// A port to have: an existing network device, connected to a bridge.
#[derive(Clone, Debug)]
pub struct PortSpec {
    pub device: String,
    pub bridge: String,
    /// OVN's name for what is behind it.
    pub iface_id: Option<String>,
    pub mac: Option<String>,
    pub owner: Owner,
    /// Of the device, where it may be deleted and made again under its name.
    pub ifindex: Option<u32>,
}

/// A port that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    pub device: String,
    pub iface_id: Option<String>,
    pub owner: Owner,
    /// Of the device that was connected.
    pub ifindex: Option<u32>,
    /// Connected: ovs-vswitchd gave it an OpenFlow port number.
    pub works: bool,
    /// In OpenFlow.
    pub number: Option<i64>,
    pub error: Option<String>,
}

fn columns(pairs: impl IntoIterator<Item = (&'static str, Datum)>) -> Columns {
    pairs.into_iter().map(|(c, d)| (c.to_owned(), d)).collect()
}

fn named(name: &str) -> Datum {
    Datum::one(crate::ovsdb::Atom::Named(name.into()))
}

impl Switch {
    pub fn connect(endpoint: Endpoint) -> Self {
        let monitored = vec![
            Monitored { table: ROOT, columns: &["next_cfg", "cur_cfg", "external_ids", "bridges", "ovs_version"] },
            Monitored {
                table: "Bridge",
                columns: &["name", "datapath_type", "fail_mode", "other_config", "external_ids", "ports"],
            },
            Monitored { table: "Port", columns: &["name", "interfaces"] },
            Monitored { table: DATAPATH, columns: &["capabilities"] },
            Monitored { table: COLLECTORS, columns: &["id", "bridge", "external_ids"] },
            Monitored { table: "Interface", columns: &["name", "type", "external_ids", "ofport", "error"] },
        ];
        let config = Config { monitored, indexes: BY_NAME.to_vec(), ..Config::new(ROOT, vec![endpoint]) };
        Self { client: Client::start(config) }
    }

    pub async fn ready(&self) -> Result<()> {
        Ok(self.client.ready(PATIENCE).await?)
    }

    /// Makes the database's one root row and sets these external ids in it, ovn-controller's configuration.
    pub async fn initialise(&self, ids: Vec<(String, String)>) -> Result<()> {
        self.ready().await?;
        let root = self.client.replica().rows(ROOT).next().map(|(uuid, row)| (uuid, row.clone()));
        let op = match root {
            None => {
                let row = columns([("external_ids", Datum::map(ids))]);
                let none = Op::Wait {
                    table: ROOT.into(),
                    when: vec![],
                    columns: vec![],
                    equal: true,
                    rows: vec![],
                    timeout_ms: 0,
                };
                vec![none, Op::Insert { table: ROOT.into(), uuid: None, name: None, row }]
            }
            Some((uuid, row)) => {
                let changed: Vec<_> =
                    ids.into_iter().filter(|(k, v)| row.entry("external_ids", k) != Some(v)).collect();
                if changed.is_empty() {
                    return Ok(());
                }
                let keys = Datum::set(changed.iter().map(|(k, _)| k.clone()));
                let mutations = vec![
                    Mutation::new("external_ids", Mutator::Delete, keys),
                    Mutation::new("external_ids", Mutator::Insert, Datum::map(changed)),
                ];
                vec![Op::Mutate { table: ROOT.into(), when: Condition::row(uuid), mutations }]
            }
        };
        self.client.transact(&op).await?;
        Ok(())
    }

    /// Told whenever the database changes.
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.client.changes()
    }

    /// Says of the switch's datapaths that they do not have this capability, wherever it is said that they do.
    pub async fn deny(&self, capability: &str) -> Result<()> {
        self.ready().await?;
        let having =
            |(uuid, row): (Uuid, &Row)| (row.entry("capabilities", capability) == Some("true")).then_some(uuid);
        let found: Vec<_> = self.client.replica().rows(DATAPATH).filter_map(having).collect();
        let denied = |uuid: Uuid| {
            let mutations = vec![
                Mutation::new("capabilities", Mutator::Delete, Datum::set([capability])),
                Mutation::new("capabilities", Mutator::Insert, Datum::map([(capability, "false")])),
            ];
            Op::Mutate { table: DATAPATH.into(), when: Condition::row(uuid), mutations }
        };
        if !found.is_empty() {
            self.client.transact(&found.into_iter().map(denied).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Commits a change of the configuration and waits until it is in force.
    async fn configure(&self, mut ops: Vec<Op>) -> Result<()> {
        let raise = vec![Mutation::new("next_cfg", Mutator::Add, Datum::one(1))];
        ops.push(Op::Mutate { table: ROOT.into(), when: vec![], mutations: raise });
        ops.push(Op::Select { table: ROOT.into(), when: vec![], columns: vec!["next_cfg".into()] });
        let outcomes = self.client.transact(&ops).await?;
        let wanted = outcomes.last().and_then(next_cfg).unwrap_or(0);
        let reached = |row: &Row| row.int("cur_cfg").is_some_and(|cur| cur >= wanted).then_some(());
        let waiting = self.client.wait_for(PATIENCE, |replica| replica.rows(ROOT).find_map(|(_, row)| reached(row)));
        waiting.await.map_err(|e| Error::unavailable("the host's switch does not answer").with_source(e))
    }

    fn root(&self) -> Result<Uuid> {
        let root = self.client.replica().rows(ROOT).next().map(|(uuid, _)| uuid);
        root.ok_or_else(|| Error::internal("the database of Open vSwitch has no root row"))
    }

    fn find(&self, table: &str, index: &str, name: &str) -> Option<(Uuid, Row)> {
        let replica = self.client.replica();
        let uuid = replica.find(index, &name.into()).next()?;
        Some((uuid, replica.row(table, uuid)?.clone()))
    }

    pub async fn add_bridge(&self, spec: &BridgeSpec) -> Result<()> {
        self.ready().await?;
        if let Some((uuid, row)) = self.find("Bridge", "bridge", &spec.name) {
            return self.settle_bridge(spec, uuid, &row).await;
        }
        let name = Datum::one(spec.name.as_str());
        let insert = |table: &str, id: &str, row: Columns| Op::Insert {
            table: table.into(),
            uuid: None,
            name: Some(id.into()),
            row,
        };
        let mut bridge = columns(spec.columns());
        bridge.extend(columns([("name", name.clone()), ("ports", named("port"))]));
        bridge.extend(columns([("other_config", Datum::map(spec.hwaddr()))]));
        let into = vec![Mutation::new("bridges", Mutator::Insert, named("bridge"))];
        self.configure(vec![
            insert("Interface", "interface", columns([("name", name.clone()), ("type", Datum::one("internal"))])),
            insert("Port", "port", columns([("name", name), ("interfaces", named("interface"))])),
            insert("Bridge", "bridge", bridge),
            Op::Mutate { table: ROOT.into(), when: Condition::row(self.root()?), mutations: into },
        ])
        .await?;
        self.working(&spec.name)
    }

    /// A bridge that is there already: others (ovn-controller) keep things in its `other_config`, too.
    async fn settle_bridge(&self, spec: &BridgeSpec, uuid: Uuid, row: &Row) -> Result<()> {
        let mut ops = Vec::new();
        let (table, when) = ("Bridge".to_owned(), Condition::row(uuid));
        if spec.columns().iter().any(|(column, datum)| row.get(column) != Some(datum)) {
            ops.push(Op::Update { table: table.clone(), when: when.clone(), row: columns(spec.columns()) });
        }
        if spec.hwaddr().iter().any(|(key, mac)| row.entry("other_config", key) != Some(mac)) {
            let mutations = vec![
                Mutation::new("other_config", Mutator::Delete, Datum::set(["hwaddr"])),
                Mutation::new("other_config", Mutator::Insert, Datum::map(spec.hwaddr())),
            ];
            ops.push(Op::Mutate { table, when, mutations });
        }
        if ops.is_empty() { Ok(()) } else { self.configure(ops).await }
    }

    pub async fn delete_bridge(&self, name: &str) -> Result<()> {
        self.ready().await?;
        let Some((uuid, _)) = self.find("Bridge", "bridge", name) else { return Ok(()) };
        let from = vec![Mutation::new("bridges", Mutator::Delete, Datum::one(uuid))];
        self.configure(vec![Op::Mutate { table: ROOT.into(), when: vec![], mutations: from }]).await
    }

    pub fn datapath_of(&self, bridge: &str) -> Option<String> {
        self.find("Bridge", "bridge", bridge).map(|(_, row)| row.text("datapath_type").to_owned())
    }

    pub fn bridges(&self) -> Vec<String> {
        self.client.replica().rows("Bridge").map(|(_, row)| row.text("name").to_owned()).collect()
    }

    /// Connects the device, or changes what is said of it if it is connected already.
    pub async fn add_port(&self, spec: &PortSpec) -> Result<()> {
        self.ready().await?;
        let ids = spec.ids();
        if let Some((uuid, row)) = self.find("Interface", "interface", &spec.device) {
            let same = {
                let replica = self.client.replica();
                replica.value("Interface", &row, "external_ids") == ids
            };
            if !same {
                let row = columns([("external_ids", ids)]);
                self.configure(vec![Op::Update { table: "Interface".into(), when: Condition::row(uuid), row }]).await?;
            }
            return self.working(&spec.device);
        }
        let (bridge, _) = self.find("Bridge", "bridge", &spec.bridge).ok_or_else(|| {
            Error::unavailable("the host's switch is not ready")
                .with_internal(format!("there is no bridge {}", spec.bridge))
        })?;
        let name = Datum::one(spec.device.as_str());
        let insert = |table: &str, id: &str, row: Columns| Op::Insert {
            table: table.into(),
            uuid: None,
            name: Some(id.into()),
            row,
        };
        let into = vec![Mutation::new("ports", Mutator::Insert, named("port"))];
        self.configure(vec![
            insert("Interface", "interface", columns([("name", name.clone()), ("external_ids", ids)])),
            insert("Port", "port", columns([("name", name), ("interfaces", named("interface"))])),
            Op::Mutate { table: "Bridge".into(), when: Condition::row(bridge), mutations: into },
        ])
        .await?;
        self.working(&spec.device)
    }

    /// Fails with ovs-vswitchd's own words if it could not connect the device.
    fn working(&self, device: &str) -> Result<()> {
        match self.port(device) {
            Some(port) if port.works => Ok(()),
            port => {
                let error = port.and_then(|p| p.error).unwrap_or_else(|| "it has no port number".into());
                Err(Error::internal(format!("connecting {device} to the switch: {error}")))
            }
        }
    }

    /// Disconnects the device from whatever bridge it is on.
    pub async fn delete_port(&self, device: &str) -> Result<()> {
        self.ready().await?;
        let Some((port, _)) = self.find("Port", "port", device) else { return Ok(()) };
        let from = vec![Mutation::new("ports", Mutator::Delete, Datum::one(port))];
        let when = vec![Condition::new("ports", Function::Includes, Datum::one(port))];
        self.configure(vec![Op::Mutate { table: "Bridge".into(), when, mutations: from }]).await
    }

    /// Where samples of networks' packets go; other sets of ours are taken away.
    pub async fn collect(&self, bridge: &str, wanted: &[Collector]) -> Result<()> {
        self.ready().await?;
        let Some((bridge, _)) = self.find("Bridge", "bridge", bridge) else {
            return Err(Error::unavailable("the host's switch is not ready"));
        };
        let held: Vec<(Uuid, Collector)> = {
            let replica = self.client.replica();
            replica.rows(COLLECTORS).filter_map(|(uuid, row)| Some((uuid, Collector::of(row)?))).collect()
        };
        let gone = held.iter().filter(|(_, c)| !wanted.contains(c));
        let mut ops: Vec<_> =
            gone.map(|(uuid, _)| Op::Delete { table: COLLECTORS.into(), when: Condition::row(*uuid) }).collect();
        for (n, new) in wanted.iter().enumerate().filter(|(_, c)| !held.iter().any(|(_, h)| h == *c)) {
            ops.extend(new.insert(bridge, &format!("ipfix{n}")));
        }
        if ops.is_empty() { Ok(()) } else { self.configure(ops).await }
    }

    pub fn port(&self, device: &str) -> Option<Port> {
        self.find("Interface", "interface", device).map(|(_, row)| Port::of(&row))
    }

    /// Every port of every bridge, the bridges' own among them.
    pub fn ports(&self) -> Vec<Port> {
        self.client.replica().rows("Interface").map(|(_, row)| Port::of(row)).collect()
    }
}

fn next_cfg(outcome: &Outcome) -> Option<i64> {
    outcome.rows.first()?.get("next_cfg")?.only()?.as_int()
}

const KIND: &str = "tstack:kind";
const ID: &str = "tstack:id";
const IFINDEX: &str = "tstack:ifindex";

fn owner(ids: &Datum) -> Owner {
    match (ids.get(KIND), ids.get(ID)) {
        (Some("port"), Some(id)) => Owner::Port(id.into()),
        (Some("metadata"), Some(id)) => Owner::Metadata(id.into()),
        _ => Owner::Stranger,
    }
}

/// Where samples with this number go, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    pub id: u32,
    pub to: SocketAddr,
    pub of: NetworkId,
}

const NETWORK: &str = "tstack:network";
const COLLECTOR: &str = "tstack:collector";
/// Packets of a flow that follow each other within seconds are one record.
const TOGETHER: i64 = 5;
const FLOWS: i64 = 8192;

impl Collector {
    fn of(row: &Row) -> Option<Self> {
        let (of, to) = (row.entry("external_ids", NETWORK)?.into(), row.entry("external_ids", COLLECTOR)?);
        Some(Self { id: row.int("id")?.try_into().ok()?, to: to.parse().ok()?, of })
    }

    fn insert(&self, bridge: Uuid, name: &str) -> [Op; 2] {
        let ipfix = columns([
            ("targets", Datum::one(self.to.to_string())),
            ("cache_active_timeout", Datum::one(TOGETHER)),
            ("cache_max_flows", Datum::one(FLOWS)),
        ]);
        let ids = [(NETWORK, self.of.to_string()), (COLLECTOR, self.to.to_string())];
        let set = columns([
            ("id", Datum::one(i64::from(self.id))),
            ("bridge", Datum::one(bridge)),
            ("ipfix", named(name)),
            ("external_ids", Datum::map(ids)),
        ]);
        let insert = |table: &str, name: Option<&str>, row| Op::Insert {
            table: table.into(),
            uuid: None,
            name: name.map(str::to_owned),
            row,
        };
        [insert("IPFIX", Some(name), ipfix), insert(COLLECTORS, None, set)]
    }
}

impl BridgeSpec {
    fn columns(&self) -> [(&'static str, Datum); 2] {
        let fail_mode = if self.secure { "secure" } else { "standalone" };
        [("datapath_type", Datum::one(self.datapath)), ("fail_mode", Datum::one(fail_mode))]
    }

    fn hwaddr(&self) -> Option<(String, String)> {
        self.mac.as_ref().map(|mac| ("hwaddr".to_owned(), mac.clone()))
    }
}

impl PortSpec {
    fn ids(&self) -> Datum {
        let mut ids = Vec::new();
        ids.extend(self.iface_id.iter().map(|id| ("iface-id", id.clone())));
        ids.extend(self.mac.iter().map(|mac| ("attached-mac", mac.clone())));
        ids.extend(self.ifindex.iter().map(|index| (IFINDEX, index.to_string())));
        match &self.owner {
            Owner::Port(id) => ids.extend([(KIND, "port".to_owned()), (ID, id.to_string())]),
            Owner::Metadata(id) => ids.extend([(KIND, "metadata".to_owned()), (ID, id.to_string())]),
            Owner::Stranger => {}
        }
        Datum::map(ids)
    }
}

impl Port {
    /// Connected, and to this very device: the switch does not notice one that was made anew under the same name.
    pub fn holds(&self, device: &Link) -> bool {
        self.works && self.device == device.ifname && self.ifindex == Some(device.ifindex)
    }

    fn of(row: &Row) -> Self {
        let ids = row.get("external_ids").cloned().unwrap_or(Datum::empty());
        let error = row.text("error");
        Self {
            device: row.text("name").to_owned(),
            iface_id: ids.get("iface-id").map(str::to_owned),
            owner: owner(&ids),
            ifindex: ids.get(IFINDEX).and_then(|text| text.parse().ok()),
            works: row.int("ofport").is_some_and(|n| n > 0) && error.is_empty(),
            number: row.int("ofport").filter(|n| *n > 0),
            error: (!error.is_empty()).then(|| error.to_owned()),
        }
    }
}
