//! Address groups: prefixes with a name, which rules of security groups refer to. A change of the group changes them all.

use super::{AddressGroupId, Standard, standard::resource};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressGroup {
    pub id: AddressGroupId,
    pub standard: Standard,
    pub name: String,
    /// Of both families, without host bits. A rule takes those of its own.
    pub addresses: BTreeSet<IpNet>,
    /// Raised with every rule that comes to refer to the group, so that it cannot be removed under one.
    pub serial: u64,
}

resource!(AddressGroup, "address_group", AddressGroupNotFound);

impl Object for AddressGroup {
    const KIND: &'static str = "network.address_group";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
    }
}
