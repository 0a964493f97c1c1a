//! A ledger keeps to its budget, whatever comes and whenever.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::Budget;

#[path = "../tests/model/mod.rs"]
mod model;

fuzz_target!(|data: &[u8]| {
    let mut numbers = Numbers(data);
    let time = numbers.next().max(1);
    let budget = Budget {
        idle: numbers.next().max(1),
        grace: numbers.next().min(time),
        time,
        rate: numbers.next(),
        bytes: Some(numbers.next()).filter(|bytes| bytes % 2 == 0),
    };
    let (limit, length, began) = (numbers.next(), numbers.next(), numbers.next());
    let mut came = Vec::new();
    while !numbers.0.is_empty() && came.len() < 64 {
        came.push((numbers.next(), numbers.next()));
    }
    model::verdict(limit, length);
    model::ledger(&budget, began, &came);
});

/// Numbers, each of as many bytes as the byte before it says, and counted from below or from above.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn next(&mut self) -> u64 {
        let Some((&form, rest)) = self.0.split_first() else {
            return 0;
        };
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(form & 0xf).min(8)));
        self.0 = rest;
        let number = bytes.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        match form & 0x30 {
            0x10 => u64::MAX - number,
            0x20 => (i64::MAX as u64).wrapping_add(number),
            _ => number,
        }
    }
}
