//! A build script is what makes cargo look at build dependencies.
fn main() {
    // Without a word about it, cargo would hold this crate for changed wherever the checkout lies, and everything with it.
    println!("cargo::rerun-if-changed=build.rs");
}
