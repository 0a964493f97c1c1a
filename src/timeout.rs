//! How long an upload may take (`limit_body_timeout`).
//!
//! The clock starts with the first piece of the body ([`has_come`]), unless that is all of it. When the time may be over
//! ([`deadline`]), the request is answered with 408 and its body is drained, like that of any refusal; where others would keep
//! it from ending, its connection is closed, as at nginx's own `client_body_timeout`. Once a response has begun it stands.

#![forbid(unsafe_code)]

use policy::{Clock, Mode};

use crate::conf::Conf;
use crate::metrics;
use crate::module::Request;
use crate::reject;
use crate::state::{self, Drain, State, Upload};
use nginx::{now, Expired, Seconds, Status};

/// Called for a piece of a body. Starts the clock, or has it tell the time so far.
pub fn has_come(r: Request<'_>, has_bytes: bool) {
    let Some(state) = r.state_at_hand().or_else(|| r.state_or_default()) else {
        return;
    };
    match state.upload() {
        Some(upload) if upload.is_watched => {
            let (mut upload, _) = look(r, state, upload, has_bytes);
            if upload.is_paused {
                upload.is_paused = false;
                state.set_upload(r, upload);
                r.set_deadline(upload.clock.left(upload.allowance));
            }
        }
        Some(_) => (),
        None => start(r, state),
    }
}

/// Starts the clock.
fn start<'r>(r: Request<'r>, state: &State<'r>) {
    let conf = r.conf();
    let Some(allowance) = conf.allowance() else {
        return;
    };
    let is_whole = !r.is_body_partly_read();
    let clock = Clock::start(now());
    // nginx does nothing but wait for the client, unless an upstream has to take what has come.
    let is_watched = !is_whole && (r.is_body_unbuffered() || conf.zone().is_some());
    let was_connecting = r.is_upstream_connecting();
    // Without memory for a timer this is tried again at the next piece.
    if is_whole || r.set_deadline(allowance.of(0)) {
        state.set_upload(r, Upload { conf, allowance, clock, is_watched, was_connecting, is_paused: false });
    }
}

/// Looks at the clock. `has_bytes` is whether the client has sent more just now. Returns the upload as it is now, and whether
/// nginx has waited for the client.
fn look<'r>(r: Request<'r>, state: &State<'r>, mut upload: Upload<'r>, has_bytes: bool) -> (Upload<'r>, bool) {
    // Over HTTP/2 and HTTP/3 nginx's timer for the client runs before there is a connection to the upstream, too.
    let is_taken = !upload.was_connecting && !r.is_upstream_blocked();
    let is_awaited =
        !r.is_body_unbuffered() || (is_taken && r.is_client_awaited() && (has_bytes || linger::may_send(r)));
    upload.clock.look(is_awaited, r.body_received(), now());
    upload.was_connecting = r.is_upstream_connecting();
    upload.is_watched &= r.is_body_partly_read();
    state.set_upload(r, upload);
    (upload, is_awaited)
}

/// Called when the time may be over. Returns how the request ends, if it is.
pub fn deadline(r: Request<'_>) -> Option<Expired> {
    let state = r.state()?;
    let upload = state.upload()?;
    // A body that has been dropped is none any more, even if it was read in part.
    let is_coming = r.has_body() && r.is_body_partly_read();
    if !is_coming || state.is_refused() || state.drain().is_some_and(Drain::has_begun) || r.is_response_begun() {
        return None;
    }
    let (mut upload, is_awaited) = look(r, state, upload, false);
    let left = upload.clock.left(upload.allowance);
    if left > 0 && is_awaited {
        r.set_deadline(left);
        return None;
    }
    if left > 0 {
        // The clock stands still until nginx passes on more.
        upload.is_paused = true;
        state.set_upload(r, upload);
        return None;
    }
    if !upload.clock.expire(upload.allowance) {
        return None;
    }
    state.set_upload(r, upload);
    report(r, upload.conf, &upload.clock);
    match upload.conf.mode() {
        Mode::DryRun => None,
        Mode::Enforce => {
            state.refusal.set(Some(Status::REQUEST_TIMEOUT));
            metrics::upload(state, r.declared_length().unwrap_or(upload.clock.received()));
            if !r.is_answerable() {
                state::keep_received(r);
                return Some(Expired::Close);
            }
            r.leave_upstream();
            reject::abandon_reading(r);
            Some(Expired::Answer(Status::REQUEST_TIMEOUT))
        }
    }
}

fn report(r: Request<'_>, conf: &Conf<'_>, clock: &Clock) {
    let (bytes, time, note) = (clock.received(), Seconds(clock.time()), conf.mode().note());
    r.log(conf.log_level(), format_args!("client took too long to send body: {bytes} bytes in {time}s{note}"));
}
