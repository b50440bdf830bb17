//! Lists: `limit`, `marker`, `sort_key`/`sort_dir`, as every OpenStack API has them.

use crate::{Error, Result};

/// The page a client asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub limit: Option<usize>,
    pub marker: Option<String>,
    /// Sort keys with their direction, first is most significant. Empty: the resource's default order.
    pub sort: Vec<(String, Direction)>,
    pub reverse: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    Asc,
    Desc,
}

impl Direction {
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "asc" => Ok(Self::Asc),
            "desc" => Ok(Self::Desc),
            other => Err(Error::bad_request(format!("Invalid sort direction: {other}"))),
        }
    }
}

/// One page and whether more follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paged<T> {
    pub items: Vec<T>,
    pub more: bool,
}

impl Page {
    /// Reads `limit`, `marker`, `page_reverse`, and either Neutron's repeated `sort_key`/`sort_dir` or Cinder's and
    /// Glance's `sort=key:dir,key`. A limit above `max` is lowered to it, as all services do.
    pub fn parse(pairs: &[(String, String)], max: usize) -> Result<Self> {
        let mut page = Self::default();
        let (mut keys, mut dirs) = (Vec::new(), Vec::new());
        for (k, v) in pairs {
            match k.as_str() {
                "limit" => page.limit = Some(parse_limit(v)?),
                "marker" => page.marker = Some(v.clone()),
                "page_reverse" => page.reverse = v.eq_ignore_ascii_case("true") || v == "1",
                "sort_key" => keys.push(v.clone()),
                "sort_dir" => dirs.push(Direction::parse(v)?),
                "sort" => {
                    for item in v.split(',').map(str::trim).filter(|s| !s.is_empty()) {
                        let (key, dir) = item.split_once(':').unwrap_or((item, "desc"));
                        page.sort.push((key.to_owned(), Direction::parse(dir)?));
                    }
                }
                _ => {}
            }
        }
        for (i, key) in keys.into_iter().enumerate() {
            let dir = dirs.get(i).or(dirs.first()).copied().unwrap_or_default();
            page.sort.push((key, dir));
        }
        page.limit = match page.limit {
            Some(n) if n > max => Some(max),
            None if max < usize::MAX => Some(max),
            other => other,
        };
        Ok(page)
    }

    /// Cuts a sorted list to the page: what follows the marker, at most `limit`. `None`: the marker is not in the list.
    pub fn cut<T>(&self, mut all: Vec<T>, id: impl Fn(&T) -> &str) -> Option<Paged<T>> {
        if self.reverse {
            all.reverse();
        }
        let start = match &self.marker {
            None => 0,
            Some(marker) => all.iter().position(|item| id(item) == marker)? + 1,
        };
        let end = self.limit.map_or(all.len(), |limit| all.len().min(start.saturating_add(limit)));
        let more = end < all.len();
        all.truncate(end);
        let mut items = all.split_off(start);
        if self.reverse {
            items.reverse();
        }
        Some(Paged { items, more })
    }
}

fn parse_limit(text: &str) -> Result<usize> {
    text.parse().map_err(|_| {
        Error::bad_request(format!(
            "Invalid input for query parameters limit. Value: {text}. '{text}' does not match '^[0-9]*$'"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        text.split('&').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
    }

    #[test]
    fn cuts_after_the_marker() {
        let check = |query: &str, expect: Option<(&[&str], bool)>| {
            let page = Page::parse(&pairs(query), usize::MAX).unwrap();
            let got = page.cut(vec!["a", "b", "c", "d"], |s| s);
            let got = got.as_ref().map(|p| (p.items.as_slice(), p.more));
            assert_eq!(got, expect, "{query}");
        };
        check("", Some((&["a", "b", "c", "d"], false)));
        check("limit=2", Some((&["a", "b"], true)));
        check("limit=2&marker=b", Some((&["c", "d"], false)));
        check("limit=0", Some((&[], true)));
        check("marker=d", Some((&[], false)));
        check("marker=x", None);
        check("limit=2&page_reverse=True", Some((&["c", "d"], true)));
    }

    #[test]
    fn limits_and_sorting() {
        let p = Page::parse(&pairs("limit=5000&sort_key=name&sort_dir=desc&sort_key=id"), 1000).unwrap();
        assert_eq!(p.limit, Some(1000));
        assert_eq!(p.sort, [("name".into(), Direction::Desc), ("id".into(), Direction::Desc)]);
        let p = Page::parse(&pairs("sort=name:asc,created_at"), 10).unwrap();
        assert_eq!(p.sort, [("name".into(), Direction::Asc), ("created_at".into(), Direction::Desc)]);
        assert!(Page::parse(&pairs("limit=-1"), 10).is_err());
        assert!(Page::parse(&pairs("sort_dir=up"), 10).is_err());
    }
}
