//! What a request says of a port's [`PortExtras`]; the same when it is created and when it is changed.

use crate::{
    model::PortExtras,
    ops::common::{given, take},
};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ExtrasAsked {
    #[serde(deserialize_with = "given")]
    pub numa_affinity_policy: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub device_profile: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    pub hints: Option<Option<Map<String, Value>>>,
    pub trusted: Option<bool>,
    pub hardware_offload_type: Option<String>,
    #[serde(deserialize_with = "given")]
    pub data_plane_status: Option<Option<String>>,
    pub propagate_uplink_status: Option<bool>,
    pub dns_domain: Option<String>,
}

impl ExtrasAsked {
    pub(crate) fn apply(&self, extras: &mut PortExtras) {
        take(&mut extras.numa_affinity_policy, &self.numa_affinity_policy);
        take(&mut extras.device_profile, &self.device_profile);
        take(&mut extras.hints, &self.hints);
        take(&mut extras.data_plane_status, &self.data_plane_status);
        take(&mut extras.dns_domain, &self.dns_domain);
        extras.trusted = self.trusted.or(extras.trusted);
        extras.hardware_offload_type = self.hardware_offload_type.clone().or(extras.hardware_offload_type.take());
        extras.uplink = self.propagate_uplink_status.or(extras.uplink);
    }

    pub(crate) fn made(&self) -> PortExtras {
        let mut extras = PortExtras::default();
        self.apply(&mut extras);
        extras
    }
}
