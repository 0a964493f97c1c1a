//! Compiles what bindings get wrong or lack, for the nginx whose source and configured build nginx-sys was given, and declares
//! it to Rust.

mod features;
mod nginx_cc;

use std::env;
use std::error::Error;
use std::path::PathBuf;

const SHIM: &str = "shim/shim.c";
const SHIM_HEADER: &str = "shim/shim.h";

fn main() -> Result<(), Box<dyn Error>> {
    features::announce()?;
    nginx_cc::nginx_cc("/crates/nginx").file(SHIM).try_compile("nginx_shim")?;
    shim_bindings()?;
    for file in [SHIM, SHIM_HEADER, "build.rs", "features.rs", "nginx_cc.rs"] {
        println!("cargo::rerun-if-changed={file}");
    }
    Ok(())
}

/// Writes the declarations of the shim's functions in Rust. The types that they take are those of nginx-sys.
fn shim_bindings() -> Result<(), Box<dyn Error>> {
    bindgen::builder()
        .header(SHIM_HEADER)
        .clang_args(nginx_cc::flags())
        .allowlist_function("nginx_shim_.*")
        .allowlist_var("NGINX_SHIM_.*")
        .allowlist_recursively(false)
        .layout_tests(false)
        .rust_target(env::var("CARGO_PKG_RUST_VERSION")?.parse()?)
        .use_core()
        .generate()?
        .write_to_file(PathBuf::from(env::var("OUT_DIR")?).join("shim.rs"))?;
    Ok(())
}
