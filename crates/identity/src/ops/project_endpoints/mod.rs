//! Endpoints given to projects one by one.

mod add;
mod check;
mod list;
mod remove;

pub use add::add;
pub use check::check;
pub use list::{of_project, projects};
pub use remove::remove;

use crate::Refusal;

fn not_given(endpoint: &str, project: &str) -> Refusal {
    Refusal::Absent(format!("Endpoint {endpoint} not found in project {project}."))
}
