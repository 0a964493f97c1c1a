//! A ledger keeps to its budget, whatever arrives and whenever.

#![no_main]

use libfuzzer_sys::fuzz_target;
use numbers::Numbers;

#[path = "../tests/model/mod.rs"]
mod model;
mod numbers;

fuzz_target!(|data: &[u8]| {
    let mut numbers = Numbers(data);
    let (budget, began) = (numbers.budget(), numbers.next());
    let mut came = Vec::new();
    while !numbers.is_empty() && came.len() < 64 {
        came.push((numbers.next(), numbers.next()));
    }
    model::ledger(&budget, began, &came);
});
