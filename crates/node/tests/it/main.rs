//! What only the whole node shows: its documents, and how it behaves as a process.

mod audit;
mod console;
mod damage;
mod documents;
mod drain;
mod encryption;
mod explain;
mod fakes;
mod life;
mod lost_store;
mod misuse;
mod moved_limits;
mod net_why;
mod processors;
mod resize;
mod rig;
mod start;
mod traffic;
