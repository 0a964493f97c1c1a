//! What is counted: an upload in the zone of the location that it was judged in, its drain in that of the one that it was
//! refused in or, where it was not, answered from.
//!
//! A refusal is counted when it is made, any other upload when the request ends, and a drain when that does.

#![forbid(unsafe_code)]

use core::fmt;
use core::sync::atomic::Ordering;

use policy::metrics::{self, Counter, Snapshot, Zones, COUNTERS};
use policy::{Length, Outcome, UpstreamResult, Verdict};

use crate::conf::Format;
use crate::module::{LimitBody, Request};
use crate::state::State;
use nginx::{visit_zones, Content, Output, Zone};

/// Counts an upload, once its verdict is final, and how long its body is, as far as that is known.
pub fn upload(state: &State<'_>, bytes: u64) {
    let zone = state.judged.get().and_then(|judged| judged.conf.zone());
    let (Some(zone), Some((judgement, verdict))) = (zone, state.verdict()) else {
        return;
    };
    add(zone, Counter::Requests(verdict), 1);
    add(zone, Counter::Sizes(bytes), 1);
    add(zone, Counter::SizeSum, bytes);
    if verdict == Verdict::Rejected {
        add(zone, Counter::Rejected(judgement.at()), 1);
    }
}

/// Called when nginx writes its access logs: counts an upload that has not been refused.
pub fn ended(r: Request<'_>) {
    if !r.is_main() {
        return;
    }
    let Some(state) = r.state().filter(|state| !state.is_refused()) else {
        return;
    };
    upload(
        state,
        match state.judged.get().map(|judged| judged.judgement.length()) {
            Some(Length::Declared(bytes)) => bytes,
            _ => state.received.get().unwrap_or_else(|| r.body_received()),
        },
    );
}

/// Counts a drain that has ended.
pub fn drained(zone: Option<Zone<'_>>, outcome: Outcome, bytes: u64, acknowledged: bool) {
    let Some(zone) = zone else {
        return;
    };
    add(zone, Counter::Drains(outcome), 1);
    add(zone, Counter::Drained, bytes);
    add(zone, Counter::Acknowledged(acknowledged), 1);
}

/// Counts the response of an upstream that closed early.
pub fn upstream_response(zone: Option<Zone<'_>>, result: UpstreamResult) {
    if let Some(zone) = zone {
        add(zone, Counter::UpstreamResponses(result), 1);
    }
}

fn add(zone: Zone<'_>, counter: Counter, number: u64) {
    zone.add(counter.index(), number);
}

/// Writes all zones, as the location wants it.
pub fn write(r: Request<'_>, output: &mut Output) -> Option<Content> {
    let (written, kind) = match r.conf().metrics? {
        Format::Prometheus => (metrics::prometheus(output, &All), "text/plain; version=0.0.4; charset=utf-8"),
        Format::Json => (metrics::json(output, &All), "application/json"),
    };
    written.ok().map(|()| Content(kind))
}

/// All zones of the configuration.
struct All;

impl Zones for All {
    fn each(&self, visit: &mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result {
        visit_zones::<LimitBody, _>(|counts| {
            let mut counters = [0; COUNTERS];
            for (counter, shared) in counters.iter_mut().zip(counts.counters) {
                *counter = shared.load(Ordering::Relaxed);
            }
            visit(&Snapshot { name: counts.name, counters, draining: counts.taken })
        })
    }
}
