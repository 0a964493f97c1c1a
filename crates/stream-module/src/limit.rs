//! The limit: how many bytes the client of a session may send.
//!
//! It is asked for each piece of data before an upstream gets that ([`client_data`]). The decision itself is a
//! [`Judgement`].

#![forbid(unsafe_code)]

use core::fmt::Display;

use policy::{Judgement, Length, Limit, Mode, Reason, Undeclared};

use crate::conf::{Conf, Source};
use crate::metrics;
use crate::module::Session;
use nginx::stream::{ComplexValue, Data};
use nginx::Level;

/// Judges what the client has sent so far. Nothing beyond the limit goes on to the upstream, and nothing at all if the
/// limit is invalid, or memory is out.
pub fn client_data(s: Session<'_>) -> Data {
    let conf = s.conf();
    let Some(source) = conf.source() else {
        return Data::Pass;
    };
    let received = s.received();
    if received == 0 {
        // nginx passes on a PROXY header of its own, or that the client has ended its side.
        return Data::Pass;
    }
    let Some(state) = s.state_or_default() else {
        return Data::Cut(received);
    };
    if received < state.looked_at_from.get() {
        return Data::Pass;
    }
    let length = Length::Seen(received);
    let judgement = match state.judgement.get() {
        None => Judgement::new(limit(s, conf, source), length, Undeclared::Judged, conf.mode()),
        Some(so_far) => match so_far.again(length, conf.mode()) {
            Some(judgement) => judgement,
            None => return Data::Pass,
        },
    };
    state.judgement.set(Some(judgement));
    state.looked_at_from.set(judgement.repeated_at());
    report(s, conf, &judgement);
    match judgement.is_refusal() {
        true => Data::Cut(received.saturating_sub(judgement.limit().map_or(0, Limit::bytes))),
        false => Data::Pass,
    }
}

/// Called when a session ends. Counts it, and sends the message to the client of a refused one.
pub fn end(s: Session<'_>) {
    let Some(judgement) = s.state().and_then(|state| state.judgement.get()) else {
        return;
    };
    if let Some(verdict) = judgement.verdict() {
        metrics::session(s.conf().zone(), verdict);
    }
    if let (true, Some(message)) = (judgement.is_refusal(), s.conf().message) {
        // What cannot be evaluated is not sent; nginx has logged that.
        s.send(s.evaluate(message).unwrap_or_default());
    }
}

/// The limit of a session; `None` if the variable cannot be evaluated, or its value is not a size, which is logged. If
/// the value is empty, there is no limit.
fn limit(s: Session<'_>, conf: &Conf<'_>, source: Source<'_>) -> Option<Limit> {
    let text = match source {
        Source::Fixed(limit) => return Some(limit),
        Source::Variable(text) => text,
    };
    match s.evaluate(text)? {
        [] => Some(Limit::new(0)),
        value => Limit::parse(value).inspect_err(|error| report_value(s, conf, text, value, error)).ok(),
    }
}

/// Logs that a session is refused or, in a dry run, would be. An invalid limit has been logged already.
fn report(s: Session<'_>, conf: &Conf<'_>, judgement: &Judgement) {
    if judgement.reason() == Reason::TooLarge {
        let (bytes, most) = (judgement.length().bytes(), judgement.limit().map_or(0, Limit::bytes));
        let note = conf.mode().note();
        s.log(conf.log_level(), format_args!("client sent too much: {bytes} bytes, limit: {most}{note}"));
    }
}

fn report_value(s: Session<'_>, conf: &Conf<'_>, text: ComplexValue<'_>, value: &[u8], why: &dyn Display) {
    let (text, value, note) = (text.source().escape_ascii(), value.escape_ascii(), conf.mode().note());
    let level = match conf.mode() {
        Mode::Enforce => Level::Error,
        Mode::DryRun => Level::Error.milder(),
    };
    s.log(level, format_args!("invalid value \"{value}\" of \"{text}\" in \"limit_session\", {why}{note}"));
}
