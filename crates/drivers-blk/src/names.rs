//! Ids as names of files.

use kernel::{Error, Result};

/// A UUID's length. Sockets have no room for more.
pub(crate) const LONGEST: usize = 36;

/// The id, if no path made of it can lead elsewhere.
pub(crate) fn plain(id: &str) -> Result<&str> {
    let plain = (1..=LONGEST).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain { Ok(id) } else { Err(Error::bad_request(format!("{id:?} cannot be an id in a pool"))) }
}
