//! The database client against real servers.

use crate::rig::{PATIENCE, eventually, skipped};
use drivers_net::{
    netns::{self, Netns},
    ovsdb::{
        Atom, Client, Columns, Condition, Config, Datum, Endpoint, Error, IndexSpec, Monitored, Mutation, Mutator, Op,
        Refusal,
    },
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use uuid::Uuid;

const SCHEMA: &str = "/usr/share/ovn/ovn-nb.ovsschema";

/// Database servers in a directory (and a namespace) of their own.
struct Servers {
    dir: PathBuf,
    netns: Option<String>,
}

impl Servers {
    fn new(name: &str) -> Self {
        let dir = PathBuf::from(format!("/tmp/tsdb-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Self { dir, netns: None }
    }

    fn path(&self, member: u8, ending: &str) -> String {
        self.dir.join(format!("{member}.{ending}")).display().to_string()
    }

    fn endpoint(&self, member: u8) -> Endpoint {
        Endpoint::Unix(self.path(member, "sock").into())
    }

    fn tool(arguments: &[&str]) {
        assert!(Command::new("ovsdb-tool").args(arguments).status().expect("ovsdb-tool is installed").success());
    }

    async fn start(&self, member: u8) {
        let file = self.path(member, "db");
        let arguments = [
            file,
            format!("--remote=punix:{}", self.path(member, "sock")),
            format!("--unixctl={}", self.path(member, "ctl")),
            format!("--pidfile={}", self.path(member, "pid")),
            format!("--log-file={}", self.path(member, "log")),
            "--detach".to_owned(),
            "--no-chdir".to_owned(),
            "-vconsole:off".to_owned(),
        ];
        let netns = self.netns.as_ref().map_or_else(Netns::here, Netns::named);
        netns.command("ovsdb-server", arguments).await.unwrap();
    }

    /// Ends it, and waits until it has let go of its files.
    fn kill(&self, member: u8) {
        let pid = std::fs::read_to_string(self.path(member, "pid")).unwrap_or_default();
        self.signal(member, "-KILL");
        let process = Path::new("/proc").join(pid.trim()).join("cmdline");
        while std::fs::read(&process).is_ok_and(|command| !command.is_empty()) {
            std::thread::yield_now();
        }
    }

    fn signal(&self, member: u8, signal: &str) {
        let pid = std::fs::read_to_string(self.path(member, "pid")).unwrap_or_default();
        let _ = Command::new("kill").args([signal, pid.trim()]).stderr(std::process::Stdio::null()).status();
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for member in 1..=3 {
            if Path::new(&self.path(member, "pid")).exists() {
                self.signal(member, "-KILL");
            }
        }
        if let Some(name) = &self.netns {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

const BY_NAME: IndexSpec =
    IndexSpec { name: "name", table: "Logical_Switch", keys: |row| BTreeSet::from([Atom::from(row.text("name"))]) };

fn client(endpoints: Vec<Endpoint>, leader_only: bool) -> Client {
    let monitored = vec![
        Monitored { table: "Logical_Switch", columns: &["name", "external_ids", "ports"] },
        Monitored { table: "Logical_Switch_Port", columns: &["name", "addresses", "no_such_column"] },
        Monitored { table: "No_Such_Table", columns: &["x"] },
    ];
    let probe = Duration::from_secs(1);
    Client::start(Config {
        leader_only,
        monitored,
        indexes: vec![BY_NAME],
        probe,
        ..Config::new("OVN_Northbound", endpoints)
    })
}

fn columns(pairs: &[(&str, Datum)]) -> Columns {
    pairs.iter().map(|(c, d)| ((*c).to_owned(), d.clone())).collect()
}

fn insert(table: &str, uuid: Option<Uuid>, row: &[(&str, Datum)]) -> Op {
    Op::Insert { table: table.into(), uuid, name: None, row: columns(row) }
}

/// The switches of this name, as the index has them.
fn found(client: &Client, name: &str) -> usize {
    client.replica().find("name", &name.into()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_show_in_the_replica_before_they_return() {
    if skipped() {
        return;
    }
    let servers = Servers::new("one");
    Servers::tool(&["create", &servers.path(1, "db"), SCHEMA]);
    servers.start(1).await;
    let (client, other) = (client(vec![servers.endpoint(1)], false), client(vec![servers.endpoint(1)], true));
    client.ready(PATIENCE).await.unwrap();
    let (switch, port) = (Uuid::from_u128(0x51), Uuid::from_u128(0x52));
    let ids = Datum::map([("k", "v")]);
    let ops = [
        insert("Logical_Switch", Some(switch), &[("name", Datum::one("one")), ("external_ids", ids)]),
        insert("Logical_Switch_Port", Some(port), &[("name", Datum::one("p")), ("addresses", Datum::set(["a", "b"]))]),
        Op::Mutate {
            table: "Logical_Switch".into(),
            when: Condition::row(switch),
            mutations: vec![Mutation::new("ports", Mutator::Insert, Datum::one(port))],
        },
        Op::Comment("together".into()),
    ];
    let outcomes = client.transact(&ops).await.unwrap();
    assert_eq!((outcomes[0].uuid, outcomes[2].count), (Some(switch), 1));
    {
        let replica = client.replica();
        let row = replica.row("Logical_Switch", switch).unwrap();
        assert_eq!((row.text("name"), row.entry("external_ids", "k")), ("one", Some("v")));
        assert_eq!(row.uuids("ports").collect::<Vec<_>>(), [port]);
        assert_eq!(
            replica.row("Logical_Switch_Port", port).unwrap().strings("addresses").collect::<Vec<_>>(),
            ["a", "b"]
        );
    }
    assert_eq!(found(&client, "one"), 1);
    other.wait_for(PATIENCE, |replica| replica.row("Logical_Switch", switch).map(|_| ())).await.unwrap();

    let change = [
        Op::Update {
            table: "Logical_Switch".into(),
            when: Condition::row(switch),
            row: columns(&[("name", Datum::one("two"))]),
        },
        Op::Mutate {
            table: "Logical_Switch_Port".into(),
            when: Condition::row(port),
            mutations: vec![Mutation::new("addresses", Mutator::Delete, Datum::one("a"))],
        },
    ];
    client.transact(&change).await.unwrap();
    assert_eq!((found(&client, "one"), found(&client, "two")), (0, 1));
    let select = [Op::Select { table: "Logical_Switch_Port".into(), when: vec![], columns: vec!["addresses".into()] }];
    assert_eq!(other.transact(&select).await.unwrap()[0].rows, [columns(&[("addresses", Datum::one("b"))])]);
    client.transact(&[Op::Delete { table: "Logical_Switch".into(), when: Condition::row(switch) }]).await.unwrap();
    assert!(client.replica().row("Logical_Switch_Port", port).is_none(), "it went with its switch");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_why_and_write_nothing() {
    if skipped() {
        return;
    }
    let servers = Servers::new("refuse");
    Servers::tool(&["create", &servers.path(1, "db"), SCHEMA]);
    servers.start(1).await;
    let client = client(vec![servers.endpoint(1)], false);
    let check = async |ops: Vec<Op>, expect: Refusal| match client.transact(&ops).await {
        Err(Error::Refused { kind, .. }) => assert_eq!(kind, expect),
        other => panic!("wanted {expect:?}, got {other:?}"),
    };
    let group = |name: &str| insert("Port_Group", None, &[("name", Datum::one(name))]);
    client.transact(&[group("g")]).await.unwrap();
    check(vec![insert("Logical_Switch", None, &[("name", Datum::one("never"))]), group("g")], Refusal::Constraint)
        .await;
    let taken = Uuid::from_u128(9);
    client.transact(&[insert("Logical_Switch", Some(taken), &[])]).await.unwrap();
    check(vec![insert("Logical_Switch", Some(taken), &[])], Refusal::Duplicate).await;
    let dangling = [("ports", Datum::one(Uuid::from_u128(77)))];
    check(vec![insert("Logical_Switch", None, &dangling)], Refusal::Referential).await;
    let rows = vec![columns(&[("name", Datum::one("absent"))])];
    let wait = Op::Wait {
        table: "Port_Group".into(),
        when: vec![],
        columns: vec!["name".into()],
        equal: true,
        rows,
        timeout_ms: 0,
    };
    check(vec![wait], Refusal::Wait).await;
    check(vec![Op::Abort], Refusal::Aborted).await;
    check(vec![insert("No_Such_Table", None, &[])], Refusal::Other).await;
    assert_eq!(found(&client, "never"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_or_silent_is_found_again() {
    if skipped() {
        return;
    }
    let servers = Servers::new("away");
    Servers::tool(&["create", &servers.path(1, "db"), SCHEMA]);
    let early = client(vec![servers.endpoint(1)], false);
    let soon = early.ready(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(&soon, Error::NotConnected { reason, .. } if reason.contains("1.sock")), "{soon}");
    servers.start(1).await;
    early.ready(PATIENCE).await.unwrap();
    let named = |name: &str| insert("Logical_Switch", None, &[("name", Datum::one(name))]);
    early.transact(&[named("before")]).await.unwrap();
    servers.kill(1);
    servers.start(1).await;
    eventually("it writes again", || async { early.transact(&[named("after")]).await.is_ok() }).await;
    assert_eq!((found(&early, "before"), found(&early, "after")), (1, 1), "nothing doubled, nothing lost");
    // One that is alive and says nothing is given up after two probes, and whoever waits for its answer is told.
    servers.signal(1, "-STOP");
    let unanswered = early.transact(&[named("unknown")]).await.unwrap_err();
    assert!(matches!(unanswered, Error::Broken(_)), "{unanswered}");
    servers.signal(1, "-CONT");
    eventually("it reads again", || async { early.ready(PATIENCE).await.is_ok() && found(&early, "before") == 1 })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_followed_to_its_leader() {
    if skipped() {
        return;
    }
    let mut servers = Servers::new("raft");
    let name = format!("tsdb-{}", std::process::id());
    netns::ensure(&name).await.unwrap();
    servers.netns = Some(name);
    let address = |member: u8| format!("tcp:127.0.0.{member}:6643");
    Servers::tool(&["create-cluster", &servers.path(1, "db"), SCHEMA, &address(1)]);
    servers.start(1).await;
    for member in 2..=3 {
        Servers::tool(&["join-cluster", &servers.path(member, "db"), "OVN_Northbound", &address(member), &address(1)]);
        servers.start(member).await;
    }
    let client = client((1..=3).rev().map(|m| servers.endpoint(m)).collect(), true);
    let named = |name: &str| insert("Logical_Switch", None, &[("name", Datum::one(name))]);
    eventually("the first leader takes a write", || async { client.transact(&[named("first")]).await.is_ok() }).await;
    let leads = async |member: u8| {
        let control = servers.path(member, "ctl");
        let asked = drivers_net::ovsdb::control(
            Path::new(&control),
            "cluster/status",
            &["OVN_Northbound"],
            Duration::from_secs(5),
        )
        .await;
        asked.is_ok_and(|text| text.contains("Role: leader"))
    };
    let mut leader = 0;
    for member in 1..=3 {
        if leads(member).await {
            leader = member;
        }
    }
    // The others must hold the data before the leader goes.
    let joined = async |member: u8| {
        let control = servers.path(member, "ctl");
        let asked = drivers_net::ovsdb::control(
            Path::new(&control),
            "cluster/status",
            &["OVN_Northbound"],
            Duration::from_secs(5),
        )
        .await;
        asked.is_ok_and(|text| text.contains("Status: cluster member"))
    };
    for member in 1..=3 {
        eventually("everybody has joined", || joined(member)).await;
    }
    servers.signal(leader, "-KILL");
    eventually("the next leader takes a write", || async { client.transact(&[named("second")]).await.is_ok() }).await;
    assert_eq!(found(&client, "first"), 1);
    assert!(found(&client, "second") >= 1);
}
