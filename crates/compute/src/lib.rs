pub mod driver;
pub mod metadata;
pub mod model;
#[cfg(test)]
mod testkit;
