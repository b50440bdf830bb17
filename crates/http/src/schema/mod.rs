//! Request bodies judged by JSON schema, refused in the words that Nova, Cinder and Keystone use.
//!
//! Those words come from python-jsonschema, and clients and test suites match on them, so three things are rebuilt here
//! from its behaviour: which of several errors is reported ([`first`]), how it is worded ([`reason`]) and the formats
//! that the services add to it ([`formats`]).
//!
//! A schema is a `static`, compiled at its first use and then shared: checking takes no lock.

mod first;
mod formats;
mod reason;

use crate::Params;
use jsonschema::{Draft, Validator};
use kernel::{Error, Microversion};
use reason::{plain, quoted, repr};
use serde_json::{Map, Value};
use std::sync::OnceLock;

/// A JSON schema: draft 2020-12 as the services use it, or what its `$schema` says.
pub struct Schema {
    source: fn() -> Value,
    compiled: OnceLock<Result<Compiled, String>>,
}

struct Compiled {
    schema: Value,
    validator: Validator,
}

/// `schema! { CREATE = { "type": "object", … } }` declares `pub static CREATE: Schema`. The value is what
/// `serde_json::json!` takes, so parts of schemas can be shared by functions that return a `Value`.
#[macro_export]
macro_rules! schema {
    ($($(#[$doc:meta])* $name:ident = $json:tt);+ $(;)?) => {$(
        $(#[$doc])*
        pub static $name: $crate::Schema = $crate::Schema::new(|| $crate::schema::json!($json));
    )+};
}

pub use serde_json::json;

impl Schema {
    pub const fn new(source: fn() -> Value) -> Self {
        Self { source, compiled: OnceLock::new() }
    }

    /// The schema itself.
    pub fn source(&self) -> Value {
        (self.source)()
    }

    /// Compiles now. `Err` says what is wrong with the schema; a service's tests call this for each of its schemas.
    pub fn compile(&self) -> Result<(), Error> {
        self.compiled().map(|_| ())
    }

    fn compiled(&self) -> Result<&Compiled, Error> {
        let compiled = self.compiled.get_or_init(|| {
            let schema = (self.source)();
            let draft = Draft::Draft202012.detect(&schema);
            let options = formats::with_formats(jsonschema::options().with_draft(draft));
            let validator = options.build(&schema).map_err(|e| format!("compiling the schema {schema}: {e}"))?;
            Ok(Compiled { schema, validator })
        });
        compiled.as_ref().map_err(|text| Error::internal(text.clone()))
    }

    /// Judges a body: 400 with Nova's words.
    pub fn check(&self, body: &Value) -> Result<(), Error> {
        self.judge(body, |found| match found.path.last() {
            Some(field) => {
                format!("Invalid input for field/attribute {field}. Value: {}. {}", plain(&found.value), found.message)
            }
            None => found.message,
        })
    }

    /// The same with Keystone's words.
    pub fn check_keystone(&self, body: &Value) -> Result<(), Error> {
        self.judge(body, |found| match found.path.as_slice() {
            [] => found.message,
            path => format!("Invalid input for field '{}': {}", path.join("/"), found.message),
        })
    }

    /// The same with Glance's words; `name` is the schema's.
    pub fn check_glance(&self, name: &str, body: &Value) -> Result<(), Error> {
        self.judge(body, |found| format!("Provided object does not match schema '{name}': {}", found.message))
    }

    /// The same with Barbican's words; `name` is the schema's.
    pub fn check_barbican(&self, name: &str, body: &Value) -> Result<(), Error> {
        self.judge(body, |found| {
            let property = found.path.first().map_or("None", String::as_str);
            let reason = found.message;
            format!("Provided object does not match schema '{name}': {reason}. Invalid property: '{property}'")
        })
    }

    /// The same with placement's words, where `what` is `JSON does not validate` or `Invalid query string parameters`.
    pub fn check_placement(&self, what: &str, value: &Value) -> Result<(), Error> {
        self.judge(value, |found| {
            let (schema, on) = (subscripts(&found.rule), subscripts(&found.path));
            let (keyword, rule, value) = (&found.keyword, repr(&found.schema), repr(&found.value));
            format!(
                "{what}: {}\n\nFailed validating {keyword} in schema{schema}:\n    {rule}\n\nOn instance{on}:\n    {value}",
                found.message
            )
        })
    }

    /// Judges a query string as Nova does: an object of lists, `?a=1&a=2` is `{"a": ["1", "2"]}`.
    pub fn check_query(&self, params: &Params) -> Result<(), Error> {
        let mut query = Map::new();
        for (key, value) in &params.0 {
            let values = query.entry(key.as_str()).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(values) = values {
                values.push(value.as_str().into());
            }
        }
        self.judge(&Value::Object(query), |found| match found.path.first() {
            Some(key) => {
                format!("Invalid input for query parameters {key}. Value: {}. {}", plain(&found.value), found.message)
            }
            None => found.message,
        })
    }

    fn judge(&self, value: &Value, word: impl FnOnce(Found) -> String) -> Result<(), Error> {
        let compiled = self.compiled()?;
        if compiled.validator.is_valid(value) {
            return Ok(());
        }
        let errors: Vec<_> = compiled.validator.iter_errors(value).collect();
        let Some(error) = first::first(&errors) else { return Ok(()) };
        let at = error.instance_path().as_str();
        let value = value.pointer(at).cloned().unwrap_or_else(|| error.instance().clone().into_owned());
        if let Some(text) = formats::own_words(error) {
            return Err(Error::bad_request(text));
        }
        let message = reason::reason(error, &value, &compiled.schema);
        let path = at.split('/').skip(1).map(unescape).collect();
        let full = error.schema_path().as_str();
        let (around, keyword) = full.rsplit_once('/').unwrap_or_default();
        let schema = compiled.schema.pointer(around).cloned().unwrap_or_default();
        let rule = around.split('/').skip(1).map(unescape).collect();
        let keyword = quoted(keyword);
        Err(Error::bad_request(word(Found { path, value, message, rule, keyword, schema })))
    }
}

/// What is wrong and where.
struct Found {
    path: Vec<String>,
    value: Value,
    message: String,
    /// Where in the schema the keyword is that is not fulfilled, that keyword, and the schema around it.
    rule: Vec<String>,
    keyword: String,
    schema: Value,
}

/// A path as Python writes it: `['properties'][0]`.
fn subscripts(path: &[String]) -> String {
    let one =
        |step: &String| if step.parse::<usize>().is_ok() { format!("[{step}]") } else { format!("[{}]", quoted(step)) };
    path.iter().map(one).collect()
}

/// A JSON pointer's segment as the key it stands for (RFC 6901 §4).
fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// The schema in force at `version`: the last whose first version is not above it. `None` below the first.
pub fn pick<'s>(by_version: &[(Microversion, &'s Schema)], version: Microversion) -> Option<&'s Schema> {
    by_version.iter().rev().find(|(since, _)| *since <= version).map(|(_, schema)| *schema)
}

/// A value as Python prints it inside messages: `'a'`, `True`, `None`, `{'k': 1}`.
pub fn python_repr(value: &Value) -> String {
    repr(value)
}
