//! Prepares the build for one nginx: the one whose source and configured build nginx-sys was given.
//!
//! Passes on what nginx-sys found out (version, features), compiles the C files with nginx's own include paths
//! and flags, and writes both halves of the layout test from one list of fields.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const C_FILES: [&str; 3] = ["src/nginx/bits.c", "src/nginx/limit_conn.c", "src/nginx/stream.c"];
const FIELDS: &str = "src/nginx/fields.txt";

fn main() -> Result<()> {
    features()?;

    nginx_cc().files(C_FILES).try_compile("nginx_c")?;
    for file in C_FILES {
        println!("cargo::rerun-if-changed={file}");
    }

    layout_test(Path::new(&env::var("OUT_DIR")?))?;
    println!("cargo::rerun-if-changed={FIELDS}");
    println!("cargo::rerun-if-changed=build.rs");

    if env::var("CARGO_CFG_TARGET_OS")? == "macos" {
        // What the module calls is resolved when nginx loads it.
        println!("cargo::rustc-cdylib-link-arg=-undefined");
        println!("cargo::rustc-cdylib-link-arg=dynamic_lookup");
    }
    Ok(())
}

/// Makes nginx's features known as `cfg(ngx_feature = "...")`, as nginx-sys does for itself.
fn features() -> Result<()> {
    println!("cargo::rustc-check-cfg=cfg(ngx_feature, values({}))", env::var("DEP_NGINX_FEATURES_CHECK")?);
    for feature in env::var("DEP_NGINX_FEATURES")?.split(',') {
        println!("cargo::rustc-cfg=ngx_feature=\"{feature}\"");
    }
    Ok(())
}

/// A C compiler with the include paths and definitions that nginx itself was configured with.
fn nginx_cc() -> cc::Build {
    println!("cargo::rerun-if-env-changed=DEP_NGINX_INCLUDE");
    println!("cargo::rerun-if-env-changed=DEP_NGINX_CFLAGS");
    let mut cc = cc::Build::new();
    cc.includes(env::split_paths(&env::var_os("DEP_NGINX_INCLUDE").unwrap_or_default()));
    for flag in env::var("DEP_NGINX_CFLAGS").unwrap_or_default().split_whitespace() {
        cc.flag(flag);
    }
    // Where it is built is nobody's concern: as build/module/cargo.sh does it for Rust. The last one that fits counts.
    for (path, name) in [
        ("CARGO_MANIFEST_DIR", "/ngx_http_limit_body_module"),
        ("NGINX_SOURCE_DIR", "/nginx"),
        ("NGINX_BUILD_DIR", "/nginx/objs"),
    ] {
        if let Ok(path) = env::var(path) {
            cc.flag_if_supported(format!("-ffile-prefix-map={path}={name}"));
        }
    }
    // As nginx itself: callbacks need not use all that they are given.
    cc.flag_if_supported("-Wno-unused-parameter");
    cc.warnings_into_errors(true);
    cc
}

/// Writes what `t/layout.rs` compares: offset and size of each listed field, as C and as the bindings see it.
fn layout_test(out: &Path) -> Result<()> {
    let mut c = String::from(
        "#include <ngx_config.h>\n#include <ngx_core.h>\n#include <ngx_http.h>\n\
         const size_t c_layout[][2] = {\n",
    );
    let mut rust = String::from("&[\n");
    for line in fs::read_to_string(FIELDS)?.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (ty, field) = line.split_once(' ').ok_or_else(|| format!("{FIELDS}: not \"type field\": {line}"))?;
        writeln!(c, "    {{ offsetof({ty}, {field}), sizeof((({ty} *) 0)->{field}) }},")?;
        writeln!(rust, "    field!({ty}, {field}),")?;
    }
    c.push_str("};\n");
    rust.push_str("]\n");

    let source = out.join("layout.c");
    fs::write(&source, c)?;
    fs::write(out.join("layout.rs"), rust)?;

    let objects: Vec<PathBuf> = nginx_cc().file(source).try_compile_intermediates()?;
    for object in objects {
        println!("cargo::rustc-link-arg-tests={}", object.display());
    }
    Ok(())
}
