//! Holds the layout of every C field that Rust uses against the C compiler's own idea of it, for the nginx that is
//! being built against. The fields are listed in `crates/nginx/shim/fields.txt`; `build.rs` writes both sides from it.

#![allow(missing_docs, unsafe_code)]

use std::mem::offset_of;

use nginx_sys::*;

/// A field's name, its offset and its size in bytes, as the bindings have it.
type Field = (&'static str, usize, usize);

macro_rules! field {
    ($ty:ty) => {
        (stringify!($ty), 0, size_of::<$ty>())
    };
    ($ty:ty, type) => {
        field!($ty, type_)
    };
    ($ty:ty, $($field:ident).+) => {
        (
            concat!(stringify!($ty), ".", stringify!($($field).+)),
            offset_of!($ty, $($field).+),
            size_of_field(|it: &$ty| &it.$($field).+),
        )
    };
}

const fn size_of_field<T, F>(_field: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

const RUST: &[Field] = include!(concat!(env!("OUT_DIR"), "/layout.rs"));

extern "C" {
    static c_layout: [[usize; 2]; RUST.len()];
}

#[test]
fn rust_and_c_agree_on_every_field() {
    // SAFETY: `build.rs` writes one entry for each field of the list into either side.
    let c = unsafe { &*std::ptr::addr_of!(c_layout) };
    for (&(name, offset, size), c) in RUST.iter().zip(c) {
        assert_eq!([offset, size], *c, "offset and size of {name}, in Rust and in C");
    }
}
