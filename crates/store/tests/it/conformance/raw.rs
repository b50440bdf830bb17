//! The back end itself: compares, ranges, heads, markers; and history over it.

use super::on_every_back_end;
use crate::support::{objects::schema, site::Site};
use bytes::Bytes;
use kernel::Timestamp;
use serde_json::json;
use store::{
    Backend, Faulty, Order, Store,
    backend::{CommitError, Committed, RawTxn},
};

on_every_back_end!(
    commits_compare_and_count,
    outcomes_are_settled_for_good,
    ranges_go_both_ways,
    history_is_in_order_and_in_pages,
    one_read_of_the_head_serves_many,
);

fn txn(compares: &[(&str, i64)], writes: &[(&str, Option<&str>)]) -> RawTxn {
    RawTxn {
        id: kernel::ids::uuid_hex().to_string(),
        compares: compares.iter().map(|(k, r)| ((*k).to_owned(), *r)).collect(),
        writes: writes
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.map(|v| Bytes::copy_from_slice(v.as_bytes()))))
            .collect(),
    }
}

async fn commits_compare_and_count(site: Site) {
    let backend = &site.backend;
    let first = backend.commit(txn(&[("o/x/a", 0)], &[("o/x/a", Some("1")), ("o/x/b", Some("1"))])).await.unwrap();
    assert_eq!(backend.head().await.unwrap(), first.revision);
    let second = backend.commit(txn(&[("o/x/a", first.revision)], &[("o/x/a", Some("2"))])).await.unwrap();
    assert_eq!(second.previous, Some(first.revision), "nothing lies in between");
    assert!(second.revision > first.revision);
    // Stale, absent though there, there though absent: each alone fails everything.
    for compare in [("o/x/a", first.revision), ("o/x/b", 0), ("o/x/c", 1)] {
        let failed = backend.commit(txn(&[("o/x/b", first.revision), compare], &[("o/x/b", None)])).await;
        assert!(matches!(failed, Err(CommitError::Conflict { at }) if at == second.revision), "{failed:?}");
        assert_eq!(backend.validate(&[(compare.0.into(), compare.1)]).await.unwrap(), Err(second.revision));
    }
    let good = [("o/x/a".to_owned(), second.revision), ("o/x/b".to_owned(), first.revision), ("o/x/c".to_owned(), 0)];
    assert_eq!(backend.validate(&good).await.unwrap(), Ok(()));
    backend.commit(txn(&[], &[("o/x/b", None)])).await.unwrap();
    let loaded = backend.load().await.unwrap();
    let rows: Vec<_> = loaded.rows.iter().map(|r| (r.key.as_str(), &r.value[..], r.revision)).collect();
    assert_eq!(rows, [("o/x/a", &b"2"[..], second.revision)]);
    assert_eq!(loaded.revision, backend.head().await.unwrap());
}

async fn outcomes_are_settled_for_good(site: Site) {
    let (backend, other) = (&site.backend, site.other().await);
    let committed = txn(&[], &[("o/x/a", Some("1"))]);
    let Committed { revision, .. } = backend.commit(committed.clone()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(backend.resolve(&committed.id).await.unwrap(), Some(revision));
    }
    assert!(matches!(backend.commit(committed).await, Ok(Committed { .. }) | Err(CommitError::Aborted)));
    assert_eq!(backend.head().await.unwrap(), revision, "twice is once");
    let never = txn(&[], &[("o/x/a", Some("2"))]);
    for _ in 0..2 {
        assert_eq!(backend.resolve(&never.id).await.unwrap(), None);
    }
    for late in [backend, &other] {
        assert!(matches!(late.commit(never.clone()).await, Err(CommitError::Aborted)));
    }
    assert_eq!(backend.head().await.unwrap(), revision);
}

async fn ranges_go_both_ways(site: Site) {
    let backend = &site.backend;
    let keys: Vec<_> = (0..7).map(|n| format!("history/s/{n}")).collect();
    let writes: Vec<_> = keys.iter().map(|k| (k.as_str(), Some("v"))).collect();
    backend.commit(txn(&[], &writes)).await.unwrap();
    let read = async |from: &str, to: &str, limit, descending| {
        let rows = backend.range(from, to, limit, descending).await.unwrap();
        rows.iter().map(|r| r.key.trim_start_matches("history/s/").to_owned()).collect::<String>()
    };
    assert_eq!(read("history/s/", "history/s0", 3, false).await, "012");
    assert_eq!(read("history/s/", "history/s0", 3, true).await, "654");
    assert_eq!(read("history/s/2", "history/s/5", usize::MAX, false).await, "234");
    assert_eq!(read("history/s/2", "history/s/5", usize::MAX, true).await, "432");
    assert_eq!(read("history/t/", "history/t0", 9, false).await, "");
    backend.trim("history/s/1", "history/s/6").await.unwrap();
    assert_eq!(read("history/s/", "history/s0", 9, false).await, "06");
}

async fn history_is_in_order_and_in_pages(site: Site) {
    let store = Store::open(site.backend.clone(), schema()).await.unwrap();
    for round in 0..5i64 {
        let write = move |tx: &mut store::Tx| {
            for n in 0..3 {
                tx.history("server/a", Timestamp::from_secs(round), &json!({"round": round, "n": n}))?;
            }
            tx.history("server/ab", Timestamp::from_secs(9), &json!("another stream"))
        };
        store.transact("test", write).await.unwrap();
    }
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = store.history("server/a", after.as_deref(), 4, order).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            assert!(page.iter().all(|e| e.at == Timestamp::from_secs(e.record["round"].as_i64().unwrap())));
            seen.extend(
                page.into_iter().map(|e| (e.record["round"].as_i64().unwrap(), e.record["n"].as_i64().unwrap())),
            );
        }
        let mut expected: Vec<_> = (0..5).flat_map(|round| (0..3).map(move |n| (round, n))).collect();
        if order == Order::NewestFirst {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
    assert_eq!(
        store.snapshot().revision(),
        store.read().await.unwrap().revision(),
        "what only wrote history counts too"
    );
}

async fn one_read_of_the_head_serves_many(site: Site) {
    let store = Store::open(site.backend.clone(), schema()).await.unwrap();
    let all = futures_util::future::join_all((0..200).map(|_| store.read())).await;
    assert!(all.iter().all(Result::is_ok));
    let head = Faulty::head(&site.backend).await.unwrap();
    assert!(all.into_iter().all(|s| s.unwrap().revision() == head));
    let recent = store.fresh_within(std::time::Duration::from_secs(60)).await.unwrap();
    assert_eq!(recent.revision(), head);
}
