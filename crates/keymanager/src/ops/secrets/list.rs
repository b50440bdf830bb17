//! Lists the caller's project's secrets, or those of whatever project whose access list names the caller.

use crate::{
    KeyManager, error,
    model::Secret,
    ops::paging::{Paged, Paging},
    policy,
    service::authorize,
};
use http::Params;
use kernel::{Ctx, Result, Timestamp};
use std::{cmp::Ordering, sync::Arc};

pub(crate) fn list(service: &KeyManager, cx: &Ctx, params: &Params) -> Result<Paged<Arc<Secret>>> {
    let _read = authorize(cx, &policy::SECRETS_GET, "Secret(s) retrieval")?;
    let filter = Filter::read(params)?;
    let (view, now, user) = (service.view(), cx.now(), &cx.credentials.user);
    let fits = |s: &Arc<Secret>| !s.is_expired(now) && filter.fits(s);
    let mut found: Vec<_> = if params.get("acl_only").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        let listed = |s: &Arc<Secret>| s.access.as_ref().is_some_and(|a| a.users.contains(user));
        view.all::<Secret>().filter(listed).filter(fits).collect()
    } else {
        view.by(Secret::BY_PROJECT, cx.project()?).filter(fits).collect()
    };
    found.sort_by(|a, b| filter.order(a, b));
    Ok(Paging::read(params.get("offset"), params.get("limit")).of(found))
}

struct Filter<'a> {
    name: Option<&'a str>,
    algorithm: Option<&'a str>,
    mode: Option<&'a str>,
    bits: u32,
    kind: Option<&'a str>,
    created: Dates,
    updated: Dates,
    expiration: Dates,
    sort: Vec<(&'a str, bool)>,
}

impl<'a> Filter<'a> {
    fn read(params: &'a Params) -> Result<Self> {
        let text = |key| params.get(key).filter(|text| !text.is_empty());
        Ok(Self {
            name: text("name"),
            algorithm: text("alg"),
            mode: text("mode"),
            // What is no number asks for nothing, as Barbican has it.
            bits: text("bits").and_then(|bits| bits.parse().ok()).unwrap_or(0),
            kind: text("secret_type"),
            created: Dates::read(text("created"))?,
            updated: Dates::read(text("updated"))?,
            expiration: Dates::read(text("expiration"))?,
            sort: text("sort").map(read_sort).transpose()?.unwrap_or_default(),
        })
    }

    fn fits(&self, s: &Secret) -> bool {
        let same = |wanted: Option<&str>, has: Option<&str>| wanted.is_none_or(|w| has == Some(w));
        same(self.name, s.name.as_deref())
            && same(self.algorithm, s.algorithm.as_deref())
            && same(self.mode, s.mode.as_deref())
            && same(self.kind, Some(s.kind.as_str()))
            && (self.bits == 0 || s.bit_length == Some(self.bits))
            && self.created.fit(Some(s.created_at))
            && self.updated.fit(Some(s.updated_at))
            && self.expiration.fit(s.expiration)
    }

    fn order(&self, a: &Secret, b: &Secret) -> Ordering {
        let by = |(key, up): &(&str, bool)| {
            let order = match *key {
                "algorithm" => a.algorithm.cmp(&b.algorithm),
                "bit_length" => a.bit_length.cmp(&b.bit_length),
                "created" => a.created_at.cmp(&b.created_at),
                "expiration" => a.expiration.cmp(&b.expiration),
                "mode" => a.mode.cmp(&b.mode),
                "name" => a.name.cmp(&b.name),
                "secret_type" => a.kind.as_str().cmp(b.kind.as_str()),
                "updated" => a.updated_at.cmp(&b.updated_at),
                _ => Ordering::Equal,
            };
            if *up { order } else { order.reverse() }
        };
        let asked = self.sort.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        asked.then_with(|| a.created_at.cmp(&b.created_at)).then_with(|| a.id.cmp(&b.id))
    }
}

/// `name:desc,created`: each key once.
fn read_sort(text: &str) -> Result<Vec<(&str, bool)>> {
    const KEYS: &[&str] =
        &["algorithm", "bit_length", "created", "expiration", "mode", "name", "secret_type", "status", "updated"];
    let mut sort: Vec<(&str, bool)> = Vec::new();
    for part in text.split(',') {
        let (key, direction) = part.split_once(':').unwrap_or((part, "asc"));
        let known = KEYS.contains(&key) && matches!(direction, "asc" | "desc");
        if !known || sort.iter().any(|(k, _)| *k == key) {
            return Err(error::bad_query());
        }
        sort.push((key, direction == "asc"));
    }
    Ok(sort)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Above,
    From,
    Below,
    UpTo,
    At,
}

/// `gt:TIME,lte:TIME`: at most one lower and one upper bound, or one moment.
#[derive(Debug, Default, PartialEq, Eq)]
struct Dates(Vec<(Bound, Timestamp)>);

impl Dates {
    fn read(text: Option<&str>) -> Result<Self> {
        let mut dates: Vec<(Bound, Timestamp)> = Vec::new();
        for part in text.into_iter().flat_map(|text| text.split(',')) {
            const WORDS: &[(&str, Bound)] =
                &[("gt:", Bound::Above), ("gte:", Bound::From), ("lt:", Bound::Below), ("lte:", Bound::UpTo)];
            let worded = WORDS.iter().find_map(|(word, bound)| Some((*bound, part.strip_prefix(word)?)));
            let (bound, time) = worded.unwrap_or((Bound::At, part));
            let time = Timestamp::parse(time).ok_or_else(error::bad_query)?;
            let clash = |other: Bound| match bound {
                Bound::Above | Bound::From => matches!(other, Bound::Above | Bound::From | Bound::At),
                Bound::Below | Bound::UpTo => matches!(other, Bound::Below | Bound::UpTo | Bound::At),
                Bound::At => true,
            };
            if dates.iter().any(|(other, _)| clash(*other)) {
                return Err(error::bad_query());
            }
            dates.push((bound, time));
        }
        Ok(Self(dates))
    }

    fn fit(&self, at: Option<Timestamp>) -> bool {
        self.0.iter().all(|(bound, time)| {
            at.is_some_and(|at| match bound {
                Bound::Above => at > *time,
                Bound::From => at >= *time,
                Bound::Below => at < *time,
                Bound::UpTo => at <= *time,
                Bound::At => at == *time,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_bound_once_on_each_side() {
        let fits = |text: &str, day: u32| {
            let at = Timestamp::parse(&format!("2026-01-{day:02}T00:00:00Z"));
            Dates::read(Some(text)).map(|dates| dates.fit(at)).ok()
        };
        for (text, day, expect) in [
            ("gt:2026-01-01T00:00:00Z", 1, Some(false)),
            ("gte:2026-01-01T00:00:00Z", 1, Some(true)),
            ("gt:2026-01-01T00:00:00Z,lt:2026-01-03T00:00:00Z", 2, Some(true)),
            ("gt:2026-01-01T00:00:00Z,lte:2026-01-03T00:00:00Z", 4, Some(false)),
            ("2026-01-05T00:00:00Z", 5, Some(true)),
            ("gt:2026-01-01T00:00:00Z,gte:2026-01-01T00:00:00Z", 1, None),
            ("2026-01-05T00:00:00Z,lt:2026-01-06T00:00:00Z", 1, None),
            ("gt:yesterday", 1, None),
        ] {
            assert_eq!(fits(text, day), expect, "{text}");
        }
    }

    #[test]
    fn sorts_by_known_keys_once() {
        assert_eq!(read_sort("name:desc,created").unwrap(), [("name", false), ("created", true)]);
        for bad in ["size", "name:up", "name,name", ""] {
            assert!(read_sort(bad).is_err(), "{bad}");
        }
    }
}
