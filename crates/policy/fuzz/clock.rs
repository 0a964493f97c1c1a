//! A clock runs while the client is awaited, whatever comes and whenever.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Look;
use numbers::Numbers;

#[path = "../tests/model/mod.rs"]
mod model;
mod numbers;

fuzz_target!(|data: &[u8]| {
    let mut numbers = Numbers(data);
    let (allowance, began) = (numbers.allowance(), numbers.next());
    let mut looks = Vec::new();
    while !numbers.is_empty() && looks.len() < 64 {
        let (after, bytes) = (numbers.next(), numbers.next());
        looks.push(Look { after, bytes, is_awaited: numbers.next() % 2 == 0 });
    }
    model::clock(&allowance, began, &looks);
});
