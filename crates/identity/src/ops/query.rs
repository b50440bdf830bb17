//! Lists: filters with Keystone's comparators (`name=x`, `name__icontains=x`), `marker` and `limit`.

use crate::{
    Refusal,
    model::{Field, Fields},
};
use kernel::Result;
use std::sync::Arc;

/// What a client wants of a list. Parameters that are no filter of the resource are ignored, as Keystone does.
#[derive(Clone, Debug, Default)]
pub struct Query {
    filters: Vec<Filter>,
    marker: Option<String>,
    limit: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    name: String,
    value: String,
    comparator: Comparator,
    ignore_case: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparator {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    /// Unknown ones hold for all.
    Any,
}

/// A page.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    pub items: Vec<Arc<T>>,
    /// There is more, after the last item.
    pub truncated: bool,
}

impl Query {
    pub fn parse(pairs: &[(String, String)], allowed: &[&str], list_limit: Option<usize>) -> Result<Self> {
        let filters = pairs.iter().filter_map(|(key, value)| Filter::parse(key, value, allowed)).collect();
        let last = |name: &str| pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let limit = match last("limit").filter(|text| !text.is_empty()) {
            None => list_limit,
            Some(text) => {
                let asked = text.parse::<usize>().map_err(|_| Refusal::invalid(format!("Invalid limit: {text}")))?;
                Some(list_limit.map_or(asked, |most| most.min(asked)))
            }
        };
        Ok(Self { filters, marker: last("marker").filter(|m| !m.is_empty()).map(str::to_owned), limit })
    }

    /// The value that an attribute must equal, if there is such a filter.
    pub fn exact(&self, name: &str) -> Option<&str> {
        let wanted = |f: &&Filter| f.name == name && f.comparator == Comparator::Equals;
        self.filters.iter().find(wanted).map(|f| f.value.as_str())
    }

    /// The page of a list that is in order of ids.
    pub fn page<T: Fields>(&self, all: impl IntoIterator<Item = Arc<T>>) -> Result<Listed<T>> {
        let mut all = all.into_iter();
        if let Some(marker) = &self.marker
            && !all.by_ref().any(|item| item.id() == marker)
        {
            return Err(Refusal::Absent(format!("Marker {marker} could not be found.")).into());
        }
        let mut matching = all.filter(|item| self.filters.iter().all(|filter| filter.holds(&**item)));
        let items: Vec<_> = matching.by_ref().take(self.limit.unwrap_or(usize::MAX)).collect();
        let truncated = self.limit.is_some() && matching.next().is_some();
        Ok(Listed { items, truncated })
    }
}

impl Filter {
    fn parse(key: &str, value: &str, allowed: &[&str]) -> Option<Self> {
        let filter = |name: &str, comparator, ignore_case| {
            Some(Self { name: name.to_owned(), value: value.to_owned(), comparator, ignore_case })
        };
        if allowed.contains(&key) {
            return filter(key, Comparator::Equals, false);
        }
        let (name, word) = key.split_once("__").filter(|(name, _)| allowed.contains(name))?;
        let (ignore_case, word) = match word.strip_prefix('i') {
            Some(word) => (true, word),
            None => (false, word),
        };
        let comparator = match word {
            "contains" => Comparator::Contains,
            "startswith" => Comparator::StartsWith,
            "endswith" => Comparator::EndsWith,
            "equals" => Comparator::Equals,
            _ => Comparator::Any,
        };
        filter(name, comparator, ignore_case)
    }

    fn holds(&self, item: &dyn Fields) -> bool {
        match item.field(&self.name) {
            Some(Field::Text(text)) => self.holds_text(&text),
            Some(Field::Flag(flag)) => self.comparator != Comparator::Equals || flag == is_true(&self.value),
            Some(Field::Null) | None => self.comparator == Comparator::Any,
        }
    }

    fn holds_text(&self, text: &str) -> bool {
        let (text, wanted) = if self.ignore_case {
            (text.to_lowercase(), self.value.to_lowercase())
        } else {
            (text.to_owned(), self.value.clone())
        };
        match self.comparator {
            Comparator::Equals => text == wanted,
            Comparator::Contains => text.contains(&wanted),
            Comparator::StartsWith => text.starts_with(&wanted),
            Comparator::EndsWith => text.ends_with(&wanted),
            Comparator::Any => true,
        }
    }
}

/// A key without a value, and whatever is not plainly false, is true (oslo's `bool_from_string` with that default).
fn is_true(text: &str) -> bool {
    !matches!(text.trim().to_ascii_lowercase().as_str(), "0" | "f" | "false" | "off" | "n" | "no")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Thing(&'static str, &'static str, bool);

    impl Fields for Thing {
        fn id(&self) -> &str {
            self.0
        }
        fn field(&self, name: &str) -> Option<Field<'_>> {
            match name {
                "name" => Some(Field::text(self.1)),
                "enabled" => Some(Field::Flag(self.2)),
                "parent" => Some(Field::Null),
                _ => None,
            }
        }
    }

    #[test]
    fn filters_comparators_and_pages() {
        let check = |query: &str, expect: &str, truncated: bool| {
            let pairs: Vec<_> =
                query.split('&').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect();
            let query = Query::parse(&pairs, &["name", "enabled", "parent"], Some(3)).unwrap();
            let all = [
                Thing("1", "Ann", true),
                Thing("2", "bob", false),
                Thing("3", "anna", true),
                Thing("4", "Hanna", true),
            ];
            let got = query.page(all.map(Arc::new)).unwrap();
            let ids: String = got.items.iter().map(|t| t.0).collect();
            assert_eq!((ids.as_str(), got.truncated), (expect, truncated), "{pairs:?}");
        };
        check("", "123", true);
        check("limit=9", "123", true);
        check("limit=1", "1", true);
        check("marker=3", "4", false);
        check("limit=2&marker=2", "34", false);
        check("name=anna", "3", false);
        check("name__icontains=ANN", "134", false);
        check("name__contains=ann", "34", false);
        check("name__startswith=A", "1", false);
        check("name__endswith=na", "34", false);
        check("name__sounds=x", "123", true);
        check("enabled=0", "2", false);
        check("enabled=", "134", false);
        check("enabled=True&name__istartswith=a", "13", false);
        check("parent=x", "", false);
        check("color=red", "123", true);
    }

    #[test]
    fn refuses_what_is_no_limit_or_marker() {
        let pairs = |k: &str, v: &str| [(k.to_owned(), v.to_owned())];
        assert_eq!(Query::parse(&pairs("limit", "x"), &[], None).unwrap_err().status(), 400);
        let query = Query::parse(&pairs("marker", "9"), &[], None).unwrap();
        assert_eq!(query.page([Arc::new(Thing("1", "a", true))]).unwrap_err().status(), 404);
    }
}
