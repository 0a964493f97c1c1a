//! Compiles C for nginx; a part of build scripts.

use std::env;

/// A C compiler with the include paths and definitions that nginx itself was configured with.
///
/// `inside` is where the package is in the repository.
pub fn nginx_cc(inside: &str) -> cc::Build {
    println!("cargo::rerun-if-env-changed=DEP_NGINX_INCLUDE");
    println!("cargo::rerun-if-env-changed=DEP_NGINX_CFLAGS");
    let mut cc = cc::Build::new();
    cc.includes(env::split_paths(&env::var_os("DEP_NGINX_INCLUDE").unwrap_or_default()));
    for flag in env::var("DEP_NGINX_CFLAGS").unwrap_or_default().split_whitespace() {
        cc.flag(flag);
    }
    // Where it is built is nobody's concern: as build/module/cargo.sh does it for Rust. The last one that fits counts.
    for (path, name) in [
        ("CARGO_MANIFEST_DIR", format!("/ngx_http_limit_body_module{inside}")),
        ("NGINX_SOURCE_DIR", "/nginx".to_owned()),
        ("NGINX_BUILD_DIR", "/nginx/objs".to_owned()),
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
