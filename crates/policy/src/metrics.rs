//! The counters of a zone, and the formats in which they are written.

use core::fmt::{self, Write};

use crate::{At, Outcome, UpstreamResult, Verdict};

/// How many counters a zone has. [`Counter::index`] is always less.
pub const COUNTERS: usize = TIME_SUM + 1;

/// What the zones of the module for raw connections are known by, to both modules.
pub const SESSIONS: &str = "limit_session";

/// Upper bounds of the histogram's buckets, in bytes, inclusive: the powers of 4 from 1 KiB to 64 GiB. One more bucket
/// is for all larger sizes.
pub const BOUNDS: [u64; 14] = [
    1 << 10,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
    1 << 26,
    1 << 28,
    1 << 30,
    1 << 32,
    1 << 34,
    1 << 36,
];

/// Upper bounds of the histogram of times, in milliseconds. Behind them is a bucket for the rest.
pub const TIMES: [u64; 14] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 3_600_000];

const REQUESTS: usize = 0;
const REJECTED: usize = REQUESTS + VERDICTS.len();
const TIMED_OUT: usize = REJECTED + PLACES.len();
const SIZES: usize = TIMED_OUT + 1;
const SIZE_SUM: usize = SIZES + BOUNDS.len() + 1;
const DRAINS: usize = SIZE_SUM + 1;
const DRAINED: usize = DRAINS + Outcome::ALL.len();
const ACKNOWLEDGED: usize = DRAINED + 1;
const UPSTREAM_RESPONSES: usize = ACKNOWLEDGED + ANSWERS.len();
const DURATIONS: usize = UPSTREAM_RESPONSES + UpstreamResult::ALL.len();
const TIME_SUM: usize = DURATIONS + TIMES.len() + 1;

// Each in the order of its counters.
const VERDICTS: [(Verdict, &str); 5] = [
    (Verdict::Passed, "passed"),
    (Verdict::Rejected, "rejected"),
    (Verdict::RejectedDryRun, "rejected_dry_run"),
    (Verdict::TimedOut, "timed_out"),
    (Verdict::TimedOutDryRun, "timed_out_dry_run"),
];
const SESSION_VERDICTS: [(Verdict, &str); 3] =
    [(Verdict::Passed, "passed"), (Verdict::Rejected, "rejected"), (Verdict::RejectedDryRun, "rejected_dry_run")];
const PLACES: [At; 2] = [At::Header, At::Body];
const ANSWERS: [(bool, &str); 2] = [(true, "yes"), (false, "no")];

/// One of the counters of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Uploads with this verdict.
    Requests(Verdict),
    /// Refused uploads, by what they were judged by.
    Rejected(At),
    /// Uploads that were refused because they took too long.
    TimedOut,
    /// Uploads in the bucket of this size, in bytes.
    Sizes(u64),
    /// The sum of the sizes of all uploads, in bytes.
    SizeSum,
    /// Drains with this outcome.
    Drains(Outcome),
    /// Drained bytes.
    Drained,
    /// Requests with a drain, by whether the client acknowledged the answer.
    Acknowledged(bool),
    /// Upstreams that closed before they had the whole request, by whether their response was read.
    UpstreamResponses(UpstreamResult),
    /// Uploads that took about this long, in milliseconds.
    Durations(u64),
    /// How long all these uploads took, in milliseconds.
    TimeSum,
}

impl Counter {
    /// The index of the counter among those of a zone, less than [`COUNTERS`].
    #[allow(clippy::arithmetic_side_effects)] // all numbers are small
    pub fn index(self) -> usize {
        match self {
            Self::Requests(verdict) => REQUESTS + verdict as usize,
            Self::Rejected(at) => REJECTED + at as usize,
            Self::TimedOut => TIMED_OUT,
            Self::Sizes(bytes) => SIZES + BOUNDS.partition_point(|bound| *bound < bytes),
            Self::SizeSum => SIZE_SUM,
            Self::Drains(outcome) => DRAINS + outcome as usize,
            Self::Drained => DRAINED,
            Self::Acknowledged(acknowledged) => ACKNOWLEDGED + usize::from(!acknowledged),
            Self::UpstreamResponses(result) => UPSTREAM_RESPONSES + result as usize,
            Self::Durations(time) => DURATIONS + TIMES.partition_point(|bound| *bound < time),
            Self::TimeSum => TIME_SUM,
        }
    }
}

/// The counters of a zone, and its gauge, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// The zone's name.
    pub name: &'a str,
    /// The counters, by [`Counter::index`].
    pub counters: [u64; COUNTERS],
    /// How many connections (HTTP/1.x) and streams (HTTP/2 and HTTP/3) are draining.
    pub draining: u32,
}

impl Snapshot<'_> {
    fn count(&self, counter: Counter) -> u64 {
        self.counters.get(counter.index()).copied().unwrap_or(0)
    }

    /// The buckets of a histogram: the upper bound, and how many uploads are no larger, as Prometheus defines it. A
    /// bound of `None` is infinity.
    fn buckets(&self, histogram: &'static Histogram) -> impl Iterator<Item = (Option<Number>, u64)> + '_ {
        let bounds = histogram.bounds.iter().copied().map(Some).chain([None]);
        bounds.scan(0_u64, |below, bound| {
            *below = below.saturating_add(self.count((histogram.bucket)(bound.unwrap_or(u64::MAX))));
            Some((bound.map(histogram.number), *below))
        })
    }

    /// The sum of all that a histogram has counted.
    fn sum(&self, histogram: &Histogram) -> Number {
        (histogram.number)(self.count(histogram.sum))
    }
}

/// A histogram.
struct Histogram {
    /// The upper bounds of its buckets.
    bounds: &'static [u64],
    /// The counter of the bucket for a number.
    bucket: fn(u64) -> Counter,
    /// The counter of the sum of all numbers.
    sum: Counter,
    /// How its numbers are written.
    number: fn(u64) -> Number,
}

const SIZE: &Histogram =
    &Histogram { bounds: &BOUNDS, bucket: Counter::Sizes, sum: Counter::SizeSum, number: Number::Plain };
const DURATION: &Histogram =
    &Histogram { bounds: &TIMES, bucket: Counter::Durations, sum: Counter::TimeSum, number: Number::Thousandths };

/// The zones to be written.
pub trait Zones {
    /// Calls `visit` with each zone, always in the same order, until it fails.
    ///
    /// # Errors
    ///
    /// Those of `visit`.
    fn each(&self, visit: &mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result;

    /// The same for the zones of raw connections, if there are any.
    ///
    /// # Errors
    ///
    /// Those of `visit`.
    fn each_of_sessions(&self, _visit: &mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result {
        Ok(())
    }
}

/// Writes zones in Prometheus' text exposition format, version 0.0.4.
///
/// # Errors
///
/// Those of `out`.
pub fn prometheus(out: &mut dyn Write, zones: &dyn Zones) -> fmt::Result {
    write_families(out, &FAMILIES, &|visit| zones.each(visit))?;
    if has_sessions(zones) {
        write_families(out, &SESSION_FAMILIES, &|visit| zones.each_of_sessions(visit))?;
    }
    Ok(())
}

/// Calls a function with each zone of one kind, as those of [`Zones`] do.
type Each<'a> = &'a dyn Fn(&mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result;

fn write_families(out: &mut dyn Write, families: &[Family], each: Each<'_>) -> fmt::Result {
    for Family { name, kind, help, samples } in families {
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
        each(&mut |zone| samples(&mut Samples { out, name, zone }))?;
    }
    Ok(())
}

/// Returns whether there are zones of raw connections.
fn has_sessions(zones: &dyn Zones) -> bool {
    // The first zone is enough.
    zones.each_of_sessions(&mut |_| Err(fmt::Error)).is_err()
}

/// The samples of one metric, in all zones.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    samples: fn(&mut Samples<'_>) -> fmt::Result,
}

const FAMILIES: [Family; 9] = [
    Family {
        name: "nginx_limit_body_requests_total",
        kind: "counter",
        help: "Uploads, by what was decided.",
        samples: |s| {
            VERDICTS.iter().try_for_each(|(verdict, name)| s.count("status", name, Counter::Requests(*verdict)))
        },
    },
    Family {
        name: "nginx_limit_body_rejected_total",
        kind: "counter",
        help: "Uploads that were refused, by the declared length, by what had arrived, or by the time it took.",
        samples: |s| {
            PLACES.iter().try_for_each(|at| s.count("at", at.as_str(), Counter::Rejected(*at)))?;
            s.count("at", "time", Counter::TimedOut)
        },
    },
    Family {
        name: "nginx_limit_body_request_size_bytes",
        kind: "histogram",
        help: "Sizes of uploads: declared, or else what had arrived.",
        samples: |s| s.histogram(SIZE),
    },
    Family {
        name: "nginx_limit_body_request_duration_seconds",
        kind: "histogram",
        help: "How long uploads took, without the time in which nginx did not wait for the client.",
        samples: |s| s.histogram(DURATION),
    },
    Family {
        name: "nginx_limit_body_drains_total",
        kind: "counter",
        help: "Drains of bodies that were answered early, by how they ended.",
        samples: |s| {
            Outcome::ALL.iter().try_for_each(|outcome| s.count("outcome", outcome.as_str(), Counter::Drains(*outcome)))
        },
    },
    Family {
        name: "nginx_limit_body_drained_bytes_total",
        kind: "counter",
        help: "Bytes drained.",
        samples: |s| s.sample("", None, &s.zone.count(Counter::Drained)),
    },
    Family {
        name: "nginx_limit_body_responses_acknowledged_total",
        kind: "counter",
        help: "Answers to drained uploads, by whether the client had acknowledged all of it in the end.",
        samples: |s| {
            ANSWERS.iter().try_for_each(|(answer, name)| s.count("acknowledged", name, Counter::Acknowledged(*answer)))
        },
    },
    Family {
        name: "nginx_limit_body_upstream_responses_total",
        kind: "counter",
        help: "Responses of upstreams that closed before they had the whole request, by whether they could be read.",
        samples: |s| {
            UpstreamResult::ALL
                .iter()
                .try_for_each(|result| s.count("result", result.as_str(), Counter::UpstreamResponses(*result)))
        },
    },
    Family {
        name: "nginx_limit_body_draining_connections",
        kind: "gauge",
        help: "Connections, and streams of HTTP/2 and HTTP/3, that are being drained.",
        samples: |s| s.sample("", None, &s.zone.draining),
    },
];

/// What is written of raw connections.
const SESSION_FAMILIES: [Family; 5] = [
    Family {
        name: "nginx_limit_session_sessions_total",
        kind: "counter",
        help: "Sessions over TCP, by what was decided.",
        samples: |s| {
            SESSION_VERDICTS.iter().try_for_each(|(verdict, name)| s.count("status", name, Counter::Requests(*verdict)))
        },
    },
    Family {
        name: "nginx_limit_session_drains_total",
        kind: "counter",
        help: "Drains of connections that nginx closed, by how they ended.",
        samples: |s| {
            Outcome::ALL.iter().try_for_each(|outcome| s.count("outcome", outcome.as_str(), Counter::Drains(*outcome)))
        },
    },
    Family {
        name: "nginx_limit_session_drained_bytes_total",
        kind: "counter",
        help: "Bytes drained.",
        samples: |s| s.sample("", None, &s.zone.count(Counter::Drained)),
    },
    Family {
        name: "nginx_limit_session_responses_acknowledged_total",
        kind: "counter",
        help: "Drained connections, by whether the client had acknowledged all that it was sent.",
        samples: |s| {
            ANSWERS.iter().try_for_each(|(answer, name)| s.count("acknowledged", name, Counter::Acknowledged(*answer)))
        },
    },
    Family {
        name: "nginx_limit_session_draining_connections",
        kind: "gauge",
        help: "Connections that are being drained.",
        samples: |s| s.sample("", None, &s.zone.draining),
    },
];

/// Writes the samples of a family for one zone.
struct Samples<'a> {
    out: &'a mut dyn Write,
    name: &'a str,
    zone: &'a Snapshot<'a>,
}

impl Samples<'_> {
    fn sample(
        &mut self,
        suffix: &str,
        label: Option<(&str, &dyn fmt::Display)>,
        value: &dyn fmt::Display,
    ) -> fmt::Result {
        let (name, zone) = (self.name, Escaped { text: self.zone.name, is_json: false });
        write!(self.out, "{name}{suffix}{{zone=\"{zone}\"")?;
        if let Some((name, value)) = label {
            write!(self.out, ",{name}=\"{value}\"")?;
        }
        writeln!(self.out, "}} {value}")
    }

    fn count(&mut self, label: &str, name: &str, counter: Counter) -> fmt::Result {
        self.sample("", Some((label, &name)), &self.zone.count(counter))
    }

    fn histogram(&mut self, histogram: &'static Histogram) -> fmt::Result {
        let (zone, mut all) = (self.zone, 0);
        for (bound, count) in zone.buckets(histogram) {
            all = count;
            match bound {
                Some(bound) => self.sample("_bucket", Some(("le", &bound)), &count)?,
                None => self.sample("_bucket", Some(("le", &"+Inf")), &count)?,
            }
        }
        self.sample("_sum", None, &zone.sum(histogram))?;
        self.sample("_count", None, &all)
    }
}

/// A number of a histogram.
#[derive(Clone, Copy)]
enum Number {
    /// As it is.
    Plain(u64),
    /// To be divided by a thousand, without zeros at the end.
    Thousandths(u64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = match *self {
            Self::Plain(number) => (number, 0),
            Self::Thousandths(number) => (number / 1000, number % 1000),
        };
        write!(f, "{whole}")?;
        match part {
            0 => Ok(()),
            part if part % 100 == 0 => write!(f, ".{}", part / 100),
            part if part % 10 == 0 => write!(f, ".{:02}", part / 10),
            part => write!(f, ".{part:03}"),
        }
    }
}

/// Writes zones as JSON: an object whose member `zones` is an object with a member for each zone. If there are zones of
/// raw connections, they are in the member `session_zones`.
///
/// # Errors
///
/// Those of `out`.
pub fn json(out: &mut dyn Write, zones: &dyn Zones) -> fmt::Result {
    out.write_str("{\"zones\": {")?;
    json_zones(out, &|visit| zones.each(visit), json_zone)?;
    if has_sessions(zones) {
        out.write_str("},\n\"session_zones\": {")?;
        json_zones(out, &|visit| zones.each_of_sessions(visit), json_session_zone)?;
    }
    out.write_str("}}\n")
}

/// Writes the members of an object that has a member for each zone.
fn json_zones(
    out: &mut dyn Write,
    each: Each<'_>,
    json_zone: fn(&mut dyn Write, &Snapshot<'_>) -> fmt::Result,
) -> fmt::Result {
    let mut comma = "";
    each(&mut |zone| {
        write!(out, "{comma}\n\"{}\": ", Escaped { text: zone.name, is_json: true })?;
        comma = ",";
        json_zone(out, zone)
    })
}

fn json_session_zone(out: &mut dyn Write, zone: &Snapshot<'_>) -> fmt::Result {
    out.write_str("{\n  \"sessions\": ")?;
    object(out, SESSION_VERDICTS.iter().map(|(verdict, name)| (*name, zone.count(Counter::Requests(*verdict)))))?;
    json_drains(out, zone)?;
    write!(out, ",\n  \"draining_connections\": {}}}", zone.draining)
}

/// Writes the members about drains.
fn json_drains(out: &mut dyn Write, zone: &Snapshot<'_>) -> fmt::Result {
    out.write_str(",\n  \"drains\": ")?;
    object(out, Outcome::ALL.iter().map(|outcome| (outcome.as_str(), zone.count(Counter::Drains(*outcome)))))?;
    write!(out, ",\n  \"drained_bytes\": {}", zone.count(Counter::Drained))?;
    out.write_str(",\n  \"responses_acknowledged\": ")?;
    object(out, ANSWERS.iter().map(|(answer, name)| (*name, zone.count(Counter::Acknowledged(*answer)))))
}

fn json_zone(out: &mut dyn Write, zone: &Snapshot<'_>) -> fmt::Result {
    out.write_str("{\n  \"requests\": ")?;
    object(out, VERDICTS.iter().map(|(verdict, name)| (*name, zone.count(Counter::Requests(*verdict)))))?;
    out.write_str(",\n  \"rejected\": ")?;
    let timed_out = ("time", zone.count(Counter::TimedOut));
    object(out, PLACES.iter().map(|at| (at.as_str(), zone.count(Counter::Rejected(*at)))).chain([timed_out]))?;
    out.write_str(",\n  \"request_size_bytes\": ")?;
    json_histogram(out, zone, SIZE)?;
    out.write_str(",\n  \"request_duration_seconds\": ")?;
    json_histogram(out, zone, DURATION)?;
    json_drains(out, zone)?;
    out.write_str(",\n  \"upstream_responses\": ")?;
    object(
        out,
        UpstreamResult::ALL.iter().map(|result| (result.as_str(), zone.count(Counter::UpstreamResponses(*result)))),
    )?;
    write!(out, ",\n  \"draining_connections\": {}}}", zone.draining)
}

fn json_histogram(out: &mut dyn Write, zone: &Snapshot<'_>, histogram: &'static Histogram) -> fmt::Result {
    out.write_str("{\"buckets\": [")?;
    let mut all = 0;
    for (bound, count) in zone.buckets(histogram) {
        all = count;
        match bound {
            Some(bound) => write!(out, "{{\"le\": {bound}, \"count\": {count}}}, ")?,
            None => write!(out, "{{\"le\": \"+Inf\", \"count\": {count}}}]")?,
        }
    }
    write!(out, ", \"sum\": {}, \"count\": {all}}}", zone.sum(histogram))
}

fn object<'a>(out: &mut dyn Write, members: impl Iterator<Item = (&'a str, u64)>) -> fmt::Result {
    for (i, (name, value)) in members.enumerate() {
        let before = if i > 0 { ", " } else { "{" };
        write!(out, "{before}\"{name}\": {value}")?;
    }
    out.write_str("}")
}

/// A text to be written between quotes: as the value of a label (backslash, quote and newline are escaped), or as a
/// string in JSON (RFC 8259, section 7).
struct Escaped<'a> {
    text: &'a str,
    is_json: bool,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(f, "\\{c}"),
            '\n' => f.write_str("\\n"),
            '\0'..='\x1f' if self.is_json => write!(f, "\\u{:04x}", u32::from(c)),
            _ => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;

    use super::*;

    fn all() -> impl Iterator<Item = Counter> {
        VERDICTS
            .iter()
            .map(|(verdict, _)| Counter::Requests(*verdict))
            .chain(PLACES.map(Counter::Rejected))
            .chain([Counter::TimedOut])
            .chain(BOUNDS.map(Counter::Sizes))
            .chain([Counter::Sizes(u64::MAX), Counter::SizeSum])
            .chain(Outcome::ALL.map(Counter::Drains))
            .chain([Counter::Drained, Counter::Acknowledged(true), Counter::Acknowledged(false)])
            .chain(UpstreamResult::ALL.map(Counter::UpstreamResponses))
            .chain(TIMES.map(Counter::Durations))
            .chain([Counter::Durations(u64::MAX), Counter::TimeSum])
    }

    #[test]
    fn each_counter_has_a_place_of_its_own() {
        assert!(all().map(Counter::index).eq(0..COUNTERS));
    }

    #[test]
    fn a_bucket_includes_its_bound() {
        let bucket = |bytes| Counter::Sizes(bytes).index();
        assert_eq!(bucket(0), bucket(1024));
        assert_eq!(bucket(1025), bucket(4096));
        assert_eq!(bucket(1025), bucket(1024) + 1);
        assert_eq!(bucket(64 << 30), bucket((16 << 30) + 1));
        assert_eq!(bucket((64 << 30) + 1), bucket(u64::MAX));
    }

    impl Zones for Snapshot<'_> {
        fn each(&self, visit: &mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result {
            visit(self)
        }
    }

    fn snapshot(name: &str) -> Snapshot<'_> {
        let mut zone = Snapshot { name, counters: [0; COUNTERS], draining: 2 };
        for (counter, count) in [(Counter::Sizes(1000), 3), (Counter::Sizes(5000), 4), (Counter::Sizes(u64::MAX), 5)] {
            zone.counters[counter.index()] = count;
        }
        zone.counters[Counter::Requests(Verdict::Rejected).index()] = 12;
        zone
    }

    #[test]
    fn buckets_include_those_below() {
        let mut text = String::new();
        prometheus(&mut text, &snapshot("a")).unwrap();
        for line in [
            "nginx_limit_body_requests_total{zone=\"a\",status=\"rejected\"} 12\n",
            "nginx_limit_body_request_size_bytes_bucket{zone=\"a\",le=\"1024\"} 3\n",
            "nginx_limit_body_request_size_bytes_bucket{zone=\"a\",le=\"4096\"} 3\n",
            "nginx_limit_body_request_size_bytes_bucket{zone=\"a\",le=\"16384\"} 7\n",
            "nginx_limit_body_request_size_bytes_bucket{zone=\"a\",le=\"68719476736\"} 7\n",
            "nginx_limit_body_request_size_bytes_bucket{zone=\"a\",le=\"+Inf\"} 12\n",
            "nginx_limit_body_request_size_bytes_count{zone=\"a\"} 12\n",
            "nginx_limit_body_draining_connections{zone=\"a\"} 2\n",
        ] {
            assert!(text.contains(line), "{line}");
        }
    }

    #[test]
    fn names_are_escaped() {
        let mut text = String::new();
        prometheus(&mut text, &snapshot("a\"b\\c\nd é")).unwrap();
        assert!(text.contains("{zone=\"a\\\"b\\\\c\\nd é\"} 2\n"));

        text.clear();
        json(&mut text, &snapshot("a\"b\\c\nd\te é")).unwrap();
        assert!(text.contains("\n\"a\\\"b\\\\c\\nd\\u0009e é\": {"));
    }

    /// Zones of raw connections only.
    struct Sessions<'a>(Snapshot<'a>);

    impl Zones for Sessions<'_> {
        fn each(&self, _visit: &mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result {
            Ok(())
        }

        fn each_of_sessions(&self, visit: &mut dyn FnMut(&Snapshot<'_>) -> fmt::Result) -> fmt::Result {
            visit(&self.0)
        }
    }

    #[test]
    fn zones_of_sessions_are_written_if_there_are_any() {
        let mut text = String::new();
        prometheus(&mut text, &Sessions(snapshot("raw"))).unwrap();
        assert!(text.contains("nginx_limit_session_sessions_total{zone=\"raw\",status=\"rejected\"}"));
        assert!(!text.contains("zone=\"raw\",status=\"timed_out\""));
        text.clear();
        json(&mut text, &Sessions(snapshot("raw"))).unwrap();
        assert!(text.starts_with("{\"zones\": {},\n\"session_zones\": {\n\"raw\": {\n  \"sessions\": {\"passed\": "));
        assert!(text.ends_with("}}}\n"));

        text.clear();
        prometheus(&mut text, &snapshot("a")).unwrap();
        assert!(!text.contains("limit_session"));
    }
}
