//! Checks the properties in `model` with random values, many of them edge cases.

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]

mod model;

use model::{Event, Look};
use policy::metrics::COUNTERS;
use policy::{Allowance, Budget, Outcome};
use proptest::collection::vec;
use proptest::prelude::*;

/// Any number, but often a small one, a power of 2, `i64::MAX`, one of the largest, or one next to these.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..100_000_u64,
        any::<u64>(),
        (0..64_u32, -1..=1_i64).prop_map(|(power, off)| (1_u64 << power).saturating_add_signed(off)),
        (0..3000_u64).prop_map(|less| u64::MAX - less),
        (0..3_u64, 0..3_u64).prop_map(|(more, less)| (i64::MAX as u64).wrapping_add(more).wrapping_sub(less)),
    ]
}

/// A text that is a size, or almost one.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let digits = prop_oneof![number().prop_map(|n| n.to_string()), (0..25_usize).prop_map(|n| "9".repeat(n))];
    let unit =
        prop_oneof![Just(""), Just("k"), Just("K"), Just("m"), Just("M"), Just("g"), Just("G"), Just("t"), Just(" ")];
    let edge = (0..31_u32, 0..3_u64).prop_map(|(power, off)| (((1_u64 << 63) >> power) - 1 + off).to_string());
    prop_oneof![
        (
            prop_oneof![Just(""), Just("0"), Just("000"), Just("-"), Just("+"), Just(" ")],
            prop_oneof![digits, edge],
            unit
        )
            .prop_map(|(sign, digits, unit)| format!("{sign}{digits}{unit}").into_bytes()),
        vec(any::<u8>(), 0..6),
    ]
}

fn budget() -> impl Strategy<Value = Budget> {
    let most = prop_oneof![Just(None), number().prop_map(Some)];
    (number(), number(), number(), number(), most).prop_map(|(idle, grace, time, rate, bytes)| {
        let time = time.max(1);
        Budget { idle: idle.max(1), grace, time, rate, bytes }
    })
}

fn allowance() -> impl Strategy<Value = Allowance> {
    let more = prop_oneof![Just(None), number().prop_map(Some)];
    (number(), number(), more).prop_map(|(time, rate, more)| {
        let time = time.max(1);
        Allowance { time, rate, max: more.map(|more| time.saturating_add(more)) }
    })
}

fn look() -> impl Strategy<Value = Look> {
    (number(), number(), any::<bool>()).prop_map(|(after, bytes, is_awaited)| Look { after, bytes, is_awaited })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Answer),
        number().prop_map(Event::Read),
        prop::sample::select(&Outcome::ALL[..]).prop_map(Event::Settle),
    ]
}

/// A zone's name, often with characters that must be escaped.
fn name() -> impl Strategy<Value = String> {
    let character =
        prop_oneof![any::<char>(), Just('"'), Just('\\'), Just('\n'), Just('n'), (0..32_u8).prop_map(char::from)];
    vec(character, 0..30).prop_map(|characters| characters.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_size_is_what_it_says(text in text()) {
        model::size(&text);
    }

    #[test]
    fn a_body_passes_as_long_as_it_is_within_its_limit(limit in number(), length in number(), came in vec(number(), 0..8)) {
        model::judgement(limit, length, &came);
    }

    #[test]
    fn a_drain_is_settled_once(budget in budget(), began in number(), events in vec((number(), event()), 0..8)) {
        model::drain(&budget, began, &events);
    }

    #[test]
    fn a_ledger_keeps_to_its_budget(budget in budget(), began in number(), came in vec((number(), number()), 0..8)) {
        model::ledger(&budget, began, &came);
    }

    #[test]
    fn a_clock_runs_while_the_client_is_awaited(allowance in allowance(), began in number(), looks in vec(look(), 0..8)) {
        model::clock(&allowance, began, &looks);
    }

    #[test]
    fn what_is_written_of_a_zone_can_be_read(name in name(), counters in vec(number(), COUNTERS), draining: u32) {
        model::metrics(&name, counters.try_into().unwrap(), draining);
    }
}
