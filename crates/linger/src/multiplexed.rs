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

/// What the streams of a connection share; in its pool.
pub(crate) struct Shared {
    /// How many of them are taken.
    taken: Cell<usize>,
    /// Why the connection cannot be ended although there are such: a request that goes on.
    pub(crate) blocker: Cell<*const ngx_http_request_t>,
    pub(crate) frames: http2::Frames,
}

impl Shared {
    /// What the streams of a connection share; `None` if there is nothing yet.
    pub(crate) fn find(c: &Connection) -> Option<&Self> {
        // SAFETY: the list of a pool's cleanups begins in the pool, which lives as long as the connection.
        let mut cleanup: *const ngx_pool_cleanup_t = unsafe { (*c.pool()).cleanup };
        // SAFETY: a link of that list, which ends in NULL.
        while let Some(link) = unsafe { cleanup.as_ref() } {
            if link.handler.is_some_and(|handler| handler as usize == MARK as usize) {
                // SAFETY: a cleanup with this handler has as its data what `create` made, which is only ever shared.
                return unsafe { link.data.cast::<Self>().as_ref() };
            }
            cleanup = link.next;
        }
        None
    }

    /// The same, made if there is none; `None` if memory is out.
    fn find_or_create(c: &Connection) -> Option<&Self> {
        Self::find(c).or_else(|| Self::create(c))
    }

    fn create(c: &Connection) -> Option<&Self> {
        const { assert!(!mem::needs_drop::<Self>() && mem::align_of::<Self>() <= NGX_ALIGNMENT) };
        // SAFETY: the pool of a live connection.
        let cleanup = unsafe { ngx_pool_cleanup_add(c.pool(), mem::size_of::<Self>()).as_mut() }?;
        cleanup.handler = Some(MARK);
        let shared = cleanup.data.cast::<Self>();
        let nothing = Self { taken: Cell::new(0), blocker: Cell::new(ptr::null()), frames: http2::Frames::default() };
        // SAFETY: nginx has given as much memory as asked for, on a boundary that is enough, as asserted.
        unsafe { shared.write(nothing) };
        // SAFETY: it has just been made, and lives as long as the connection.
        unsafe { shared.as_ref() }
    }

    /// Whether any stream of the connection is taken.
    pub(crate) fn is_any_taken(&self) -> bool {
        self.taken.get() > 0
    }

    /// Whether nothing but taken streams is known to use the connection.
    pub(crate) fn is_unblocked(&self) -> bool {
        self.blocker.get().is_null()
    }
}

/// The handler by which what streams share is told from other things in a pool.
static MARK: unsafe extern "C" fn(*mut c_void) = shim::nginx_shim_clean_shared;

impl<'r> Stream<'r> {
    /// The stream of a request; `None` over HTTP/1.x.
    pub(crate) fn of(r: RawRequest<'r>) -> Option<Self> {
        http2::Stream::of(r).map(Self::Http2).or_else(|| http3::Stream::of(r).map(Self::Http3))
    }

    /// Whether the client may still send: it has neither ended its side nor reset the stream.
    pub(crate) fn is_open(self) -> bool {
        match self {
            Self::Http2(stream) => stream.is_open(),
            Self::Http3(stream) => stream.is_open(),
        }
    }

    /// How many streams of its connection are taken.
    pub(crate) fn taken(self) -> usize {
        Shared::find(&self.parent()).map_or(0, |shared| shared.taken.get())
    }

    /// The connection that it is of.
    fn parent(self) -> Connection {
        match self {
            Self::Http2(stream) => stream.parent(),
            Self::Http3(stream) => stream.parent(),
        }
    }

    /// How many streams its connection may have at once.
    pub(crate) fn most(self) -> usize {
        match self {
            Self::Http2(stream) => stream.most(),
            Self::Http3(stream) => stream.most(),
        }
    }

    /// Takes the body away from nginx, until [`release`](Self::release): whoever asks for one finds none, and what comes can
    /// be dropped. Counts one more user of the request, until [`close`]. Returns how many bytes had come already; `None` if
    /// memory is out.
    pub(crate) fn take(self) -> Option<u64> {
        let parent = self.parent();
        let shared = Shared::find_or_create(&parent)?;
        let dropped = match self {
            Self::Http2(stream) => stream.read_anew()?,
            Self::Http3(stream) => stream.add_user(),
        };
        shared.taken.set(shared.taken.get().saturating_add(1));
        Some(dropped)
    }

    /// Drops what has come, or `most` bytes of it (over HTTP/3; over HTTP/2 see [`grant`](Self::grant)). Returns how many bytes
    /// that was, and what came of it.
    pub(crate) fn drop_some(self, most: u64) -> (u64, Came) {
        match self {
            Self::Http2(stream) => stream.drop_some(most),
            Self::Http3(stream) => stream.drop_some(most),
        }
    }

    /// How long the frame is that nginx is about to copy, in bytes, if it is the last one of a stream (HTTP/2).
    pub(crate) fn last_frame(self) -> Option<u64> {
        match self {
            Self::Http2(stream) => stream.last_frame(),
            Self::Http3(_) => None,
        }
    }

    /// Tells the client that the response is over, where that comes with the end of the request. For responses that are.
    pub(crate) fn end_response(self) {
        match self {
            Self::Http2(_) => (),
            Self::Http3(stream) => stream.end_response(),
        }
    }

    /// Whether the client has acknowledged all of the response, where that is nginx's business: over HTTP/3.
    pub(crate) fn is_acknowledged(self) -> bool {
        match self {
            Self::Http2(_) => false,
            Self::Http3(stream) => stream.is_acknowledged(),
        }
    }

    /// The socket that all of the response has been written to; `None` if some has not, and over HTTP/3.
    pub(crate) fn socket(self) -> Option<i32> {
        match self {
            Self::Http2(stream) => stream.socket(),
            Self::Http3(_) => None,
        }
    }

    /// Lets nginx end the request when it runs out of connections. Over HTTP/2 one alone would be of no use: it is ended with
    /// all others of its connection, if the same may be done with each of them; `handler` tells which these are.
    pub(crate) fn set_reusable(self, handler: ngx_event_handler_pt) {
        match self {
            Self::Http2(stream) => stream.set_reusable(handler),
            Self::Http3(stream) => stream.set_reusable(handler),
        }
    }

    /// Lets the client send so much of a body from now on, and no more, as far as it has not been let already.
    pub(crate) fn grant(self, most: u64) {
        match self {
            Self::Http2(stream) => stream.grant(most),
            // It is let when something is read.
            Self::Http3(_) => (),
        }
    }

    /// Ends what [`take`](Self::take) has begun, when so many bytes were dropped.
    pub(crate) fn release(self, dropped: u64) {
        let parent = self.parent();
        let Some(shared) = Shared::find(&parent) else {
            return;
        };
        shared.taken.set(shared.taken.get().saturating_sub(1));
        if let Self::Http2(stream) = self {
            stream.settle(dropped);
            if !shared.is_any_taken() {
                // nginx alone decides.
                parent.set_reusable(false);
            }
        }
    }
}

/// Leaves what is still to come to nginx, and has one user less of the request, which may be the last one.
///
/// # Safety
///
/// The body must be taken. The request may be gone afterwards: none of its copies may be used.
pub(crate) unsafe fn close(r: RawRequest<'_>) {
    // SAFETY: up to the caller; the user is the one that `take` counted.
    unsafe {
        match http2::Stream::of(r) {
            Some(stream) => stream.close(),
            None => r.leave(),
        }
    }
}
