//! What only the whole node shows: its documents, and how it behaves as a process.

mod documents;
mod lost_store;
