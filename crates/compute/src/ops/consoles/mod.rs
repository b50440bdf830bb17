//! What a guest shows: its console's log and its screen.

mod log;
mod remote;
mod token;

pub(crate) use log::log;
pub(crate) use remote::remote;
pub(crate) use token::token;
