//! The query string of a list.

use super::{
    listing::unknown_filter,
    spec::{Attr, Spec},
};
use crate::error::NetError;
use http::Params;
use kernel::{Result, Timestamp, paging::Direction};
use serde_json::Value;

#[derive(Clone, Debug, Default)]
pub struct Query {
    pub filters: Vec<Filter>,
    pub sorts: Vec<(&'static str, Direction)>,
    pub limit: Option<usize>,
    pub marker: Option<String>,
    pub reverse: bool,
    /// Empty: all.
    pub fields: Vec<String>,
}

/// One attribute's condition. Several values of one name: any of them; several names: all of them.
#[derive(Clone, Debug)]
pub enum Filter {
    /// The attribute is, or has among its elements, one of these.
    OneOf {
        name: &'static str,
        values: Vec<Value>,
    },
    /// A port's address, subnet or part of an address.
    FixedIps {
        addresses: Vec<String>,
        subnets: Vec<String>,
        parts: Vec<String>,
    },
    Tags {
        want: TagMatch,
        tags: Vec<String>,
    },
    ChangedSince(Timestamp),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagMatch {
    All,
    Any,
    NotAll,
    NotAny,
}

impl Query {
    pub fn parse(spec: &Spec, params: &Params) -> Result<Self> {
        let mut query = Self::default();
        let (mut keys, mut dirs) = (Vec::new(), Vec::new());
        let mut unknown = Vec::new();
        let mut given: Vec<(&'static Attr, Vec<&str>)> = Vec::new();
        for (name, value) in &params.0 {
            match name.as_str() {
                "fields" if !value.is_empty() => query.fields.push(value.clone()),
                "sort_key" if !value.is_empty() => keys.push(value.as_str()),
                "sort_dir" if !value.is_empty() => dirs.push(value.as_str()),
                "limit" => query.limit = limit(value)?,
                "marker" => query.marker = Some(value.clone()).filter(|m| !m.is_empty()),
                "page_reverse" => query.reverse = value.eq_ignore_ascii_case("true"),
                "fields" | "sort_key" | "sort_dir" => {}
                other => match spec.attr(other).filter(|a| a.filter) {
                    None => unknown.push(other.to_owned()),
                    Some(attr) => match given.iter_mut().find(|(a, _)| a.name == attr.name) {
                        Some((_, values)) => values.push(value),
                        None => given.push((attr, vec![value])),
                    },
                },
            }
        }
        if !unknown.is_empty() {
            return Err(unknown_filter(&unknown).into());
        }
        query.sorts = sorts(spec, &keys, &dirs)?;
        query.filters = given.into_iter().map(|(attr, values)| Filter::new(attr, &values)).collect::<Result<_>>()?;
        Ok(query)
    }

    /// The number that an attribute must be, if one is asked for.
    pub fn number(&self, attr: &str) -> Option<u64> {
        self.filters.iter().find_map(|filter| match filter {
            Filter::OneOf { name, values } if *name == attr => values.first()?.as_u64(),
            _ => None,
        })
    }

    /// The values that an attribute must be one of, as text; `None` if it is not filtered by.
    pub fn exact(&self, attr: &str) -> Option<Vec<String>> {
        self.filters.iter().find_map(|filter| match filter {
            Filter::OneOf { name, values } if *name == attr => {
                Some(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            _ => None,
        })
    }
}

fn limit(text: &str) -> Result<Option<usize>> {
    match text.parse::<usize>() {
        Ok(0) => Ok(None),
        Ok(n) => Ok(Some(n)),
        Err(_) => {
            let reason = format!("Limit must be an integer 0 or greater and not '{text}'");
            Err(NetError::BadRequest { resource: "limit", reason }.into())
        }
    }
}

fn sorts(spec: &Spec, keys: &[&str], dirs: &[&str]) -> Result<Vec<(&'static str, Direction)>> {
    if keys.len() != dirs.len() {
        return Err(NetError::request("The number of sort_keys and sort_dirs must be same").into());
    }
    let known = |key: &str| spec.attr(key).filter(|a| a.sort).map(|a| a.name);
    let bad = |what: Vec<&str>| what.iter().map(|k| format!("'{k}'")).collect::<Vec<_>>().join(", ");
    let absent: Vec<_> = keys.iter().copied().filter(|k| known(k).is_none()).collect();
    if !absent.is_empty() {
        return Err(NetError::request(format!("[{}] is invalid attribute for sort_keys", bad(absent))).into());
    }
    let wrong: Vec<_> = dirs.iter().copied().filter(|d| !matches!(*d, "asc" | "desc")).collect();
    if !wrong.is_empty() {
        let text = format!("[{}] is invalid value for sort_dirs, valid value is 'asc' and 'desc'", bad(wrong));
        return Err(NetError::request(text).into());
    }
    let direction = |d: &&str| if *d == "desc" { Direction::Desc } else { Direction::Asc };
    Ok(keys.iter().zip(dirs).filter_map(|(key, dir)| Some((known(key)?, direction(dir)))).collect())
}

impl Filter {
    fn new(attr: &'static Attr, values: &[&str]) -> Result<Self> {
        match attr.name {
            "fixed_ips" => return Ok(fixed_ips(values)),
            "tags" => return Ok(tags(TagMatch::All, values)),
            "tags-any" => return Ok(tags(TagMatch::Any, values)),
            "not-tags" => return Ok(tags(TagMatch::NotAll, values)),
            "not-tags-any" => return Ok(tags(TagMatch::NotAny, values)),
            "changed_since" => return since(values),
            _ => {}
        }
        let value = |text: &&str| attr.kind.filter_value(text);
        Ok(Self::OneOf { name: attr.name, values: values.iter().map(value).collect::<Result<_, _>>()? })
    }

    pub fn matches(&self, field: impl Fn(&str) -> Value) -> bool {
        match self {
            Self::OneOf { name, values } => match field(name) {
                Value::Array(items) => items.iter().any(|i| values.contains(i)),
                value => values.contains(&value),
            },
            Self::FixedIps { addresses, subnets, parts } => has_ip(&field("fixed_ips"), addresses, subnets, parts),
            Self::Tags { want, tags } => {
                let has = field("tags");
                let has = |tag: &String| has.as_array().is_some_and(|all| all.iter().any(|t| t.as_str() == Some(tag)));
                match want {
                    TagMatch::All => tags.iter().all(has),
                    TagMatch::Any => tags.iter().any(has),
                    TagMatch::NotAll => !tags.iter().all(has),
                    TagMatch::NotAny => !tags.iter().any(has),
                }
            }
            Self::ChangedSince(at) => {
                field("updated_at").as_str().and_then(Timestamp::parse).is_some_and(|updated| updated >= *at)
            }
        }
    }
}

fn tags(want: TagMatch, values: &[&str]) -> Filter {
    let tags = values.iter().flat_map(|v| v.split(',')).filter(|t| !t.is_empty()).map(str::to_owned).collect();
    Filter::Tags { want, tags }
}

fn since(values: &[&str]) -> Result<Filter> {
    let text = values.last().copied().unwrap_or_default();
    let wrong = || NetError::input(format!("The input {text} must be in the following format: YYYY-MM-DDTHH:MM:SS[Z]"));
    Ok(Filter::ChangedSince(Timestamp::parse(text).ok_or_else(wrong)?))
}

/// `fixed_ips=ip_address=10.0.0.5&fixed_ips=subnet_id=…&fixed_ips=ip_address_substr=10.0`
fn fixed_ips(values: &[&str]) -> Filter {
    let of = |key: &str| {
        let pairs = values.iter().filter_map(|v| v.split_once('='));
        pairs.filter(|(k, _)| *k == key).map(|(_, v)| v.to_owned()).collect::<Vec<_>>()
    };
    let canonical = |text: String| text.parse::<std::net::IpAddr>().map_or(text, |a| a.to_string());
    let addresses = of("ip_address").into_iter().map(canonical).collect();
    Filter::FixedIps { addresses, subnets: of("subnet_id"), parts: of("ip_address_substr") }
}

fn has_ip(ips: &Value, addresses: &[String], subnets: &[String], parts: &[String]) -> bool {
    let ips = ips.as_array().map(Vec::as_slice).unwrap_or_default();
    let any = |key: &str, test: &dyn Fn(&str) -> bool| ips.iter().any(|ip| ip[key].as_str().is_some_and(test));
    (addresses.is_empty() || any("ip_address", &|a| addresses.iter().any(|w| w == a)))
        && (subnets.is_empty() || any("subnet_id", &|s| subnets.iter().any(|w| w == s)))
        && (parts.is_empty() || any("ip_address", &|a| parts.iter().any(|w| a.contains(w.as_str()))))
}
