//! What nginx has been built with; a part of build scripts.

use std::env;

/// Makes nginx's features known as `cfg(ngx_feature = "...")`, as nginx-sys does for itself.
pub fn announce() -> Result<(), env::VarError> {
    println!("cargo::rustc-check-cfg=cfg(ngx_feature, values({}))", env::var("DEP_NGINX_FEATURES_CHECK")?);
    for feature in env::var("DEP_NGINX_FEATURES")?.split(',') {
        println!("cargo::rustc-cfg=ngx_feature=\"{feature}\"");
    }
    Ok(())
}
