//! Whatever is sent as a token or as a body: an answer, never a 5xx, and nothing is written by what was refused.
//!
//! `TSTACK_FUZZ_SECONDS` says for how long, `TSTACK_FUZZ_SEED` where to begin; a failure tells the seed of its case.

mod bodies;
mod tokens;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
