//! Who may do what: oslo.policy's language, parsed once and evaluated without allocating, plus the proof that it was asked.
//!
//! ```text
//!   rules! tables ──┐                      policy.yaml of the operator
//!   base rules ─────┤ parse (check::parse)        │ parse
//!                   ▼                             ▼
//!             named checks  ◄──── replace ──── overrides
//!                   │ link: every `rule:x` becomes an index; unknown names, cycles and
//!                   ▼       overlong chains are reported, never evaluated
//!              [`Enforcer`] (one service, immutable)
//!                   ▲ Arc, swapped as a whole
//!              [`Policies`] (all services of the process; lives in `Ctx::policy`)
//!                   ▲
//!   cx.authorize(&RULE, &target)? → [`Permit`]
//! ```
//!
//! Invariants
//! - **Fail closed.** What cannot be parsed, linked or found never allows. A policy file with any problem is refused as a
//!   whole and the one in force stays: half of an operator's intent is worse than none of it.
//! - **Evaluation ends.** Parsing bounds nesting, linking refuses cycles and bounds chains of `rule:`, so the recursion of
//!   the evaluator has a bound that was checked before it ran.
//! - **A [`Permit`] cannot be made up.** Its only sources are [`Authorize::authorize`] and, visibly,
//!   [`Permit::internal`]; write operations take one as an argument.
//! - **A rule belongs to one service**, known by the address of its `static`. Services may use the same rule name (base
//!   names such as `admin_required` they do share, with different meanings) and an operation of compute that calls one of
//!   network is judged by network's rules.
//!
//! Where oslo.policy logs and goes on, this crate refuses at load time: a check without a colon, an unknown credentials
//! attribute, an undefined `rule:`, a rule that is null. `http:` and `https:` checks are refused too: a decision must not
//! wait for another server, let alone be undecidable when that is down.

mod authorize;
pub mod check;
mod enforcer;
mod explain;
mod link;
mod overrides;
mod rule;
mod target;

pub use authorize::{Authorize, Permit, Policies};
pub use enforcer::{Decision, Enforcer};
pub use explain::{Explanation, Step};
pub use overrides::{Problem, Problems};
pub use rule::{Rule, ScopeType, ServicePolicy};
pub use target::{AttrText, Target};
