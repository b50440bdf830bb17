mod classes;
mod traits;

pub(crate) use classes::{class, classes};
pub(crate) use traits::{known, traits};
