//! The properties of the crate that hold for any input, each as a function that panics if it does not hold. The
//! property tests and the fuzz targets call them.

#![allow(dead_code)] // each user calls a part of it
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use policy::metrics::{self, Counter, Snapshot, Zones, BOUNDS, COUNTERS, TIMES};
use policy::{
    size, Allowance, At, Budget, Clock, Drain, InvalidSize, Judgement, Ledger, Length, Limit, Mode, Outcome, Reason,
    Spent, Undeclared, Verdict,
};

/// Parsing gives the same as computing in 128 bits.
pub fn size(text: &[u8]) {
    let (digits, unit) = match text.split_last() {
        Some((b'k' | b'K', digits)) => (digits, 1 << 10),
        Some((b'm' | b'M', digits)) => (digits, 1 << 20),
        Some((b'g' | b'G', digits)) => (digits, 1 << 30),
        _ => (text, 1),
    };
    let value = digits.iter().fold(0_u128, |n, digit| n.saturating_mul(10).saturating_add(u128::from(digit & 0xf)));
    let expected = if digits.is_empty() || digits.iter().any(|digit| !digit.is_ascii_digit()) {
        Err(InvalidSize::Malformed)
    } else {
        u64::try_from(value.saturating_mul(unit)).ok().filter(|n| *n <= size::MAX).ok_or(InvalidSize::TooLarge)
    };
    assert_eq!(size::parse(text), expected);
    assert_eq!(Limit::parse(text), expected.map(Limit::new));
}

/// A body of declared length is judged once, any other one as each piece arrives, also if its length was announced. It passes
/// while it is within the limit, and the first refusal stands. Pieces that need not be looked at change nothing.
pub fn judgement(limit: u64, length: u64, came: &[u64]) {
    let limit = limit.min(size::MAX);
    for mode in [Mode::Enforce, Mode::DryRun] {
        let over = if mode == Mode::Enforce { Verdict::Rejected } else { Verdict::RejectedDryRun };
        let expected = |length: u64| if limit == 0 || length <= limit { Verdict::Passed } else { over };
        let judge = |length, undeclared| Judgement::new(Some(Limit::new(limit)), length, undeclared, mode);

        for undeclared in [Undeclared::Judged, Undeclared::Refused] {
            let declared = judge(Length::Declared(length), undeclared);
            assert_eq!((declared.verdict(), declared.at()), (Some(expected(length)), At::Header));
            assert_eq!(declared.again(Length::Seen(length), mode), None);
            assert_eq!(declared.is_refusal(), expected(length) == Verdict::Rejected);
            let invalid = Judgement::new(None, Length::Declared(length), undeclared, mode);
            assert_eq!((invalid.verdict(), invalid.reason()), (Some(over), Reason::Invalid));
        }
        for length in [Length::Unknown, Length::Seen(length)] {
            let undeclared = judge(length, Undeclared::Refused);
            assert_eq!((undeclared.verdict(), undeclared.reason()), (Some(over), Reason::Undeclared));
        }

        for (begin, first) in [(Length::Unknown, None), (Length::Announced(length), Some(expected(length)))] {
            let mut judgement = judge(begin, Undeclared::Judged);
            assert_eq!((judgement.verdict(), judgement.at() == At::Header), (first, first.is_some()));
            let (mut seen, mut verdict) = (0_u64, first);
            for more in came {
                seen = seen.saturating_add(*more);
                let is_final = verdict.is_some_and(|verdict| verdict != Verdict::Passed);
                let at = judgement.repeated_at();
                if at < u64::MAX && seen >= at {
                    match judgement.again(Length::Seen(seen), mode) {
                        Some(again) => judgement = again,
                        None => assert!(is_final && mode == Mode::Enforce),
                    }
                }
                verdict = Some(if is_final { over } else { expected(seen) });
                assert_eq!(judgement.verdict(), verdict);
            }
        }
    }
}

/// What can happen to a drain.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    Answer,
    Read(u64),
    Settle(Outcome),
}

/// A drain goes on until it is settled, and keeps to its budget from the answer on. The first outcome stands.
pub fn drain(budget: &Budget, began: u64, events: &[(u64, Event)]) {
    let mut drain = Drain::begin(began);
    let (mut now, mut answered, mut settled, mut bytes) = (began, None, None, 0_u64);
    for &(later, event) in events {
        now = now.saturating_add(later);
        match event {
            Event::Answer => {
                drain.answer(now);
                if settled.is_none() {
                    answered = answered.or(Some(now));
                }
            }
            Event::Read(more) => {
                drain.add(more, now);
                if settled.is_none() {
                    bytes = bytes.saturating_add(more);
                }
            }
            Event::Settle(outcome) => {
                assert_eq!(drain.settle(outcome, now), settled.is_none(), "the first outcome stands");
                settled = settled.or(Some(outcome));
            }
        }
        let ledger = drain.ledger().unwrap();
        assert_eq!((ledger.bytes(), drain.outcome()), (bytes, settled));
        let may_read = drain.may_read(budget, now);
        let credit = budget.bytes.map_or(u64::MAX, |most| most.saturating_sub(bytes));
        match (settled, answered) {
            (Some(outcome), _) => {
                assert_eq!((may_read, drain.patience(budget, now)), (Err(outcome), Err(outcome)));
                assert_eq!(drain.credit(budget), 0);
            }
            (None, None) => {
                assert_eq!((may_read, drain.patience(budget, now)), (Ok(0), Ok(budget.time)));
                assert_eq!(drain.credit(budget), credit);
            }
            (None, Some(answered)) => {
                assert_eq!(ledger.elapsed(now), now - answered, "the clock runs from the answer on");
                assert_eq!(may_read, ledger.may_drain(budget, now).map_err(Outcome::from));
                assert!(may_read.is_err() || may_read == Ok(credit));
                assert_eq!(drain.credit(budget), credit);
                assert!(drain.overdue(budget, now) != Outcome::Bytes);
            }
        }
    }
    assert!(!Drain::Idle.settle(Outcome::Closed, now));
}

/// A ledger keeps to its budget at each step. `came` has, for each piece, the milliseconds since the one before it, and
/// the number of bytes.
pub fn ledger(budget: &Budget, began: u64, came: &[(u64, u64)]) {
    let mut ledger = Ledger::begin(began);
    let (mut now, mut bytes, mut last) = (began, 0_u64, began);
    check(&ledger, budget, now);
    for &(later, more) in came {
        now = now.saturating_add(later);
        let before = ledger;
        check(&before, budget, now);

        ledger.add(more, now);
        bytes = bytes.saturating_add(more);
        last = now;
        assert_eq!(ledger.bytes(), bytes);
        assert_eq!((ledger.elapsed(now), ledger.busy()), (now - began, last - began));
        assert!(ledger.left(budget, now) >= before.left(budget, now), "to send more never costs time");
        check(&ledger, budget, now);
    }
    assert_eq!(ledger.busy(), last - began);
}

fn check(ledger: &Ledger, budget: &Budget, now: u64) {
    // The expected values, computed in 128 bits, which cannot overflow.
    let kept_up = match budget.rate {
        0 => u128::from(u64::MAX),
        rate => u128::from(ledger.bytes()) * 1000 / u128::from(rate),
    };
    let allowed = kept_up.max(budget.grace.into()).min(budget.time.into());
    let left = allowed.saturating_sub(ledger.elapsed(now).into());
    assert_eq!(u128::from(ledger.left(budget, now)), left);

    let silent = ledger.elapsed(now) - ledger.busy();
    let rest = budget.bytes.map(|most| most.saturating_sub(ledger.bytes()));
    let overdue = ledger.overdue(budget, now);
    let is_slow = left == 0 && silent < budget.idle && ledger.elapsed(now) < budget.time;
    assert_eq!(overdue, if is_slow { Spent::Rate } else { Spent::Time });

    let may = ledger.may_drain(budget, now);
    match (left, rest) {
        (0, _) => assert_eq!(may, Err(overdue)),
        (_, Some(0)) => assert_eq!(may, Err(Spent::Bytes)),
        (_, rest) => assert_eq!(may, Ok(rest.unwrap_or(u64::MAX))),
    }

    match ledger.patience(budget, now) {
        Ok(patience) => {
            assert!(may.is_ok() && (1..=budget.idle).contains(&patience));
            // It ends exactly then: no later, and no earlier.
            if let Some(then) = now.checked_add(patience) {
                assert!(ledger.patience(budget, then).is_err());
                assert!(ledger.patience(budget, then - 1).is_ok());
            }
        }
        Err(spent) => assert_eq!(spent, may.err().unwrap_or(Spent::Time)),
    }
}

/// What is said when a clock is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// How long after the last look, in milliseconds.
    pub after: u64,
    /// How much has come meanwhile, in bytes.
    pub bytes: u64,
    /// Whether nginx has waited for the client meanwhile.
    pub is_awaited: bool,
}

/// An upload is overdue once the client has been awaited for longer than its bytes have bought, and never before.
pub fn clock(allowance: &Allowance, began: u64, looks: &[Look]) {
    let mut clock = Clock::start(began);
    let (mut now, mut waited, mut received, mut is_overdue) = (began, 0_u64, 0_u64, false);
    for look in looks {
        let Some(then) = now.checked_add(look.after) else {
            break;
        };
        now = then;
        received = received.saturating_add(look.bytes);
        waited += if look.is_awaited { look.after } else { 0 };
        clock.look(look.is_awaited, received, now);
        assert_eq!((clock.time(), clock.received()), (waited, received));

        let bought = match allowance.rate {
            0 => 0,
            rate => u128::from(received) * 1000 / u128::from(rate),
        };
        let allowed = (u128::from(allowance.time) + bought).min(u128::from(allowance.max.unwrap_or(u64::MAX)));
        let left = allowed.saturating_sub(waited.into());
        assert_eq!(u128::from(clock.left(allowance)), left);
        assert_eq!(clock.expire(allowance), left == 0 && !is_overdue);
        is_overdue |= left == 0;
        assert_eq!(clock.is_overdue(), is_overdue);
    }
}

struct One<'a>(Snapshot<'a>);

impl Zones for One<'_> {
    fn each(&self, visit: &mut dyn FnMut(&Snapshot<'_>) -> std::fmt::Result) -> std::fmt::Result {
        visit(&self.0)
    }
}

/// The counts of a zone are written so that they can be parsed: each sample has the zone's name, whatever that is, and
/// each counter is in its place.
pub fn metrics(name: &str, counters: [u64; COUNTERS], draining: u32) {
    let zones = One(Snapshot { name, counters, draining });

    let mut text = String::new();
    metrics::prometheus(&mut text, &zones).unwrap();
    let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(sample).collect();
    assert!(text.ends_with('\n') && text.lines().all(|line| !line.is_empty()));
    // The counts of the two histograms, and the gauge, are not counters.
    assert_eq!(samples.len(), COUNTERS + 3);
    for (sample, zone, _) in &samples {
        assert_eq!(zone, name, "in {sample}");
    }
    let value = |wanted: &str| samples.iter().find(|(sample, ..)| sample == wanted).unwrap().2.as_str();
    let count = |counter: Counter| counters[counter.index()];
    for (wanted, counter) in [
        ("nginx_limit_body_requests_total{status=passed}", Counter::Requests(Verdict::Passed)),
        ("nginx_limit_body_rejected_total{at=body}", Counter::Rejected(At::Body)),
        ("nginx_limit_body_request_size_bytes_sum{}", Counter::SizeSum),
        ("nginx_limit_body_drains_total{outcome=evicted}", Counter::Drains(Outcome::Evicted)),
        ("nginx_limit_body_drained_bytes_total{}", Counter::Drained),
        ("nginx_limit_body_responses_acknowledged_total{acknowledged=no}", Counter::Acknowledged(false)),
    ] {
        assert_eq!(value(wanted), count(counter).to_string(), "{wanted}");
    }
    assert_eq!(value("nginx_limit_body_draining_connections{}"), draining.to_string());
    for (name, bounds) in [("request_size_bytes", BOUNDS.len()), ("request_duration_seconds", TIMES.len())] {
        let bucket = format!("nginx_limit_body_{name}_bucket{{");
        let buckets = samples.iter().filter(|(sample, ..)| sample.starts_with(&bucket));
        let buckets: Vec<u64> = buckets.map(|(.., count)| count.parse().unwrap()).collect();
        assert_eq!(buckets.len(), bounds + 1);
        assert!(buckets.windows(2).all(|pair| pair[0] <= pair[1]), "a bucket includes those below");
        assert_eq!(buckets.last().unwrap().to_string(), value(&format!("nginx_limit_body_{name}_count{{}}")));
    }
    let (sum, time) = (value("nginx_limit_body_request_duration_seconds_sum{}"), count(Counter::TimeSum));
    let (seconds, part) = sum.split_once('.').unwrap_or((sum, "0"));
    assert_eq!(format!("{seconds}.{part:0<3}"), format!("{}.{:03}", time / 1000, time % 1000));

    let mut json = String::new();
    metrics::json(&mut json, &zones).unwrap();
    let quoted = json.strip_prefix("{\"zones\": {\n\"").unwrap();
    let (read, rest) = unquoted(quoted, true);
    assert_eq!(read, name);
    assert!(rest.starts_with(": {\n") && json.ends_with("}}\n"));
    assert!(json.chars().all(|c| c == '\n' || c >= ' '), "no control characters (RFC 8259, section 7)");
}

/// Parses a sample of Prometheus' text format. Returns its name with all labels but the zone, the zone, and the value.
fn sample(line: &str) -> (String, String, String) {
    let (name, labels) = line.split_once("{zone=\"").unwrap();
    let (zone, rest) = unquoted(labels, false);
    let (label, value) = rest.strip_prefix(',').unwrap_or(rest).split_once("} ").unwrap();
    (format!("{name}{{{}}}", label.replace('"', "")), zone, value.to_string())
}

/// Parses a text after its opening quote. Returns the text without escapes, and what follows the closing quote.
fn unquoted(text: &str, is_json: bool) -> (String, &str) {
    let (mut read, mut chars) = (String::new(), text.chars());
    loop {
        match chars.next().unwrap() {
            '"' => return (read, chars.as_str()),
            '\\' => match chars.next().unwrap() {
                'n' => read.push('\n'),
                'u' if is_json => {
                    let digits: String = chars.by_ref().take(4).collect();
                    read.push(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap());
                }
                c @ ('"' | '\\') => read.push(c),
                c => panic!("\\{c} is no escape"),
            },
            c => read.push(c),
        }
    }
}
