//! What hosts tell: who they are, and how their guests are.

mod observe;
mod report;

pub use report::HostReport;
