//! What a port says to those who plug it or look after it: hints about the device behind it, who may be trusted, names beyond the
//! cloud. The network itself goes by none of it; compute and operators read it here, so it is kept as it was given.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PortExtras {
    /// How near the device must be to the guest's memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numa_affinity_policy: Option<String>,
    /// What the accelerator service calls the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_profile: Option<String>,
    /// For a back end's own tuning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hints: Option<Map<String, Value>>,
    /// The guest may change what its virtual function is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware_offload_type: Option<String>,
    /// What somebody outside the cloud saw of the port's data plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_plane_status: Option<String>,
    /// `propagate_uplink_status`, which is true unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uplink: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dns_domain: String,
}

impl PortExtras {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What the binding's profile says because of them, as ML2 writes it there.
    pub fn in_profile(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let offload =
            self.hardware_offload_type.as_ref().map(|kind| ("capabilities", Value::from(vec![kind.as_str()])));
        self.trusted.map(|trusted| ("trusted", trusted.into())).into_iter().chain(offload)
    }
}
