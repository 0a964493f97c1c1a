//! A drain is settled once, and keeps to its budget until then.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Event;
use numbers::Numbers;
use policy::Outcome;

#[path = "../tests/model/mod.rs"]
mod model;
mod numbers;

fuzz_target!(|data: &[u8]| {
    let mut numbers = Numbers(data);
    let (budget, began) = (numbers.budget(), numbers.next());
    let mut events = Vec::new();
    while !numbers.is_empty() && events.len() < 64 {
        let later = numbers.next();
        let event = match numbers.next() {
            0 => Event::Answer,
            n if n % 3 == 0 => Event::Settle(Outcome::ALL[(n / 3) as usize % Outcome::ALL.len()]),
            _ => Event::Read(numbers.next()),
        };
        events.push((later, event));
    }
    model::drain(&budget, began, &events);
});
