//! redb and kill -9: this test runs itself as a process that commits and says so, and kills it.

use crate::support::{objects::Pet, objects::pet, objects::schema, setting};
use rand::Rng;
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};
use store::{Redb, Store};

const DIRECTORY: &str = "TSTACK_TEST_KILL_DIRECTORY";

async fn open(dir: &Path) -> Store {
    // The kernel lets go of a killed process's locks a little after it is gone.
    let mut redb = None;
    super::support::until("the file is free", async || {
        redb = Redb::open(&dir.join("store")).ok();
        redb.is_some()
    })
    .await;
    Store::open(redb.unwrap(), schema()).await.unwrap()
}

fn counted(store: &Store) -> (u32, u32) {
    let age = |id| store.snapshot().get::<Pet>(id).map_or(0, |p| p.age);
    (age("one"), age("two"))
}

/// The process that is killed. Does nothing when it is run as a test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(dir) = std::env::var(DIRECTORY) else { return };
    let store = open(Path::new(&dir)).await;
    loop {
        let count = store.transact("count", |tx| {
            let next = tx.get::<Pet>("one").map_or(1, |p| p.age + 1);
            for id in ["one", "two"] {
                tx.put(Pet { age: next, ..pet(id, &"x".repeat(next as usize % 5000)) });
            }
            Ok(next)
        });
        let mut out = std::io::stdout();
        writeln!(out, "acknowledged {}", count.await.unwrap()).unwrap();
        out.flush().unwrap();
    }
}

/// Starts the child, kills it after some acknowledgements, and returns the last one.
fn killed_after(dir: &Path, acknowledgements: usize) -> u32 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = lines.filter_map(|line| line.unwrap().strip_prefix("acknowledged ")?.parse().ok());
    let mut last = told.nth(acknowledgements - 1).expect("the child acknowledges");
    child.kill().unwrap();
    // It had said more than we had read.
    last = told.last().unwrap_or(last);
    child.wait().unwrap();
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..setting("TSTACK_KILL_ROUNDS", 4) {
        let (path, acknowledgements) = (dir.path().to_owned(), rand::rng().random_range(1..80));
        let told = tokio::task::spawn_blocking(move || killed_after(&path, acknowledgements)).await.unwrap();
        let store = open(dir.path()).await;
        let (one, two) = counted(&store);
        assert_eq!(one, two, "round {round}: a transaction is there by halves");
        assert!(one == told || one == told + 1, "round {round}: {told} were acknowledged, {one} are there");
        drop(store);
    }
}
