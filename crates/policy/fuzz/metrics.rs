//! The counters of a zone are written so that they can be parsed, whatever the name and the counts.

#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::metrics::COUNTERS;

#[path = "../tests/model/mod.rs"]
mod model;

fuzz_target!(|data: &[u8]| {
    // Names are UTF-8 (limit_body_zone).
    let (numbers, name) = data.split_at(data.len().min(COUNTERS * 2));
    let Ok(name) = std::str::from_utf8(name) else {
        return;
    };
    let mut counters = [0_u64; COUNTERS];
    for (counter, bytes) in counters.iter_mut().zip(numbers.chunks(2)) {
        let [power, factor] = *bytes else {
            break;
        };
        *counter = u64::from(factor).rotate_right(u32::from(power % 64));
    }
    model::metrics(name, counters, numbers.len() as u32);
});
