//! Endpoint groups: which endpoints, by their attributes, and the projects they were given to.

mod associate;
mod create;
mod delete;
mod list;
mod members;
mod show;
mod update;

pub use associate::{add, check, remove};
pub use create::{New, create};
pub use delete::delete;
pub use list::{FILTERS, list};
pub use members::{endpoints, of_project, projects};
pub use show::show;
pub use update::{Update, update};

use crate::Refusal;
use serde_json::{Map, Value};

const WHAT: &str = "endpoint group";

/// Only these attributes can be asked of an endpoint.
fn valid(filters: &Map<String, Value>) -> Result<(), Refusal> {
    let known = |name: &String| ["service_id", "region_id", "interface"].contains(&name.as_str());
    match filters.keys().all(known) {
        true => Ok(()),
        false => Err(Refusal::Missing { attribute: "service_id or region_id or interface", target: "endpoint_group" }),
    }
}
