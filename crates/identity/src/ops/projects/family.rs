//! What is above and below a project, for `GET /v3/projects/{id}?parents_as_list` and its like.

use crate::{
    Identity, Refusal,
    model::{Project, effective, project},
};
use kernel::{Ctx, Result};
use serde_json::{Map, Value};
use std::{collections::HashSet, sync::Arc};
use store::Snapshot;

/// Which relatives were asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relatives {
    pub parents_as_list: bool,
    pub parents_as_ids: bool,
    pub subtree_as_list: bool,
    pub subtree_as_ids: bool,
}

#[derive(Debug, Default)]
pub struct Family {
    pub parents: Option<Kin>,
    pub subtree: Option<Kin>,
}

#[derive(Debug)]
pub enum Kin {
    /// Those that the caller has a role on.
    List(Vec<Arc<Project>>),
    /// All, as nested objects with ids as keys.
    Ids(Value),
}

pub fn family(id: &Identity, cx: &Ctx, of: &Project, asked: Relatives) -> Result<Family> {
    for (list, ids, what) in [
        (asked.parents_as_list, asked.parents_as_ids, "parents"),
        (asked.subtree_as_list, asked.subtree_as_ids, "subtree"),
    ] {
        if list && ids {
            let text = format!("Cannot use {what}_as_list and {what}_as_ids query params at the same time.");
            return Err(Refusal::Invalid(text).into());
        }
    }
    let view = id.view();
    let mine = || -> HashSet<_> {
        effective::projects_of(&view, &cx.credentials.user).into_iter().map(|p| p.id.clone()).collect()
    };
    let visible = |all: Vec<Arc<Project>>| {
        let mine = mine();
        Kin::List(all.into_iter().filter(|p| mine.contains(&p.id)).collect())
    };
    let parents = if asked.parents_as_list {
        Some(visible(project::parents(&view, of)))
    } else {
        asked.parents_as_ids.then(|| Kin::Ids(ancestors(&project::parents(&view, of))))
    };
    let subtree = if asked.subtree_as_list {
        Some(visible(project::subtree(&view, &of.id)))
    } else {
        asked.subtree_as_ids.then(|| Kin::Ids(descendants(&view, &of.id)))
    };
    Ok(Family { parents, subtree })
}

/// `{"parent": {"grandparent": null}}`
fn ancestors(nearest_first: &[Arc<Project>]) -> Value {
    nearest_first.iter().rev().fold(Value::Null, |above, p| Value::Object(Map::from_iter([(p.id.to_string(), above)])))
}

/// `{"child": {"grandchild": null}, "other": null}`
fn descendants(view: &Snapshot, id: &str) -> Value {
    let below: Map<_, _> = project::children(view, id).map(|p| (p.id.to_string(), descendants(view, &p.id))).collect();
    if below.is_empty() { Value::Null } else { Value::Object(below) }
}
