//! The body of `POST /servers`, after its schema has passed it: what remains are the forms that one value may have.

use crate::{
    error::invalid,
    model::{
        DiskConfig,
        mapping::{Mapping, Source},
    },
};
use kernel::Result;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CreateBody {
    pub(crate) server: NewServer,
    #[serde(default, rename = "os:scheduler_hints", alias = "OS-SCH-HNT:scheduler_hints")]
    pub(crate) hints: Map<String, Value>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewServer {
    pub(crate) name: String,
    #[serde(rename = "imageRef")]
    pub(crate) image: Option<String>,
    #[serde(rename = "flavorRef", deserialize_with = "text")]
    pub(crate) flavor: String,
    #[serde(rename = "adminPass")]
    pub(crate) admin_pass: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) networks: Networks,
    #[serde(rename = "OS-DCF:diskConfig")]
    pub(crate) disk_config: DiskConfig,
    #[serde(rename = "accessIPv4")]
    pub(crate) access_v4: Option<String>,
    #[serde(rename = "accessIPv6")]
    pub(crate) access_v6: Option<String>,
    pub(crate) personality: Vec<Personality>,
    pub(crate) availability_zone: Option<String>,
    pub(crate) block_device_mapping: Vec<OldMapping>,
    pub(crate) block_device_mapping_v2: Vec<NewMapping>,
    #[serde(deserialize_with = "flag")]
    pub(crate) config_drive: bool,
    pub(crate) key_name: Option<String>,
    #[serde(deserialize_with = "number")]
    pub(crate) min_count: Option<u64>,
    #[serde(deserialize_with = "number")]
    pub(crate) max_count: Option<u64>,
    #[serde(deserialize_with = "flag")]
    pub(crate) return_reservation_id: bool,
    pub(crate) security_groups: Option<Vec<Named>>,
    pub(crate) user_data: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) trusted_image_certificates: Option<Vec<String>>,
    pub(crate) host: Option<String>,
    pub(crate) hypervisor_hostname: Option<String>,
    pub(crate) hostname: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Personality {
    pub(crate) path: String,
    pub(crate) contents: String,
}

/// `networks`: absent, `auto`, `none`, or a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Networks {
    List(Vec<NetworkItem>),
    Word(String),
    #[default]
    Absent,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct NetworkItem {
    pub(crate) uuid: Option<String>,
    pub(crate) port: Option<String>,
    pub(crate) fixed_ip: Option<String>,
    pub(crate) tag: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct NewMapping {
    source_type: Option<String>,
    destination_type: Option<String>,
    uuid: Option<String>,
    #[serde(deserialize_with = "signed")]
    boot_index: Option<i64>,
    #[serde(deserialize_with = "number")]
    volume_size: Option<u64>,
    #[serde(deserialize_with = "flag")]
    delete_on_termination: bool,
    device_name: Option<String>,
    disk_bus: Option<String>,
    guest_format: Option<String>,
    tag: Option<String>,
    volume_type: Option<String>,
    no_device: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OldMapping {
    virtual_name: Option<String>,
    volume_id: Option<String>,
    snapshot_id: Option<String>,
    #[serde(deserialize_with = "number")]
    volume_size: Option<u64>,
    #[serde(deserialize_with = "flag")]
    delete_on_termination: bool,
    device_name: Option<String>,
    no_device: Value,
}

fn malformed<T>(text: &str) -> Result<T> {
    Err(invalid(format!("Block Device Mapping is Invalid: {text}")))
}

impl NewMapping {
    /// `None` for an entry that only says that there is no device.
    fn read(&self) -> Result<Option<Mapping>> {
        if is_true(&self.no_device) {
            return Ok(None);
        }
        let uuid = |id: &Option<String>| match id {
            Some(id) if !id.is_empty() => Ok(id.clone()),
            _ => malformed("Missing device UUID."),
        };
        let source = match self.source_type.as_deref() {
            Some("blank") if self.uuid.is_some() => return malformed("Invalid device UUID."),
            Some("blank") => Source::Blank,
            Some("image") => Source::Image(uuid(&self.uuid)?.into()),
            Some("volume") => Source::Volume(uuid(&self.uuid)?.into()),
            Some("snapshot") => Source::Snapshot(uuid(&self.uuid)?.into()),
            _ => return malformed("source_type is missing."),
        };
        let to_volume = match self.destination_type.as_deref() {
            Some(destination) => destination == "volume",
            None => matches!(source, Source::Volume(_) | Source::Snapshot(_)),
        };
        Ok(Some(Mapping {
            source,
            to_volume,
            boot_index: self.boot_index,
            size_gib: self.volume_size,
            delete_on_termination: self.delete_on_termination,
            device: self.device_name.clone(),
            bus: self.disk_bus.clone(),
            guest_format: self.guest_format.clone(),
            tag: self.tag.clone(),
            volume_type: self.volume_type.clone(),
        }))
    }
}

impl OldMapping {
    fn read(&self, boots: bool) -> Result<Option<Mapping>> {
        if is_true(&self.no_device) {
            return Ok(None);
        }
        let local = self.virtual_name.as_deref().filter(|n| *n == "swap" || n.starts_with("ephemeral"));
        let (source, to_volume) = match (local, &self.snapshot_id, &self.volume_id) {
            (Some(_), _, _) => (Source::Blank, false),
            (None, Some(id), _) => (Source::Snapshot(id.as_str().into()), true),
            (None, None, Some(id)) => (Source::Volume(id.as_str().into()), true),
            (None, None, None) => return malformed("Unrecognized legacy format."),
        };
        Ok(Some(Mapping {
            source,
            to_volume,
            boot_index: (boots && to_volume).then_some(0),
            size_gib: self.volume_size,
            delete_on_termination: self.delete_on_termination || !to_volume,
            device: self.device_name.clone(),
            guest_format: local.filter(|n| *n == "swap").map(str::to_owned),
            ..Mapping::default()
        }))
    }
}

impl NewServer {
    /// The mapping in one form, whichever it was sent in.
    pub(crate) fn mapping(&self) -> Result<Vec<Mapping>> {
        if !self.block_device_mapping.is_empty() && !self.block_device_mapping_v2.is_empty() {
            return Err(invalid("Using different block_device_mapping syntaxes is not allowed in the same request."));
        }
        let with_image = self.image.as_ref().is_some_and(|i| !i.is_empty());
        let mut all = Vec::new();
        for entry in &self.block_device_mapping_v2 {
            all.extend(entry.read()?);
        }
        for (at, entry) in self.block_device_mapping.iter().enumerate() {
            // The older form has no boot index: its first device boots if there is no image.
            all.extend(entry.read(at == 0 && !with_image)?);
        }
        Ok(all)
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(b) => *b,
        Value::String(s) => parse_flag(s),
        Value::Null => false,
        _ => true,
    }
}

fn parse_flag(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "1" | "t" | "true" | "on" | "y" | "yes")
}

/// `true`, `"True"`, `"1"` …: the forms that Nova's schema lets through.
pub(crate) fn flag<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<bool, D::Error> {
    Ok(is_true(&Value::deserialize(d)?))
}

fn number<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Number(n) => n.as_u64(),
        Value::String(s) => s.parse().ok(),
        _ => None,
    })
}

fn signed<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Number(n) => n.as_i64(),
        Value::String(s) => s.parse().ok(),
        _ => None,
    })
}

fn text<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<String, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(s) => s,
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(server: Value) -> NewServer {
        serde_json::from_value(server).unwrap()
    }

    #[test]
    fn values_in_all_their_forms() {
        let server = body(json!({
            "name": "n", "flavorRef": 42, "min_count": "2", "max_count": 3, "config_drive": "True",
            "networks": [{"uuid": "u", "fixed_ip": "10.0.0.1"}]
        }));
        assert_eq!((server.flavor.as_str(), server.min_count, server.max_count), ("42", Some(2), Some(3)));
        assert!(server.config_drive && matches!(server.networks, Networks::List(ref l) if l.len() == 1));
        assert_eq!(body(json!({"networks": "none"})).networks, Networks::Word("none".into()));
        assert_eq!(body(json!({})).networks, Networks::Absent);
        assert!(!body(json!({"config_drive": null})).config_drive);
    }

    #[test]
    fn both_mappings_read_the_same() {
        let new = body(json!({"block_device_mapping_v2": [
            {"source_type": "volume", "uuid": "v", "boot_index": "0", "delete_on_termination": "1"}]}));
        let old = body(json!({"block_device_mapping": [{"volume_id": "v", "delete_on_termination": true}]}));
        assert_eq!(new.mapping().unwrap(), old.mapping().unwrap());
        let swap = body(json!({"imageRef": "i", "block_device_mapping": [{"virtual_name": "swap", "volume_size": 5}]}));
        assert_eq!(swap.mapping().unwrap()[0].guest_format.as_deref(), Some("swap"));
        for bad in [
            json!({"block_device_mapping_v2": [{"source_type": "volume"}]}),
            json!({"block_device_mapping_v2": [{"source_type": "blank", "uuid": "x"}]}),
            json!({"block_device_mapping_v2": [{"uuid": "x"}]}),
            json!({"block_device_mapping": [{"device_name": "vda"}]}),
            json!({"block_device_mapping": [{"volume_id": "v"}],
                   "block_device_mapping_v2": [{"source_type": "blank", "volume_size": 1}]}),
        ] {
            assert!(body(bad.clone()).mapping().is_err(), "{bad}");
        }
        assert!(body(json!({"block_device_mapping_v2": [{"no_device": true}]})).mapping().unwrap().is_empty());
    }
}
