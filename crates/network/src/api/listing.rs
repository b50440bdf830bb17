//! Lists: filters, order, pages and fields, the same for every resource.
//!
//! Without an order asked for, objects come in the order of their ids, and a page is cut while walking: the first 1,000 of
//! 50,000 cost what 1,000 cost.

use super::{
    query::{Filter, Query},
    resource::{Look, View},
    spec::Spec,
};
use crate::error::NetError;
use http::{BaseUrl, Params};
use kernel::{Result, paging::Direction};
use serde_json::{Map, Value, json};
use std::{cmp::Ordering, sync::Arc};

/// The whole answer to `GET /v2.0/<collection>`.
pub fn list<V: View>(look: &Look<'_>, params: &Params, base: &BaseUrl) -> Result<Value> {
    let spec = V::spec();
    let query = Query::parse(spec, params)?;
    let candidates = candidates::<V>(look, &query);
    let page = if query.sorts.is_empty() && !query.reverse {
        walked(look, &query, candidates)?
    } else {
        sorted(look, &query, candidates)?
    };
    let items: Vec<_> = page.iter().map(|object| render(object.as_ref(), look, &query.fields)).collect();
    let mut answer = Map::new();
    if let Some(limit) = query.limit {
        let links = links(spec, params, base, &page.iter().map(|o| o.key()).collect::<Vec<_>>(), limit, query.reverse);
        if !links.is_empty() {
            answer.insert(format!("{}_links", spec.collection), links.into());
        }
    }
    answer.insert(spec.collection.to_owned(), items.into());
    Ok(answer.into())
}

/// Objects that a filter leads to by an index, or all that the caller can have to do with; in order of keys.
fn candidates<V: View>(look: &Look<'_>, query: &Query) -> Vec<Arc<V>> {
    let narrowed = query.exact("id").map(|ids| ids.iter().filter_map(|id| V::find(look, id)).collect());
    let mut found: Vec<Arc<V>> = match narrowed.or_else(|| V::narrowed(look, query)) {
        Some(found) => found,
        None => return V::candidates(look),
    };
    found.sort_by(|a, b| a.key().cmp(b.key()));
    found.dedup_by(|a, b| a.key() == b.key());
    found
}

fn wanted<V: View>(object: &V, look: &Look<'_>, filters: &[Filter]) -> bool {
    object.is_seen(look) && filters.iter().all(|f| f.matches(|name| object.field(name, look)))
}

fn walked<V: View>(look: &Look<'_>, query: &Query, all: Vec<Arc<V>>) -> Result<Vec<Arc<V>>> {
    let start = match &query.marker {
        Some(marker) => {
            let known = V::find(look, marker).is_some_and(|o| o.is_seen(look));
            if !known && !V::takes_any_marker() {
                return Err(V::not_found(marker).into());
            }
            if known { all.partition_point(|o| o.key() <= marker.as_str()) } else { 0 }
        }
        None => 0,
    };
    let rest = all.into_iter().skip(start).filter(|o| wanted(o.as_ref(), look, &query.filters));
    Ok(rest.take(query.limit.unwrap_or(usize::MAX)).collect())
}

fn sorted<V: View>(look: &Look<'_>, query: &Query, all: Vec<Arc<V>>) -> Result<Vec<Arc<V>>> {
    let wanted = all.into_iter().filter(|o| wanted(o.as_ref(), look, &query.filters));
    let keys = |object: &V| query.sorts.iter().map(|(name, _)| object.field(name, look)).collect::<Vec<_>>();
    let mut keyed: Vec<_> = wanted.map(|o| (keys(&o), o)).collect();
    keyed.sort_by(|(a, x), (b, y)| {
        let by_keys = a.iter().zip(b).zip(&query.sorts).map(|((a, b), (_, direction))| match direction {
            Direction::Asc => order(a, b),
            Direction::Desc => order(b, a),
        });
        // What the keys do not settle, ids do, so that pages fit together.
        by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| x.key().cmp(y.key()))
    });
    let mut sorted: Vec<_> = keyed.into_iter().map(|(_, o)| o).collect();
    let limit = query.limit.unwrap_or(usize::MAX);
    let at = match &query.marker {
        Some(marker) => {
            let at = sorted.iter().position(|o| o.key() == marker);
            if at.is_none() && !V::takes_any_marker() {
                return Err(V::not_found(marker).into());
            }
            at
        }
        None => None,
    };
    if query.reverse {
        sorted.truncate(at.unwrap_or(sorted.len()));
        return Ok(sorted.split_off(sorted.len().saturating_sub(limit)));
    }
    let mut page = sorted.split_off(at.map_or(0, |at| at + 1));
    page.truncate(limit);
    Ok(page)
}

/// Null first, then by kind and value.
fn order(a: &Value, b: &Value) -> Ordering {
    let rank = |v: &Value| match v {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        _ => 3,
    };
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.as_i64().cmp(&b.as_i64()),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// One object's attributes: those asked for, without those that policy hides.
pub fn render<V: View>(object: &V, look: &Look<'_>, fields: &[String]) -> Value {
    let asked = |name: &str| fields.is_empty() || fields.iter().any(|f| f == name);
    let mut out = Map::new();
    for attr in V::spec().attrs().filter(|a| a.visible) {
        if attr.name == "project_id" {
            for name in ["project_id", "tenant_id"].into_iter().filter(|n| asked(n)) {
                out.insert(name.to_owned(), object.field("project_id", look));
            }
        } else if asked(attr.name) && !object.is_hidden(attr.name, look) {
            let value = object.field(attr.name, look);
            if !(value.is_null() && object.is_absent(attr.name)) {
                out.insert(attr.name.to_owned(), value);
            }
        }
    }
    out.into()
}

/// Neutron's links: `next` unless this page is known to be the last, `previous` unless it is known to be the first.
fn links(spec: &Spec, params: &Params, base: &BaseUrl, keys: &[&str], limit: usize, reverse: bool) -> Vec<Value> {
    let full = keys.len() >= limit;
    let href = |marker: Option<&&str>, reverse: bool| {
        let kept = params.0.iter().filter(|(k, _)| k != "marker" && k != "page_reverse");
        let mut pairs: Vec<_> = kept.map(|(k, v)| (k.as_str(), v.as_str())).collect();
        pairs.extend(marker.map(|m| ("marker", *m)));
        if reverse {
            pairs.push(("page_reverse", "True"));
        }
        let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
        base.join(&format!("{}{}?{query}", super::PREFIX, spec.path))
    };
    let mut links = Vec::new();
    if full || reverse {
        links.push(json!({"rel": "next", "href": href(keys.last(), false)}));
    }
    if full || !reverse {
        links.push(json!({"rel": "previous", "href": href(keys.first(), true)}));
    }
    links
}

/// A short list of what lies below an object: filtered, sorted, its fields chosen, on one page.
pub fn plain(query: &Query, mut items: Vec<Value>) -> Vec<Value> {
    items.retain(|item| query.filters.iter().all(|f| f.matches(|name| item[name].clone())));
    for (key, direction) in query.sorts.iter().rev() {
        items.sort_by(|a, b| match direction {
            Direction::Asc => order(&a[key], &b[key]),
            Direction::Desc => order(&b[key], &a[key]),
        });
    }
    if !query.fields.is_empty() {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.retain(|name, _| query.fields.contains(name));
        }
    }
    items
}

/// What a list of things that nobody stores must refuse like the others.
pub fn unknown_filter(names: &[String]) -> NetError {
    let names: Vec<_> = names.iter().map(|n| format!("'{n}'")).collect();
    NetError::request(format!("[{}] is invalid attribute for filtering", names.join(", ")))
}
