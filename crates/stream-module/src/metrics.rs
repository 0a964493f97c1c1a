//! A session counts in the zone of its server when it ends, its drain when that ends.

#![forbid(unsafe_code)]

use policy::metrics::Counter;
use policy::{Outcome, Verdict};

use nginx::Zone;

/// Counts a session that was judged.
pub fn session(zone: Option<Zone<'_>>, verdict: Verdict) {
    if let Some(zone) = zone {
        add(zone, Counter::Requests(verdict), 1);
    }
}

/// Counts a drain that has ended: its outcome, how many bytes it drained, and whether the client acknowledged the
/// answer.
pub fn drained(zone: Option<Zone<'_>>, outcome: Outcome, bytes: u64, acknowledged: bool) {
    let Some(zone) = zone else {
        return;
    };
    add(zone, Counter::Drains(outcome), 1);
    add(zone, Counter::Drained, bytes);
    add(zone, Counter::Acknowledged(acknowledged), 1);
}

fn add(zone: Zone<'_>, counter: Counter, number: u64) {
    zone.add(counter.index(), number);
}
