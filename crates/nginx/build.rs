//! Compiles what bindings get wrong or lack, for the nginx whose source and configured build nginx-sys was given.

mod nginx_cc;

const C_FILES: [&str; 3] = ["shim/bits.c", "shim/limit_conn.c", "shim/stream.c"];

fn main() -> Result<(), cc::Error> {
    nginx_cc::nginx_cc("/crates/nginx").files(C_FILES).try_compile("nginx_c")?;
    for file in C_FILES {
        println!("cargo::rerun-if-changed={file}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=nginx_cc.rs");
    Ok(())
}
