//! Bodies made from a schema: some that fit it, and those with something wrong in one place or more.

use kernel::testkit::Rng;
use regex::Regex;
use serde_json::{Map, Number, Value, json};

/// What is sent, and how it came about.
#[derive(Clone, Debug)]
pub struct Sent {
    pub octets: Vec<u8>,
    pub how: String,
}

/// Makes bodies. `known` are texts that mean something to the service: ids and names of what is there.
pub struct Bodies<'a> {
    pub rng: &'a mut Rng,
    pub known: &'a [String],
}

/// Keeps whole bodies below the 128 levels that are read.
const DEPTH: usize = 100;

impl Bodies<'_> {
    /// A body of this schema, or of `like`, an example of it; most with a change, some spoilt as text.
    pub fn next(&mut self, schema: &Value, like: Option<&Value>) -> Sent {
        let mut body = match like {
            Some(example) if self.rng.percent(40) => example.clone(),
            _ => self.fitting(schema, 0),
        };
        let mut how = Vec::new();
        if self.rng.percent(85) {
            for _ in 0..*self.rng.pick(&[1, 1, 1, 1, 2, 3]) {
                how.push(self.change(&mut body));
            }
        }
        let mut octets = body.to_string().into_bytes();
        if self.rng.percent(6) {
            how.push(self.spoil(&mut octets));
        }
        Sent { octets, how: how.join("; ") }
    }

    /// A value that this schema most likely allows: `not`, `if` and what else needs insight are left to luck.
    pub fn fitting(&mut self, schema: &Value, depth: usize) -> Value {
        for several in ["oneOf", "anyOf"] {
            if let Some(of) = schema[several].as_array().filter(|of| !of.is_empty()) {
                let one = joined(schema, several, self.rng.pick(of));
                return self.fitting(&one, depth);
            }
        }
        if let Some(of) = schema["enum"].as_array().filter(|of| !of.is_empty()) {
            return self.rng.pick(of).clone();
        }
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        let kind = match &schema["type"] {
            Value::String(one) => one.clone(),
            Value::Array(of) if !of.is_empty() => self.rng.pick(of).as_str().unwrap_or("null").to_owned(),
            _ if schema["properties"].is_object() => "object".to_owned(),
            _ => (*self.rng.pick(&["string", "object", "integer", "null"])).to_owned(),
        };
        match kind.as_str() {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => self.string(schema).into(),
            "integer" => self.integer(schema).into(),
            "number" => json!(self.rng.below(1000) as f64 / 8.0),
            "boolean" => self.rng.percent(50).into(),
            _ => Value::Null,
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut made = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if required.contains(&name.as_str()) || (depth < 8 && self.rng.percent(50)) {
                made.insert(name.clone(), self.fitting(property, depth + 1));
            }
        }
        for name in required {
            if !made.contains_key(name) {
                let text = self.string(&Value::Null);
                made.insert(name.to_owned(), text.into());
            }
        }
        let open = schema["additionalProperties"] != json!(false);
        if open && (made.is_empty() || self.rng.percent(10)) && depth < 4 {
            let value = self.anything(depth + 1);
            made.insert(self.rng.text(), value);
        }
        Value::Object(made)
    }

    fn array(&mut self, schema: &Value, depth: usize) -> Value {
        let fewest = schema["minItems"].as_u64().unwrap_or(0) as usize;
        let most = schema["maxItems"].as_u64().unwrap_or(3).min(3) as usize;
        let length = fewest.max(self.rng.below(most + 1));
        (0..length).map(|_| self.fitting(&schema["items"], depth + 1)).collect()
    }

    fn string(&mut self, schema: &Value) -> String {
        let (least, most) = (schema["minLength"].as_u64().unwrap_or(0), schema["maxLength"].as_u64());
        let pattern = schema["pattern"].as_str().and_then(|p| Regex::new(p).ok());
        let fits = |text: &str| {
            let length = text.chars().count() as u64;
            length >= least
                && most.is_none_or(|most| length <= most)
                && pattern.as_ref().is_none_or(|p| p.is_match(text))
        };
        for _ in 0..20 {
            let text = match self.rng.below(4) {
                0 | 1 if !self.known.is_empty() => self.rng.pick(self.known).clone(),
                2 => (*self.rng.pick(&["http://x:1/v3", "/v3/a", "2031-05-06T07:08:09.000000Z", "password", "ec2"]))
                    .into(),
                _ => self.rng.text(),
            };
            if fits(&text) {
                return text;
            }
        }
        format!("n{}", self.rng.below(1000))
    }

    fn integer(&mut self, schema: &Value) -> i64 {
        let (low, high) =
            (schema["minimum"].as_i64().unwrap_or(i64::MIN), schema["maximum"].as_i64().unwrap_or(i64::MAX));
        (*self.rng.pick(&[low, high, 0, 1, 2, -1, 1000, i64::from(i32::MAX), i64::MAX])).clamp(low, high)
    }

    /// Something of any type.
    fn anything(&mut self, depth: usize) -> Value {
        match self.rng.below(10) {
            0 => Value::Null,
            1 => self.rng.percent(50).into(),
            2 => self.number(),
            3..6 => self.rng.text().into(),
            6 if !self.known.is_empty() => self.rng.pick(self.known).clone().into(),
            7 if depth < DEPTH => json!([self.anything(depth + 1)]),
            8 if depth < DEPTH => {
                let value = self.anything(depth + 1);
                json!({self.rng.text(): value})
            }
            _ => json!({}),
        }
    }

    fn number(&mut self) -> Value {
        let whole = *self.rng.pick(&[i64::MIN, i64::MAX, -1, 0, 1, 1 << 31, (1 << 31) - 1, 1 << 53, -(1 << 31) - 1]);
        let broken = *self.rng.pick(&[1e308, -1e308, 5e-324, 0.5, -0.0, 1e19]);
        match self.rng.below(5) {
            0..3 => whole.into(),
            3 => u64::MAX.into(),
            _ => Number::from_f64(broken).map_or(Value::Null, Value::Number),
        }
    }

    /// Changes one place of the body; says what.
    fn change(&mut self, body: &mut Value) -> String {
        let mut places = Vec::new();
        collect(body, String::new(), &mut places);
        let place = self.rng.pick(&places).clone();
        let at = if place.is_empty() { "the body" } else { place.as_str() };
        let kind = self.rng.below(9);
        if kind == 0 && remove(body, &place) {
            return format!("{at} is missing");
        }
        let Some(value) = body.pointer_mut(&place) else { return String::new() };
        match (kind, value) {
            (1, value) => {
                *value = Value::Null;
                format!("{at} is null")
            }
            (2, value) => {
                *value = self.rng.text().into();
                format!("{at} is another text")
            }
            (3, value) => {
                *value = self.number();
                format!("{at} is a number")
            }
            (4, value) => {
                let levels = *self.rng.pick(&[1, 10, DEPTH]);
                let inner = value.take();
                let list = self.rng.percent(50);
                *value = (0..levels).fold(inner, |v, _| if list { json!([v]) } else { json!({"a": v}) });
                format!("{at} is {levels} levels deeper")
            }
            (5, Value::Array(items)) => {
                let one = items.first().cloned().unwrap_or_else(|| self.anything(1));
                let length = *self.rng.pick(&[2, 81, 1000]);
                *items = vec![one; length];
                format!("{at} has {length} items")
            }
            (6, Value::Object(map)) => {
                let extra = self.anything(1);
                let name = self.rng.text();
                let told = format!("{at} has {name:.40?} too");
                map.insert(name, extra);
                told
            }
            (7, Value::Object(map)) if !map.is_empty() => {
                let names: Vec<_> = map.keys().cloned().collect();
                let (from, to) = (self.rng.pick(&names).clone(), self.rng.pick(&names).clone());
                let moved = map[&from].clone();
                map.insert(to.clone(), moved);
                format!("{at} has {from} as {to}")
            }
            (_, value) => {
                *value = self.anything(1);
                format!("{at} is something else")
            }
        }
    }

    /// What no JSON writer would send.
    fn spoil(&mut self, octets: &mut Vec<u8>) -> String {
        let at = self.rng.below(octets.len().max(1));
        match self.rng.below(7) {
            0 => octets.truncate(at),
            1 => octets.insert(at, u8::try_from(self.rng.below(256)).unwrap_or_default()),
            2 => *octets = [b"[".repeat(20_000), b"]".repeat(20_000)].concat(),
            3 => octets.extend(b"x"),
            4 => {
                let text = String::from_utf8_lossy(octets).replacen("\":", "\":1e999,\"a\":", 1);
                *octets = text.into_bytes();
            }
            5 => {
                let text = String::from_utf8_lossy(octets).replacen("\":\"", "\":\"\\ud800", 1);
                *octets = text.into_bytes();
            }
            _ => octets.clear(),
        }
        "spoilt as text".to_owned()
    }
}

/// One alternative, and what is said beside the alternatives.
fn joined(schema: &Value, without: &str, one: &Value) -> Value {
    let mut all = schema.clone();
    let Value::Object(map) = &mut all else { return one.clone() };
    map.remove(without);
    for (name, value) in one.as_object().into_iter().flatten() {
        map.insert(name.clone(), value.clone());
    }
    all
}

fn collect(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{at}/{name}"), into);
            }
        }
        Value::Array(items) => {
            // Of many alike a few will do.
            for (i, value) in items.iter().enumerate().take(5) {
                collect(value, format!("{at}/{i}"), into);
            }
        }
        _ => {}
    }
    into.push(at);
}

fn remove(body: &mut Value, place: &str) -> bool {
    let Some((around, name)) = place.rsplit_once('/') else { return false };
    match body.pointer_mut(around) {
        Some(Value::Object(map)) => map.remove(&name.replace("~1", "/").replace("~0", "~")).is_some(),
        Some(Value::Array(items)) => {
            items.pop();
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use kernel::testkit::fuzz;

    schema! {
        EXAMPLE = {
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 10, "pattern": "^[a-z0-9]+$"},
                "kind": {"enum": ["a", "b"]},
                "count": {"type": ["integer", "null"], "minimum": -1, "maximum": 7},
                "which": {"oneOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}, "minItems": 2}]},
            },
            "required": ["name"],
            "additionalProperties": false,
        };
    }

    #[test]
    fn some_fit_and_some_do_not() {
        let (mut fits, mut does_not, mut no_json) = (0, 0, 0);
        let known = ["abc".to_owned()];
        for seed in 0..2000 {
            let mut rng = Rng::new(seed);
            let mut bodies = Bodies { rng: &mut rng, known: &known };
            assert!(EXAMPLE.check(&bodies.fitting(&EXAMPLE.source(), 0)).is_ok(), "seed {seed}");
            match serde_json::from_slice::<Value>(&bodies.next(&EXAMPLE.source(), None).octets) {
                Err(_) => no_json += 1,
                Ok(body) if EXAMPLE.check(&body).is_ok() => fits += 1,
                Ok(_) => does_not += 1,
            }
        }
        assert!(fits > 200 && does_not > 200 && no_json > 20, "{fits} {does_not} {no_json}");
    }

    #[test]
    fn a_seed_says_it_all() {
        let body = |seed| Bodies { rng: &mut Rng::new(seed), known: &[] }.next(&EXAMPLE.source(), None).octets;
        let mut seen = Vec::new();
        assert!(fuzz("seeds", 0, |seed| seen.push(body(seed))) == 1 && seen.len() == 1);
        assert!((0..50).all(|seed| body(seed) == body(seed)));
    }
}
