//! Mappings: rules, checked by their schema when they are written.

mod create;
mod delete;
mod list;
mod show;
mod update;

pub use create::create;
pub use delete::delete;
pub use list::{FILTERS, list};
pub use show::show;
pub use update::update;

use serde::Deserialize;
use serde_json::Value;

const WHAT: &str = "mapping";
/// Of a mapping that names none.
pub const DEFAULT_VERSION: &str = "1.0";

/// The whole of it, for creation and update alike.
#[derive(Clone, Deserialize)]
pub struct Content {
    pub rules: Value,
    pub schema_version: Option<String>,
}

impl Content {
    fn version(&self) -> String {
        let given = self.schema_version.clone().filter(|version| !version.is_empty());
        given.unwrap_or_else(|| DEFAULT_VERSION.to_owned())
    }
}
