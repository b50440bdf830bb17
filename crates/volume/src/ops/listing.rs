//! What lists of every resource share: whose things, filters, order, and the page.
//!
//! A filter names a field that the resource shows ([`Row::field`]); `name~` looks for a part of it (3.34), and times take
//! `gt:`, `gte:`, `eq:`, `neq:`, `lt:`, `lte:` before an instant (3.60). A name that is no filter of the resource is passed over before
//! 3.31 and refused from then on, unless an administrator asks: as Cinder has it.

use kernel::{Ctx, Error, Page, Result, paging::Direction};
use std::{cmp::Ordering, sync::Arc};
use store::{Index, Object, Snapshot};

/// A value to compare and to sort by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Absent,
    Number(i64),
    Text(String),
}

impl<T: Into<String>> From<Option<T>> for Field {
    fn from(text: Option<T>) -> Self {
        text.map_or(Self::Absent, |t| Self::Text(t.into()))
    }
}

impl Field {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
    pub(crate) fn number(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
    fn is(&self, wanted: &str) -> bool {
        match self {
            Self::Absent => wanted.is_empty() || wanted == "None",
            Self::Number(n) => wanted.parse() == Ok(*n),
            Self::Text(text) => text == wanted,
        }
    }
    fn has(&self, part: &str) -> bool {
        matches!(self, Self::Text(text) if text.contains(part))
    }
}

pub(crate) trait Row {
    /// Names that lists are filtered by (`/v3/resource_filters`).
    const FILTERS: &'static [&'static str];
    /// Names that lists are sorted by.
    const SORTS: &'static [&'static str];
    fn id(&self) -> &str;
    fn field(&self, name: &str) -> Option<Field>;
    /// Filters that are more than a comparison.
    fn special(&self, _name: &str, _wanted: &str) -> Option<bool> {
        None
    }
}

/// A page of a list, and how many there are in all.
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<Arc<T>>,
    pub(crate) more: bool,
    pub(crate) total: usize,
}

/// A list's query string.
pub(crate) struct Query<'a> {
    pub(crate) params: &'a [(String, String)],
    pub(crate) page: Page,
}

const MAX: usize = 1000;
const NOT_FILTERS: &[&str] = &[
    "limit",
    "marker",
    "sort",
    "sort_key",
    "sort_dir",
    "offset",
    "all_tenants",
    "with_count",
    "project_id",
    "is_detail",
];

impl<'a> Query<'a> {
    pub(crate) fn new(params: &'a [(String, String)]) -> Result<Self> {
        let page = Page::parse(params, MAX)?;
        let query = Self { params, page };
        query.offset()?;
        Ok(query)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Every project's, if an administrator asks for it.
    pub(crate) fn all_tenants(&self, cx: &Ctx) -> Result<bool> {
        let asked = match self.get("all_tenants").map(str::to_lowercase).as_deref() {
            None | Some("0" | "false" | "f" | "no" | "n" | "off" | "") => false,
            Some("1" | "true" | "t" | "yes" | "y" | "on") => true,
            Some(other) => {
                return Err(Error::bad_request(format!(
                    "Invalid value '{other}' for 'all_tenants': it must be a boolean"
                )));
            }
        };
        Ok(asked && cx.is_admin())
    }

    /// What there is for the caller: the project's, or everybody's if an administrator asks for it.
    pub(crate) fn rows<T: Object>(&self, cx: &Ctx, view: &Snapshot, by_project: Index<T>) -> Result<Vec<Arc<T>>> {
        match self.all_tenants(cx)? {
            true => Ok(view.all().collect()),
            false => Ok(view.by(by_project, cx.project()?).collect()),
        }
    }

    pub(crate) fn with_count(&self, cx: &Ctx) -> bool {
        cx.version.since(3, 45)
            && self.get("with_count").is_some_and(|v| matches!(v.to_lowercase().as_str(), "1" | "true" | "yes"))
    }

    fn offset(&self) -> Result<usize> {
        let parse = |text: &str| {
            let number = text.parse::<usize>().ok().filter(|n| *n <= 2_147_483_647);
            number
                .ok_or_else(|| Error::bad_request(format!("Invalid input for query parameters offset. Value: {text}.")))
        };
        self.get("offset").map_or(Ok(0), parse)
    }

    /// Keeps what fits, sorts it and cuts it to the page; without a wish the newest come first.
    pub(crate) fn run<T: Row>(&self, cx: &Ctx, mut found: Vec<Arc<T>>) -> Result<Listed<T>> {
        let filters: Vec<_> = self.params.iter().filter(|(n, _)| !NOT_FILTERS.contains(&n.as_str())).collect();
        let known = |name: &str| T::FILTERS.contains(&name.trim_end_matches('~'));
        if cx.version.since(3, 31) && !cx.is_admin() {
            let bad: Vec<_> = filters.iter().filter(|(n, _)| !known(n)).map(|(n, _)| n.as_str()).collect();
            if !bad.is_empty() {
                return Err(Error::bad_request(format!(
                    "Invalid filters {} are found in query options.",
                    bad.join(",")
                )));
            }
        }
        found.retain(|row| filters.iter().all(|(name, wanted)| fits(row.as_ref(), name, wanted)));
        let total = found.len();
        self.sort(&mut found)?;
        let skipped = found.split_off(self.offset()?.min(found.len()));
        let marker = || {
            Error::not_found(format!("Marker {} could not be found.", self.page.marker.as_deref().unwrap_or_default()))
        };
        let cut = self.page.cut(skipped, |row| row.id()).ok_or_else(marker)?;
        // A full page has a next one, as Cinder has it, though that may turn out empty.
        let full = self.page.limit.is_some_and(|limit| limit > 0 && cut.items.len() == limit);
        Ok(Listed { more: cut.more || full, items: cut.items, total })
    }

    fn sort<T: Row>(&self, found: &mut [Arc<T>]) -> Result<()> {
        let mut order = self.page.sort.clone();
        if let Some((bad, _)) = order.iter().find(|(key, _)| !T::SORTS.contains(&key.as_str())) {
            return Err(Error::bad_request(format!("Invalid input received: Invalid sort keys: {bad}")));
        }
        order.extend([("created_at".to_owned(), Direction::Desc), ("id".to_owned(), Direction::Desc)]);
        let compare = |a: &T, b: &T, key: &str, direction: Direction| {
            let order = a.field(key).cmp(&b.field(key));
            if direction == Direction::Desc { order.reverse() } else { order }
        };
        found.sort_by(|a, b| {
            order.iter().map(|(k, d)| compare(a, b, k, *d)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        });
        Ok(())
    }
}

fn fits<T: Row>(row: &T, name: &str, wanted: &str) -> bool {
    if let Some(said) = row.special(name, wanted) {
        return said;
    }
    if let Some(exact) = name.strip_suffix('~') {
        return row.field(exact).is_none_or(|field| field.has(wanted));
    }
    match row.field(name) {
        Some(Field::Text(at)) if matches!(name, "created_at" | "updated_at") => {
            wanted.split(',').all(|w| in_time(&at, w))
        }
        Some(field) => field.is(wanted),
        None => true,
    }
}

/// Instants of one spelling compare as texts.
fn in_time(at: &str, wanted: &str) -> bool {
    let (how, when) = wanted
        .split_once(':')
        .filter(|(how, _)| how.bytes().all(|b| b.is_ascii_alphabetic()))
        .unwrap_or(("eq", wanted));
    let (at, when) = (at.replace(' ', "T"), when.trim_end_matches('Z').replace(' ', "T"));
    let order = at.as_str().get(..when.len().min(at.len())).unwrap_or(&at).cmp(when.as_str());
    match how {
        "gt" => order.is_gt(),
        "gte" => order.is_ge(),
        "lt" => order.is_lt(),
        "lte" => order.is_le(),
        "neq" => order.is_ne(),
        _ => order.is_eq(),
    }
}

/// `{'key': 'value', …}` in Python's spelling, as clients send it.
pub(crate) fn has_all(metadata: &std::collections::BTreeMap<String, String>, text: &str) -> bool {
    let wanted: Option<std::collections::BTreeMap<String, String>> =
        serde_json::from_str(&text.replace('\'', "\"")).ok();
    wanted.is_some_and(|w| w.iter().all(|(k, v)| metadata.get(k) == Some(v)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_compared() {
        let at = "2026-05-04T03:02:01.000000";
        for (wanted, expect) in [
            ("gt:2026-05-04T03:02:00", true),
            ("gt:2026-05-04T03:02:01", false),
            ("gte:2026-05-04T03:02:01", true),
            ("lt:2026-05-05", true),
            ("lte:2026-05-03", false),
            ("2026-05-04T03:02:01.000000", true),
            ("neq:2026-05-04T03:02:01", false),
        ] {
            assert_eq!(in_time(at, wanted), expect, "{wanted}");
        }
    }

    #[test]
    fn fields_are_compared_by_kind() {
        for (field, wanted, expect) in [
            (Field::number(3), "3", true),
            (Field::number(3), "x", false),
            (Field::text("a"), "a", true),
            (Field::Absent, "None", true),
            (Field::Absent, "a", false),
        ] {
            assert_eq!(field.is(wanted), expect, "{field:?} {wanted}");
        }
        assert!(Field::Number(2) < Field::Number(10) && Field::text("abc").has("b"));
    }
}
