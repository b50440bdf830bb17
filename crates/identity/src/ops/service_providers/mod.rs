//! Service providers: other clouds that users of this one may go to. The enabled ones are told in every token.

mod create;
mod delete;
mod list;
mod show;
mod update;

pub use create::{New, create};
pub use delete::delete;
pub use list::{FILTERS, list};
pub use show::show;
pub use update::{Update, update};

const WHAT: &str = "Service Provider";
/// What Keystone prefixes relay states with.
const RELAY_STATE: &str = "ss:mem:";
