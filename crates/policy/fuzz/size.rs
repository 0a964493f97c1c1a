//! The crate and nginx parse the same texts, and as the same sizes. For any other text, the error is the right one.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../tests/model/mod.rs"]
mod model;

extern "C" {
    fn nginx_parse_offset(text: *const u8, len: usize) -> i64;
}

fuzz_target!(|text: &[u8]| {
    model::size(text);

    // SAFETY: nginx reads `len` bytes from `text`, and keeps no pointer to them.
    let nginx = unsafe { nginx_parse_offset(text.as_ptr(), text.len()) };
    assert_eq!(policy::size::parse(text).ok(), u64::try_from(nginx).ok());
});
