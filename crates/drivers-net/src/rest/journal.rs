//! What the controller is known to hold, and what must be told to it: plain data, decided without asking anybody.
//!
//! ```text
//!              told, answered                told, no answer                 read
//!   absent ───────────────────▶ Known(body)  ───────────────▶ Doubt ─────────────────▶ Known or absent
//!                                    ▲  deleted, answered                                    │
//!                                    └───────────────────────────────────────────────────────┘
//! ```
//!
//! An entry is written before the request goes out (`Doubt`) and settled by the answer, so a request whose answer was lost is
//! never taken for one that failed: the resource is read before anything more is said about it. What was told late by the
//! network, after newer words, is found by the next whole reading, as is what somebody changed by hand.

use super::render::{Collection, Resource, key_of};
use network::driver::LogicalKey;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is known of one resource. What is not in the journal is not there.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    Known(Value),
    Doubt,
}

/// A resource's place.
pub type At = (Collection, String);

#[derive(Debug, Default)]
struct Held {
    /// The object's, once all its parts were seen to be as it was put.
    digest: Option<u64>,
    parts: BTreeMap<At, Entry>,
}

/// What to do about a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Nothing,
    Read,
    Create,
    Replace,
    Delete,
}

#[derive(Debug, Default)]
pub struct Journal {
    objects: BTreeMap<LogicalKey, Held>,
}

impl Journal {
    /// Takes a whole reading of the controller. An object that is as it was put keeps its digest.
    pub fn read(&mut self, all: impl IntoIterator<Item = (Collection, Value)>) {
        let mut found: BTreeMap<LogicalKey, Held> = BTreeMap::new();
        for (collection, body) in all {
            let Some(key) = key_of(collection, &body) else { continue };
            let id = body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            found.entry(key).or_default().parts.insert((collection, id), Entry::Known(body));
        }
        for (key, held) in &mut found {
            held.digest = self.objects.get(key).filter(|old| old.is_still(held)).and_then(|old| old.digest);
        }
        self.objects = found;
    }

    /// Digests as [`network::driver::NetworkBackend::dump`] wants them: one that was never put, or is not as it was put, has
    /// one that no object has.
    pub fn digests(&self) -> BTreeMap<LogicalKey, u64> {
        self.objects.iter().map(|(key, held)| (key.clone(), held.digest.unwrap_or_default())).collect()
    }

    pub fn has(&self, key: &LogicalKey) -> bool {
        self.objects.contains_key(key)
    }

    /// What to do so that a resource of an object is there as wanted.
    pub fn step(&self, key: &LogicalKey, wanted: &Resource) -> Step {
        let at = (wanted.collection, wanted.id.clone());
        match self.objects.get(key).and_then(|held| held.parts.get(&at)) {
            None => Step::Create,
            Some(Entry::Doubt) => Step::Read,
            Some(Entry::Known(body)) if says(body, &wanted.body) => Step::Nothing,
            Some(Entry::Known(_)) => Step::Replace,
        }
    }

    /// What to do so that a resource of an object is gone.
    pub fn step_away(&self, key: &LogicalKey, at: &At) -> Step {
        match self.objects.get(key).and_then(|held| held.parts.get(at)) {
            None => Step::Nothing,
            Some(_) => Step::Delete,
        }
    }

    /// The parts of an object that are not among those wanted, the last made first.
    pub fn leftovers(&self, key: &LogicalKey, wanted: &[Resource]) -> Vec<At> {
        let held = self.objects.get(key).into_iter().flat_map(|held| held.parts.keys());
        let mut left: Vec<_> =
            held.filter(|(c, id)| !wanted.iter().any(|w| w.collection == *c && w.id == *id)).cloned().collect();
        left.reverse();
        left
    }

    /// Before a request goes out.
    pub fn doubt(&mut self, key: &LogicalKey, at: &At) {
        let held = self.objects.entry(key.clone()).or_default();
        held.digest = None;
        held.parts.insert(at.clone(), Entry::Doubt);
    }

    /// After its answer: the resource is so, or is not there.
    pub fn settle(&mut self, key: &LogicalKey, at: &At, body: Option<Value>) {
        let held = self.objects.entry(key.clone()).or_default();
        match body {
            Some(body) => drop(held.parts.insert(at.clone(), Entry::Known(body))),
            None => drop(held.parts.remove(at)),
        }
        if held.parts.is_empty() {
            self.objects.remove(key);
        }
    }

    /// All parts of the object are as it was put.
    pub fn put(&mut self, key: &LogicalKey, digest: u64) {
        if let Some(held) = self.objects.get_mut(key) {
            held.digest = Some(digest);
        }
    }
}

impl Held {
    /// Whether a reading shows these very parts, saying what they said.
    fn is_still(&self, read: &Self) -> bool {
        let same = |(at, entry): (&At, &Entry)| match (entry, read.parts.get(at)) {
            (Entry::Known(Value::Object(told)), Some(Entry::Known(now))) => says(now, told),
            _ => false,
        };
        self.parts.len() == read.parts.len() && self.parts.iter().all(same)
    }
}

/// A controller may add attributes of its own; those that it was told must be as it was told.
fn says(body: &Value, told: &Map<String, Value>) -> bool {
    told.iter().all(|(name, value)| body.get(name).unwrap_or(&Value::Null) == value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: fn() -> LogicalKey = || LogicalKey::Network("n".into());

    fn at() -> At {
        (Collection::Networks, "n".to_owned())
    }

    fn named(name: &str) -> Value {
        json!({"id": "n", "name": name})
    }

    fn wanted(name: &str) -> Resource {
        let Value::Object(body) = named(name) else { unreachable!("an object was written") };
        Resource { collection: Collection::Networks, id: "n".to_owned(), body }
    }

    fn journal(said: Option<&str>) -> Journal {
        let mut journal = Journal::default();
        if let Some(name) = said {
            journal.settle(&KEY(), &at(), Some(named(name)));
            journal.put(&KEY(), 7);
        }
        journal
    }

    #[test]
    fn what_is_to_be_done() {
        let check = |said: Option<&str>, doubt: bool, expect: [Step; 2]| {
            let mut journal = journal(said);
            if doubt {
                journal.doubt(&KEY(), &at());
            }
            assert_eq!(
                [journal.step(&KEY(), &wanted("a")), journal.step_away(&KEY(), &at())],
                expect,
                "{said:?} {doubt}"
            );
        };
        check(None, false, [Step::Create, Step::Nothing]);
        check(None, true, [Step::Read, Step::Delete]);
        check(Some("a"), false, [Step::Nothing, Step::Delete]);
        check(Some("b"), false, [Step::Replace, Step::Delete]);
        check(Some("a"), true, [Step::Read, Step::Delete]);
    }

    #[test]
    fn a_reading_shows_what_changed() {
        let check = |read: Vec<Value>, expect: Option<u64>| {
            let mut journal = journal(Some("a"));
            journal.read(read.iter().map(|body| (Collection::Networks, body.clone())));
            assert_eq!(journal.digests().get(&KEY()).copied(), expect, "{read:?}");
        };
        check(vec![named("a")], Some(7));
        check(vec![json!({"id": "n", "name": "a", "status": "ACTIVE"})], Some(7));
        check(vec![named("b")], Some(0));
        check(vec![json!({"id": "n"})], Some(0));
        check(vec![], None);
        let mut fresh = Journal::default();
        fresh.read([(Collection::Networks, named("a"))]);
        assert_eq!(fresh.digests()[&KEY()], 0, "who it was told by is not known");
        assert_eq!(fresh.step(&KEY(), &wanted("a")), Step::Nothing, "but it need not be told again");
    }

    #[test]
    fn what_is_in_doubt_is_as_it_was_put_no_more() {
        let mut journal = journal(Some("a"));
        journal.doubt(&KEY(), &at());
        assert_eq!(journal.digests()[&KEY()], 0);
        journal.settle(&KEY(), &at(), None);
        assert!(!journal.has(&KEY()));
    }

    #[test]
    fn parts_nobody_wants() {
        let mut journal = Journal::default();
        let group = LogicalKey::SecurityGroup("g".into());
        for (collection, id) in [(Collection::SecurityGroups, "g"), (Collection::SecurityGroupRules, "r")] {
            journal.settle(&group, &(collection, id.to_owned()), Some(json!({ "id": id })));
        }
        let main = Resource { collection: Collection::SecurityGroups, id: "g".into(), body: Map::new() };
        assert_eq!(journal.leftovers(&group, &[main]), [(Collection::SecurityGroupRules, "r".to_owned())]);
        let all: Vec<_> = journal.leftovers(&group, &[]).into_iter().map(|(collection, _)| collection).collect();
        assert_eq!(all, [Collection::SecurityGroupRules, Collection::SecurityGroups], "rules go before their group");
    }
}
