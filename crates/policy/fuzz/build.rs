//! Compiles nginx's own parser of sizes, to compare this crate's with it. NGINX_SOURCE_DIR and NGINX_BUILD_DIR say
//! where nginx is, as for nginx-sys.

use std::env;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let [source, build] = ["NGINX_SOURCE_DIR", "NGINX_BUILD_DIR"].map(|name| {
        println!("cargo::rerun-if-env-changed={name}");
        env::var_os(name).map(PathBuf::from).ok_or_else(|| format!("{name} is not set; make fuzz-policy sets it"))
    });
    let (source, build) = (source?.join("src"), build?);
    println!("cargo::rerun-if-changed=nginx.c");

    cc::Build::new()
        .include(build)
        .includes(["core", "event", "event/modules", "event/quic", "os/unix"].map(|directory| source.join(directory)))
        .files([source.join("core/ngx_parse.c"), source.join("core/ngx_string.c"), "nginx.c".into()])
        // Lets the linker drop the functions that need the rest of nginx.
        .flag("-ffunction-sections")
        .warnings(false)
        .try_compile("nginx_size")?;
    Ok(())
}
