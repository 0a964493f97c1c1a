//! How a body that nobody wants is read to its end after nginx has answered, so that the client can send it and then read
//! the answer.
//!
//! The body is taken: for nginx, and for whoever else looks, the request has none any more. The response goes out as ever, but
//! one more user of the request is counted. What comes is dropped, and that user is gone when the module says so; nginx then
//! ends the request, or lets others go on that still use it. The two events of the connection and a timer come to us meanwhile.
//!
//! Over HTTP/1.x the bytes are read from the connection ([`http1`]). nginx itself would discard them, but keeps what is still
//! to come where everybody takes it for the length of a body. Over HTTP/2 and HTTP/3 nginx drops no more than what the client
//! may send anyway, and resets the stream with the end of the response (RFC 9113, section 8.1; RFC 9114, section 4.1).

#![allow(unsafe_code)]

mod acknowledged;
mod http1;
#[cfg_attr(not(ngx_feature = "http_v2"), path = "absent.rs")]
mod http2;
#[cfg_attr(not(ngx_feature = "http_v3"), path = "absent.rs")]
mod http3;
mod limit_conn;
#[cfg_attr(not(ngx_feature = "http_v2"), allow(dead_code))]
mod multiplexed;
mod scratch;

use core::cell::Cell;

use nginx_sys::{ngx_event_handler_pt, ngx_event_t, ngx_http_request_t, ngx_http_run_posted_requests};

use nginx::{Connection, Event, HttpModule, Input, Piece, RawRequest, Request, Status};

pub use acknowledged::is_acknowledged;
pub use limit_conn::leave as leave_limit_conn;

use multiplexed::Stream;

/// What came of reading a taken body, for the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// So many bytes: over HTTP/1.x as they came over the wire or, where TLS is read in the ordinary way, out of it; over
    /// HTTP/2 and HTTP/3, of the body.
    Bytes(u64),
    /// The end of the body.
    Whole,
    /// The client will send no more.
    End,
    /// The connection, or the stream, has failed.
    Failed,
    /// What is no chunk of a body in chunks (HTTP/1.x).
    Malformed,
    /// nginx needs the connection for others, or ends.
    Evicted,
}

/// How long to wait for more of a taken body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// So many milliseconds.
    Wait(u64),
    /// No longer: the body, or the client, has come to an end.
    Over,
    /// No longer, although the client may go on to send.
    Spent,
}

/// What came of reading, for us.
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
    /// What is no chunk.
    Malformed,
    /// nginx needs the connection for others.
    Evicted,
}

impl Came {
    /// What the module is told; `None` if nothing has ended.
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

/// How much is dropped at once over HTTP/3, in bytes, before other connections have their turn.
const STEP: u64 = 1 << 20;

/// How long it may take to notice that a response is over, or that a client that is waited for has become slow, in
/// milliseconds, where nothing tells.
const NOTICE: u64 = 1000;

/// A module that takes bodies ([`take_body`]), and what it has to say about them.
pub trait Linger: HttpModule {
    /// What is remembered of a taken body, which is a part of the request's state.
    fn taken<'r>(state: &'r Self::State<'r>) -> &'r Taken;

    /// How much of a taken body may be read and dropped now, in bytes; 0 if it is not to be read.
    fn may_drop(r: Request<'_, Self>) -> u64;

    /// The answer to a request whose body is taken, when nobody is left to make one; `None` if it is being made already.
    fn abandoned(r: Request<'_, Self>) -> Option<Status>;

    /// Called with what came of reading a taken body.
    fn has_read(r: Request<'_, Self>, got: Got);

    /// How long to wait for more of a taken body.
    fn patience(r: Request<'_, Self>) -> Patience;

    /// How much more of a stream that is taken may be dropped, in bytes: the client is let send no more.
    fn credit(r: Request<'_, Self>) -> u64;

    /// How much of a stream that is taken has been dropped, in bytes.
    fn dropped(r: Request<'_, Self>) -> u64;
}

/// What is remembered of a taken body; nothing before it is taken.
#[derive(Default)]
pub struct Taken {
    /// What is still to come of it (HTTP/1.x).
    http1: Cell<Option<http1::Body>>,
    /// The connection.
    watch: Cell<Option<Watch>>,
}

/// The connection of a request whose body is taken.
#[derive(Clone, Copy)]
struct Watch {
    /// When the module is asked next.
    timer: Event,
    /// What nginx has called when there is something to read, and when something can be written.
    read: ngx_event_handler_pt,
    write: ngx_event_handler_pt,
}

/// Whether the client may still send a body (over HTTP/2 or HTTP/3): it has neither ended its side nor reset the stream.
pub fn is_stream_open<M: HttpModule>(r: Request<'_, M>) -> bool {
    stream(r).is_some_and(Stream::is_open)
}

/// How many streams of the connection that the request came over are taken, and how many it may have at once.
pub fn streams<M: HttpModule>(r: Request<'_, M>) -> (usize, usize) {
    stream(r).map_or((0, 1), |stream| (stream.taken(), stream.most()))
}

/// Takes what is still to come of the body away from nginx, for which the request has no body any more, nor for anybody
/// else. Tells the module what had come, and whether that was all ([`Linger::has_read`]). Returns whether the rest will
/// be read until the request ends, or until the module has had enough ([`Linger::patience`]). For main requests of
/// which something is kept.
pub fn take_body<M: Linger>(r: Request<'_, M>) -> bool {
    let Some(taken) = taken(r) else {
        return false;
    };
    let timer = match stream(r) {
        Some(stream) => take_stream(r, stream),
        None => take_http1(r, taken),
    };
    let Some(timer) = timer else {
        return false;
    };
    taken.watch.set(Some(Watch { timer, read: None, write: None }));
    timer.start_timer(NOTICE);
    if let Some(stream) = stream(r) {
        stream.grant(M::credit(r));
    }
    true
}

/// Takes the body over HTTP/2 or HTTP/3. Returns the timer of the request; `None` if memory is out.
fn take_stream<M: Linger>(r: Request<'_, M>, stream: Stream<'_>) -> Option<Event> {
    let timer = Event::timer(raw(r), Some(look::<M>))?;
    r.forget_body();
    let ahead = stream.take()?;
    tell(r, ahead, Came::Wait);
    Some(timer)
}

/// Takes the body over HTTP/1.x. Returns the timer of the request; `None` if nothing is still to come of the body, or memory
/// is out.
fn take_http1<M: Linger>(r: Request<'_, M>, taken: &Taken) -> Option<Event> {
    let Some(found) = http1::find(raw(r)) else {
        r.forget_body();
        return None;
    };
    let timer = match found.is_unfinished() {
        true => Some(Event::timer(raw(r), Some(look::<M>))?),
        false => None,
    };
    found.take(raw(r));
    r.forget_body();
    if timer.is_some() {
        taken.http1.set(Some(found.body));
    }
    tell(r, found.ahead, found.came);
    timer
}

/// From now on drops what comes of the body, if that is taken, and asks the module when to stop
/// ([`Linger::patience`]). To be called when a response is being made.
pub fn watch_body<M: Linger>(r: Request<'_, M>) {
    if watched(r).is_some() {
        watch(r);
        // The client may have sent as much as it can while nobody read: nothing new would wake nginx up.
        raw(r).connection().read().post_next();
    }
}

/// Drops a piece of a taken body (HTTP/2 and HTTP/3).
pub fn drop_piece<M: Linger>(r: Request<'_, M>, input: &mut Input<'_>) -> Piece {
    // Where there is no piece, a frame is about to become one.
    let is_about_to = input.is_none() && r.is_done();
    let last = stream(r).filter(|_| is_about_to).and_then(Stream::last_frame);
    let dropped = last.unwrap_or_else(|| input.discard());
    tell(r, dropped, if last.is_some() { Came::Whole } else { Came::Wait });
    // nginx may go on reading for as long as the client sends, and finalizes the request with what is not NGX_OK. That need
    // not be its end: a subrequest in the background may be left, as that of a mirror.
    if r.is_done() && !matches!(M::patience(r), Patience::Wait(_)) {
        release(r);
        return Piece::Over;
    }
    Piece::Taken
}

/// Lets nginx end the request when it runs out of connections; over HTTP/2, together with others of the same connection
/// that may be ended. Not while somebody else uses it.
pub fn set_reusable<M: Linger>(r: Request<'_, M>) {
    if raw(r).users() != 1 {
        return;
    }
    let c = raw(r).connection();
    if let Some(stream) = stream(r) {
        stream.set_reusable(Some(event::<M>));
    } else if !c.is_reusable() {
        c.set_reusable(true);
    }
}

/// Gives the connection back to nginx, if the body is taken. To be called when the request ends.
pub fn release<M: Linger>(r: Request<'_, M>) {
    let Some((taken, watch)) = taken(r).and_then(|taken| Some((taken, taken.watch.take()?))) else {
        return;
    };
    watch.timer.stop_timer();
    if let Some(stream) = stream(r) {
        stream.release(M::dropped(r));
    }
    let c = raw(r).connection();
    c.replace_handlers(is_ours::<M>, watch.read, watch.write);
    if let Some(mut body) = taken.http1.take() {
        body.wake_up_for(c, 1);
        c.set_reusable(false);
    }
}

/// The request, for those who know nothing of modules.
fn raw<'r, M: HttpModule>(r: Request<'r, M>) -> RawRequest<'r> {
    // SAFETY: a request is live for as long as it says.
    unsafe { RawRequest::new(r.as_ptr()) }
}

/// The stream that the request came over; `None` over HTTP/1.x.
fn stream<'r, M: HttpModule>(r: Request<'r, M>) -> Option<Stream<'r>> {
    Stream::of(raw(r))
}

/// What is remembered of the body.
fn taken<'r, M: Linger>(r: Request<'r, M>) -> Option<&'r Taken> {
    r.state().map(M::taken)
}

/// The connection, if the body is taken.
fn watched<M: Linger>(r: Request<'_, M>) -> Option<Watch> {
    taken(r)?.watch.get()
}

/// Does something with what is still to come of the body over HTTP/1.x, if that is taken.
fn with_http1<M: Linger, T>(r: Request<'_, M>, act: impl FnOnce(&mut http1::Body) -> T) -> Option<T> {
    let taken = taken(r)?;
    let mut body = taken.http1.get()?;
    let result = act(&mut body);
    taken.http1.set(Some(body));
    Some(result)
}

/// Tells the module what has come.
fn tell<M: Linger>(r: Request<'_, M>, bytes: u64, came: Came) {
    if came == Came::Malformed {
        // Nobody knows where the next request would begin.
        r.clear_keepalive();
    }
    if bytes > 0 {
        M::has_read(r, Got::Bytes(bytes));
    }
    if let Some(end) = came.end() {
        M::has_read(r, end);
    }
}

/// Sees to it that what happens to the connection is noticed here. nginx sets its own handlers anew where it ends a request
/// with an error.
fn watch<M: Linger>(r: Request<'_, M>) {
    let Some((taken, mut watch)) = taken(r).and_then(|taken| Some((taken, taken.watch.get()?))) else {
        return;
    };
    let c = raw(r).connection();
    if c.is_tls_waiting() {
        // These are TLS's handlers for a while.
        return;
    }
    for (place, nginx) in [(c.read(), &mut watch.read), (c.write(), &mut watch.write)] {
        if !is_ours::<M>(place.handler()) {
            *nginx = place.replace_handler(Some(event::<M>));
        }
    }
    taken.watch.set(Some(watch));
}

/// Drops what has come of a body that is taken, or much of it, and tells the module. Returns what came.
fn drop_some<M: Linger>(r: Request<'_, M>) -> Came {
    let (dropped, came) = match stream(r) {
        Some(stream) => stream.drop_some(M::credit(r).min(STEP)),
        None => drop_some_http1(r),
    };
    tell(r, dropped, came);
    came
}

/// The same over HTTP/1.x. Returns how many bytes that were, and what came.
fn drop_some_http1<M: Linger>(r: Request<'_, M>) -> (u64, Came) {
    if raw(r).connection().is_closing() {
        return (0, Came::Evicted);
    }
    match M::may_drop(r) {
        0 => (0, Came::Wait),
        most => with_http1(r, |body| body.drop_some(raw(r), most)).unwrap_or((0, Came::Failed)),
    }
}

/// Waits for more, or ends what [`take_body`] has begun, and with it perhaps the request.
///
/// # Safety
///
/// The body must be taken. The request may be gone afterwards: none of its copies may be used.
unsafe fn go_on<M: Linger>(r: Request<'_, M>, came: Came) {
    let is_done = r.is_done();
    if let Some(stream) = stream(r).filter(|_| is_done) {
        stream.end_response();
    }
    let patience = M::patience(r);
    let (Patience::Wait(left), Some(watched)) = (patience, watched(r)) else {
        release(r);
        // SAFETY: up to the caller.
        return unsafe { close(raw(r), patience) };
    };
    watch(r);
    if let Some(stream) = stream(r) {
        stream.grant(M::credit(r));
    }
    if came == Came::More {
        raw(r).connection().read().post_next();
    }
    let is_waiting = with_http1(r, |body| body.is_waiting()).unwrap_or(false);
    // Somebody who uses the request as well may have nginx's handlers set anew.
    let is_alone = is_done && raw(r).users() == 1 && !is_waiting;
    watched.timer.start_timer(if is_alone { left } else { left.min(NOTICE) });
}

/// Something has happened to the connection of a request: `ngx_event_t.handler`.
unsafe extern "C" fn event<M: Linger>(event: *mut ngx_event_t) {
    // SAFETY: nginx passes an event of a connection, the memory of which outlasts this call.
    let (event, c) = unsafe { (Event::new(event), Event::new(event).connection()) };
    // SAFETY: this is the handler as long as the body of the request that is the connection's data, or of that one's main
    // request, is taken.
    let r = unsafe { main_request::<M>(c) };
    let Some(watch) = watched(r) else {
        return;
    };
    let came = drop_some(r);

    if !r.is_done() {
        if let Some(nginx) = if event == c.read() { watch.read } else { watch.write } {
            // SAFETY: nginx's own handler of this event. It may end the request.
            unsafe { nginx(event.as_ptr()) };
        }
        // nginx marks the connection of a request that it has freed.
        if c.is_destroyed() || watched(r).is_none() {
            return;
        }
    }
    // SAFETY: the body is taken, and nothing is done with the request afterwards.
    unsafe { go_on(r, came) }
}

/// Time has passed: `ngx_event_t.handler`.
unsafe extern "C" fn look<M: Linger>(timer: *mut ngx_event_t) {
    // SAFETY: the timer is stopped before its request ends, and has as its data the connection of that.
    let c = unsafe { Event::new(timer).connection() };
    // SAFETY: as above.
    let r = unsafe { main_request::<M>(c) };
    if !r.is_done() && raw(r).users() == 1 {
        // Nobody but us uses the request, so nobody else will answer it.
        if let Some(status) = M::abandoned(r) {
            raw(r).add_user();
            // SAFETY: the user that has just been counted; nothing is done with the request afterwards.
            unsafe { raw(r).finalize(status) };
            // SAFETY: nginx looks first whether it has marked the connection as one whose request it has freed.
            return unsafe { ngx_http_run_posted_requests(c.as_ptr()) };
        }
    }
    with_http1(r, |body| {
        // A client that has become slow is not a silent one.
        if body.is_waiting() {
            body.wake_up_for(c, 1);
            c.read().set_ready(true);
        }
    });
    let came = drop_some(r);
    // SAFETY: the body is taken, and nothing is done with the request afterwards.
    unsafe { go_on(r, came) }
}

/// The main request of the one that a connection is of.
///
/// # Safety
///
/// The connection must be of a request that is live, and stays so for `'r`.
unsafe fn main_request<'r, M: HttpModule>(c: Connection) -> Request<'r, M> {
    // SAFETY: live, says the caller, and so is its main request.
    unsafe { Request::new((*(*c.as_ptr()).data.cast::<ngx_http_request_t>()).main) }
}

/// Has one user less of a request, which may be the last one: what is still to come is nginx's again.
///
/// # Safety
///
/// The body must have been taken. The request may be gone afterwards: none of its copies may be used.
unsafe fn close(r: RawRequest<'_>, patience: Patience) {
    if Stream::of(r).is_none() {
        if patience != Patience::Over {
            r.clear_keepalive();
            r.end_lingering();
        } else if !r.is_kept_alive() {
            // More may be on its way all the same, as requests that the client has sent ahead.
            r.linger();
        }
    }
    // SAFETY: up to the caller.
    unsafe { multiplexed::close(r) }
}

fn is_ours<M: Linger>(handler: ngx_event_handler_pt) -> bool {
    let ours = event::<M> as unsafe extern "C" fn(*mut ngx_event_t) as usize;
    handler.is_some_and(|handler| handler as usize == ours)
}
