//! Ids as names of files.

use kernel::{Error, Result};

/// A UUID's length. Sockets have no room for more.
pub(crate) const LONGEST: usize = 36;

/// The id, if no path made of it can lead elsewhere.
pub(crate) fn plain(id: &str) -> Result<&str> {
    let plain = (1..=LONGEST).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain { Ok(id) } else { Err(Error::bad_request(format!("{id:?} cannot be an id in a pool"))) }
}

/// The name of a container, which users choose, likewise.
pub(crate) fn folder(name: &str) -> Result<&str> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let plain = (1..=255).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(safe);
    if plain { Ok(name) } else { Err(Error::bad_request(format!("{name:?} cannot be the name of a container"))) }
}
