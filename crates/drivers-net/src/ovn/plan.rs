//! From what is wanted and what is there to the operations that lead from one to the other: a pure function. What is as it
//! should be yields no operation, so putting an object twice writes once.

use super::{
    dhcp::{self, Base},
    draft::{At, Columns, Draft, Edge},
    tables::{self, DHCP, EDGES, IDS, KEY, PORTS_BY_SUBNET, SWITCH_PORT, UNIQUE},
};
use crate::ovsdb::{Atom, Condition, Datum, Mutation, Mutator, Op, Replica};
use kernel::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Drafts by key; `None`: the object is to go.
pub type Wishes = BTreeMap<String, Option<Draft>>;

pub fn plan(replica: &Replica, mut wishes: Wishes) -> Result<Vec<Op>> {
    let patches = settle_dhcp(replica, &mut wishes);
    let mut planner = Planner::new(replica, &wishes);
    for (key, draft) in &wishes {
        if let Some(draft) = draft {
            planner.put(key, draft)?;
        }
    }
    for (at, columns) in patches.rows {
        planner.write(at, &columns);
    }
    for at in patches.stale {
        planner.remove(at);
    }
    Ok(planner.ops())
}

/// Changes to ports that are not in the batch themselves.
#[derive(Default)]
struct Patches {
    rows: BTreeMap<At, Columns>,
    stale: Vec<At>,
}

/// Gives the batch's ports, and the ports of the batch's subnets, the DHCP rows they should have.
fn settle_dhcp(replica: &Replica, wishes: &mut Wishes) -> Patches {
    let mut bases: HashMap<String, Option<Base>> = HashMap::new();
    for (key, draft) in wishes.iter() {
        if let Some(id) = key.strip_prefix("subnet/") {
            let row = draft.as_ref().and_then(|d| Some((d.main.uuid, d.rows.get(&d.main)?)));
            bases.insert(id.to_owned(), row.and_then(|(uuid, columns)| Base::of_draft(uuid, columns)));
        }
    }
    let base = |id: &str| bases.get(id).cloned().unwrap_or_else(|| Base::of_subnet(id, replica));
    for draft in wishes.values_mut().flatten().filter(|d| d.main.table == SWITCH_PORT) {
        let Some(columns) = draft.rows.get_mut(&draft.main) else { continue };
        let wanted = dhcp::wanted(columns.get(IDS).unwrap_or(&Datum::empty()), base);
        columns.extend(wanted.columns());
        draft.rows.extend(wanted.own);
    }
    let mut patches = Patches::default();
    let touched: BTreeSet<Uuid> =
        bases.keys().flat_map(|id| replica.find(PORTS_BY_SUBNET, &id.as_str().into())).collect();
    for uuid in touched {
        let Some(ids) = replica.row(SWITCH_PORT, uuid).and_then(|row| row.get(IDS)) else { continue };
        let key = ids.get(KEY).unwrap_or_default();
        if wishes.contains_key(key) {
            continue;
        }
        let wanted = dhcp::wanted(ids, base);
        patches.rows.insert(At { table: SWITCH_PORT, uuid }, wanted.columns().into());
        let own = replica.find(tables::key_index(DHCP), &key.into()).map(|uuid| At { table: DHCP, uuid });
        patches.stale.extend(own.filter(|at| !wanted.own.contains_key(at)));
        patches.rows.extend(wanted.own);
    }
    patches
}

/// The rows that carry an object's key.
pub fn rows_of(replica: &Replica, key: &str) -> Vec<At> {
    let atom = Atom::from(key);
    let of = |table: &tables::Table| {
        let name = table.name;
        replica.find(tables::key_index(name), &atom).map(move |uuid| At { table: name, uuid }).collect::<Vec<_>>()
    };
    tables::TABLES.iter().flat_map(of).collect()
}

/// Where a row is a child of rows of ours. Parents that somebody else made are left alone.
pub fn edges_of(replica: &Replica, child: At) -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    for (table, column, _, index) in EDGES.iter().filter(|(_, _, children, _)| *children == child.table) {
        for uuid in replica.find(index, &child.uuid.into()) {
            if replica.row(table, uuid).is_some_and(|row| row.entry(IDS, KEY).is_some()) {
                edges.insert(Edge { parent: At { table, uuid }, column, child: child.uuid });
            }
        }
    }
    edges
}

struct Planner<'a> {
    replica: &'a Replica,
    /// Rows that this batch writes, and rows that it takes away.
    written: HashSet<At>,
    gone: BTreeSet<At>,
    writes: Vec<Op>,
    links: BTreeMap<(At, &'static str, Mutator), BTreeSet<Uuid>>,
    deletes: Vec<Op>,
}

impl<'a> Planner<'a> {
    /// What goes is settled first: whether a parent will be there depends on it.
    fn new(replica: &'a Replica, wishes: &Wishes) -> Self {
        let written: HashSet<At> = wishes.values().flatten().flat_map(|d| d.rows.keys().copied()).collect();
        let (writes, links, deletes) = (Vec::new(), BTreeMap::new(), Vec::new());
        let mut planner = Self { replica, written, gone: BTreeSet::new(), writes, links, deletes };
        for key in wishes.keys() {
            for at in rows_of(replica, key) {
                if !planner.written.contains(&at) {
                    planner.remove(at);
                }
            }
        }
        planner
    }

    fn will_be(&self, at: At) -> bool {
        self.written.contains(&at) || (self.replica.row(at.table, at.uuid).is_some() && !self.gone.contains(&at))
    }

    fn put(&mut self, key: &str, draft: &Draft) -> Result<()> {
        if let Some(missing) = draft.needs.iter().find(|at| !self.will_be(**at)) {
            let what = format!("{key} cannot be put before the {} it belongs to", missing.table);
            return Err(Error::conflict(what).with_code("MissingReference"));
        }
        // By child: a group of many rules has as many edges as rows.
        let mut places: HashMap<Uuid, BTreeSet<Edge>> = HashMap::new();
        for edge in draft.edges.iter().filter(|e| self.will_be(e.parent)) {
            places.entry(edge.child).or_default().insert(*edge);
        }
        for (at, columns) in &draft.rows {
            self.write(*at, columns);
            let wanted = places.remove(&at.uuid).unwrap_or_default();
            let actual = edges_of(self.replica, *at);
            for edge in wanted.difference(&actual) {
                self.link(*edge, Mutator::Insert);
            }
            for edge in actual.difference(&wanted) {
                self.link(*edge, Mutator::Delete);
            }
        }
        Ok(())
    }

    fn link(&mut self, edge: Edge, mutator: Mutator) {
        self.links.entry((edge.parent, edge.column, mutator)).or_default().insert(edge.child);
    }

    /// Inserts the row, or updates the columns that differ.
    fn write(&mut self, at: At, columns: &Columns) {
        let table = at.table.to_owned();
        let named = |columns: Vec<(&'static str, Datum)>| columns.into_iter().map(|(c, d)| (c.to_owned(), d)).collect();
        match self.replica.row(at.table, at.uuid) {
            None => {
                self.evict_namesakes(at, columns);
                let row = named(columns.iter().filter(|(_, d)| !d.is_empty()).map(|(c, d)| (*c, d.clone())).collect());
                self.writes.push(Op::Insert { table, uuid: Some(at.uuid), name: None, row });
            }
            Some(row) => {
                let owned = tables::table(at.table).map(|t| t.columns).unwrap_or_default();
                let whole = columns.contains_key(IDS);
                let wanted = owned.iter().filter(|(c, _)| whole || columns.contains_key(c));
                let wanted =
                    wanted.map(|(c, spec)| (*c, columns.get(c).cloned().unwrap_or_else(|| spec.default_value())));
                let differ: Vec<_> =
                    wanted.filter(|(c, datum)| self.replica.value(at.table, row, c) != *datum).collect();
                if !differ.is_empty() {
                    self.writes.push(Op::Update { table, when: Condition::row(at.uuid), row: named(differ) });
                }
            }
        }
    }

    /// Somebody made a row of the same unique name by hand: it stands in the way of ours.
    fn evict_namesakes(&mut self, at: At, columns: &Columns) {
        let Some((_, index)) = UNIQUE.iter().find(|(table, _)| *table == at.table) else { return };
        let Some(name) = columns.get("name").and_then(Datum::only) else { return };
        let others: Vec<_> = self.replica.find(index, name).filter(|uuid| *uuid != at.uuid).collect();
        for uuid in others {
            self.remove(At { table: at.table, uuid });
        }
    }

    /// A root row is deleted; another one vanishes when no parent holds it any more.
    fn remove(&mut self, at: At) {
        if !self.gone.insert(at) {
            return;
        }
        if tables::table(at.table).is_some_and(|t| t.root) {
            self.deletes.push(Op::Delete { table: at.table.to_owned(), when: Condition::row(at.uuid) });
            return;
        }
        for (table, column, _, index) in EDGES.iter().filter(|(_, _, child, _)| *child == at.table) {
            let parents: Vec<_> = self.replica.find(index, &at.uuid.into()).collect();
            for uuid in parents {
                self.link(Edge { parent: At { table, uuid }, column, child: at.uuid }, Mutator::Delete);
            }
        }
    }

    fn ops(self) -> Vec<Op> {
        let gone = self.gone;
        let links = self.links.into_iter().filter(|((parent, ..), _)| !gone.contains(parent));
        let links = links.map(|((parent, column, mutator), children)| Op::Mutate {
            table: parent.table.to_owned(),
            when: Condition::row(parent.uuid),
            mutations: vec![Mutation::new(column, mutator, Datum::set(children))],
        });
        self.writes.into_iter().chain(links).chain(self.deletes).collect()
    }
}
