//! Tells what nginx has been built with.

#[path = "../nginx/features.rs"]
mod features;

fn main() -> Result<(), std::env::VarError> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../nginx/features.rs");
    features::announce()
}
