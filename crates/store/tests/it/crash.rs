//! redb on a disk that loses power: at any point of a run, whatever was not synced is lost, reordered and torn, as the seed
//! says. When the store is opened again, every acknowledged commit is there, at most the one under way besides, and nothing by
//! halves. `TSTACK_CRASH_POINTS=10000` is what `cargo xtask prove store` runs.

use crate::support::{
    disk::{Disk, Event, apply, survivors},
    setting,
};
use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;
use store::{
    Backend, Redb,
    backend::{CommitError, RawTxn},
};

type Rows = BTreeMap<String, Bytes>;

const COMMITS: usize = 150;

/// One transaction: a few rows of very different sizes, and some deletions.
fn txn(n: usize, random: &mut StdRng) -> RawTxn {
    let mut writes = BTreeMap::new();
    for _ in 0..random.random_range(1..8) {
        let key = format!("o/x/{:02}", random.random_range(0..40));
        let size = [0, 20, 300, 3000, 60_000][random.random_range(0..5)];
        let value = (random.random_range(0..4) > 0).then(|| Bytes::from(vec![n as u8; size]));
        writes.insert(key, value);
    }
    RawTxn { id: format!("t{n}"), compares: vec![], writes: writes.into_iter().collect() }
}

fn open(disk: &Disk) -> Result<Redb, store::BackendError> {
    let disk = disk.clone();
    Redb::with_storage(move || Ok(disk.clone()))
}

async fn rows(store: &Redb) -> Rows {
    store.load().await.unwrap().rows.into_iter().map(|r| (r.key, r.value)).collect()
}

/// Runs transactions; returns what was done to the disk, and what must be there after each commit.
async fn run(seed: u64) -> (Vec<Event>, Vec<Rows>) {
    let (disk, mut random) = (Disk::default(), StdRng::seed_from_u64(seed));
    let store = open(&disk).unwrap();
    disk.note(Event::Acknowledged(0));
    let mut states = vec![Rows::new()];
    for n in 1..=COMMITS {
        let txn = txn(n, &mut random);
        let mut state = states[n - 1].clone();
        for (key, value) in &txn.writes {
            match value {
                Some(value) => state.insert(key.clone(), value.clone()),
                None => state.remove(key),
            };
        }
        states.push(state);
        store.commit(txn).await.unwrap();
        disk.note(Event::Acknowledged(n));
    }
    (disk.take_events(), states)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_power_cut_leaves_has_all_that_was_acknowledged() {
    let points = setting("TSTACK_CRASH_POINTS", 300);
    let runs = points.div_ceil(2500);
    let mut checked = 0;
    for seed in 0..runs {
        let (events, states) = run(seed).await;
        let mut random = StdRng::seed_from_u64(1_000_000 + seed);
        let mut cuts: Vec<_> = (0..points / runs).map(|_| random.random_range(0..=events.len())).collect();
        cuts.sort_unstable();
        let (mut synced, mut synced_to) = (Vec::new(), 0);
        for cut in cuts {
            let last_sync = events[..cut].iter().rposition(|e| matches!(e, Event::Sync)).map_or(0, |at| at + 1);
            events[synced_to..last_sync].iter().for_each(|e| apply(&mut synced, e));
            synced_to = last_sync;
            let told =
                events[..cut].iter().rev().find_map(|e| if let Event::Acknowledged(n) = e { Some(*n) } else { None });
            let mut image = synced.clone();
            survivors(&events[last_sync..cut], &mut random).iter().for_each(|e| apply(&mut image, e));
            check(image, told, &states, &mut random).await.unwrap_or_else(|e| panic!("seed {seed}, cut at {cut}: {e}"));
            checked += 1;
        }
    }
    assert_eq!(checked, points / runs * runs);
    println!("{checked} power cuts survived");
}

async fn check(image: Vec<u8>, told: Option<usize>, states: &[Rows], random: &mut StdRng) -> Result<(), String> {
    let disk = Disk::holding(image);
    let store = match (open(&disk), told) {
        (Ok(store), _) => store,
        // The file was being made, and nobody had been told that there is a store.
        (Err(_), None) => return Ok(()),
        (Err(e), Some(told)) => return Err(format!("it does not open after commit {told}: {e}")),
    };
    let (found, told) = (rows(&store).await, told.unwrap_or(0));
    let with_next = (told + 1).min(states.len() - 1);
    let Some(state) = [told, with_next].into_iter().find(|n| states[*n] == found) else {
        return Err(format!("after commit {told} the store has neither its rows nor those of the next"));
    };
    if random.random_bool(0.2) {
        // It goes on: what is committed now is there after the next start.
        store.commit(txn(state + 1, random)).await.map_err(|e| e.to_string())?;
        let expected = rows(&store).await;
        drop(store);
        let again = rows(&open(&disk).map_err(|e| e.to_string())?).await;
        if again != expected {
            return Err("what was committed after the crash is gone".into());
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_full_disk_fails_the_request_and_nothing_else() {
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    let put = |n: usize| RawTxn {
        id: format!("t{n}"),
        compares: vec![],
        writes: vec![(format!("o/x/{n}"), Some(Bytes::from(vec![7; 300_000])))],
    };
    store.commit(put(1)).await.unwrap();
    disk.set_full(true);
    for n in [2, 3] {
        match store.commit(put(n)).await {
            Err(CommitError::Refused(why)) => assert!(why.to_lowercase().contains("no space"), "{why}"),
            // The file could not be opened again for lack of space: known when it can.
            Err(CommitError::Unknown(_)) => {
                disk.set_full(false);
                assert_eq!(store.resolve(&format!("t{n}")).await.unwrap(), None);
                disk.set_full(true);
            }
            other => panic!("{other:?}"),
        }
    }
    disk.set_full(false);
    store.commit(put(4)).await.unwrap();
    assert_eq!(rows(&store).await.into_keys().collect::<Vec<_>>(), ["o/x/1", "o/x/4"]);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_trusted() {
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    let put = |n: usize| RawTxn {
        id: format!("t{n}"),
        compares: vec![],
        writes: vec![(format!("o/x/{n}"), Some(Bytes::from_static(b"1 00000000 {}")))],
    };
    store.commit(put(1)).await.unwrap();
    disk.fail_syncs(1);
    assert!(matches!(store.commit(put(2)).await, Err(CommitError::Unknown(_))));
    let why = store.resolve("t2").await.unwrap_err().to_string();
    assert!(why.contains("check the disk"), "{why}");
    assert!(matches!(store.commit(put(3)).await, Err(CommitError::Refused(_))));
}
