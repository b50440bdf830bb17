//! What a guest shows: its console's log and its screen.

mod log;
mod remote;

pub(crate) use log::log;
pub(crate) use remote::remote;
