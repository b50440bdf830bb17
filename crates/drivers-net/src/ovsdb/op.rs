//! The operations of a transaction (RFC 7047 §5.2) and their results. `insert` with a `uuid` of our choosing is OVSDB's own
//! extension (OVS 2.17 and later): it lets a row's identity follow from what it stands for.

use super::{Datum, Error};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

pub type Columns = BTreeMap<String, Datum>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Lt,
    Le,
    Eq,
    Ne,
    Ge,
    Gt,
    Includes,
    Excludes,
}

impl Function {
    const fn text(self) -> &'static str {
        match self {
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Ge => ">=",
            Self::Gt => ">",
            Self::Includes => "includes",
            Self::Excludes => "excludes",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub column: String,
    pub function: Function,
    pub value: Datum,
}

impl Condition {
    pub fn new(column: &str, function: Function, value: Datum) -> Self {
        Self { column: column.to_owned(), function, value }
    }

    /// The row with this uuid.
    pub fn row(uuid: Uuid) -> Vec<Self> {
        vec![Self::new("_uuid", Function::Eq, Datum::one(uuid))]
    }

    pub fn to_json(&self) -> Value {
        json!([self.column, self.function.text(), self.value.to_json()])
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutator {
    Add,
    Subtract,
    Insert,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    pub column: String,
    pub mutator: Mutator,
    pub value: Datum,
}

impl Mutation {
    pub fn new(column: &str, mutator: Mutator, value: Datum) -> Self {
        Self { column: column.to_owned(), mutator, value }
    }

    fn to_json(&self) -> Value {
        let mutator = match self.mutator {
            Mutator::Add => "+=",
            Mutator::Subtract => "-=",
            Mutator::Insert => "insert",
            Mutator::Delete => "delete",
        };
        json!([self.column, mutator, self.value.to_json()])
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Insert {
        table: String,
        uuid: Option<Uuid>,
        name: Option<String>,
        row: Columns,
    },
    Update {
        table: String,
        when: Vec<Condition>,
        row: Columns,
    },
    Mutate {
        table: String,
        when: Vec<Condition>,
        mutations: Vec<Mutation>,
    },
    Delete {
        table: String,
        when: Vec<Condition>,
    },
    Select {
        table: String,
        when: Vec<Condition>,
        columns: Vec<String>,
    },
    /// Fails the transaction unless (`equal`) the rows found are `rows`, or (not `equal`) are not.
    Wait {
        table: String,
        when: Vec<Condition>,
        columns: Vec<String>,
        equal: bool,
        rows: Vec<Columns>,
        timeout_ms: u64,
    },
    Comment(String),
    Abort,
}

fn row_json(row: &Columns) -> Value {
    Value::Object(row.iter().map(|(c, d)| (c.clone(), d.to_json())).collect::<Map<_, _>>())
}

fn when_json(when: &[Condition]) -> Value {
    when.iter().map(Condition::to_json).collect()
}

impl Op {
    pub fn to_json(&self) -> Value {
        match self {
            Self::Insert { table, uuid, name, row } => {
                let mut op = json!({"op": "insert", "table": table, "row": row_json(row)});
                if let Some(uuid) = uuid {
                    op["uuid"] = json!(uuid);
                }
                if let Some(name) = name {
                    op["uuid-name"] = json!(name);
                }
                op
            }
            Self::Update { table, when, row } => {
                json!({"op": "update", "table": table, "where": when_json(when), "row": row_json(row)})
            }
            Self::Mutate { table, when, mutations } => json!({
                "op": "mutate", "table": table, "where": when_json(when),
                "mutations": mutations.iter().map(Mutation::to_json).collect::<Vec<_>>(),
            }),
            Self::Delete { table, when } => json!({"op": "delete", "table": table, "where": when_json(when)}),
            Self::Select { table, when, columns } => {
                json!({"op": "select", "table": table, "where": when_json(when), "columns": columns})
            }
            Self::Wait { table, when, columns, equal, rows, timeout_ms } => json!({
                "op": "wait", "table": table, "where": when_json(when), "columns": columns, "timeout": timeout_ms,
                "until": if *equal { "==" } else { "!=" }, "rows": rows.iter().map(row_json).collect::<Vec<_>>(),
            }),
            Self::Comment(text) => json!({"op": "comment", "comment": text}),
            Self::Abort => json!({"op": "abort"}),
        }
    }
}

/// What one operation answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// `insert`: the row's uuid.
    pub uuid: Option<Uuid>,
    /// `update`, `mutate`, `delete`: how many rows.
    pub count: u64,
    /// `select`
    pub rows: Vec<Columns>,
}

/// Reads the reply to `transact`: one outcome an operation, or the first refusal among them (a refusal at commit stands
/// behind the last operation).
pub fn outcomes(reply: &Value) -> Result<Vec<Outcome>, Error> {
    let results = reply.as_array().ok_or_else(|| Error::Protocol(format!("a transaction was answered by {reply}")))?;
    for result in results {
        if let Some(error) = result.get("error").and_then(Value::as_str) {
            return Err(Error::refused(error, result.get("details").and_then(Value::as_str).unwrap_or_default()));
        }
    }
    results.iter().map(outcome).collect()
}

fn outcome(result: &Value) -> Result<Outcome, Error> {
    let uuid = result.get("uuid").and_then(|u| u.get(1)).and_then(Value::as_str).and_then(|t| Uuid::try_parse(t).ok());
    let count = result.get("count").and_then(Value::as_u64).unwrap_or(0);
    let rows = result.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(Outcome { uuid, count, rows: rows.iter().map(columns).collect::<Result<_, _>>()? })
}

/// A `<row>`: every column's value.
pub fn columns(row: &Value) -> Result<Columns, Error> {
    let object = row.as_object().ok_or_else(|| Error::Protocol(format!("{row} is no row")))?;
    let read = |(column, value): (&String, &Value)| Datum::from_json(value).map(|d| (column.clone(), d));
    object
        .iter()
        .map(|c| read(c).ok_or_else(|| Error::Protocol(format!("column {} has the value {}", c.0, c.1))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ovsdb::Refusal;

    #[test]
    fn operations_are_spelt_as_in_the_rfc() {
        let check = |op: Op, expect: Value| assert_eq!(op.to_json(), expect);
        let row = Columns::from([("name".to_owned(), Datum::one("a"))]);
        let uuid = Uuid::from_u128(7);
        let me = json!([["_uuid", "==", ["uuid", uuid]]]);
        check(
            Op::Insert { table: "T".into(), uuid: Some(uuid), name: None, row: row.clone() },
            json!({"op": "insert", "table": "T", "uuid": uuid, "row": {"name": "a"}}),
        );
        check(
            Op::Insert { table: "T".into(), uuid: None, name: Some("new".into()), row: row.clone() },
            json!({"op": "insert", "table": "T", "uuid-name": "new", "row": {"name": "a"}}),
        );
        check(
            Op::Update { table: "T".into(), when: Condition::row(uuid), row: row.clone() },
            json!({"op": "update", "table": "T", "where": me, "row": {"name": "a"}}),
        );
        let mutation = Mutation::new("ports", Mutator::Insert, Datum::set([uuid]));
        check(
            Op::Mutate { table: "T".into(), when: Condition::row(uuid), mutations: vec![mutation] },
            json!({"op": "mutate", "table": "T", "where": me, "mutations": [["ports", "insert", ["uuid", uuid]]]}),
        );
        check(Op::Delete { table: "T".into(), when: vec![] }, json!({"op": "delete", "table": "T", "where": []}));
        check(
            Op::Wait {
                table: "T".into(),
                when: vec![],
                columns: vec!["name".into()],
                equal: true,
                rows: vec![row],
                timeout_ms: 0,
            },
            json!({"op": "wait", "table": "T", "where": [], "columns": ["name"], "timeout": 0, "until": "==", "rows": [{"name": "a"}]}),
        );
        check(Op::Comment("why".into()), json!({"op": "comment", "comment": "why"}));
        check(Op::Abort, json!({"op": "abort"}));
    }

    #[test]
    fn a_refusal_anywhere_refuses_the_whole() {
        let ok = json!([{"uuid": ["uuid", Uuid::from_u128(1)]}, {"count": 2}, {"rows": [{"name": "x"}]}, {}]);
        let got = outcomes(&ok).unwrap();
        assert_eq!((got[0].uuid, got[1].count, got[2].rows.len()), (Some(Uuid::from_u128(1)), 2, 1));
        let refused = json!([{"count": 1}, null, {"error": "constraint violation", "details": "d"}]);
        assert!(matches!(outcomes(&refused), Err(Error::Refused { kind: Refusal::Constraint, .. })));
        assert!(matches!(outcomes(&json!("no")), Err(Error::Protocol(_))));
    }
}
