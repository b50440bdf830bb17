//! The store: one linearizable log of typed objects, and all of them in memory.
//!
//! ```text
//!   transact(closure) ──▶ queue ──▶ runner: runs closures one after another over HEAD,
//!                                   groups up to 64 into one commit          │
//!            snapshot() ◀── PUBLISHED ◀── applied in order of revision ◀── backend (memory | redb | etcd)
//! ```
//!
//! - **Objects** ([`Object`]) are JSON values under typed keys (`o/<kind>/<id>`), held decoded in persistent maps with
//!   secondary indexes ([`Snapshot`]). A list of 1,000 of 50,000 is a walk in memory.
//! - **Transactions** ([`Store::transact`]): the closure reads one snapshot plus what earlier closures of this process wrote;
//!   its point reads (absent keys included) are validated at commit, its index reads are not. On a conflict, which only
//!   another member can cause, it runs again; so it must be pure over what it reads and captures.
//! - **Durability**: nobody is told of a revision, not even of a refusal that rests on it, before it is durable.
//! - **Unknown outcome**: every commit creates `tx/<id>`; who is in doubt tries to create an abort marker there.
//! - **Linearizable reads** ([`Store::read`]): who asks learns how far the log is, in a round trip shared with all who came before
//!   it began, and waits until this member is there.
//! - **Watch** ([`Store::watch`]) yields every revision in order, or one `Reset` after which the consumer diffs.
//! - **History** (`history/…`) is written in transactions and read by range; it is outside memory and watch, and moves to segment
//!   files in time ([`HistoryArchive`]).
//! - **One writer** among members is an optimisation ([`Writer`]); nothing rests on it.
//!
//! What depends on *absence* uses [`Tx::claim_unique`], or marks the parent `deleting` in a transaction of its own and then
//! looks for children; whoever adds a child reads the parent in the same transaction.
//!
//! Formats are permanent: `keys` has the key space, `codec` the values, `rowfile` the files of [`backup`] and [`archive`]. What is
//! written follows the cluster's format, which is raised when every member reads the next one ([`Store::finalise_format`]).
//!
//! Where to read on: `runner` is the heart; [`backend`] says what a back end must do; `tests/it` proves it.

pub mod admin;
pub mod archive;
pub mod backend;
pub mod backup;
mod codec;
mod head;
mod history;
mod keys;
pub mod lease;
mod log;
mod object;
mod rowfile;
mod runner;
mod snapshot;
mod stats;
mod store;
mod tx;
mod watch;

pub use archive::HistoryArchive;
pub use backend::{Backend, BackendError, etcd::Etcd, faulty::Faulty, memory::Memory, redb::Redb};
pub use history::{HistoryEntry, Order};
pub use lease::{Role, Writer};
pub use object::{Index, IndexSink, Key, Object, Schema};
pub use snapshot::{Snapshot, Stamp};
pub use stats::Stats;
pub use store::Store;
pub use tx::{Taken, Tx, Unique};
pub use watch::{Batch, Change, Event, Watch, WatchItem};

/// A revision of the log. Commits raise it; 0 is the empty store.
pub type Revision = i64;

/// One value.
pub const MAX_VALUE: usize = 512 * 1024;
/// Keys one transaction may write, history included.
pub const MAX_KEYS: usize = 2048;
/// Bytes one transaction may write.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
