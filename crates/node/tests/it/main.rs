//! What only the whole node shows: its documents, and how it behaves as a process.

mod damage;
mod documents;
mod life;
mod lost_store;
mod misuse;
mod rig;
mod start;
