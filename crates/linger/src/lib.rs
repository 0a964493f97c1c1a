//! Reads and drops a body that nobody wants after nginx has answered, so that the client can send all of it and then
//! read the answer.
//!
//! A drain begins by taking the body: from then on the request has no body, for nginx and for everybody else. The
//! response goes out as usual. The drain counts as one more user of the request, and leaves the request when the module
//! says so. nginx then ends the request, unless it has other users. Meanwhile the connection's two events and a timer
//! call this crate.
//!
//! Over HTTP/1.x this crate reads the bytes from the connection ([`http1`]). nginx could discard them itself, but it
//! would keep the number of remaining bytes where everybody expects the length of a body. Over HTTP/2 and HTTP/3 nginx
//! drops no more than the client already has credit for, and resets the stream at the end of the response (RFC 9113,
//! section 8.1; RFC 9114, section 4.1).

#![allow(unsafe_code)]

mod acknowledged;
mod bulk;
mod http1;
#[cfg_attr(not(ngx_feature = "http_v2"), path = "absent.rs")]
mod http2;
#[cfg_attr(not(ngx_feature = "http_v3"), path = "absent.rs")]
mod http3;
mod limit_conn;
#[cfg_attr(not(ngx_feature = "http_v2"), allow(dead_code))]
mod multiplexed;
mod scratch;
mod script;
#[cfg(ngx_feature = "stream")]
mod tcp;

use core::cell::Cell;

use nginx_sys::{ngx_event_handler_pt, ngx_event_t};

use nginx::{Event, HttpModule, Input, Piece, RawRequest, Request, Status};

pub use acknowledged::is_acknowledged;
use acknowledged::is_gone;
pub use script::end as end_script;
#[cfg(ngx_feature = "stream")]
pub use tcp::{drain_session, progress, LingerSession};

use multiplexed::{Skipped, Stream};

/// The result of reading a taken body, as the module gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// The number of bytes. Over HTTP/1.x these are bytes on the wire, or after decryption where TLS is read in the
    /// ordinary way. Over HTTP/2 and HTTP/3 they are bytes of the body.
    Bytes(u64),
    /// The end of the body.
    Whole,
    /// The client has closed the connection, or reset the stream.
    End,
    /// The connection, or the stream, has failed.
    Failed,
    /// Invalid syntax in a chunked body (HTTP/1.x).
    Malformed,
    /// nginx needs the connection for others, or is exiting.
    Evicted,
}

/// How long to wait for more of a taken body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// This long, in milliseconds.
    Wait(u64),
    /// No longer: the body has ended, or the client is gone.
    Over,
    /// No longer, although the client may still send.
    Spent,
}

/// The result of reading, within this crate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// There is more to read.
    More,
    /// There is nothing to read now.
    Wait,
    /// The end of the body.
    Whole,
    /// The client has closed the connection, or reset the stream.
    Closed,
    /// The connection, or the stream, has failed.
    Failed,
    /// Invalid syntax in a chunked body.
    Malformed,
    /// nginx needs the connection for others.
    Evicted,
}

impl Came {
    /// The end, as the module gets it; `None` if nothing has ended.
    const fn end(self) -> Option<Got> {
        match self {
            Self::More | Self::Wait => None,
            Self::Whole => Some(Got::Whole),
            Self::Closed => Some(Got::End),
            Self::Failed => Some(Got::Failed),
            Self::Malformed => Some(Got::Malformed),
            Self::Evicted => Some(Got::Evicted),
        }
    }
}

/// How many bytes are dropped over HTTP/3 before other connections have their turn.
const STEP: u64 = 1 << 20;

/// How long it may take, in milliseconds, to notice that a response is over or that an awaited client has become slow.
/// No event reports either.
const NOTICE: u64 = 1000;

/// The same where the client may be waiting for that, or where what it sends has to be counted.
const SOON: u64 = NOTICE / 8;

/// A module that takes bodies ([`take_body`]), and its decisions about them.
pub trait Linger: HttpModule {
    /// What this crate remembers of a taken body, as a part of the request's state; `None` if no body has been taken that
    /// could have one.
    fn taken<'r>(state: &'r Self::State<'r>) -> Option<&'r Taken>;

    /// How many bytes of a taken body may be read and dropped now; 0 if none may be read.
    fn may_drop(r: Request<'_, Self>) -> u64;

    /// The status to answer with, when nobody else is left to answer a request whose body is taken; `None` if the
    /// answer is being made already.
    fn abandoned(r: Request<'_, Self>) -> Option<Status>;

    /// Called with each result of reading a taken body.
    fn has_read(r: Request<'_, Self>, got: Got);

    /// Whether the last of the response has been made.
    fn is_response_made(r: Request<'_, Self>) -> bool;

    /// How long to wait for more of a taken body.
    fn patience(r: Request<'_, Self>) -> Patience;

    /// How many more bytes of a taken HTTP/2 or HTTP/3 body may be dropped. The client gets credit for no more.
    fn credit(r: Request<'_, Self>) -> u64;

    /// How many bytes of a taken HTTP/2 or HTTP/3 body have been dropped.
    fn dropped(r: Request<'_, Self>) -> u64;

    /// Called when nobody can want the body any more, where that had to be waited for ([`await_end`]).
    fn end_awaited(r: Request<'_, Self>);
}

/// What this crate remembers of a taken body. It is empty until the body is taken.
#[derive(Default)]
pub struct Taken {
    /// The rest of the body (HTTP/1.x).
    http1: Cell<Option<http1::Body>>,
    /// The declared length of the body, in bytes (HTTP/2 and HTTP/3); 0 if none is declared.
    declared: Cell<u64>,
    /// What is known of the body while nginx skips what comes of it; `None` if it does not (HTTP/2).
    skipped: Cell<Option<Skipped>>,
    /// Whether `limit_conn` counts the request no more (HTTP/2 and HTTP/3).
    is_uncounted: Cell<bool>,
    /// The timer that runs while others may want the body; `None` before and afterwards.
    awaited: Cell<Option<Event>>,
    /// The connection.
    watch: Cell<Option<Watch>>,
}

/// The connection of a request whose body is taken.
#[derive(Clone, Copy)]
struct Watch {
    /// The timer that runs until the module is asked again.
    timer: Event,
    /// nginx's own handlers of the read event and of the write event.
    read: ngx_event_handler_pt,
    write: ngx_event_handler_pt,
}

/// Returns whether the client may still send a body over HTTP/2 or HTTP/3: it has neither ended its side nor reset the
/// stream.
pub fn is_stream_open<M: HttpModule>(r: Request<'_, M>) -> bool {
    stream(r).is_some_and(Stream::is_open)
}

/// Returns whether flow control lets the client send more of the body now. Over HTTP/1.x and HTTP/3 it always does when
/// nginx waits for the client: nginx itself, or the kernel, gives credit for what has been read.
pub fn may_send<M: HttpModule>(r: Request<'_, M>) -> bool {
    stream(r).is_none_or(Stream::may_send)
}

/// Returns whether the body can be taken. It cannot if HTTP/1.x is spoken over a stream of QUIC (nginx: `http3_hq`): what is
/// read there comes from a socket that all clients share. Nor can it if the connection has failed: nothing more comes, and
/// nginx may have given up the user of the request that it counts for what it discards.
pub fn can_take_body<M: HttpModule>(r: Request<'_, M>) -> bool {
    stream(r).is_some() || !(raw(r).is_over_quic() || raw(r).connection().has_failed())
}

/// Makes nginx skip the rest of a body that is not taken (HTTP/2). The body must no longer be read.
pub fn skip_body<M: HttpModule>(r: Request<'_, M>) {
    if let Some(stream) = stream(r) {
        stream.skip();
    }
}

/// Returns how many streams of the request's connection are taken, and how many streams the connection may have at
/// once.
pub fn streams<M: HttpModule>(r: Request<'_, M>) -> (usize, usize) {
    stream(r).map_or((0, 1), |stream| (stream.taken(), stream.most()))
}

/// Returns whether a script may still want the body of a request whose response has been made: Lua's may read it then
/// (`ngx.eof`). If so, the module is told when that is over ([`Linger::end_awaited`]), unless the request ends before. There must
/// be something to remember that by ([`Linger::taken`]).
pub fn await_end<M: Linger>(r: Request<'_, M>) -> bool {
    // Over HTTP/1.x nobody but an upstream reads a body that can be taken at the end of a response.
    let may_be_read = stream(r).is_some() && !raw(r).is_body_skipped() && script::may_be();
    let Some(taken) = taken(r).filter(|_| may_be_read) else {
        return false;
    };
    if taken.awaited.get().is_none() {
        let Some(timer) = Event::timer(raw(r), Some(has_ended::<M>)) else {
            return false;
        };
        raw(r).add_user();
        taken.awaited.set(Some(timer));
        timer.start_timer(0);
    }
    true
}

/// Returns whether the end is awaited ([`await_end`]).
pub fn is_end_awaited<M: Linger>(r: Request<'_, M>) -> bool {
    taken(r).is_some_and(|taken| taken.awaited.get().is_some())
}

/// Ends what [`await_end`] has begun. Call this when the request ends.
pub fn stop_awaiting<M: Linger>(r: Request<'_, M>) {
    if let Some(timer) = taken(r).and_then(|taken| taken.awaited.take()) {
        timer.stop_timer();
    }
}

/// Handles the timer of [`await_end`]: `ngx_event_t.handler`.
unsafe extern "C" fn has_ended<M: Linger>(timer: *mut ngx_event_t) {
    // SAFETY: the timer is stopped before its request ends, and its data is that request's connection.
    let (timer, c) = unsafe { (Event::new(timer), Event::new(timer).connection()) };
    // SAFETY: the connection's request is live: its timer has not been stopped.
    let r = unsafe { c.main_request::<M>() };
    if !raw(r).is_left_to_nginx() && watched(r).is_none() {
        return timer.start_timer(SOON);
    }
    if let Some(taken) = taken(r) {
        taken.awaited.set(None);
    }
    M::end_awaited(r);
    // SAFETY: `await_end` has added the user, and no copy of `r` is used afterwards.
    unsafe { multiplexed::close(raw(r)) }
}

/// Takes the rest of the body from nginx. From then on the request has no body, for nginx and for everybody else. Tells
/// the module how much had arrived already, and whether that was all ([`Linger::has_read`]). Returns whether the rest
/// will be read, until the request ends or the module has had enough ([`Linger::patience`]).
///
/// `r` must be a main request. Its body is not taken where that is impossible ([`can_take_body`]), or there is nothing to
/// remember it by ([`Linger::taken`]).
pub fn take_body<M: Linger>(r: Request<'_, M>) -> bool {
    let Some(taken) = taken(r).filter(|_| can_take_body(r)) else {
        return false;
    };
    let timer = match stream(r) {
        Some(stream) => take_stream(r, stream, taken),
        None => take_http1(r, taken),
    };
    let Some(timer) = timer else {
        return false;
    };
    raw(r).end_with_its_users();
    taken.watch.set(Some(Watch { timer, read: None, write: None }));
    timer.start_timer(if skipping(r).is_some() { SOON } else { NOTICE });
    grant(r);
    true
}

/// Takes the body over HTTP/2 or HTTP/3. Returns the drain's timer; `None` if memory is out.
fn take_stream<M: Linger>(r: Request<'_, M>, stream: Stream<'_>, taken: &Taken) -> Option<Event> {
    let timer = Event::timer(raw(r), Some(look::<M>))?;
    let (declared, received) = (r.declared_length(), r.body_received());
    taken.declared.set(declared.unwrap_or(0));
    r.forget_body();
    let (ahead, came) = stream.take()?;
    // It may give the request another body while its answer is made (`ngx.req.set_body_data`).
    if script::may_be() {
        let left = declared.map(|declared| declared.saturating_sub(received).saturating_sub(ahead));
        // If all has come, the client has still to say so.
        taken.skipped.set(stream.step_aside(left.filter(|&left| left > 0)));
    }
    tell(r, ahead, came);
    Some(timer)
}

/// Takes the body over HTTP/1.x. Returns the drain's timer; `None` if nothing more of the body is to come, or memory is
/// out.
fn take_http1<M: Linger>(r: Request<'_, M>, taken: &Taken) -> Option<Event> {
    raw(r).connection().write().forget_lost_delay();
    let Some(mut found) = http1::find(raw(r)) else {
        r.forget_body();
        return None;
    };
    let timer = match found.is_unfinished() {
        true => Some(Event::timer(raw(r), Some(look::<M>))?),
        false => None,
    };
    found.drop_arrived(raw(r));
    found.take(raw(r));
    r.forget_body();
    let timer = timer.filter(|_| found.is_unfinished());
    if timer.is_some() {
        taken.http1.set(Some(found.body));
    }
    tell(r, found.ahead, found.came);
    timer
}

/// Starts dropping a taken body as it arrives, until the module ends that ([`Linger::patience`]). Call this when a
/// response is being made, and for HTTP/2 and HTTP/3 again when that is done.
pub fn watch_body<M: Linger>(r: Request<'_, M>) {
    if watched(r).is_some() {
        watch(r);
        // The client may have filled the buffers while nobody read. Then no new data wakes nginx up.
        let event = raw(r).connection().read();
        match stream(r) {
            // If the response is over by then, others may have the request's place before their next requests are read.
            Some(_) => event.post(),
            None => event.post_next(),
        }
    }
}

/// Has nginx read a taken body again that it skips. Call this when nobody but the drain uses the request any more.
fn step_back<M: Linger>(r: Request<'_, M>) {
    let came = count_skipped(r);
    if let (Some((stream, taken, skipped)), false) = (skipping(r), came == Came::Whole) {
        taken.skipped.set((!stream.step_back(skipped)).then_some(skipped));
    }
}

/// The stream of a request whose body nginx skips, and what is known of that; `None` if nginx does not.
fn skipping<M: Linger>(r: Request<'_, M>) -> Option<(Stream<'_>, &Taken, Skipped)> {
    let taken = taken(r)?;
    Some((stream(r)?, taken, taken.skipped.get()?))
}

/// Counts what nginx has skipped, and tells the module. Returns the result.
fn count_skipped<M: Linger>(r: Request<'_, M>) -> Came {
    let Some((stream, taken, skipped)) = skipping(r) else {
        return Came::Wait;
    };
    let (skipped, bytes, came) = stream.count_skipped(skipped);
    taken.skipped.set(Some(skipped));
    tell(r, bytes, came);
    came
}

/// Drops a piece of a taken body (HTTP/2 and HTTP/3).
pub fn drop_piece<M: Linger>(r: Request<'_, M>, input: &mut Input<'_>) -> Piece {
    // Without a piece, nginx is about to copy a frame into one.
    let is_about_to = input.is_none() && r.is_done();
    let last = stream(r).filter(|_| is_about_to).and_then(Stream::last_frame);
    let dropped = last.unwrap_or_else(|| input.discard());
    tell(r, dropped, if last.is_some() { Came::Whole } else { Came::Wait });
    // nginx would go on reading for as long as the client sends. `Piece::Over` makes it finalize the request, because
    // the filter then does not return NGX_OK. That gives up the drain's use of the request, and nobody else's: a body that
    // is not watched has no such user. It need not end the request: a background subrequest, such as a mirror's, may still
    // use it.
    let is_user = r.is_done() && watched(r).is_some();
    if is_user && !matches!(M::patience(r), Patience::Wait(_)) {
        release(r);
        return Piece::Over;
    }
    Piece::Taken
}

/// Lets nginx end the request when it runs out of connections, unless the request has another user. Over HTTP/2 nginx
/// ends it together with the other requests of the connection, if each of them may be ended. `limit_conn` counts a stream no
/// more, which nginx alone would have ended.
pub fn give_way<M: Linger>(r: Request<'_, M>) {
    if raw(r).users() != 1 {
        return;
    }
    let c = raw(r).connection();
    if let Some(stream) = stream(r) {
        stream.set_reusable(Some(event::<M>));
        if taken(r).is_some_and(|taken| !taken.is_uncounted.replace(true)) {
            limit_conn::leave(r);
        }
    } else if !c.is_reusable() {
        c.set_reusable(true);
    }
}

/// Gives the connection back to nginx, if the body is taken. Call this when the request ends.
pub fn release<M: Linger>(r: Request<'_, M>) {
    let Some((taken, watch)) = taken(r).and_then(|taken| Some((taken, taken.watch.take()?))) else {
        return;
    };
    watch.timer.stop_timer();
    count_skipped(r);
    if let Some(stream) = stream(r) {
        stream.release(M::dropped(r), taken.skipped.take());
    }
    let c = raw(r).connection();
    c.replace_handlers(is_ours::<M>, watch.read, watch.write);
    if let Some(mut body) = taken.http1.take() {
        body.wake_up_for(c, 1);
        c.set_reusable(false);
        // SAFETY: a request over HTTP/1.x is live.
        unsafe { c.active_request() }.outlive_half_close();
    }
}

/// The request without the type of its module.
fn raw<'r, M: HttpModule>(r: Request<'r, M>) -> RawRequest<'r> {
    // SAFETY: `Request` is only made for a live request, and is live for `'r`.
    unsafe { RawRequest::new(r.as_ptr()) }
}

/// The HTTP/2 or HTTP/3 stream of the request; `None` over HTTP/1.x.
fn stream<'r, M: HttpModule>(r: Request<'r, M>) -> Option<Stream<'r>> {
    Stream::of(raw(r))
}

/// What this crate remembers of the body; `None` if that is nothing.
fn taken<'r, M: Linger>(r: Request<'r, M>) -> Option<&'r Taken> {
    r.state().and_then(M::taken)
}

/// The connection; `None` unless the body is taken.
fn watched<M: Linger>(r: Request<'_, M>) -> Option<Watch> {
    taken(r)?.watch.get()
}

/// Calls `act` with the rest of a taken HTTP/1.x body. Returns its result; `None` if no such body is taken.
fn with_http1<M: Linger, T>(r: Request<'_, M>, act: impl FnOnce(&mut http1::Body) -> T) -> Option<T> {
    let taken = taken(r)?;
    let mut body = taken.http1.get()?;
    let result = act(&mut body);
    taken.http1.set(Some(body));
    Some(result)
}

/// Tells the module the result of reading: `bytes`, and the end, if that has come.
fn tell<M: Linger>(r: Request<'_, M>, bytes: u64, came: Came) {
    if came == Came::Malformed {
        // It is unknown where the next request would begin.
        r.clear_keepalive();
    }
    if bytes > 0 {
        M::has_read(r, Got::Bytes(bytes));
    }
    if let Some(end) = came.end() {
        M::has_read(r, end);
    }
}

/// Sets this crate's handlers of the connection's two events, and keeps nginx's. nginx sets its own again when it ends
/// a request with an error.
fn watch<M: Linger>(r: Request<'_, M>) {
    let Some((taken, mut watch)) = taken(r).and_then(|taken| Some((taken, taken.watch.get()?))) else {
        return;
    };
    let c = raw(r).connection();
    if c.is_tls_waiting() {
        // TLS has set its own handlers for now.
        return;
    }
    for (place, nginx) in [(c.read(), &mut watch.read), (c.write(), &mut watch.write)] {
        if !is_ours::<M>(place.handler()) {
            *nginx = place.replace_handler(Some(event::<M>));
        }
    }
    taken.watch.set(Some(watch));
}

/// Drops what has arrived of a taken body, or much of it, and tells the module. Returns the result.
fn drop_some<M: Linger>(r: Request<'_, M>) -> Came {
    if skipping(r).is_some() {
        return count_skipped(r);
    }
    let (dropped, came) = match stream(r) {
        Some(stream) => stream.drop_some(M::credit(r).min(STEP)),
        None => drop_some_http1(r),
    };
    tell(r, dropped, came);
    came
}

/// Drops what has arrived of an HTTP/1.x body, or much of it. Returns the number of bytes, and the result.
fn drop_some_http1<M: Linger>(r: Request<'_, M>) -> (u64, Came) {
    if raw(r).connection().is_closing() {
        return (0, Came::Evicted);
    }
    match M::may_drop(r) {
        0 => (0, Came::Wait),
        most => with_http1(r, |body| body.drop_some(raw(r), most)).unwrap_or((0, Came::Failed)),
    }
}

/// Lets the client send more of a taken body (HTTP/2 and HTTP/3).
fn grant<M: Linger>(r: Request<'_, M>) {
    if let (Some(stream), Some(taken)) = (stream(r), taken(r)) {
        let declared = taken.declared.get().saturating_sub(M::dropped(r));
        stream.grant(M::credit(r), declared);
        taken.skipped.set(taken.skipped.get().map(|skipped| stream.pay_ahead(skipped)));
    }
}

/// Waits for more, or ends the drain that [`take_body`] has begun, and with it perhaps the request.
///
/// # Safety
///
/// The body must be taken. The call may end the request: no copy of `r` may be used afterwards.
unsafe fn go_on<M: Linger>(r: Request<'_, M>, came: Came) {
    let is_done = r.is_done();
    // What was cut off ends with the request, as nginx ends it.
    if let Some(stream) = stream(r).filter(|_| is_done && M::is_response_made(r)) {
        stream.end_response();
    }
    if is_done && raw(r).users() == 1 {
        step_back(r);
    }
    let patience = M::patience(r);
    if let (Patience::Spent, Some(watched)) = (patience, watched(r)) {
        if owes_answer(r) {
            return wait_for_answer(r, watched);
        }
    }
    let (Patience::Wait(left), Some(watched)) = (patience, watched(r)) else {
        release(r);
        // SAFETY: the body was taken, and no copy of `r` is used afterwards, as the caller promises.
        return unsafe { close(raw(r), patience) };
    };
    watch(r);
    grant(r);
    if came == Came::More {
        raw(r).connection().read().post_next();
    }
    let left = if skipping(r).is_some() {
        // Of what is skipped no event tells.
        left.min(SOON)
    } else if is_done && raw(r).users() == 1 {
        left
    } else {
        // Another user of the request may make nginx set its own handlers again.
        left.min(NOTICE)
    };
    let next = with_http1(r, |body| body.next_look(raw(r))).flatten();
    watched.timer.start_timer(next.map_or(left, |next| left.min(next)));
}

/// Returns whether an answer over HTTP/1.x, which was being sent when the budget of its drain was spent, is still to be sent or
/// to be acknowledged: if the connection was closed, what the client has sent meanwhile would reset it, and the end of the answer
/// be lost.
fn owes_answer<M: Linger>(r: Request<'_, M>) -> bool {
    let is_done = r.is_done();
    let is_owed = with_http1(r, |body| body.owes_answer(is_done)).unwrap_or(false);
    let c = raw(r).connection();
    // Only Linux tells what is acknowledged, and of a connection that is gone nothing ever is.
    let is_over = is_done && (cfg!(not(target_os = "linux")) || is_acknowledged(r) || is_gone(c.socket()));
    let is_made = is_done || raw(r).users() > 1;
    is_owed && is_made && !is_over && !c.has_failed() && !c.is_closing()
}

/// Waits until an answer is sent and acknowledged. Nothing more is read meanwhile.
fn wait_for_answer<M: Linger>(r: Request<'_, M>, watched: Watch) {
    raw(r).connection().replace_handlers(is_ours::<M>, watched.read, watched.write);
    raw(r).outlive_half_close();
    if r.is_done() {
        raw(r).connection().ignore_events();
        give_way(r);
    }
    watched.timer.start_timer(NOTICE);
}

/// Handles an event of a request's connection: `ngx_event_t.handler`.
unsafe extern "C" fn event<M: Linger>(event: *mut ngx_event_t) {
    // SAFETY: nginx passes an event of a connection, whose memory outlives this call.
    let (event, c) = unsafe { (Event::new(event), Event::new(event).connection()) };
    // SAFETY: this handler is set only while the body is taken. The connection's data is then a live request: the one
    // whose body is taken, or a subrequest of it.
    let r = unsafe { c.main_request::<M>() };
    let Some(watch) = watched(r) else {
        return;
    };
    let came = drop_some(r);

    // When nginx has answered, a mirror or a post_action may go on: it waits for its turn, and ends with the worker.
    if !r.is_done() || raw(r).users() > 1 {
        if stream(r).is_none() {
            // SAFETY: the connection's request is live, as said above.
            unsafe { c.active_request() }.outlive_half_close();
        }
        if let Some(nginx) = if event == c.read() { watch.read } else { watch.write } {
            // SAFETY: this is nginx's own handler of the event. It may end the request, which is checked below.
            unsafe { nginx(event.as_ptr()) };
        }
        // nginx marks the connection as destroyed when it frees the request.
        if c.is_destroyed() || watched(r).is_none() {
            return;
        }
    }
    if event == c.write() && r.is_done() && stream(r).is_none() {
        // Nobody waits for room any more.
        c.ignore_room();
    }
    // SAFETY: the body is taken, and no copy of `r` is used afterwards.
    unsafe { go_on(r, came) }
}

/// Handles the drain's timer: `ngx_event_t.handler`.
unsafe extern "C" fn look<M: Linger>(timer: *mut ngx_event_t) {
    // SAFETY: the timer is stopped before its request ends, and its data is that request's connection.
    let c = unsafe { Event::new(timer).connection() };
    // SAFETY: the connection's request is live: its timer has not been stopped.
    let r = unsafe { c.main_request::<M>() };
    if !r.is_done() && raw(r).users() == 1 {
        // The drain is the only user of the request, so nobody else will answer it.
        if let Some(status) = M::abandoned(r) {
            // Where nginx gives up the answer, and does a `post_action`, nothing else comes back to the drain.
            // SAFETY: the timer is the one that has called.
            unsafe { Event::new(timer) }.start_timer(NOTICE);
            raw(r).add_user();
            // SAFETY: the user has just been added, and no copy of `r` is used afterwards.
            return unsafe { raw(r).answer(status) };
        }
    }
    with_http1(r, |body| {
        // A client that has become slow is not silent: read the little that it has sent.
        if body.notice().is_some() {
            body.wake_up_for(c, 1);
            c.read().set_ready(true);
        }
    });
    let came = drop_some(r);
    if came == Came::Wait && r.is_done() && is_acknowledged(r) {
        with_http1(r, |body| body.tell(raw(r)));
    }
    // SAFETY: the body is taken, and no copy of `r` is used afterwards.
    unsafe { go_on(r, came) }
}

/// Leaves the rest of the body to nginx, and gives up the drain's use of the request. The drain may be the last user.
///
/// # Safety
///
/// The body must have been taken. The call may end the request: no copy of `r` may be used afterwards.
unsafe fn close(r: RawRequest<'_>, patience: Patience) {
    if Stream::of(r).is_none() {
        if patience != Patience::Over {
            r.clear_keepalive();
            r.end_lingering();
        } else if !r.is_kept_alive() {
            // More may still arrive, such as pipelined requests.
            r.linger();
        }
    }
    // SAFETY: the body was taken, and no copy of `r` is used afterwards, as the caller promises.
    unsafe { multiplexed::close(r) }
}

fn is_ours<M: Linger>(handler: ngx_event_handler_pt) -> bool {
    let ours = event::<M> as unsafe extern "C" fn(*mut ngx_event_t) as usize;
    handler.is_some_and(|handler| handler as usize == ours)
}
