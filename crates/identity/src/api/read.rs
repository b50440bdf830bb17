//! Request bodies: judged by schema, then read.

use http::{JsonBody, Schema};
use kernel::Result;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The resource under `key`, of a body that fits the schema.
pub(super) fn member<T: DeserializeOwned>(body: JsonBody, schema: &Schema, key: &str) -> Result<T> {
    schema.check_keystone(&body.0)?;
    http::from_value(take(body.0, key))
}

/// The same for what is to be created: names of attributes get Keystone's spelling, `my-attr` becomes `my_attr`.
pub(super) fn new_member<T: DeserializeOwned>(body: JsonBody, schema: &Schema, key: &str) -> Result<T> {
    schema.check_keystone(&body.0)?;
    let fields = match take(body.0, key) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let spelled = fields.into_iter().map(|(name, value)| (name.replace([':', '-'], "_"), value));
    http::from_value(Value::Object(spelled.collect()))
}

fn take(mut body: Value, key: &str) -> Value {
    body.get_mut(key).map_or_else(|| Value::Object(Map::new()), Value::take)
}
