//! Compiles C for nginx; a part of build scripts.

use std::env;

/// The include paths and definitions that nginx itself was configured with.
pub fn flags() -> Vec<String> {
    println!("cargo::rerun-if-env-changed=DEP_NGINX_INCLUDE");
    println!("cargo::rerun-if-env-changed=DEP_NGINX_CFLAGS");
    let paths = env::var_os("DEP_NGINX_INCLUDE").unwrap_or_default();
    let paths = env::split_paths(&paths).map(|path| format!("-I{}", path.display()));
    paths.chain(env::var("DEP_NGINX_CFLAGS").unwrap_or_default().split_whitespace().map(str::to_owned)).collect()
}

/// A C compiler with these.
///
/// `inside` is where the package is in the repository.
pub fn nginx_cc(inside: &str) -> cc::Build {
    let mut cc = cc::Build::new();
    for flag in flags() {
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
    // Elsewhere a compiler that warns of more must not keep anybody from building.
    println!("cargo::rerun-if-env-changed=DENY_WARNINGS");
    cc.warnings_into_errors(env::var_os("DENY_WARNINGS").is_some());
    cc
}
