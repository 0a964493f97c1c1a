//! A client's connection, and its two events.
//!
//! nginx has a connection for each socket and, over HTTP/2 and HTTP/3, one that it makes up for each stream.

use core::ffi::CStr;
use core::ptr::{self, NonNull};

use nginx_sys::{
    ngx_atomic_uint_t, ngx_connection_error, ngx_connection_t, ngx_err_t, ngx_event_handler_pt, ngx_event_t,
    ngx_handle_read_event, ngx_msec_t, ngx_pool_t, ngx_reusable_connection, NGX_AGAIN, NGX_ERROR, NGX_OK,
};

use crate::raw::RawRequest;
use crate::shim;

/// A connection.
#[derive(Clone, Copy)]
pub struct Connection(NonNull<ngx_connection_t>);

/// What came of reading from a connection.
pub enum Received {
    /// So many bytes, at least 1.
    Bytes(usize),
    /// Nothing now.
    Again,
    /// The end.
    Eof,
    /// It has failed.
    Failed,
}

impl Connection {
    /// The connection at `c`.
    ///
    /// # Safety
    ///
    /// `c` must have its two events, and be in memory that nginx does not free as long as the value is used.
    pub const unsafe fn new(c: *mut ngx_connection_t) -> Self {
        // SAFETY: a connection in memory has an address.
        Self(unsafe { NonNull::new_unchecked(c) })
    }

    /// Where it is. To dereference that is as unsafe as ever.
    pub const fn as_ptr(self) -> *mut ngx_connection_t {
        self.0.as_ptr()
    }

    /// The event of what there is to read.
    pub fn read(self) -> Event {
        // SAFETY: `new` was promised the event, which nginx sets when it makes the connection.
        Event(unsafe { NonNull::new_unchecked((*self.as_ptr()).read) })
    }

    /// The event of what can be written.
    pub fn write(self) -> Event {
        // SAFETY: as for `read`.
        Event(unsafe { NonNull::new_unchecked((*self.as_ptr()).write) })
    }

    /// Its socket; -1 when it is closed.
    pub fn socket(self) -> i32 {
        // SAFETY: a copy of a number in memory that `new` was promised.
        unsafe { (*self.as_ptr()).fd }
    }

    /// Its number, which no two connections of a worker have one after the other.
    pub fn number(self) -> ngx_atomic_uint_t {
        // SAFETY: a copy of a number in memory that `new` was promised.
        unsafe { (*self.as_ptr()).number }
    }

    /// Its memory pool.
    pub fn pool(self) -> *mut ngx_pool_t {
        // SAFETY: a copy of a pointer in memory that `new` was promised.
        unsafe { (*self.as_ptr()).pool }
    }

    /// Whether nginx needs it for others.
    pub fn is_closing(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_close(self.as_ptr()) != 0 }
    }

    /// Sets whether nginx needs it for others.
    pub fn set_closing(self, on: bool) {
        // SAFETY: writes a bit of the connection.
        unsafe { shim::nginx_shim_set_close(self.as_ptr(), on.into()) }
    }

    /// Whether nginx has given it up, and all that was in its pool.
    pub fn is_destroyed(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_destroyed(self.as_ptr()) != 0 }
    }

    /// Whether it has failed.
    pub fn has_failed(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_failed(self.as_ptr()) != 0 }
    }

    /// Whether a timer has ended it.
    pub fn is_timed_out(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_timedout(self.as_ptr()) != 0 }
    }

    /// Whether something is still to be written.
    pub fn is_buffered(self) -> bool {
        // SAFETY: reads bits of the connection.
        unsafe { shim::nginx_shim_buffered(self.as_ptr()) != 0 }
    }

    /// Whether nginx may end it when it runs out of connections.
    pub fn is_reusable(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_reusable(self.as_ptr()) != 0 }
    }

    /// Sets whether nginx may end it when it runs out of connections. One that may comes last in nginx's queue.
    pub fn set_reusable(self, on: bool) {
        // SAFETY: nginx keeps the queue; the connection is in it if its bit says so.
        unsafe { ngx_reusable_connection(self.as_ptr(), on.into()) }
    }

    /// Whether it is encrypted.
    pub fn is_tls(self) -> bool {
        // SAFETY: reads a pointer of the connection, NULL in builds without TLS.
        !unsafe { shim::nginx_shim_ssl(self.as_ptr()) }.is_null()
    }

    /// Where TLS keeps nginx's handlers of the events, reading first, while it has set its own.
    #[cfg(ngx_feature = "ssl")]
    pub fn set_aside(self) -> Option<[NonNull<ngx_event_handler_pt>; 2]> {
        // SAFETY: reads a pointer of the connection; what it points to lives as long.
        let ssl = NonNull::new(unsafe { shim::nginx_shim_ssl(self.as_ptr()) })?.as_ptr();
        // SAFETY: only the places of two members are taken.
        let [read, write] =
            unsafe { [ptr::addr_of_mut!((*ssl).saved_read_handler), ptr::addr_of_mut!((*ssl).saved_write_handler)] };
        Some([NonNull::new(read)?, NonNull::new(write)?])
    }

    /// There is no TLS.
    #[cfg(not(ngx_feature = "ssl"))]
    pub fn set_aside(self) -> Option<[NonNull<ngx_event_handler_pt>; 2]> {
        None
    }

    /// Whether TLS has set handlers of its own for a while.
    pub fn is_tls_waiting(self) -> bool {
        // SAFETY: reads members of the connection's TLS.
        self.set_aside().is_some_and(|handlers| handlers.iter().any(|handler| unsafe { handler.read() }.is_some()))
    }

    /// Whether TLS has set a handler of its own for what there is to read, for a while.
    pub fn is_tls_reading(self) -> bool {
        // SAFETY: reads a member of the connection's TLS.
        self.set_aside().is_some_and(|[handler, _]| unsafe { handler.read() }.is_some())
    }

    /// Sets other handlers, for reading and for writing, in the place of one, also where TLS has set that aside.
    pub fn replace_handlers(
        self,
        is_old: impl Fn(ngx_event_handler_pt) -> bool,
        read: ngx_event_handler_pt,
        write: ngx_event_handler_pt,
    ) {
        for (event, handler) in [(self.read(), read), (self.write(), write)] {
            if is_old(event.handler()) {
                event.replace_handler(handler);
            }
        }
        let Some(set_aside) = self.set_aside() else {
            return;
        };
        for (place, handler) in set_aside.into_iter().zip([read, write]) {
            // SAFETY: reads a member of the connection's TLS.
            if is_old(unsafe { place.read() }) {
                // SAFETY: writes it; nginx sets it as the handler again.
                unsafe { place.write(handler) };
            }
        }
    }

    /// Reads up to `size` bytes.
    ///
    /// # Safety
    ///
    /// `buffer` must have room for them.
    pub unsafe fn recv(self, buffer: *mut u8, size: usize) -> Received {
        const AGAIN: isize = NGX_AGAIN as isize;
        // SAFETY: nginx sets the function with the connection; it writes no more than `size` bytes.
        let result = unsafe { (*self.as_ptr()).recv.map(|recv| recv(self.as_ptr(), buffer, size)) };
        match result.unwrap_or(NGX_ERROR as isize) {
            0 => Received::Eof,
            AGAIN => Received::Again,
            bytes => usize::try_from(bytes).map_or(Received::Failed, Received::Bytes),
        }
    }

    /// Has nginx tell when there is something to read again. Returns whether it will.
    pub fn listen(self) -> bool {
        // SAFETY: nginx takes the event of any connection.
        unsafe { ngx_handle_read_event(self.read().as_ptr(), 0) == NGX_OK as isize }
    }

    /// Writes to the error log that something has failed, with the system's error.
    pub fn report(self, error: i32, what: &CStr) {
        // SAFETY: nginx takes any connection, and reads the text.
        unsafe { ngx_connection_error(self.as_ptr(), error as ngx_err_t, what.as_ptr().cast_mut().cast()) };
    }
}

/// An event of a connection, or a timer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event(NonNull<ngx_event_t>);

impl Event {
    /// The event at `event`.
    ///
    /// # Safety
    ///
    /// `event` must be in memory that nginx does not free as long as the value is used.
    pub const unsafe fn new(event: *mut ngx_event_t) -> Self {
        // SAFETY: an event in memory has an address.
        Self(unsafe { NonNull::new_unchecked(event) })
    }

    /// A new timer for a request, which has the request's connection as its data; `None` if memory is out.
    pub fn timer(r: RawRequest<'_>, handler: ngx_event_handler_pt) -> Option<Self> {
        // SAFETY: the pool of a live request, which fills the memory that it gives with zeros.
        let timer = NonNull::new(unsafe { shim::nginx_shim_alloc_event(r.pool()) })?;
        let c = r.connection().as_ptr();
        // SAFETY: the new event is ours to fill in, and the connection has a log.
        unsafe {
            (*timer.as_ptr()).data = c.cast();
            (*timer.as_ptr()).handler = handler;
            (*timer.as_ptr()).log = (*c).log;
        }
        Some(Self(timer))
    }

    /// Where it is. To dereference that is as unsafe as ever.
    pub const fn as_ptr(self) -> *mut ngx_event_t {
        self.0.as_ptr()
    }

    /// The connection that is its data.
    ///
    /// # Safety
    ///
    /// It must be the event of a connection, or one that [`timer`](Self::timer) made, and that connection be in memory.
    pub unsafe fn connection(self) -> Connection {
        // SAFETY: up to the caller.
        unsafe { Connection::new((*self.as_ptr()).data.cast()) }
    }

    /// What nginx calls when it happens.
    pub fn handler(self) -> ngx_event_handler_pt {
        // SAFETY: a copy of a pointer in memory that `new` was promised.
        unsafe { (*self.as_ptr()).handler }
    }

    /// Sets what nginx calls when it happens. Returns what it was.
    pub fn replace_handler(self, handler: ngx_event_handler_pt) -> ngx_event_handler_pt {
        // SAFETY: writes a pointer in memory that `new` was promised.
        unsafe { ptr::addr_of_mut!((*self.as_ptr()).handler).replace(handler) }
    }

    /// Whether the client has ended its side.
    pub fn is_eof(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_eof(self.as_ptr()) != 0 }
    }

    /// Whether the system has told that the client has ended its side, before what it has sent is read.
    pub fn is_eof_pending(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_pending_eof(self.as_ptr()) != 0 }
    }

    /// Whether the connection has failed.
    pub fn has_failed(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_failed(self.as_ptr()) != 0 }
    }

    /// Whether its timer has run out.
    pub fn is_timed_out(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_timedout(self.as_ptr()) != 0 }
    }

    /// Has its timer not have run out.
    pub fn clear_timed_out(self) {
        // SAFETY: writes a bit of the event.
        unsafe { shim::nginx_shim_set_event_timedout(self.as_ptr(), 0) }
    }

    /// Sets whether there may be something to read.
    pub fn set_ready(self, on: bool) {
        // SAFETY: writes a bit of the event.
        unsafe { shim::nginx_shim_set_event_ready(self.as_ptr(), on.into()) }
    }

    /// There is nothing more to read, ever.
    pub fn set_eof(self) {
        self.set_ready(false);
        // SAFETY: writes a bit of the event.
        unsafe { shim::nginx_shim_set_event_eof(self.as_ptr(), 1) }
    }

    /// Has nginx find out anew how much there is to read.
    pub fn forget_available(self) {
        // SAFETY: writes a number in memory that `new` was promised; nginx writes the same where it does not know.
        unsafe { (*self.as_ptr()).available = -1 }
    }

    /// Has its handler called in the next round of the event loop.
    pub fn post_next(self) {
        // SAFETY: nginx takes any event, and takes it off its queue when the connection is closed.
        unsafe { shim::nginx_shim_post_next(self.as_ptr()) }
    }

    /// Has it happen in so many milliseconds.
    pub fn start_timer(self, left: u64) {
        // SAFETY: nginx moves a timer that runs already.
        unsafe { shim::nginx_shim_add_timer(self.as_ptr(), left as ngx_msec_t) }
    }

    /// Stops its timer, if that runs.
    pub fn stop_timer(self) {
        // SAFETY: reads a bit of the event.
        if unsafe { shim::nginx_shim_event_timer_set(self.as_ptr()) } != 0 {
            // SAFETY: a timer that runs is in nginx's tree of timers.
            unsafe { shim::nginx_shim_del_timer(self.as_ptr()) }
        }
    }
}
