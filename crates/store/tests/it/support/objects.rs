//! The kinds that the tests store.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Index, IndexSink, Key, Object, Schema};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pet {
    pub id: String,
    pub owner: String,
    pub age: u32,
}

impl Pet {
    pub const BY_OWNER: Index<Pet> = Index::new(0);
}

impl Object for Pet {
    const KIND: &'static str = "test.pet";
    const INDEXES: &'static [&'static str] = &["owner"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_OWNER, &self.owner);
    }
}

pub fn pet(id: &str, owner: &str) -> Pet {
    Pet { id: id.into(), owner: owner.into(), age: 1 }
}

/// The pet of a later program: another version, and a field more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewPet {
    pub id: String,
    pub owner: String,
    pub months: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
}

impl Object for NewPet {
    const KIND: &'static str = "test.pet";
    const VERSION: u32 = 2;
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn version_for(format: u32) -> u32 {
        if format < 2 { 1 } else { 2 }
    }
    fn upcast(_from: u32, mut value: Value) -> Result<Value, String> {
        let age = value.as_object_mut().and_then(|v| v.remove("age")).and_then(|a| a.as_u64()).ok_or("no age")?;
        value["months"] = (age * 12).into();
        Ok(value)
    }
    fn downcast(_to: u32, mut value: Value) -> Result<Value, String> {
        let months =
            value.as_object_mut().and_then(|v| v.remove("months")).and_then(|m| m.as_u64()).ok_or("no months")?;
        value["age"] = (months / 12).into();
        Ok(value)
    }
    fn restored(&mut self) {
        self.months += 1000;
    }
}

/// Something with as many bytes as wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blob {
    pub id: String,
    pub text: String,
}

impl Object for Blob {
    const KIND: &'static str = "test.blob";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

pub fn blob(id: impl Into<String>, bytes: usize) -> Blob {
    Blob { id: id.into(), text: "x".repeat(bytes) }
}

pub fn schema() -> Schema {
    Schema::new().with::<Pet>().with::<Blob>()
}

pub fn later_schema() -> Schema {
    Schema::new().with_format(2).with::<NewPet>().with::<Blob>()
}

/// A value as it is stored.
pub fn framed(version: u32, json: &Value) -> Vec<u8> {
    let json = serde_json::to_vec(json).expect("JSON");
    let mut value = format!("{version} {:08x} ", crc32c::crc32c(&json)).into_bytes();
    value.extend(json);
    value
}
