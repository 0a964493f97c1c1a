//! A request, as far as the module deals with it.

use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ptr::{self, NonNull};
use core::str;

use nginx_sys::{
    ngx_chain_t, ngx_current_msec, ngx_http_clean_header, ngx_http_complex_value, ngx_http_request_body_t,
    ngx_http_request_t, ngx_http_variable_t, ngx_int_t, ngx_palloc, ngx_pcalloc, ngx_str_t, off_t, NGX_HTTP_GET,
    NGX_HTTP_HEAD, NGX_HTTP_SWITCHING_PROTOCOLS, NGX_OK,
};

use crate::captures::Captures;
use crate::monotonic::Monotonic;
use crate::{fields, log, pool, shim, state, ComplexValue, HttpModule, Level};

/// A request of a module `M`, which is live for `'r`: until the callback returns that it was passed to.
///
/// This is a pointer. nginx changes the request with every call, so no reference into it is ever handed out. No method
/// ends the request. To have it finalized, a callback returns a status, and has no request any more when that happens.
///
/// What lives as long as the request, or longer, can be borrowed for `'r`: the configuration of its location, and its
/// state. The state may keep what it has borrowed for `'r`. It can keep nothing else, because `'r` cannot be made
/// shorter.
pub struct Request<'r, M>(NonNull<ngx_http_request_t>, Lifetime<'r>, PhantomData<fn() -> M>);

/// A lifetime that nothing can shorten or lengthen.
type Lifetime<'r> = PhantomData<fn(&'r ()) -> &'r ()>;

impl<M> Clone for Request<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Request<'_, M> {}

/// The status of a response, 300 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(u16);

impl Status {
    /// 400 Bad Request.
    pub const BAD_REQUEST: Self = Self(400);
    /// 413 Content Too Large.
    pub const CONTENT_TOO_LARGE: Self = Self(413);
    /// 408 Request Timeout. nginx answers with it only from [`HttpModule::deadline`]: elsewhere it closes the connection.
    pub const REQUEST_TIMEOUT: Self = Self(408);
    /// 411 Length Required.
    pub const LENGTH_REQUIRED: Self = Self(411);
    /// 500 Internal Server Error.
    pub const INTERNAL_SERVER_ERROR: Self = Self(500);
    /// 502 Bad Gateway.
    pub const BAD_GATEWAY: Self = Self(502);

    /// The status that an administrator has written for refusals.
    ///
    /// # Errors
    ///
    /// [`InvalidStatus`]
    pub fn of_refusal(text: &[u8]) -> Result<Self, InvalidStatus> {
        let digits = str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(code @ 400..=599) if !matches!(code, 408 | 444 | 494..=497 | 499) => Ok(Self(code)),
            _ => Err(InvalidStatus),
        }
    }

    /// As nginx has it.
    pub fn as_ngx(self) -> ngx_int_t {
        self.0 as ngx_int_t
    }
}

/// A text is no status of a refusal: it is not a number from 400 to 599, or for that status nginx closes the connection
/// without an answer, or answers 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidStatus;

impl InvalidStatus {
    /// What it must be.
    pub const EXPECTED: &'static str = "it must be a status from 400 to 599 other than 408, 444, 494 to 497 and 499";
}

impl fmt::Display for InvalidStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::EXPECTED)
    }
}

/// The time, in milliseconds of a clock that only goes forward. nginx's own begins anew where a word has 32 bits.
pub fn now() -> u64 {
    static CLOCK: Monotonic = Monotonic::new();
    // SAFETY: only nginx sets it, on the one thread.
    let msec = unsafe { ngx_current_msec };
    match usize::BITS {
        32 => CLOCK.read(msec as u32),
        _ => msec as u64,
    }
}

impl<'r, M: HttpModule> Request<'r, M> {
    /// The request at `r`.
    ///
    /// # Safety
    ///
    /// `r` must be live, and stay so for `'r`.
    pub unsafe fn new(r: *mut ngx_http_request_t) -> Self {
        // SAFETY: a live request has an address.
        Self(unsafe { NonNull::new_unchecked(r) }, PhantomData, PhantomData)
    }

    /// The address of the request. To dereference it is unsafe as usual.
    pub fn as_ptr(self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    /// Whether this is the client's request, not a subrequest that nginx made for it.
    pub fn is_main(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { (*self.as_ptr()).main == self.as_ptr() }
    }

    /// Whether the request came over HTTP/2 or HTTP/3.
    pub fn is_multiplexed(self) -> bool {
        self.raw().is_multiplexed()
    }

    /// Whether nginx has redirected or rewritten the request internally, or made it as a subrequest.
    pub fn is_internal(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_internal(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx has found a location for the request, or has been told one. Until then the request is its
    /// server's. Meaningful where the module has a handler in the rewrite phase.
    pub fn is_located(self) -> bool {
        // SAFETY: `Request` is only made for a live request, whose main configuration lives as long.
        let (step, rewrite) = unsafe {
            ((*self.as_ptr()).phase_handler, (*self.raw().core_main_conf()).phase_engine.location_rewrite_index)
        };
        // The phase that finds a location is one step, the one before the rewrite phase.
        usize::try_from(step).is_ok_and(|step| step.saturating_add(1) >= rewrite)
    }

    /// Whether nginx has redirected the request internally, so that it began anew, or made it as a subrequest. `rewrite` alone
    /// does not count.
    pub fn is_redirected(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        self.is_internal() && !unsafe { state::is_direct::<M>(self.as_ptr()) }
    }

    /// Returns whether an error, with a status of 400 or more, has been settled for this request, so that its page is
    /// being made. If `error_page` hands the request over with a status of its own choice, the answer is like any
    /// other.
    pub fn is_error_page(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { (*self.as_ptr()).err_status >= 400 }
    }

    /// Whether an `error_page` has handed the request on. nginx does not tell where `recursive_error_pages` is on.
    fn is_behind_error(self) -> bool {
        // SAFETY: reads a bit of a live request.
        unsafe { shim::nginx_shim_error_page(self.as_ptr()) != 0 }
    }

    /// Whether the response that is about to be made is an error.
    pub fn is_response_error(self) -> bool {
        // SAFETY: `Request` is only made for a live request. The status of an error takes the place of another
        // (`ngx_http_send_header`).
        unsafe { (*self.as_ptr()).err_status >= 400 || (*self.as_ptr()).headers_out.status >= 400 }
    }

    /// Whether the request only asks for something: GET or HEAD. nginx makes a GET of a request that it redirects to a URI.
    pub fn is_retrieval(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { (*self.as_ptr()).method & (NGX_HTTP_GET | NGX_HTTP_HEAD) as usize != 0 }
    }

    /// The length of the body, in bytes, less what nginx has discarded; `None` if it is not declared, or there is no
    /// body.
    pub fn content_length(self) -> Option<u64> {
        // SAFETY: `Request` is only made for a live request.
        let length = u64::try_from(unsafe { (*self.as_ptr()).headers_in.content_length_n }).ok();
        length.filter(|_| !self.is_chunked())
    }

    /// The length of the body that the client declared, in bytes; `None` if it has not, or the body has been dropped.
    pub fn declared_length(self) -> Option<u64> {
        // SAFETY: `Request` is only made for a live request. The field is null, or lives as long.
        let value = unsafe { (*self.as_ptr()).headers_in.content_length.as_ref()?.value.as_bytes() };
        // As nginx reads it, which refuses anything else, and is asked for this behind such a refusal, too.
        let is_number = value.iter().all(u8::is_ascii_digit);
        let length: off_t = str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()?;
        u64::try_from(length).ok()
    }

    /// The declared length of a body of which nothing has been read or discarded yet, in bytes; 0 if there is none.
    #[inline]
    pub fn untouched_length(self) -> u64 {
        // SAFETY: `Request` is only made for a live request.
        let length = unsafe { (*self.as_ptr()).headers_in.content_length_n };
        // Before it is read, a body of undeclared length has a negative one.
        match u64::try_from(length) {
            Ok(length) if !self.is_body_read() && !self.is_body_discarded() => length,
            _ => 0,
        }
    }

    /// Returns whether more of the body has come than its declared length. nginx refuses that itself over HTTP/1.1 and HTTP/2, but
    /// not in all cases over HTTP/3.
    #[inline]
    pub fn is_body_too_long(self) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long.
        let (length, body) =
            unsafe { ((*self.as_ptr()).headers_in.content_length_n, (*self.as_ptr()).request_body.as_ref()) };
        length >= 0 && body.is_some_and(|body| body.received > length)
    }

    /// Whether the request has a body that is not empty, as far as the client has said.
    pub fn has_body(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { (*self.as_ptr()).headers_in.content_length_n > 0 || self.is_chunked() }
    }

    /// Returns whether the request has a body of undeclared length (chunked; HTTP/2 and HTTP/3 without Content-Length).
    pub fn is_chunked(self) -> bool {
        self.raw().is_chunked()
    }

    /// Whether nginx has begun to read the body.
    pub fn is_body_read(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { !(*self.as_ptr()).request_body.is_null() }
    }

    /// Whether nginx has begun to read the body, and some of it is still to come.
    pub fn is_body_partly_read(self) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long. `rest` is less than 0
        // until reading has begun.
        unsafe { (*self.as_ptr()).request_body.as_ref() }.is_some_and(|body| body.rest > 0)
    }

    /// Whether nginx waits for more of the body, or has not passed on its end yet.
    fn is_body_awaited(self) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long.
        let body = unsafe { self.raw().body().as_ref() };
        // SAFETY: reads a bit of that body.
        body.is_some_and(|body| body.rest > 0 || (body.rest == 0 && unsafe { shim::nginx_shim_last_saved(body) == 0 }))
    }

    /// Returns whether the request has been answered, and nginx does what `post_action` says.
    pub fn is_post_action(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_post_action(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx has sent the whole answer, and has begun to end the request: `$request_completion`.
    pub fn is_complete(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_request_complete(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx would promise an upstream more or less of a body than it has to send. The request must have been
    /// redirected, or be a subrequest: nginx then reads no further.
    pub fn is_body_torn(self) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long.
        match unsafe { (*self.as_ptr()).request_body.as_ref() } {
            // Some of the body was not read, or not kept, or an upstream was given it as it came.
            Some(body) => body.rest > 0 || self.promised_length() != Some(saved(body)),
            None => self.is_body_announced() && !(self.can_read_body() && self.is_body_untouched()),
        }
    }

    /// Returns whether nothing of the body was read, and it cannot be read as a whole any more: another module has discarded it, or
    /// begun to.
    pub fn is_body_lost(self) -> bool {
        let is_whole = self.untouched_length() > 0 && !self.raw().is_body_skipped();
        (self.is_body_discarded() && self.has_body()) || (!is_whole && !self.is_body_read() && self.is_body_torn())
    }

    /// Returns whether nginx has given up the stream of the request (HTTP/2 and HTTP/3), and nobody gets an answer there.
    pub fn is_aborted(self) -> bool {
        self.is_multiplexed() && self.raw().connection().has_failed()
    }

    /// Whether there is a body, or the header announces one: what was discarded to its end, or what nginx has refused the header
    /// of before it took the length, which may be no number.
    fn is_body_announced(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        let is_declared = unsafe { !(*self.as_ptr()).headers_in.content_length.is_null() };
        self.has_body() || (is_declared && self.declared_length() != Some(0))
    }

    /// Whether nothing of the body has been discarded: nginx counts down the length, and may give up in between (HTTP/1.x).
    fn is_body_untouched(self) -> bool {
        self.is_chunked() || self.declared_length().is_some_and(|length| self.promised_length() == Some(length))
    }

    /// The length of the body that nginx announces to an upstream when it has read the body, in bytes; 0 if there is none; `None`
    /// if it announces chunks. Over HTTP/1.1 and HTTP/3 it knows a length as soon as it reads; over HTTP/2 never, if it passes the
    /// body on as it comes.
    fn promised_length(self) -> Option<u64> {
        // SAFETY: `Request` is only made for a live request.
        let length = u64::try_from(unsafe { (*self.as_ptr()).headers_in.content_length_n }).ok();
        length.or_else(|| (!self.is_chunked()).then_some(0))
    }

    /// Whether somebody has begun to take the body as it comes: what asks an upstream (`proxy_request_buffering off`), or another module,
    /// past nginx. That may have all of it, and hand the request on as one that has none; not if an error has followed.
    pub fn is_body_taken(self) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long. nginx has a handler in it while it
        // reads for somebody, and a parser where it discards chunks.
        let is_past_nginx = unsafe { (*self.as_ptr()).request_body.as_ref() }
            .filter(|body| body.post_handler.is_none() && body.chunked.is_null())
            .is_some_and(|body| body.rest > 0 || self.is_behind_error());
        // Before it begins nginx may find that the body is malformed, or too long.
        let has_begun = self.is_body_being_read() || self.is_body_over();
        (self.is_body_unbuffered() && has_begun) || is_past_nginx
    }

    /// Returns whether nginx has begun to read a body for somebody, and has given up before its end: it is malformed, or not as long
    /// as declared. Not if nginx has refused its size (413). To be asked of a body that is torn.
    pub fn is_body_broken_off(self) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long. There is a handler in it where nginx
        // reads for somebody.
        let body = unsafe { (*self.as_ptr()).request_body.as_ref() }.filter(|body| body.post_handler.is_some());
        // Of what it discards over HTTP/2 nginx reads nothing.
        let is_broken_off =
            body.is_some_and(|body| self.is_body_awaited() || (body.rest < 0 && !self.raw().is_body_skipped()));
        is_broken_off && !self.may_be_too_large_for_nginx()
    }

    /// Whether nginx may have refused the body itself, for its size as it came. Over HTTP/1.1 a close that lingers tells that from
    /// other errors. Over HTTP/2 and HTTP/3 there is hardly another one without a declared length.
    fn may_be_too_large_for_nginx(self) -> bool {
        // SAFETY: reads a bit of a live request.
        let lingers = unsafe { shim::nginx_shim_lingering_close(self.as_ptr()) != 0 };
        self.is_chunked() && (self.is_multiplexed() || lingers)
    }

    /// Whether nginx has read the body to its end, as far as it was to be read.
    pub fn is_body_over(self) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long.
        unsafe { (*self.as_ptr()).request_body.as_ref() }.is_some_and(|body| body.rest == 0)
    }

    /// Returns whether the body is empty: its declared length is 0, or it has none, and all of it has come, and that was nothing. nginx
    /// may have some of a stream that it counts when an upstream takes it.
    pub fn is_body_empty(self) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long.
        let buffer = unsafe { (*self.as_ptr()).request_body.as_ref().and_then(|body| body.buf.as_ref()) };
        let is_uncounted = self.is_multiplexed() && buffer.is_some_and(|buffer| buffer.pos != buffer.last);
        let is_nothing = || self.is_body_over() && self.body_received() == 0 && !is_uncounted;
        self.declared_length().map_or_else(is_nothing, |length| length == 0)
    }

    /// Whether somebody has read the body to its end. What nginx has begun to discard of a body in chunks seems to be over: it keeps
    /// the state of its parser there.
    pub fn is_body_read_whole(self) -> bool {
        // SAFETY: as for `is_body_over`.
        match unsafe { (*self.as_ptr()).request_body.as_ref() } {
            Some(body) => body.rest == 0 && !has_discarded_chunks(body),
            // All of it has been discarded; or nginx has refused the header, and closes the connection.
            None => !self.has_body(),
        }
    }

    /// Whether nginx would read the body, of which nothing has been read, if it was asked for it now: not for a subrequest; not
    /// over HTTP/2 if the body is being discarded; and not over HTTP/3 on behalf of `post_action`, which sets another version
    /// of HTTP.
    fn can_read_body(self) -> bool {
        let raw = self.raw();
        self.is_main() && !raw.is_body_skipped() && !(self.is_post_action() && raw.is_http3())
    }

    /// Whether nginx is discarding the body (HTTP/1.x; nginx takes no note of it elsewhere).
    pub fn is_body_discarded(self) -> bool {
        self.raw().is_body_discarded()
    }

    /// Whether the response is to have no body.
    pub(crate) fn is_header_only(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_header_only(self.as_ptr()) != 0 }
    }

    /// Whether nginx is reading the body, for itself or for an upstream.
    pub fn is_body_being_read(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_reading_body(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx passes the body to an upstream as it comes (`proxy_request_buffering off`).
    pub fn is_body_unbuffered(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_request_body_no_buffering(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx may be waiting for the client to send more of the body that it passes on. Over HTTP/1.x it always may: it
    /// waits unless there is no connection to the upstream yet, or that has still to take what has come.
    pub fn is_client_awaited(self) -> bool {
        // Over HTTP/1.x the timer is not to be relied on: nginx forgets it when a subrequest gets an upstream.
        !self.is_multiplexed() || self.raw().connection().read().is_timer_set()
    }

    /// Returns whether the response is that the connection goes on with another protocol (101; RFC 9110, section 15.2.2).
    pub fn is_protocol_switched(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { (*self.as_ptr()).headers_out.status == NGX_HTTP_SWITCHING_PROTOCOLS as usize }
    }

    /// Returns whether the header of a response has been sent, or handed to nginx's own transport.
    pub fn is_response_begun(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_header_sent(self.as_ptr()) != 0 }
    }

    /// How much of the body nginx has read, in bytes.
    pub fn body_received(self) -> u64 {
        self.body_progress().0
    }

    /// Whether [`body_received`](Self::body_received) says so: nginx keeps something else there when it has begun to discard a body over
    /// HTTP/1.x.
    pub fn is_body_counted(self) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long.
        let body = unsafe { (*self.as_ptr()).request_body.as_ref() };
        !self.is_body_discarded() && !body.is_some_and(has_discarded_chunks)
    }

    /// How long the body is at least, in bytes: what nginx has read of it, and what is still to come of the chunk being
    /// read (HTTP/1.1).
    pub fn body_seen(self) -> u64 {
        let (received, announced) = self.body_progress();
        received.saturating_add(announced)
    }

    /// Returns whether [`body_seen`](Self::body_seen) may have reached `bytes`: surely a yes if it has, and a no if it has not
    /// and the body is in chunks (HTTP/1.1).
    #[inline]
    pub fn may_have_seen(self, bytes: u64) -> bool {
        // SAFETY: `Request` is only made for a live request. Its body, and the parser of that, are null, or live as long.
        let chunks = unsafe { (*self.as_ptr()).request_body.as_ref().and_then(|body| body.chunked.as_ref()) };
        chunks.is_none_or(|chunks| {
            // SAFETY: `Request` is only made for a live request.
            let length = unsafe { (*self.as_ptr()).headers_in.content_length_n };
            (length as u64).wrapping_add(chunks.size as u64) >= bytes
        })
    }

    /// How much is still to come of the chunk being read, in bytes; `None` unless the body is in chunks (HTTP/1.1).
    pub fn chunk_announced(self) -> Option<u64> {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long.
        let in_chunks = unsafe { (*self.as_ptr()).request_body.as_ref() }.is_some_and(|body| !body.chunked.is_null());
        in_chunks.then(|| self.body_progress().1)
    }

    /// How often nginx may still redirect the request.
    pub fn uri_changes(self) -> usize {
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_uri_changes(self.as_ptr()) }
    }

    /// How much of the body nginx has read, and the bytes still to come of the chunk being read.
    #[inline]
    fn body_progress(self) -> (u64, u64) {
        let at_least_zero = |n: i64| u64::try_from(n).unwrap_or(0);
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long.
        let Some(body) = (unsafe { (*self.as_ptr()).request_body.as_ref() }) else {
            return (0, 0);
        };
        // nginx counts in three ways: up in the length of a chunked body over HTTP/1.1, up in a counter over HTTP/2 and
        // HTTP/3, and otherwise down from the length. `rest` is negative before that has begun.
        // SAFETY: `Request` is only made for a live request.
        let length = unsafe { (*self.as_ptr()).headers_in.content_length_n };
        // SAFETY: the parser's state is null, or lives as long as the body.
        if let Some(chunks) = unsafe { body.chunked.as_ref() } {
            return (at_least_zero(length), at_least_zero(chunks.size));
        }
        if self.is_multiplexed() {
            return (at_least_zero(body.received), 0);
        }
        match u64::try_from(body.rest) {
            Ok(rest) => (at_least_zero(length).saturating_sub(rest), 0),
            Err(_) => (0, 0),
        }
    }

    /// The module's configuration of the location that the request is in.
    pub fn conf(self) -> &'r M::Conf<'r> {
        // SAFETY: nginx has a configuration for each module in each location, made by `conf::create`; it outlives
        // the request and is not changed once it is read.
        unsafe { &*(*(*self.as_ptr()).loc_conf.add(M::registration().ctx_index())).cast::<M::Conf<'r>>() }
    }

    /// The module's state of the main request; `None` if there is none.
    pub fn state(self) -> Option<&'r M::State<'r>> {
        // SAFETY: `Request` is only made for a live request, whose main request is live, too. The state lives in that
        // one's pool, and is only ever shared.
        unsafe { Some(state::of::<M>(state::find::<M>((*self.as_ptr()).main)?)) }
    }

    /// As [`state`](Self::state), but does not search for a state after nginx has zeroed the context, and finds none for
    /// a subrequest.
    #[inline]
    pub fn state_at_hand(self) -> Option<&'r M::State<'r>> {
        // SAFETY: `Request` is only made for a live request. The state lives in the request's pool, and is only ever
        // shared. The context of a subrequest is null.
        unsafe { Some(state::of::<M>(state::at_hand::<M>(self.as_ptr())?)) }
    }

    /// As [`state`](Self::state), but makes one where there is none; `None` if memory is out.
    pub fn state_or_default(self) -> Option<&'r M::State<'r>> {
        // SAFETY: `Request` is only made for a live request, whose main request is live, too. The state lives in that
        // one's pool, and is only ever shared.
        unsafe {
            let main = (*self.as_ptr()).main;
            Some(state::of::<M>(state::at_hand::<M>(main).or_else(|| state::find_or_create::<M>(main))?))
        }
    }

    /// Keeps a value for as long as the request; `None` if memory is out. The value is not dropped.
    pub fn keep<T>(self, value: T) -> Option<&'r T> {
        const { assert!(pool::can_hold::<T>()) };
        // SAFETY: `Request` is only made for a live request, whose main request is live, too. nginx gives as much memory
        // as asked for.
        let place = unsafe { ngx_palloc((*(*self.as_ptr()).main).pool, mem::size_of::<T>()) }.cast::<T>();
        if place.is_null() {
            return None;
        }
        // SAFETY: there is room for the value, which lives as long as the request.
        unsafe {
            place.write(value);
            place.as_ref()
        }
    }

    /// The value of a text with variables in it, now; `None` if nginx fails to evaluate it (memory is out). What a regular
    /// expression of the location has captured stays, whatever a `map` captures meanwhile.
    pub fn evaluate(&self, value: ComplexValue<'_>) -> Option<&[u8]> {
        let captures = Captures::of(self.raw())?;
        let text = self.evaluated(value);
        captures.put_back(self.raw());
        text
    }

    fn evaluated(&self, value: ComplexValue<'_>) -> Option<&[u8]> {
        let mut text = ngx_str_t::empty();
        // SAFETY: `Request` is only made for a live request. The value lives in the configuration. The text that nginx
        // makes of it lives in the request's pool or in the configuration's.
        unsafe {
            if ngx_http_complex_value(self.as_ptr(), value.0.as_ptr(), &mut text) != NGX_OK as ngx_int_t {
                return None;
            }
            Some(if text.is_empty() { &[] } else { core::slice::from_raw_parts(text.data, text.len) })
        }
    }

    /// Writes a line to the error log, with what nginx adds of connection and request.
    pub fn log(self, level: Level, message: fmt::Arguments<'_>) {
        // SAFETY: `Request` is only made for a live request, which has a connection with a log.
        unsafe { log::write((*(*self.as_ptr()).connection).log, level, message) }
    }

    /// Returns whether the error log takes lines of this level.
    pub fn is_logged(self, level: Level) -> bool {
        // SAFETY: `Request` is only made for a live request, which has a connection with a log.
        unsafe { log::takes((*(*self.as_ptr()).connection).log, level) }
    }

    /// Makes nginx send no `100 Continue` any more (RFC 9110, section 10.1.1).
    pub fn set_expect_tested(self) {
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_set_expect_tested(self.as_ptr(), 1) }
    }

    /// Has the connection linger when the request ends: nginx reads on for a while before it closes.
    pub fn set_lingering_close(self) {
        self.raw().linger()
    }

    /// Makes nginx ignore what arrives on the connection, until something else is done with it. nginx would read the
    /// body there.
    pub fn block_reading(self) {
        self.raw().block_reading()
    }

    /// Has the connection closed after this request.
    pub fn clear_keepalive(self) {
        self.raw().clear_keepalive()
    }

    /// Removes the body from the request, for everybody: nothing more of it is read, none is announced (Content-Length,
    /// Transfer-Encoding), and what has been read of it is neither passed on nor kept in a file.
    pub fn forget_body(self) {
        let raw = self.raw();
        if self.is_body_discarded() {
            // nginx counts what it discards in the length, which is about to be removed, and counts one user for that.
            // SAFETY: writes a bit of a live request.
            unsafe { shim::nginx_shim_set_discard_body(raw.as_ptr(), 0) };
            if !raw.connection().has_failed() {
                // SAFETY: `Request` is only made for a live request. The caller uses the request, too, so that user is not the
                // last. When the connection fails, it may have been given up already; nginx then ends the request whoever uses
                // it (`ngx_http_terminate_request`).
                unsafe { shim::nginx_shim_remove_user(raw.as_ptr()) };
            }
            self.block_reading();
        }
        if self.is_body_awaited() {
            // The page of an error may take its time. What the client sends meanwhile, and its end, must not be taken for a
            // part of the body, nor its silence for that of a client which is awaited.
            self.block_reading();
            raw.connection().read().stop_timer();
        }
        self.forget_length();
        // SAFETY: `Request` is only made for a live request.
        unsafe {
            shim::nginx_shim_set_reading_body(raw.as_ptr(), 0);
            shim::nginx_shim_set_request_body_no_buffering(raw.as_ptr(), 0);
        }
        self.forget_buffers();
    }

    /// Removes what nginx has read of the body from the request, but for the file of a whole body: that is passed on to nobody
    /// without the rest, and `$request_body_file` is still to tell where it is.
    fn forget_buffers(self) {
        let is_whole = !self.is_body_awaited();
        // SAFETY: `Request` is only made for a live request. The buffers and the file belong to the request's pool,
        // which releases them.
        if let Some(body) = unsafe { self.raw().body().as_mut() } {
            body.bufs = ptr::null_mut();
            if !is_whole {
                body.temp_file = ptr::null_mut();
            }
        }
    }

    /// Removes the file that has what nginx has read of the body, if there is one. To be called before the body is removed
    /// ([`forget_body`](Self::forget_body)), and for no body that was accepted.
    pub fn discard_body_file(self) {
        // SAFETY: `Request` is only made for a live request. Its body is null, or live as long.
        let Some(body) = (unsafe { self.raw().body().as_mut() }) else {
            return;
        };
        let temp_file = mem::replace(&mut body.temp_file, ptr::null_mut());
        // SAFETY: the temporary file is null, or belongs to the request's pool.
        let Some(temp_file) = (unsafe { temp_file.as_mut() }) else {
            return;
        };
        // The file stays open until the request ends, and so would take up space on the disk.
        // SAFETY: a file that could not be made has no descriptor. The call then fails, which does not matter.
        unsafe { libc::ftruncate(temp_file.file.fd, 0) };
        // A file that another module has put there may be anybody's: nginx's own are in a directory for that.
        // SAFETY: reads a bit of the temporary file.
        if !temp_file.path.is_null() && unsafe { shim::nginx_shim_persistent(temp_file) != 0 } {
            // SAFETY: the name ends in a NUL, as `ngx_create_temp_file()` makes it.
            unsafe { libc::unlink(temp_file.file.name.data.cast()) };
        }
    }

    /// Removes the length of the body from the request, declared or not. Nothing may read or discard the body
    /// by that length any more.
    fn forget_length(self) {
        // SAFETY: `Request` is only made for a live request.
        unsafe {
            let r = self.as_ptr();
            (*r).headers_in.content_length = ptr::null_mut();
            (*r).headers_in.content_length_n = -1;
            (*r).headers_in.transfer_encoding = ptr::null_mut();
            shim::nginx_shim_set_chunked(r, 0);
        }
    }

    /// Removes the body, and its length, from a subrequest. The main request keeps both. Where there was a body, an empty one takes
    /// its place: that is what nginx gives a subrequest of `auth_request`, and other modules wait for one, or rely on it.
    pub fn detach_body(self) {
        let r = self.as_ptr();
        // What nginx keeps of `$content_length` is the main request's (`content_length::tell_subrequests_apart`).
        self.forget_length();
        // nginx would discard the body for the subrequest, too, by the length that has been removed.
        // SAFETY: `Request` is only made for a live request.
        unsafe { shim::nginx_shim_set_discard_body(r, 0) };
        if self.is_body_read() {
            // SAFETY: `Request` is only made for a live request, which has a pool. All zero is an empty body.
            let empty = unsafe { ngx_pcalloc((*r).pool, mem::size_of::<ngx_http_request_body_t>()) };
            // SAFETY: a subrequest has its own pointer to the body, and without memory it has none.
            unsafe { (*r).request_body = empty.cast() };
        }
    }

    /// Gives a subrequest that was redirected the length again that [`detach_body`](Self::detach_body) has removed. A module that adds
    /// a field to a subrequest may give its main request a copy of that one's header, as headers-more does, and the main
    /// request has its body still.
    pub fn restore_length(self) {
        // SAFETY: `Request` is only made for a live request, whose main request is live, too. The pointers are null, or to fields in
        // the pool that both have.
        unsafe {
            let (r, main) = (self.as_ptr(), (*self.as_ptr()).main);
            if self.raw().is_bodiless() && (*r).headers_in.content_length_n < 0 && !self.is_chunked() {
                (*r).headers_in.content_length = (*main).headers_in.content_length;
                (*r).headers_in.content_length_n = (*main).headers_in.content_length_n;
                (*r).headers_in.transfer_encoding = (*main).headers_in.transfer_encoding;
                shim::nginx_shim_set_chunked(r, shim::nginx_shim_chunked(main));
            }
        }
    }

    /// Removes the fields that announce a body, for code that passes on what the client has sent, and the values that
    /// nginx has kept of them. Returns whether there was memory for that.
    pub fn forget_body_fields(self) -> bool {
        self.forget_values(&[b"content_length", b"http_content_length", b"http_transfer_encoding"]);
        // SAFETY: `Request` is only made for a live request. Its fields are in a list of its pool.
        unsafe { fields::remove(self.as_ptr(), &[b"content-length", b"transfer-encoding"], self.raw().users() > 1) }
    }

    /// Makes nginx evaluate the variables with these names again when they are next used.
    fn forget_values(self, names: &[&[u8]]) {
        // SAFETY: `Request` is only made for a live request. The core module has a main configuration, with a name for
        // each value that a request can keep.
        unsafe {
            let r = self.as_ptr();
            let variables = ptr::addr_of!((*self.raw().core_main_conf()).variables);
            for (i, variable) in (*variables).as_slice::<ngx_http_variable_t>().iter().enumerate() {
                if names.contains(&variable.name.as_bytes()) {
                    let value = (*r).variables.add(i);
                    shim::nginx_shim_set_value_valid(value, 0);
                    shim::nginx_shim_set_value_not_found(value, 0);
                }
            }
        }
    }

    /// Removes the response that was about to be made. Nothing of it may have been sent.
    pub(crate) fn forget_response(self) {
        // SAFETY: `Request` is only made for a live request.
        unsafe {
            let r = self.as_ptr();
            ngx_http_clean_header(r);
            // Looking for the page of a redirect leaves this behind, without a match too.
            (*r).err_status = 0;
            shim::nginx_shim_set_error_page(r, 0);
        }
    }

    /// The client's own request: this one, or the one that this is a subrequest of.
    pub fn main(self) -> Self {
        // SAFETY: a request's main request lives as long as it.
        unsafe { Self::new((*self.as_ptr()).main) }
    }
}

/// Whether nginx has begun to discard a body in chunks: it has a parser there, and no handler, as it has while it reads for somebody.
fn has_discarded_chunks(body: &ngx_http_request_body_t) -> bool {
    body.post_handler.is_none() && !body.chunked.is_null()
}

/// How much of a body nginx has, in memory and in a file, in bytes.
fn saved(body: &ngx_http_request_body_t) -> u64 {
    let (mut link, mut bytes) = (body.bufs, 0_u64);
    // SAFETY: a link of the body's chain is live as long as the body.
    while let Some(&ngx_chain_t { buf, next }) = unsafe { link.as_ref() } {
        // SAFETY: each link has a buffer.
        let size = unsafe { shim::nginx_shim_buf_size(buf) };
        bytes = bytes.saturating_add(size.unsigned_abs());
        link = next;
    }
    bytes
}
