pub mod driver;
pub mod metadata;
pub mod model;
