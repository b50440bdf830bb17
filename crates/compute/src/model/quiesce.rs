//! Whether a guest's file systems are to be at rest in an image of it: by its agent (`hw_qemu_guest_agent`), if it runs, and without fail
//! if its image says so (`os_require_quiesce`). What is off, or stands still, writes nothing; as in Nova it is not asked.

use super::{Server, ServerState, wishes::is_yes};
use crate::{ComputeError, driver::Quiesce};
use kernel::Result;

/// For a server as it is now. Nova's hosts find out only later that there is no agent to ask.
pub fn of(server: &Server) -> Result<Quiesce> {
    let says = |name: &str| server.properties.get(name).is_some_and(|value| is_yes(value));
    match (says("hw_qemu_guest_agent"), says("os_require_quiesce")) {
        _ if server.state != ServerState::Active => Ok(Quiesce::No),
        (true, true) => Ok(Quiesce::Required),
        (true, false) => Ok(Quiesce::IfPossible),
        (false, true) => Err(ComputeError::Conflict("QEMU guest agent is not enabled".into()).into()),
        (false, false) => Ok(Quiesce::No),
    }
}
