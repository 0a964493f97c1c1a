//! A body is judged by its limit, in whatever pieces it arrives.

#![no_main]

use libfuzzer_sys::fuzz_target;
use numbers::Numbers;

#[path = "../tests/model/mod.rs"]
mod model;
mod numbers;

fuzz_target!(|data: &[u8]| {
    let mut numbers = Numbers(data);
    let (limit, length) = (numbers.next(), numbers.next());
    let mut came = Vec::new();
    while !numbers.is_empty() && came.len() < 64 {
        came.push(numbers.next());
    }
    model::judgement(limit, length, &came);
});
