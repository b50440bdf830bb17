//! What a list leaves out. Users may filter by what Nova lets them; administrators by anything.

use crate::model::{Server, ServerState, state::is_status};
use http::Params;
use kernel::{Ctx, Error, Result, Timestamp};
use ports::Address;
use regex::Regex;
use std::collections::BTreeSet;

/// Filters for everybody, with the version that brought each.
const FOR_ALL: &[(&str, u16)] = &[
    ("reservation_id", 1),
    ("name", 1),
    ("status", 1),
    ("image", 1),
    ("flavor", 1),
    ("ip", 1),
    ("changes-since", 1),
    ("ip6", 5),
    ("tags", 26),
    ("tags-any", 26),
    ("not-tags", 26),
    ("not-tags-any", 26),
    ("changes-before", 66),
    ("locked", 73),
    ("availability_zone", 83),
    ("config_drive", 83),
    ("key_name", 83),
    ("created_at", 83),
    ("launched_at", 83),
    ("terminated_at", 83),
    ("power_state", 83),
    ("task_state", 83),
    ("vm_state", 83),
    ("progress", 83),
    ("user_id", 83),
    ("hostname", 90),
];

type Test = Box<dyn Fn(&Server) -> bool + Send + Sync>;

#[derive(Default)]
pub(super) struct Filter {
    tests: Vec<Test>,
    /// Patterns that some address must match.
    addresses: Vec<Regex>,
    since: Option<Timestamp>,
    before: Option<Timestamp>,
    deleted: Deletedness,
    impossible: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Deletedness {
    #[default]
    No,
    Only,
    /// `changes-since` tells also of what is gone.
    Both,
}

impl Filter {
    pub(super) fn read(cx: &Ctx, params: &Params, everything: bool) -> Result<Self> {
        let mut filter = Self::default();
        let allowed =
            |key: &str| everything || FOR_ALL.iter().any(|(name, since)| *name == key && cx.version.since(2, *since));
        for (key, value) in params.0.iter().filter(|(key, _)| allowed(key)) {
            filter.add(key, value)?;
        }
        filter.statuses(cx, params)?;
        if let (Some(since), Some(before)) = (filter.since, filter.before)
            && before < since
        {
            return Err(Error::bad_request("The value of changes-since must be less than or equal to changes-before."));
        }
        if (filter.since.is_some() || filter.before.is_some()) && params.get("deleted").is_none_or(|_| !everything) {
            filter.deleted = Deletedness::Both;
        }
        Ok(filter)
    }

    fn add(&mut self, key: &str, value: &str) -> Result<()> {
        let text = value.to_owned();
        let test: Test = match key {
            "name" | "display_name" => {
                let name = pattern(value);
                Box::new(move |s| name.is_match(&s.name))
            }
            "description" | "display_description" => {
                let description = pattern(value);
                Box::new(move |s| description.is_match(s.description.as_deref().unwrap_or_default()))
            }
            "ip" | "ip6" => {
                self.addresses.push(pattern(value));
                return Ok(());
            }
            "image" | "image_ref" => Box::new(move |s| s.image_ref() == text),
            "flavor" => Box::new(move |s| s.flavor.id == *text),
            "reservation_id" => Box::new(move |s| s.reservation == text),
            "host" | "node" => Box::new(move |s| s.host.as_ref().is_some_and(|h| *h == *text)),
            "hostname" => Box::new(move |s| s.hostname == text),
            "user_id" => Box::new(move |s| s.user == *text),
            "uuid" => Box::new(move |s| s.id == *text),
            "key_name" => Box::new(move |s| s.key.as_ref().is_some_and(|k| k.name == text)),
            "availability_zone" => Box::new(move |s| s.availability_zone.as_deref() == Some(&text)),
            "config_drive" => flag(value, |s| s.config_drive),
            "locked" => flag(value, |s| s.lock.is_some()),
            "vm_state" => Box::new(move |s| s.state.as_str() == text),
            "task_state" => Box::new(move |s| s.task.map(|t| t.as_str()) == Some(&text)),
            "power_state" => Box::new(move |s| s.power.number().to_string() == text),
            "progress" => Box::new(move |_| text == "0"),
            "launched_at" | "created_at" => {
                let (launched, at) = (key == "launched_at", Timestamp::parse(value));
                Box::new(move |s| at.is_some() && (if launched { s.launched } else { Some(s.created) }) == at)
            }
            "terminated_at" => Box::new(|_| false),
            "tags" => tags(value, |all, has| all.is_subset(has)),
            "tags-any" => tags(value, |any, has| !any.is_disjoint(has)),
            "not-tags" => tags(value, |all, has| !all.is_subset(has)),
            "not-tags-any" => tags(value, BTreeSet::is_disjoint),
            "changes-since" => return self.changes_since(key, value),
            "changes-before" => return self.changes_before(key, value),
            "deleted" => {
                self.deleted = if is_true(value) { Deletedness::Only } else { Deletedness::No };
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.tests.push(test);
        Ok(())
    }

    fn changes_since(&mut self, key: &str, value: &str) -> Result<()> {
        let since = time(key, value)?;
        self.since = Some(since);
        self.tests.push(Box::new(move |s| s.updated >= since));
        Ok(())
    }

    fn changes_before(&mut self, key: &str, value: &str) -> Result<()> {
        let before = time(key, value)?;
        self.before = Some(before);
        self.tests.push(Box::new(move |s| s.updated <= before));
        Ok(())
    }

    /// `status`, which may be given several times.
    fn statuses(&mut self, cx: &Ctx, params: &Params) -> Result<()> {
        let asked: Vec<String> = params.all("status").map(str::to_ascii_uppercase).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let known: Vec<String> = asked.into_iter().filter(|s| is_status(s)).collect();
        if known.is_empty() {
            self.impossible = true;
            return if cx.version.since(2, 38) { Err(Error::bad_request("Invalid status value")) } else { Ok(()) };
        }
        if known.iter().all(|s| s == "DELETED") {
            if !cx.is_admin() {
                return Err(Error::forbidden("Only administrators may list deleted instances"));
            }
            self.deleted = Deletedness::Only;
        }
        self.tests.push(Box::new(move |server| {
            let status = if server.state == ServerState::Deleted { "DELETED" } else { server.status() };
            known.iter().any(|s| s == status)
        }));
        Ok(())
    }

    pub(super) fn passes(&self, server: &Server, addresses: impl FnOnce() -> Vec<Address>) -> bool {
        if !self.tests.iter().all(|test| test(server)) {
            return false;
        }
        if self.addresses.is_empty() {
            return true;
        }
        let texts: Vec<String> = addresses().iter().map(|a| a.address.to_string()).collect();
        self.addresses.iter().all(|pattern| texts.iter().any(|text| pattern.is_match(text)))
    }

    pub(super) fn wants_deleted(&self) -> bool {
        self.deleted != Deletedness::No
    }

    pub(super) fn wants_only_deleted(&self) -> bool {
        self.deleted == Deletedness::Only
    }

    /// Whether servers deleted at this time may pass: the history is read backwards until they may not.
    pub(super) fn reaches(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since)
    }

    pub(super) fn is_impossible(&self) -> bool {
        self.impossible
    }
}

/// A regular expression found anywhere, as in Nova's database; what is none is looked for as it stands.
fn pattern(text: &str) -> Regex {
    let literally = || Regex::new(&regex::escape(text));
    let compiled = Regex::new(text).or_else(|_| literally());
    // An escaped text always compiles, unless it is too long to be anybody's name.
    compiled.unwrap_or_else(|_| NOTHING.clone())
}

static NOTHING: std::sync::LazyLock<Regex> = std::sync::LazyLock::new(|| match Regex::new("^\\b$") {
    Ok(regex) => regex,
    Err(e) => unreachable!("a constant expression compiles: {e}"),
});

fn is_true(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "t" | "true" | "on" | "y" | "yes")
}

fn flag(value: &str, of: fn(&Server) -> bool) -> Test {
    let wanted = is_true(value);
    Box::new(move |server| of(server) == wanted)
}

fn tags(value: &str, test: fn(&BTreeSet<String>, &BTreeSet<String>) -> bool) -> Test {
    let tags: BTreeSet<String> = value.split(',').map(str::to_owned).collect();
    Box::new(move |server| test(&tags, &server.tags))
}

fn time(key: &str, value: &str) -> Result<Timestamp> {
    Timestamp::parse(value).ok_or_else(|| Error::bad_request(format!("Invalid filter field: {key}.")))
}
