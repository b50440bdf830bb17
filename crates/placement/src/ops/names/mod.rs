//! Resource classes and traits: standard ones and operators' own.
//!
//! Whoever makes a provider use a custom name calls `use_…` in the same transaction: it writes the name's object, so a
//! removal that looked for users at the same time conflicts and looks again.

mod classes;
mod schema;
mod traits;
mod write_classes;
mod write_traits;

pub(crate) use classes::{class, class_exists, classes, use_class};
pub(crate) use traits::{known, known_traits, traits, use_trait};
pub(crate) use write_classes::{
    Made, create as create_class, delete as delete_class, ensure as ensure_class, rename as rename_class,
};
pub(crate) use write_traits::{delete as delete_trait, ensure as ensure_trait};
