//! How the response of a guarded request is read.
//!
//! nginx's two functions for that are replaced where more is to be known than they tell: over HTTP/2, where the response ends;
//! and when a write has failed, that the connection has.

use core::cell::Cell;
use core::{iter, slice};
use std::sync::OnceLock;

use nginx_sys::{
    ngx_chain_t, ngx_connection_t, ngx_http_request_t, ngx_recv_chain_pt, ngx_recv_pt, off_t, u_char, NGX_AGAIN,
    NGX_ERROR,
};

use super::frames::Frames;
use super::{guard_of, Guard, Way};
use crate::connection::Connection;
use crate::HttpModule;

/// What is known of how a response is read.
#[derive(Default)]
pub(super) struct Reading {
    /// nginx's own functions, where they are replaced.
    recv: Cell<ngx_recv_pt>,
    recv_chain: Cell<ngx_recv_chain_pt>,
    /// How far the frames have been read (HTTP/2).
    frames: Cell<Frames>,
    /// Whether all of the response has come (HTTP/2).
    is_over: Cell<bool>,
}

impl Reading {
    /// The next response is read from another connection.
    pub(super) fn reset(&self) {
        self.recv.set(None);
        self.recv_chain.set(None);
        self.frames.take();
        self.is_over.set(false);
    }
}

impl Guard {
    /// Has nginx read from the connection through [`recv`] and [`recv_chain`].
    ///
    /// # Safety
    ///
    /// The connection must be the request's, until it is closed or [`leave_reads`](Self::leave_reads) is called.
    pub(super) unsafe fn watch_reads<M: HttpModule>(&self, c: Connection) {
        if self.reading.recv.get().is_none() {
            if let Some(handler) = c.read_handler() {
                UPSTREAM_HANDLER.get_or_init(|| handler as usize);
            }
            // SAFETY: nobody else changes the connection meanwhile.
            unsafe {
                self.reading.recv.set((*c.as_ptr()).recv.replace(recv::<M>));
                self.reading.recv_chain.set((*c.as_ptr()).recv_chain.replace(recv_chain::<M>));
            }
        }
    }

    /// Leaves it to nginx again how the connection is read from.
    ///
    /// # Safety
    ///
    /// As for [`watch_reads`](Self::watch_reads).
    unsafe fn leave_reads(&self, c: Connection) {
        if let (Some(recv), Some(recv_chain)) = (self.reading.recv.take(), self.reading.recv_chain.take()) {
            // SAFETY: these are nginx's own functions, of the same connection.
            unsafe {
                (*c.as_ptr()).recv = Some(recv);
                (*c.as_ptr()).recv_chain = Some(recv_chain);
            }
        }
    }

    /// Reads from the connection, with nginx's own function. Over HTTP/2, `look` is told how much, and returns how much of that
    /// nginx gets.
    ///
    /// An upstream may reset the stream behind its response, as it wants no more of the request, and nginx would take some of
    /// these resets for a failure of the response. It may also end the connection, and nginx would not wait for its own answer
    /// to a frame any more. So nothing behind the response gets to nginx.
    ///
    /// # Safety
    ///
    /// `c` must be the connection of the request, which must be live.
    unsafe fn read(
        &self,
        c: *mut ngx_connection_t,
        read: impl FnOnce() -> Option<isize>,
        look: impl FnOnce(usize) -> usize,
    ) -> isize {
        // SAFETY: up to the caller; the request lives as long as its guard.
        let (c, u) = unsafe { (Connection::new(c), (*self.r).upstream) };
        // nginx sets the length to 0 when it has seen the end.
        // SAFETY: reads a number of the upstream.
        if self.reading.is_over.get() && unsafe { (*u).length != 0 } {
            c.read().set_ready(false);
            return NGX_AGAIN as isize;
        }
        let result = read().unwrap_or(NGX_ERROR as isize);
        match usize::try_from(result) {
            Ok(1..) if self.reading.is_over.get() => {
                c.read().set_ready(false);
                NGX_AGAIN as isize
            }
            Ok(size @ 1..) if self.is_http2(u) => look(size) as isize,
            Ok(0) if self.way.get() == Way::Closed && !self.has_ended.get() && !self.reading.is_over.get() => {
                // The reset that the kernel would have told of.
                c.read().set_failed();
                c.report(libc::ECONNRESET, c"recv() failed");
                NGX_ERROR as isize
            }
            _ => result,
        }
    }

    /// These bytes have been read over HTTP/2. Returns how many of them nginx gets.
    ///
    /// # Safety
    ///
    /// `c` must be the connection of the request, which must be live.
    unsafe fn look<'a, M: HttpModule>(&self, c: Connection, pieces: impl Iterator<Item = &'a [u8]>) -> usize {
        let mut frames = self.reading.frames.take();
        let before = frames.seen();
        for piece in pieces {
            frames.take(piece);
        }
        self.reading.frames.set(frames);
        let size = |end: u64| end.saturating_sub(before) as usize;
        let Some(end) = frames.end() else {
            return size(frames.seen());
        };
        if self.is_whole.get() && !frames.is_reset() {
            // nginx may keep the connection, and read from it when this request is gone.
            // SAFETY: up to the caller.
            unsafe { self.leave_reads(c) };
            return size(frames.seen());
        }
        self.reading.is_over.set(true);
        c.write().stop_timer();
        // SAFETY: up to the caller; the request lives as long as its guard.
        unsafe { self.drop_rest::<M>((*self.r).upstream, c) };
        size(end)
    }
}

/// The address of nginx's handler of the events of a connection to an upstream, which has no name outside of nginx's own file.
static UPSTREAM_HANDLER: OnceLock<usize> = OnceLock::new();

/// The guard of the upstream that a connection is of.
///
/// # Safety
///
/// The connection must be one that was guarded, and not be closed.
unsafe fn guard_of_connection<'a, M: HttpModule>(c: *mut ngx_connection_t) -> Option<&'a Guard> {
    // The data of one that is kept is no request. Nobody should read from it through a guard any more; but if so, this holds.
    // SAFETY: a connection that is not closed has events.
    let handler = unsafe { Connection::new(c) }.read_handler();
    if handler.map(|handler| handler as usize) != UPSTREAM_HANDLER.get().copied() {
        return None;
    }
    // SAFETY: with that handler the data is a live request, which has an upstream.
    unsafe { guard_of::<M>((*(*c).data.cast::<ngx_http_request_t>()).upstream) }
}

/// Reads from a connection that cannot be written to, or over HTTP/2: `ngx_connection_t.recv`.
unsafe extern "C" fn recv<M: HttpModule>(c: *mut ngx_connection_t, buffer: *mut u_char, size: usize) -> isize {
    // SAFETY: the connection is read from as long as the request lives.
    let Some(guard) = (unsafe { guard_of_connection::<M>(c) }) else {
        return NGX_ERROR as isize;
    };
    // SAFETY: nginx's own function takes what this one got.
    let read = || guard.reading.recv.get().map(|recv| unsafe { recv(c, buffer, size) });
    // SAFETY: so many bytes have just been written into the buffer. The connection is that of the guard.
    let look = |size| unsafe { guard.look::<M>(Connection::new(c), iter::once(slice::from_raw_parts(buffer, size))) };
    // SAFETY: as above.
    unsafe { guard.read(c, read, look) }
}

/// The same, into a chain of buffers: `ngx_connection_t.recv_chain`.
unsafe extern "C" fn recv_chain<M: HttpModule>(
    c: *mut ngx_connection_t,
    chain: *mut ngx_chain_t,
    limit: off_t,
) -> isize {
    // SAFETY: the connection is read from as long as the request lives.
    let Some(guard) = (unsafe { guard_of_connection::<M>(c) }) else {
        return NGX_ERROR as isize;
    };
    // SAFETY: nginx's own function takes what this one got.
    let read = || guard.reading.recv_chain.get().map(|recv| unsafe { recv(c, chain, limit) });
    // SAFETY: so many bytes have just been written into these buffers. The connection is that of the guard.
    let look = |size| unsafe { guard.look::<M>(Connection::new(c), filled(chain, size)) };
    // SAFETY: as above.
    unsafe { guard.read(c, read, look) }
}

/// The `size` bytes that have been read into a chain of buffers.
///
/// # Safety
///
/// They must have been written behind the end of each buffer, one buffer after the other.
unsafe fn filled<'a>(chain: *mut ngx_chain_t, size: usize) -> impl Iterator<Item = &'a [u8]> {
    // SAFETY: up to the caller. Chains end in NULL.
    let links = iter::successors(unsafe { chain.as_ref::<'a>() }, |link| unsafe { link.next.as_ref() });
    links.scan(size, |left, link| {
        // SAFETY: each link has a buffer; the end of its memory is not before that of what is in it.
        let (last, room) = unsafe { ((*link.buf).last, (*link.buf).end.offset_from((*link.buf).last)) };
        let size = usize::try_from(room).unwrap_or(0).min(*left);
        *left = left.saturating_sub(size);
        // SAFETY: so much has been written there.
        (size > 0).then(|| unsafe { slice::from_raw_parts(last, size) })
    })
}
