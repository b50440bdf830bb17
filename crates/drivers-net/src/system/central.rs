//! OVN's northbound and southbound database and northd, on the node that has them. One server each; their contents follow
//! from the store and are rebuilt by the network service's reconciler if they are lost.

use super::{config::CentralConfig, daemon::Daemon, database, supervise::Supervisor};
use crate::ovsdb::{Client, Columns, Condition, Config, Datum, Endpoint, Monitored, Op};
use kernel::{Result, error::Doing};
use std::{collections::BTreeMap, net::IpAddr, time::Duration};

const PATIENCE: Duration = Duration::from_secs(5);
const READY: Duration = Duration::from_secs(20);

/// One of the two databases.
#[derive(Clone, Copy)]
struct Database {
    name: &'static str,
    schema: &'static str,
    database: &'static str,
    global: &'static str,
}

const NORTHBOUND: Database = Database {
    name: "ovnnb",
    schema: "/usr/share/ovn/ovn-nb.ovsschema",
    database: "OVN_Northbound",
    global: "NB_Global",
};
const SOUTHBOUND: Database = Database {
    name: "ovnsb",
    schema: "/usr/share/ovn/ovn-sb.ovsschema",
    database: "OVN_Southbound",
    global: "SB_Global",
};

impl Database {
    fn server(self, config: &CentralConfig) -> Daemon {
        let socket = format!("punix:{}", config.state_dir.join(format!("{}.sock", self.name)).display());
        let configured = format!("db:{},{},connections", self.database, self.global);
        database::server(self.name, &config.state_dir, &config.netns(), &[socket, configured])
    }
}

/// Dropping it ends the supervision, not the processes.
pub struct OvnCentral {
    supervisor: Supervisor,
}

impl OvnCentral {
    pub async fn ensure(config: &CentralConfig) -> Result<Self> {
        config.check()?;
        std::fs::create_dir_all(&config.state_dir).doing("making the directory of OVN's databases")?;
        let mut daemons = Vec::new();
        for (database, endpoint, port) in [
            (NORTHBOUND, config.northbound(), config.listen.map(|(address, nb, _)| (address, nb))),
            (SOUTHBOUND, config.southbound(), config.listen.map(|(address, _, sb)| (address, sb))),
        ] {
            let server = database.server(config);
            database::ensure(&server, database.schema).await?;
            listen(database, endpoint, port).await?;
            daemons.push(server);
        }
        let northd = northd(config);
        northd.ensure().await?;
        daemons.push(northd);
        Ok(Self { supervisor: Supervisor::watch(daemons) })
    }

    pub fn restarts(&self) -> BTreeMap<&'static str, u64> {
        self.supervisor.restarts()
    }

    /// Stops the processes and removes the databases. An `OvnCentral` of the same configuration must have been dropped: its
    /// supervision would start again what this stops.
    pub async fn down(config: &CentralConfig) -> Result<()> {
        config.check()?;
        for daemon in [northd(config), SOUTHBOUND.server(config), NORTHBOUND.server(config)] {
            daemon.stop(PATIENCE).await?;
        }
        match std::fs::remove_dir_all(&config.state_dir) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).doing("removing OVN's databases"),
            _ => Ok(()),
        }
    }
}

fn northd(config: &CentralConfig) -> Daemon {
    let arguments = vec![format!("--ovnnb-db={}", config.northbound()), format!("--ovnsb-db={}", config.southbound())];
    let (dir, netns) = (config.state_dir.clone(), config.netns());
    Daemon { program: "ovn-northd", name: "ovn-northd", dir, netns, arguments, has_control: true }
}

/// Makes the database's root row, and has its server listen at exactly this address. The database itself holds where: only
/// so can the server be told to be patient with clients on a busy host.
async fn listen(database: Database, endpoint: Endpoint, at: Option<(IpAddr, u16)>) -> Result<()> {
    let monitored = vec![
        Monitored { table: database.global, columns: &["connections"] },
        Monitored { table: "Connection", columns: &["target", "inactivity_probe"] },
    ];
    let client = Client::start(Config { monitored, ..Config::new(database.database, vec![endpoint]) });
    client.ready(READY).await?;
    let (root, targets): (Option<_>, Vec<String>) = {
        let replica = client.replica();
        let root = replica.rows(database.global).next().map(|(uuid, _)| uuid);
        (root, replica.rows("Connection").map(|(_, row)| row.text("target").to_owned()).collect())
    };
    let target = at.map(|(address, port)| match address {
        IpAddr::V4(v4) => format!("ptcp:{port}:{v4}"),
        IpAddr::V6(v6) => format!("ptcp:{port}:[{v6}]"),
    });
    if root.is_some() && targets == target.iter().cloned().collect::<Vec<_>>() {
        return Ok(());
    }
    let columns = |pairs: Vec<(&str, Datum)>| pairs.into_iter().map(|(c, d)| (c.to_owned(), d)).collect::<Columns>();
    let mut ops = Vec::new();
    let connection = target.map(|target| {
        let row = columns(vec![("target", Datum::one(target)), ("inactivity_probe", Datum::one(60_000))]);
        Op::Insert { table: "Connection".into(), uuid: None, name: Some("listener".into()), row }
    });
    let listener = connection.is_some().then(|| crate::ovsdb::Atom::Named("listener".into()));
    let row = columns(vec![("connections", Datum::set(listener))]);
    let table = database.global.to_owned();
    ops.extend(connection);
    ops.push(match root {
        Some(uuid) => Op::Update { table, when: Condition::row(uuid), row },
        None => Op::Insert { table, uuid: None, name: None, row },
    });
    client.transact(&ops).await?;
    Ok(())
}
