//! A build script is what makes cargo look at build dependencies.
fn main() {}
