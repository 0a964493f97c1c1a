//! A client's connection, and its two events.
//!
//! nginx has a connection for each socket and, over HTTP/2 and HTTP/3, one that it makes up for each stream.

use core::ffi::CStr;
use core::ptr::{self, NonNull};

use nginx_sys::{
    ngx_atomic_uint_t, ngx_connection_error, ngx_connection_t, ngx_err_t, ngx_event_handler_pt, ngx_event_t,
    ngx_handle_read_event, ngx_handle_write_event, ngx_http_request_t, ngx_msec_t, ngx_pool_t, ngx_reusable_connection,
    NGX_AGAIN, NGX_ERROR, NGX_OK,
};

use crate::raw::RawRequest;
use crate::{shim, HttpModule, Request};

/// How long a timer may run at most, in milliseconds. nginx takes a time that is ahead by more than half of its range for one
/// that is over, and would call the handler again and again. With addresses of 32 bits this is 12 days.
const LONGEST: u64 = isize::MAX as u64 / 2;

/// A connection.
#[derive(Clone, Copy)]
pub struct Connection(NonNull<ngx_connection_t>);

/// The result of reading from a connection.
pub enum Received {
    /// The number of bytes, at least 1.
    Bytes(usize),
    /// There is nothing to read now.
    Again,
    /// The client has ended its side.
    Eof,
    /// The connection has failed.
    Failed,
}

impl Connection {
    /// The connection at `c`.
    ///
    /// # Safety
    ///
    /// `c` must have its two events, and must be in memory that nginx does not free while the value is used.
    pub const unsafe fn new(c: *mut ngx_connection_t) -> Self {
        // SAFETY: a connection in memory has an address.
        Self(unsafe { NonNull::new_unchecked(c) })
    }

    /// The address of the connection. To dereference it is unsafe as usual.
    pub const fn as_ptr(self) -> *mut ngx_connection_t {
        self.0.as_ptr()
    }

    /// The read event.
    pub fn read(self) -> Event {
        // SAFETY: the caller of `new` promised the event, which nginx sets when it makes the connection.
        Event(unsafe { NonNull::new_unchecked((*self.as_ptr()).read) })
    }

    /// The write event.
    pub fn write(self) -> Event {
        // SAFETY: the caller of `new` promised the event, which nginx sets when it makes the connection.
        Event(unsafe { NonNull::new_unchecked((*self.as_ptr()).write) })
    }

    /// Has nginx's event method tell nothing of the connection that it would tell again and again (poll, select), until nginx waits
    /// for something.
    pub fn ignore_events(self) {
        // Who is ready does not wait.
        self.read().set_ready(true);
        self.write().set_ready(true);
        // SAFETY: nginx takes the event of any connection.
        unsafe { ngx_handle_read_event(self.read().as_ptr(), 0) };
        self.ignore_room();
    }

    /// The same for room to write, once there is some.
    pub fn ignore_room(self) {
        // SAFETY: nginx takes the event of any connection.
        unsafe { ngx_handle_write_event(self.write().as_ptr(), 0) };
    }

    /// The connection's socket; -1 when it is closed.
    pub fn socket(self) -> i32 {
        // SAFETY: reads a number in memory that the caller of `new` promised.
        unsafe { (*self.as_ptr()).fd }
    }

    /// Returns whether the connection is a stream of bytes, as over TCP or a Unix socket, and not of datagrams.
    pub fn is_tcp(self) -> bool {
        // SAFETY: reads a number in memory that the caller of `new` promised.
        unsafe { (*self.as_ptr()).type_ == libc::SOCK_STREAM }
    }

    /// The connection's number. No later connection of the worker has the same one.
    pub fn number(self) -> ngx_atomic_uint_t {
        // SAFETY: reads a number in memory that the caller of `new` promised.
        unsafe { (*self.as_ptr()).number }
    }

    /// The connection's number, and how many requests were made on it, which nginx counts when one gets the connection of an
    /// upstream. The same request may get a kept connection again.
    pub fn turn(self) -> (ngx_atomic_uint_t, usize) {
        // SAFETY: reads a number in memory that the caller of `new` promised.
        (self.number(), unsafe { (*self.as_ptr()).requests })
    }

    /// The connection's memory pool.
    pub fn pool(self) -> *mut ngx_pool_t {
        // SAFETY: reads a pointer in memory that the caller of `new` promised.
        unsafe { (*self.as_ptr()).pool }
    }

    /// The main request of the request that the connection belongs to.
    ///
    /// # Safety
    ///
    /// The connection's data must be a request that is live for `'r`.
    pub unsafe fn main_request<'r, M: HttpModule>(self) -> Request<'r, M> {
        // SAFETY: the connection's request is live, as the caller promises, and so is its main request.
        unsafe { Request::new((*(*self.as_ptr()).data.cast::<ngx_http_request_t>()).main) }
    }

    /// The request that the connection's events are for now: the main request, or a subrequest of it.
    ///
    /// # Safety
    ///
    /// The connection's data must be a request that is live for `'r`.
    pub unsafe fn active_request<'r>(self) -> RawRequest<'r> {
        // SAFETY: the connection's request is live, as the caller promises.
        unsafe { RawRequest::new((*self.as_ptr()).data.cast()) }
    }

    /// Returns whether nginx needs the connection for others.
    pub fn is_closing(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_close(self.as_ptr()) != 0 }
    }

    /// Sets whether nginx needs the connection for others.
    pub fn set_closing(self, on: bool) {
        // SAFETY: writes a bit of the connection.
        unsafe { shim::nginx_shim_set_close(self.as_ptr(), on.into()) }
    }

    /// Returns whether nginx has given up the connection, with all that was in its pool.
    pub fn is_destroyed(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_destroyed(self.as_ptr()) != 0 }
    }

    /// Returns whether the connection has failed.
    pub fn has_failed(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_failed(self.as_ptr()) != 0 }
    }

    /// Notes that a timeout has ended the connection.
    pub(crate) fn set_timed_out(self) {
        // SAFETY: writes a bit of the connection.
        unsafe { shim::nginx_shim_set_timedout(self.as_ptr(), 1) }
    }

    /// Returns whether a timeout has ended the connection.
    pub fn is_timed_out(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_timedout(self.as_ptr()) != 0 }
    }

    /// Returns whether something is still to be written.
    pub fn is_buffered(self) -> bool {
        // SAFETY: reads bits of the connection.
        unsafe { shim::nginx_shim_buffered(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx may write files to the connection with sendfile().
    pub fn uses_sendfile(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_sendfile(self.as_ptr()) != 0 }
    }

    /// Returns whether nginx may end the connection when it runs out of connections.
    pub fn is_reusable(self) -> bool {
        // SAFETY: reads a bit of the connection.
        unsafe { shim::nginx_shim_reusable(self.as_ptr()) != 0 }
    }

    /// Sets whether nginx may end the connection when it runs out of connections. If it may, the connection comes last
    /// in nginx's queue.
    pub fn set_reusable(self, on: bool) {
        // SAFETY: nginx keeps the queue. The connection is in it if its bit says so.
        unsafe { ngx_reusable_connection(self.as_ptr(), on.into()) }
    }

    /// Returns whether the connection uses TLS.
    pub fn is_tls(self) -> bool {
        // SAFETY: reads a pointer of the connection, NULL in builds without TLS.
        !unsafe { shim::nginx_shim_ssl(self.as_ptr()) }.is_null()
    }

    /// Returns whether the connection uses TLS, and the kernel decrypts what comes (`ssl_conf_command Options KTLS`).
    #[cfg(ngx_feature = "ssl")]
    pub fn is_decrypted_by_kernel(self) -> bool {
        // SAFETY: asks TLS where the connection has it.
        self.is_tls() && unsafe { shim::nginx_shim_ssl_by_kernel(self.as_ptr()) != 0 }
    }

    /// This nginx is built without TLS.
    #[cfg(not(ngx_feature = "ssl"))]
    pub fn is_decrypted_by_kernel(self) -> bool {
        false
    }

    /// Where TLS keeps nginx's handlers of the read event and of the write event while it has set its own; `None`
    /// without TLS.
    #[cfg(ngx_feature = "ssl")]
    pub fn set_aside(self) -> Option<[NonNull<ngx_event_handler_pt>; 2]> {
        // SAFETY: reads a pointer of the connection. What it points to lives as long as the connection.
        let ssl = NonNull::new(unsafe { shim::nginx_shim_ssl(self.as_ptr()) })?.as_ptr();
        // SAFETY: only the addresses of two members are taken.
        let [read, write] =
            unsafe { [ptr::addr_of_mut!((*ssl).saved_read_handler), ptr::addr_of_mut!((*ssl).saved_write_handler)] };
        Some([NonNull::new(read)?, NonNull::new(write)?])
    }

    /// This nginx is built without TLS.
    #[cfg(not(ngx_feature = "ssl"))]
    pub fn set_aside(self) -> Option<[NonNull<ngx_event_handler_pt>; 2]> {
        None
    }

    /// Returns whether TLS has set its own handlers for now.
    pub fn is_tls_waiting(self) -> bool {
        // SAFETY: reads a member of the connection's TLS, which lives as long as the connection.
        self.set_aside().is_some_and(|handlers| handlers.iter().any(|handler| unsafe { handler.read() }.is_some()))
    }

    /// Returns whether TLS has set its own read handler for now.
    pub fn is_tls_reading(self) -> bool {
        // SAFETY: reads a member of the connection's TLS, which lives as long as the connection.
        self.set_aside().is_some_and(|[handler, _]| unsafe { handler.read() }.is_some())
    }

    /// Gives nginx back its handler of the read event, where TLS has set its own because it must read before it can write on. To be
    /// called when nothing more is written: nobody else would do it, and what is read would never be looked at.
    pub(crate) fn resume_reading(self) {
        let Some([place, _]) = self.set_aside() else {
            return;
        };
        // SAFETY: a member of the connection's TLS, which lives as long as the connection.
        let handler = unsafe { place.replace(None) };
        if handler.is_some() {
            self.read().replace_handler(handler);
            // As nginx does. What has come meanwhile is not told again.
            self.read().set_ready(true);
            self.read().post_next();
        }
    }

    /// Makes TLS read no further than to the end of a record from now on. Returns how many bytes can be read of what it
    /// has read from the wire already; 0 if that is nothing, as without TLS. While a part of a record is still to come
    /// that is 1.
    #[cfg(ngx_feature = "ssl")]
    pub fn read_ahead(self) -> usize {
        if !self.is_tls() {
            return 0;
        }
        // SAFETY: the connection uses TLS.
        unsafe {
            // The kernel returns one record at a time. OpenSSL 3.2 and later fail if they are to ask it for less.
            if !self.is_decrypted_by_kernel() {
                shim::nginx_shim_ssl_read_no_further(self.as_ptr());
            }
            match shim::nginx_shim_ssl_pending(self.as_ptr()) {
                0 => shim::nginx_shim_ssl_has_pending(self.as_ptr()),
                decrypted => decrypted,
            }
        }
    }

    /// This nginx is built without TLS.
    #[cfg(not(ngx_feature = "ssl"))]
    pub fn read_ahead(self) -> usize {
        0
    }

    /// Tells the client that nothing more will be sent: TLS's close_notify, if it can be sent at once, and TCP's FIN. The
    /// client may go on sending.
    pub fn end_sending(self) {
        self.send_close_notify();
        // SAFETY: a call for a number. It fails if the client has reset the connection.
        unsafe { libc::shutdown(self.socket(), libc::SHUT_WR) };
    }

    /// Sends TLS's close_notify, if the socket takes it at once. Does nothing without TLS.
    pub(crate) fn send_close_notify(self) {
        #[cfg(ngx_feature = "ssl")]
        if self.is_tls() {
            // SAFETY: the connection uses TLS. nginx ends that again later, which then does nothing.
            unsafe { shim::nginx_shim_ssl_end(self.as_ptr()) };
            // What has gone wrong would be taken for an error of the next connection that is read.
            // SAFETY: OpenSSL's queue of errors is this thread's own.
            unsafe { shim::nginx_shim_ssl_forget_errors() };
        }
    }

    /// nginx's handler of the read event, also while TLS has set its own.
    pub fn read_handler(self) -> ngx_event_handler_pt {
        // SAFETY: reads a member of the connection's TLS, which lives as long as the connection.
        let set_aside = self.set_aside().and_then(|[handler, _]| unsafe { handler.read() });
        set_aside.or(self.read().handler())
    }

    /// Sets `read` and `write` as handlers in place of those for which `is_old` returns true, also where TLS has set
    /// these aside.
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
            // SAFETY: reads a member of the connection's TLS, which lives as long as the connection.
            if is_old(unsafe { place.read() }) {
                // SAFETY: writes the same member. nginx makes it the handler again.
                unsafe { place.write(handler) };
            }
        }
    }

    /// Reads up to `size` bytes into `buffer`.
    ///
    /// # Safety
    ///
    /// `buffer` must have room for `size` bytes.
    pub unsafe fn recv(self, buffer: *mut u8, size: usize) -> Received {
        const AGAIN: isize = NGX_AGAIN as isize;
        // SAFETY: nginx sets the function when it makes the connection. The function writes no more than `size` bytes.
        let result = unsafe { (*self.as_ptr()).recv.map(|recv| recv(self.as_ptr(), buffer, size)) };
        match result.unwrap_or(NGX_ERROR as isize) {
            0 => Received::Eof,
            AGAIN => Received::Again,
            bytes => usize::try_from(bytes).map_or(Received::Failed, Received::Bytes),
        }
    }

    /// Makes nginx tell when there is something to read again. Returns whether it will.
    pub fn listen(self) -> bool {
        // SAFETY: `ngx_handle_read_event` takes the event of any connection.
        unsafe { ngx_handle_read_event(self.read().as_ptr(), 0) == NGX_OK as isize }
    }

    /// Writes `what` to the error log, with the system's error number `error`.
    pub fn report(self, error: i32, what: &CStr) {
        // SAFETY: `ngx_connection_error` takes any connection, and only reads the text.
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
    /// `event` must be in memory that nginx does not free while the value is used.
    pub const unsafe fn new(event: *mut ngx_event_t) -> Self {
        // SAFETY: an event in memory has an address.
        Self(unsafe { NonNull::new_unchecked(event) })
    }

    /// A new timer for a request. Its data is the request's connection. `None` if memory is out.
    pub fn timer(r: RawRequest<'_>, handler: ngx_event_handler_pt) -> Option<Self> {
        // SAFETY: the request is live, and so is its pool. The memory is zeroed.
        let timer = NonNull::new(unsafe { shim::nginx_shim_alloc_event(r.pool()) })?;
        let c = r.connection().as_ptr();
        // SAFETY: nobody else uses the new event yet, and the connection has a log.
        unsafe {
            (*timer.as_ptr()).data = c.cast();
            (*timer.as_ptr()).handler = handler;
            (*timer.as_ptr()).log = (*c).log;
        }
        Some(Self(timer))
    }

    /// The address of the event. To dereference it is unsafe as usual.
    pub const fn as_ptr(self) -> *mut ngx_event_t {
        self.0.as_ptr()
    }

    /// The connection that is the event's data.
    ///
    /// # Safety
    ///
    /// It must be the event of a connection, or made by [`timer`](Self::timer). That connection must be in memory.
    pub unsafe fn connection(self) -> Connection {
        // SAFETY: the event's data is a connection in memory, as the caller promises.
        unsafe { Connection::new((*self.as_ptr()).data.cast()) }
    }

    /// The function that nginx calls when the event happens.
    pub fn handler(self) -> ngx_event_handler_pt {
        // SAFETY: reads a pointer in memory that the caller of `new` promised.
        unsafe { (*self.as_ptr()).handler }
    }

    /// Replaces the function that nginx calls when the event happens. Returns the old one.
    pub fn replace_handler(self, handler: ngx_event_handler_pt) -> ngx_event_handler_pt {
        // SAFETY: writes a pointer in memory that the caller of `new` promised.
        unsafe { ptr::addr_of_mut!((*self.as_ptr()).handler).replace(handler) }
    }

    /// Returns whether the client has ended its side.
    pub fn is_eof(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_eof(self.as_ptr()) != 0 }
    }

    /// Returns whether the system has reported that the client has ended its side. Data from before the end may still
    /// be readable.
    pub fn is_eof_pending(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_pending_eof(self.as_ptr()) != 0 }
    }

    /// Returns whether the connection has failed.
    pub fn has_failed(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_failed(self.as_ptr()) != 0 }
    }

    /// Returns whether the event's timer has expired.
    pub fn is_timed_out(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_timedout(self.as_ptr()) != 0 }
    }

    /// Clears the mark that the event's timer has expired.
    pub fn clear_timed_out(self) {
        // SAFETY: writes a bit of the event.
        unsafe { shim::nginx_shim_set_event_timedout(self.as_ptr(), 0) }
    }

    /// Returns whether there may be something to read, or room to write.
    pub fn is_ready(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_ready(self.as_ptr()) != 0 }
    }

    /// Sets whether there may be something to read.
    pub fn set_ready(self, on: bool) {
        // SAFETY: writes a bit of the event.
        unsafe { shim::nginx_shim_set_event_ready(self.as_ptr(), on.into()) }
    }

    /// Sets that nothing more will ever be readable.
    pub fn set_eof(self) {
        self.set_ready(false);
        // SAFETY: writes a bit of the event.
        unsafe { shim::nginx_shim_set_event_eof(self.as_ptr(), 1) }
    }

    /// Makes nginx determine the number of readable bytes again.
    pub fn forget_available(self) {
        // SAFETY: writes a number in memory that the caller of `new` promised. nginx writes -1, too, where it does not
        // know the number.
        unsafe { (*self.as_ptr()).available = -1 }
    }

    /// Has the handler called at the end of this turn of the event loop.
    pub fn post(self) {
        // SAFETY: nginx takes any event, and removes it from its queue when the connection is closed.
        unsafe { shim::nginx_shim_post(self.as_ptr()) }
    }

    /// Has the handler called in the next turn of the event loop.
    pub fn post_next(self) {
        // SAFETY: nginx takes any event, and removes it from its queue when the connection is closed.
        unsafe { shim::nginx_shim_post_next(self.as_ptr()) }
    }

    /// Starts a timer: the event happens in `left` milliseconds, or in [`LONGEST`] if that is less. Whoever waits for longer has
    /// to start it again.
    pub fn start_timer(self, left: u64) {
        // SAFETY: nginx moves a timer that already runs.
        unsafe { shim::nginx_shim_add_timer(self.as_ptr(), left.min(LONGEST) as ngx_msec_t) }
    }

    /// Returns whether the event's timer runs.
    pub fn is_timer_set(self) -> bool {
        // SAFETY: reads a bit of the event.
        unsafe { shim::nginx_shim_event_timer_set(self.as_ptr()) != 0 }
    }

    /// Stops the event's timer, if it runs.
    pub fn stop_timer(self) {
        if self.is_timer_set() {
            // SAFETY: a timer that runs is in nginx's tree of timers.
            unsafe { shim::nginx_shim_del_timer(self.as_ptr()) }
        }
    }

    /// Lets nginx write, if it waits for the end of a delay (`limit_rate`) that no timer tells. nginx stops that timer, and keeps the
    /// delay, when a request ends with an error behind an answer, as that of a `post_action`; the next answer on the connection
    /// would never be sent.
    pub fn forget_lost_delay(self) {
        if !self.is_timer_set() {
            // SAFETY: writes a bit of the event.
            unsafe { shim::nginx_shim_set_event_delayed(self.as_ptr(), 0) }
        }
    }
}
