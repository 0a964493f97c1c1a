//! Tells what nginx has been built with.

#[path = "../nginx/features.rs"]
mod features;

fn main() -> Result<(), std::env::VarError> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../nginx/features.rs");
    if std::env::var("CARGO_CFG_TARGET_OS")? == "macos" {
        // What the module calls is resolved when nginx loads it.
        println!("cargo::rustc-cdylib-link-arg=-undefined");
        println!("cargo::rustc-cdylib-link-arg=dynamic_lookup");
    }
    features::announce()
}
