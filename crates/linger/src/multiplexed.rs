//! Requests over HTTP/2 and HTTP/3. Each has a stream of its own, on a connection that it shares with others.

use core::cell::Cell;
use core::ffi::c_void;
use core::mem;
use core::ptr;

use nginx_sys::{ngx_event_handler_pt, ngx_http_request_t, ngx_pool_cleanup_add, ngx_pool_cleanup_t, NGX_ALIGNMENT};

use crate::Came;
use crate::{http2, http3};
use nginx::shim;
use nginx::Connection;
use nginx::RawRequest;

/// The stream of a request.
#[derive(Clone, Copy)]
pub(crate) enum Stream<'r> {
    Http2(http2::Stream<'r>),
    Http3(http3::Stream<'r>),
}

/// What the streams of a connection share. It lives in the connection's pool.
pub(crate) struct Shared {
    /// How many of the streams are taken.
    taken: Cell<usize>,
    /// A request that goes on, because of which nginx cannot end the connection; null if none is known.
    pub(crate) blocker: Cell<*const ngx_http_request_t>,
    pub(crate) frames: http2::Frames,
    /// The read event's handler of a taken stream, and nginx's own of the connection; none before the connection's is
    /// replaced for the first time (HTTP/2).
    pub(crate) of_stream: Cell<ngx_event_handler_pt>,
    pub(crate) of_nginx: Cell<ngx_event_handler_pt>,
    /// Whether nginx has told the connection that the worker is about to end (HTTP/2).
    pub(crate) is_end_told: Cell<bool>,
}

/// What is known of a body that nginx skips.
#[derive(Clone, Copy)]
pub(crate) struct Skipped {
    /// How many bytes the client had to send or might send when they were last counted.
    pub(crate) unsent: u64,
    /// How many bytes are to come, if the client keeps to its Content-Length; `None` if nothing is known.
    pub(crate) left: Option<u64>,
    /// Whether its last frame was seen.
    pub(crate) is_over: bool,
}

impl Shared {
    /// Finds what the streams of a connection share; `None` if it has not been made yet.
    pub(crate) fn find(c: &Connection) -> Option<&Self> {
        // SAFETY: the connection's pool lives as long as the connection. Its list of cleanups begins in the pool.
        let mut cleanup: *const ngx_pool_cleanup_t = unsafe { (*c.pool()).cleanup };
        // SAFETY: a link of that list, which ends in NULL.
        while let Some(link) = unsafe { cleanup.as_ref() } {
            if link.handler.is_some_and(|handler| handler as usize == MARK as usize) {
                // SAFETY: a cleanup with this handler has as its data what `create` made. Only shared references to it
                // exist.
                return unsafe { link.data.cast::<Self>().as_ref() };
            }
            cleanup = link.next;
        }
        None
    }

    /// Finds what the streams of a connection share, or makes it; `None` if memory is out.
    fn find_or_create(c: &Connection) -> Option<&Self> {
        Self::find(c).or_else(|| Self::create(c))
    }

    fn create(c: &Connection) -> Option<&Self> {
        const { assert!(!mem::needs_drop::<Self>() && mem::align_of::<Self>() <= NGX_ALIGNMENT) };
        // SAFETY: the connection is live, and so is its pool.
        let cleanup = unsafe { ngx_pool_cleanup_add(c.pool(), mem::size_of::<Self>()).as_mut() }?;
        cleanup.handler = Some(MARK);
        let shared = cleanup.data.cast::<Self>();
        let nothing = Self {
            taken: Cell::new(0),
            blocker: Cell::new(ptr::null()),
            frames: http2::Frames::default(),
            of_stream: Cell::new(None),
            of_nginx: Cell::new(None),
            is_end_told: Cell::new(false),
        };
        // SAFETY: nginx has given as much memory as asked for, aligned as asserted above.
        unsafe { shared.write(nothing) };
        // SAFETY: the value has just been written, and lives as long as the connection.
        unsafe { shared.as_ref() }
    }

    /// Returns whether any stream of the connection is taken.
    pub(crate) fn is_any_taken(&self) -> bool {
        self.taken.get() > 0
    }

    /// Returns whether no request is known that keeps nginx from ending the connection.
    pub(crate) fn is_unblocked(&self) -> bool {
        self.blocker.get().is_null()
    }
}

/// The handler that tells the cleanup of [`Shared`] from other cleanups of a pool.
static MARK: unsafe extern "C" fn(*mut c_void) = shim::nginx_shim_clean_shared;

impl<'r> Stream<'r> {
    /// The stream of a request; `None` over HTTP/1.x.
    pub(crate) fn of(r: RawRequest<'r>) -> Option<Self> {
        http2::Stream::of(r).map(Self::Http2).or_else(|| http3::Stream::of(r).map(Self::Http3))
    }

    /// Returns whether the client may still send: it has neither ended its side nor reset the stream.
    pub(crate) fn is_open(self) -> bool {
        match self {
            Self::Http2(stream) => stream.is_open(),
            Self::Http3(stream) => stream.is_open(),
        }
    }

    /// Returns whether flow control lets the client send.
    pub(crate) fn may_send(self) -> bool {
        match self {
            Self::Http2(stream) => stream.may_send(),
            Self::Http3(_) => true,
        }
    }

    /// Makes nginx skip what arrives. Over HTTP/3 nobody reads it.
    pub(crate) fn skip(self) {
        match self {
            Self::Http2(stream) => stream.skip(true),
            Self::Http3(_) => (),
        }
    }

    /// How many streams of the stream's connection are taken.
    pub(crate) fn taken(self) -> usize {
        Shared::find(&self.parent()).map_or(0, |shared| shared.taken.get())
    }

    /// The connection of the stream.
    fn parent(self) -> Connection {
        match self {
            Self::Http2(stream) => stream.parent(),
            Self::Http3(stream) => stream.parent(),
        }
    }

    /// How many streams the stream's connection may have at once.
    pub(crate) fn most(self) -> usize {
        match self {
            Self::Http2(stream) => stream.most(),
            Self::Http3(stream) => stream.most(),
        }
    }

    /// Takes the body from nginx, until [`release`](Self::release): nobody else finds a body, and what arrives can be
    /// dropped. Adds a user to the request, until [`close`]. Returns how many bytes had arrived already and were dropped,
    /// and the result; `None` if memory is out.
    pub(crate) fn take(self) -> Option<(u64, Came)> {
        let parent = self.parent();
        let shared = Shared::find_or_create(&parent)?;
        let ahead = match self {
            Self::Http2(stream) => stream.take()?,
            Self::Http3(stream) => stream.take()?,
        };
        shared.taken.set(shared.taken.get().saturating_add(1));
        Some(ahead)
    }

    /// Has nginx skip what comes of a taken body, while others may give the request a body of their own: nginx would add to
    /// that (HTTP/2). `left` is how many bytes are to come, if the client keeps to its Content-Length. `None` where there is no
    /// need.
    pub(crate) fn step_aside(self, left: Option<u64>) -> Option<Skipped> {
        match self {
            Self::Http2(stream) => Some(stream.step_aside(left)),
            Self::Http3(_) => None,
        }
    }

    /// Ends what [`step_aside`](Self::step_aside) has begun. Returns false where that must wait.
    pub(crate) fn step_back(self, skipped: Skipped) -> bool {
        match self {
            Self::Http2(stream) => stream.step_back(skipped),
            Self::Http3(_) => true,
        }
    }

    /// Counts what nginx has skipped. Returns what is known now, the number of bytes, and the result.
    pub(crate) fn count_skipped(self, skipped: Skipped) -> (Skipped, u64, Came) {
        match self {
            Self::Http2(stream) => stream.count_skipped(skipped),
            Self::Http3(_) => (skipped, 0, Came::Wait),
        }
    }

    /// To be called when the client may send more of a body that nginx skips.
    pub(crate) fn pay_ahead(self, skipped: Skipped) -> Skipped {
        match self {
            Self::Http2(stream) => stream.pay_ahead(skipped),
            Self::Http3(_) => skipped,
        }
    }

    /// Drops what has arrived. Over HTTP/3 it drops no more than about `most` bytes; over HTTP/2 [`grant`](Self::grant)
    /// alone limits what arrives. Returns the number of bytes, and the result.
    pub(crate) fn drop_some(self, most: u64) -> (u64, Came) {
        match self {
            Self::Http2(stream) => stream.drop_some(most),
            Self::Http3(stream) => stream.drop_some(most),
        }
    }

    /// The length of the frame that nginx is about to copy, in bytes, if it is the last frame of the stream (HTTP/2).
    pub(crate) fn last_frame(self) -> Option<u64> {
        match self {
            Self::Http2(stream) => stream.last_frame(),
            Self::Http3(_) => None,
        }
    }

    /// Tells the client that the response is over, where nginx does so only at the end of the request (HTTP/3). All of
    /// the response must have been sent or handed to nginx's own transport.
    pub(crate) fn end_response(self) {
        match self {
            Self::Http2(_) => (),
            Self::Http3(stream) => stream.end_response(),
        }
    }

    /// Returns whether the client has acknowledged all of the response, as far as nginx knows: false over HTTP/2.
    pub(crate) fn is_acknowledged(self) -> bool {
        match self {
            Self::Http2(_) => false,
            Self::Http3(stream) => stream.is_acknowledged(),
        }
    }

    /// The socket that all of the response has been written to; `None` if some of it has not, and over HTTP/3.
    pub(crate) fn socket(self) -> Option<i32> {
        match self {
            Self::Http2(stream) => stream.socket(),
            Self::Http3(_) => None,
        }
    }

    /// Lets nginx end the request when it runs out of connections. Over HTTP/2 ending one request would free no
    /// connection. So nginx ends all requests of the connection, if each of them may be ended. `handler` is the read
    /// event handler of requests that may be ended.
    pub(crate) fn set_reusable(self, handler: ngx_event_handler_pt) {
        match self {
            Self::Http2(stream) => stream.set_reusable(handler),
            Self::Http3(stream) => stream.set_reusable(handler),
        }
    }

    /// Lets the client send `most` bytes of the body from now on. Credit that it already has is not taken back.
    /// `declared` is how many bytes are to come, if the client keeps to its Content-Length; 0 if nothing is known.
    pub(crate) fn grant(self, most: u64, declared: u64) {
        match self {
            Self::Http2(stream) => stream.grant(most, declared),
            // nginx gives credit when the stream is read.
            Self::Http3(_) => (),
        }
    }

    /// Ends what [`take`](Self::take) has begun, after `dropped` bytes were dropped, and what
    /// [`step_aside`](Self::step_aside) has.
    pub(crate) fn release(self, dropped: u64, skipped: Option<Skipped>) {
        let parent = self.parent();
        let Some(shared) = Shared::find(&parent) else {
            return;
        };
        shared.taken.set(shared.taken.get().saturating_sub(1));
        // From now on nginx alone decides what may be ended.
        match self {
            Self::Http2(stream) => {
                stream.settle(dropped, skipped);
                if !shared.is_any_taken() {
                    parent.set_reusable(false);
                }
            }
            Self::Http3(stream) => stream.clear_reusable(),
        }
    }
}

/// Leaves the rest of the body to nginx, and gives up one user of the request, perhaps the last.
///
/// # Safety
///
/// The user must have been counted. The call may end the request: no copy of `r` may be used afterwards.
pub(crate) unsafe fn close(r: RawRequest<'_>) {
    // SAFETY: the user was counted, and no copy of `r` is used afterwards, as the caller promises.
    unsafe {
        match Stream::of(r) {
            Some(Stream::Http2(stream)) => stream.close(),
            Some(Stream::Http3(stream)) => stream.close(),
            None => r.leave(),
        }
    }
}
