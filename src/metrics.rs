//! An upload counts in the zone of the location that judged it. Its drain counts in the zone of the location that
//! refused or answered it; the page of an error does not change that. An upstream that closes early counts in the zone
//! of the location that passed the request to it.
//!
//! A refused upload is counted at its refusal. All other uploads and the drains are counted when the request ends.

#![forbid(unsafe_code)]

use core::fmt;
use core::sync::atomic::Ordering;

use policy::metrics::{self, Counter, Snapshot, Zones, COUNTERS, SESSIONS};
use policy::{Length, Outcome, UpstreamResult, Verdict};

use crate::conf::Format;
use crate::module::{LimitBody, Request};
use crate::state::State;
use nginx::{visit_zones, Content, Module, Output, Zone};

/// Counts an upload whose verdict is final. `bytes` is the length of its body, as far as it is known.
pub fn upload(state: &State<'_>, bytes: u64) {
    let (Some(zone), Some(verdict), Some(at)) = (state.zone(), state.verdict(), state.at()) else {
        return;
    };
    add(zone, Counter::Requests(verdict), 1);
    add(zone, Counter::Sizes(bytes), 1);
    add(zone, Counter::SizeSum, bytes);
    match verdict {
        Verdict::Rejected => add(zone, Counter::Rejected(at), 1),
        Verdict::TimedOut => add(zone, Counter::TimedOut, 1),
        Verdict::Passed | Verdict::RejectedDryRun | Verdict::TimedOutDryRun => (),
    }
    // An upload that was cut off took no time that would tell anything.
    if let Some(upload) = state.upload().filter(|upload| verdict == Verdict::TimedOut || !upload.is_watched) {
        add(zone, Counter::Durations(upload.clock.time()), 1);
        add(zone, Counter::TimeSum, upload.clock.time());
    }
}

/// Called when nginx writes its access logs. Counts an upload that has not been refused.
pub fn ended(r: Request<'_>) {
    if !r.is_main() {
        return;
    }
    let Some(state) = r.state().filter(|state| !state.is_refused()) else {
        return;
    };
    upload(
        state,
        match state.judged().map(|judged| judged.judgement.length()) {
            Some(Length::Declared(bytes)) => bytes,
            _ => r.declared_length().unwrap_or_else(|| state.received(r)),
        },
    );
}

/// Counts a drain that has ended: its outcome, how many bytes it drained, and whether the client acknowledged the
/// response.
pub fn drained(zone: Option<Zone<'_>>, outcome: Outcome, bytes: u64, acknowledged: bool) {
    let Some(zone) = zone else {
        return;
    };
    add(zone, Counter::Drains(outcome), 1);
    add(zone, Counter::Drained, bytes);
    add(zone, Counter::Acknowledged(acknowledged), 1);
}

/// Counts an upstream that closed early, by whether its response was read.
pub fn upstream_response(zone: Option<Zone<'_>>, result: UpstreamResult) {
    if let Some(zone) = zone {
        add(zone, Counter::UpstreamResponses(result), 1);
    }
}

fn add(zone: Zone<'_>, counter: Counter, number: u64) {
    zone.add(counter.index(), number);
}

/// Writes the counts of all zones in the format that the location has. Returns the content type; `None` if memory is
/// out, or the location has no format.
pub fn write(r: Request<'_>, output: &mut Output) -> Option<Content> {
    let (written, kind) = match r.conf().metrics? {
        Format::Prometheus => (metrics::prometheus(output, &All), "text/plain; version=0.0.4; charset=utf-8"),
        Format::Json => (metrics::json(output, &All), "application/json"),
    };
    written.ok().map(|()| Content(kind))
}

/// All zones of the configuration, and those of the module for raw connections.
struct All;

impl Zones for All {
    fn each(&self, visit: &mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result {
        each_of(LimitBody::NAME, visit)
    }

    fn each_of_sessions(&self, visit: &mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result {
        each_of(SESSIONS, visit)
    }
}

/// Calls `visit` with each zone of a module.
fn each_of(module: &str, visit: &mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result {
    visit_zones(module, COUNTERS, |counts| {
        let mut counters = [0; COUNTERS];
        for (counter, shared) in counters.iter_mut().zip(counts.counters) {
            *counter = shared.load(Ordering::Relaxed);
        }
        visit(&Snapshot { name: counts.name, counters, draining: counts.taken })
    })
}
