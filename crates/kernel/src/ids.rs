//! Typed ids. OpenStack's ids are opaque strings of at most 64 characters: Keystone's are 32 hex digits (or whatever
//! a back end such as LDAP hands out), everybody else's are dashed UUIDs. Parsing them as UUIDs would refuse legal ones.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::fmt;

/// Declares a newtype over an opaque id string. `new()` makes a dashed random UUID, `new_hex()` Keystone's 32 digits.
#[macro_export]
macro_rules! id_type {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, $crate::ids::SerializeDerive, $crate::ids::DeserializeDerive)]
        #[serde(transparent, crate = "::kernel::ids::serde")]
        pub struct $name($crate::ids::IdText);
        $crate::id_impls!($name);
    )+};
}

/// The methods behind [`id_type!`], also used by the kernel's own ids.
#[macro_export]
macro_rules! id_impls {
    ($name:ident) => {
        impl $name {
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self($crate::ids::uuid_dashed())
            }
            pub fn new_hex() -> Self {
                Self($crate::ids::uuid_hex())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(s: &str) -> Self {
                Self(s.into())
            }
        }
        impl From<String> for $name {
            fn from(s: String) -> Self {
                Self(s.into())
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_string()
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl ::std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
    };
}

pub use serde;
pub use serde::{Deserialize as DeserializeDerive, Serialize as SerializeDerive};

/// What an id is made of: up to 22 bytes inline, longer ones shared; a clone never copies.
pub type IdText = SmolStr;

macro_rules! own_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(IdText);
        id_impls!($name);
    )+};
}

own_ids! {
    DomainId, ProjectId, UserId, GroupId, RoleId, RegionId,
    ServerId, FlavorId, KeypairId,
    NetworkId, SubnetId, PortId, RouterId, FloatingIpId, SecurityGroupId,
    ImageId, VolumeId, SnapshotId, AttachmentId,
    /// A flow of crates/flow.
    FlowId,
}

/// A node's name, as operators gave it and as it appears in `OS-EXT-SRV-ATTR:host`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostName(IdText);
id_impls!(HostName);

/// From this thread's generator, which the kernel seeds: a system call per id is a tenth of a cheap request.
fn uuid() -> uuid::Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

pub fn uuid_dashed() -> IdText {
    let mut buf = uuid::Uuid::encode_buffer();
    IdText::new(uuid().hyphenated().encode_lower(&mut buf))
}

pub fn uuid_hex() -> IdText {
    let mut buf = uuid::Uuid::encode_buffer();
    IdText::new(uuid().simple().encode_lower(&mut buf))
}

/// A request's id, `req-<uuid>`: what clients print and what the log carries.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(IdText);

impl RequestId {
    pub fn new() -> Self {
        Self(format!("req-{}", uuid_dashed()).into())
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Accepts a caller's global request id if it has the form `req-<uuid>` (oslo.middleware ignores others).
    pub fn parse(s: &str) -> Option<Self> {
        uuid::Uuid::try_parse(s.strip_prefix("req-")?).ok()?;
        Some(Self(s.into()))
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_as_plain_strings() {
        let id = ServerId::from("abc");
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"abc\"");
        assert_eq!(serde_json::from_str::<ServerId>("\"abc\"").unwrap(), id);
        assert_eq!(ServerId::new().len(), 36);
        assert_eq!(ProjectId::new_hex().len(), 32);
    }

    #[test]
    fn only_well_formed_request_ids_are_taken_over() {
        assert!(RequestId::parse(RequestId::new().as_str()).is_some());
        for bad in ["", "req-", "req-1", "550e8400-e29b-41d4-a716-446655440000", "req-<script>"] {
            assert!(RequestId::parse(bad).is_none(), "{bad}");
        }
    }
}
