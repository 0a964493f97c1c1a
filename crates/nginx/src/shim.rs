//! The functions of `shim/shim.h`, as bindgen declares them. All pointers that they take must be valid.

#![allow(missing_docs, clippy::missing_safety_doc)]

use nginx_sys::*;

include!(concat!(env!("OUT_DIR"), "/shim.rs"));
