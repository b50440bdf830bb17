pub mod driver;
pub mod model;
