//! Writes both halves of the test of layouts from one list of fields, for the nginx whose source and configured build
//! nginx-sys was given.

#[path = "crates/nginx/nginx_cc.rs"]
mod nginx_cc;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const FIELDS: &str = "crates/nginx/shim/fields.txt";

fn main() -> Result<()> {
    layout_test(Path::new(&env::var("OUT_DIR")?))?;
    println!("cargo::rerun-if-changed={FIELDS}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=crates/nginx/nginx_cc.rs");

    if env::var("CARGO_CFG_TARGET_OS")? == "macos" {
        // What the module calls is resolved when nginx loads it.
        println!("cargo::rustc-cdylib-link-arg=-undefined");
        println!("cargo::rustc-cdylib-link-arg=dynamic_lookup");
    }
    Ok(())
}

/// Writes what `t/layout.rs` compares: offset and size of each listed field, or the size of a whole struct, as C and as the
/// bindings see it.
fn layout_test(out: &Path) -> Result<()> {
    let mut c = String::from("#include <ngx_config.h>\n#include <ngx_core.h>\n#include <ngx_http.h>\n");
    let features = env::var("DEP_NGINX_FEATURES")?;
    if features.split(',').any(|built| built == "stream") {
        c.push_str("#include <ngx_stream.h>\n");
    }
    c.push_str("const size_t c_layout[][2] = {\n");
    let mut rust = String::from("&[\n");
    let mut is_built = true;
    for line in fs::read_to_string(FIELDS)?.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(feature) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_built = features.split(',').any(|built| built == feature);
        } else if !is_built {
            continue;
        } else if let Some((ty, field)) = line.split_once(' ') {
            writeln!(c, "    {{ offsetof({ty}, {field}), sizeof((({ty} *) 0)->{field}) }},")?;
            writeln!(rust, "    field!({ty}, {field}),")?;
        } else {
            writeln!(c, "    {{ 0, sizeof({line}) }},")?;
            writeln!(rust, "    field!({line}),")?;
        }
    }
    c.push_str("};\n");
    rust.push_str("]\n");

    let source = out.join("layout.c");
    fs::write(&source, c)?;
    fs::write(out.join("layout.rs"), rust)?;

    let objects: Vec<PathBuf> = nginx_cc::nginx_cc("").file(source).try_compile_intermediates()?;
    for object in objects {
        println!("cargo::rustc-link-arg-tests={}", object.display());
    }
    Ok(())
}
