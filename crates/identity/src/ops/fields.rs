//! Reading request bodies into typed changes.

use crate::model::Extra;
use serde::{Deserialize, Deserializer};

/// Tells a field that is null from one that is absent: `Some(None)` and `None`.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

pub fn yes() -> bool {
    true
}

/// What may be kept of attributes that the resource does not know: nothing that answers carry by themselves.
pub fn kept(mut extra: Extra) -> Extra {
    for own in ["id", "links", "password_expires_at", "options", "extra"] {
        extra.remove(own);
    }
    extra
}
