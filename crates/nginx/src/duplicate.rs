//! A connection of its own for the socket of another one, which outlives that.

use core::ffi::c_void;
use core::mem;
use core::ptr::{self, NonNull};

use nginx_sys::{
    ngx_close_connection, ngx_connection_t, ngx_create_pool, ngx_cycle, ngx_destroy_pool, ngx_event_actions,
    ngx_event_handler_pt, ngx_get_connection, ngx_log_t, ngx_palloc, ngx_pnalloc, ngx_pool_cleanup_add, ngx_pool_t,
    ngx_str_t, NGX_OK,
};

use crate::{pool, shim, Connection};

/// The memory that a duplicate takes at first, in bytes. A log and a short text are in it.
const POOL: usize = 512;

/// A second descriptor of the socket of a client's connection, with a connection of nginx's for it. nginx closes the
/// client's own connection as usual, but neither that nor what is unread resets the client.
pub struct Duplicate(Connection);

/// Why there is no duplicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDuplicate {
    /// The system has no descriptor or no memory for it.
    Error,
    /// nginx has no connection for it, or no descriptor to spare.
    NoConnection,
}

impl Connection {
    /// Duplicates the connection. The duplicate is given `data`, and `handler` for its read event.
    ///
    /// # Errors
    ///
    /// [`NoDuplicate`]
    ///
    /// # Safety
    ///
    /// The connection must be a client's, with a log and a listening socket. `handler` must take the read event of the
    /// duplicate.
    pub unsafe fn duplicate<T>(self, data: T, handler: ngx_event_handler_pt) -> Result<Duplicate, NoDuplicate> {
        if !has_free_connection() || !self.is_of_active_cycle() {
            return Err(NoDuplicate::NoConnection);
        }
        // SAFETY: duplicates the descriptor of the connection, which is open.
        let fd = unsafe { libc::fcntl(self.socket(), libc::F_DUPFD_CLOEXEC, 0) };
        if fd < 0 {
            return Err(NoDuplicate::Error);
        }
        if is_needed_by_others(fd) {
            // SAFETY: nobody else has the descriptor.
            unsafe { libc::close(fd) };
            return Err(NoDuplicate::NoConnection);
        }
        // SAFETY: nginx passes a valid log with each cycle.
        let pool = NonNull::new(unsafe { ngx_create_pool(POOL, (*ngx_cycle).log) });
        // SAFETY: the pool is new, and the descriptor nobody else's.
        let made = pool.ok_or(NoDuplicate::Error).and_then(|pool| unsafe { self.copy_to(fd, pool, data) });
        match (made, pool) {
            (Ok(c), _) => {
                // SAFETY: nobody else uses the new connection yet.
                unsafe { (*(*c.as_ptr()).read).handler = handler };
                Ok(Duplicate(c))
            }
            (Err(why), pool) => {
                // SAFETY: nothing uses the descriptor, or the pool.
                unsafe {
                    libc::close(fd);
                    if let Some(pool) = pool {
                        ngx_destroy_pool(pool.as_ptr());
                    }
                }
                Err(why)
            }
        }
    }

    /// Returns whether the connection is one of the active cycle. A single process (`master_process off`) that has been
    /// reloaded may still have older ones, and keeps a configuration only for as long as such are open.
    fn is_of_active_cycle(self) -> bool {
        // SAFETY: reads two members of the active cycle.
        let (first, number) = unsafe { ((*ngx_cycle).connections, (*ngx_cycle).connection_n) };
        (first..first.wrapping_add(number)).contains(&self.as_ptr())
    }

    /// Makes a connection for a descriptor of the same socket, in an empty pool.
    ///
    /// # Errors
    ///
    /// [`NoDuplicate`]
    ///
    /// # Safety
    ///
    /// As for [`duplicate`](Self::duplicate). The descriptor and the pool must be nobody else's.
    unsafe fn copy_to<T>(self, fd: i32, pool: NonNull<ngx_pool_t>, data: T) -> Result<Connection, NoDuplicate> {
        const { assert!(pool::can_hold::<T>()) };
        let from = self.as_ptr();
        // SAFETY: the pool gives as much memory as asked for, or NULL. The client's connection has a log, as the caller
        // promises, and a text with its address.
        unsafe {
            let place = NonNull::new(ngx_palloc(pool.as_ptr(), mem::size_of::<T>()).cast::<T>());
            let log = NonNull::new(ngx_palloc(pool.as_ptr(), mem::size_of::<ngx_log_t>()).cast::<ngx_log_t>());
            let text = NonNull::new(ngx_pnalloc(pool.as_ptr(), (*from).addr_text.len.max(1)).cast::<u8>());
            let (Some(place), Some(log), Some(text)) = (place, log, text) else {
                return Err(NoDuplicate::Error);
            };
            place.write(data);
            log.write(*(*from).log);
            text.as_ptr().copy_from_nonoverlapping((*from).addr_text.as_bytes().as_ptr(), (*from).addr_text.len);

            let c = NonNull::new(ngx_get_connection(fd, log.as_ptr())).ok_or(NoDuplicate::NoConnection)?.as_ptr();
            (*c).data = place.as_ptr().cast();
            (*c).pool = pool.as_ptr();
            (*c).type_ = (*from).type_;
            (*c).number = (*from).number;
            (*c).listening = (*from).listening;
            (*c).addr_text = ngx_str_t { len: (*from).addr_text.len, data: text.as_ptr() };
            (*log.as_ptr()).handler = Some(write_context);
            (*log.as_ptr()).data = c.cast();
            (*log.as_ptr()).action = ptr::null_mut();
            for event in [(*c).read, (*c).write] {
                (*event).log = log.as_ptr();
            }
            shim::nginx_shim_report_as_client(c);
            shim::nginx_shim_count_active(1);
            Ok(Connection::new(c))
        }
    }

    /// Makes nginx's event method forget the connection. nginx itself leaves that to the system, which does it when the
    /// last descriptor of the socket is closed. Returns whether that worked.
    pub fn leave_events(self) -> bool {
        // SAFETY: reads bits of the connection's events.
        let is_known = [self.read(), self.write()]
            .iter()
            .any(|event| unsafe { shim::nginx_shim_event_active(event.as_ptr()) } != 0);
        // SAFETY: nginx sets the functions when it starts.
        let del_conn = unsafe { ngx_event_actions.del_conn };
        match del_conn.filter(|_| is_known) {
            // SAFETY: the connection is known to the event method. Without a flag, this is not about to be closed.
            Some(del_conn) => unsafe { del_conn(self.as_ptr(), 0) == NGX_OK as isize },
            None => true,
        }
    }

    /// Sends close_notify, if the socket takes it at once, and makes nginx neither send nor wait for one when it ends TLS,
    /// nor read anything more. What was not sent whole gets no such end. Does nothing without TLS.
    #[cfg(ngx_feature = "ssl")]
    pub fn end_tls_at_once(self) {
        // nginx has nothing left. While OpenSSL still has a part of a record, it sends nothing else. Whether nginx takes the socket for
        // writable says nothing: it also writes when the upstream has sent something.
        if !self.is_buffered() {
            self.send_close_notify();
        }
        if self.is_tls() {
            // SAFETY: writes bits of the connection's TLS, which lives as long as the connection.
            unsafe {
                shim::nginx_shim_set_no_wait_shutdown(self.as_ptr(), 1);
                shim::nginx_shim_set_no_send_shutdown(self.as_ptr(), 1);
            }
        }
    }

    /// This nginx is built without TLS.
    #[cfg(not(ngx_feature = "ssl"))]
    pub fn end_tls_at_once(self) {}

    /// Calls `handler` with `data` when nginx has closed the connection, and frees its memory. Returns whether there was
    /// memory to note that.
    ///
    /// # Safety
    ///
    /// The connection must have a pool, and `handler` take the data.
    pub unsafe fn when_closed(self, handler: unsafe extern "C" fn(*mut c_void), data: *mut c_void) -> bool {
        // SAFETY: the connection has a pool, as the caller promises. nginx returns a cleanup to be filled in.
        unsafe {
            let cleanup = ngx_pool_cleanup_add(self.pool(), 0);
            if cleanup.is_null() {
                return false;
            }
            (*cleanup).handler = Some(handler);
            (*cleanup).data = data;
        }
        true
    }
}

impl Duplicate {
    /// The duplicate whose connection is at `c`.
    ///
    /// # Safety
    ///
    /// `c` must be the address of a duplicate's connection, which nobody else has.
    pub unsafe fn new(c: *mut ngx_connection_t) -> Self {
        // SAFETY: the connection has its two events, and lives until it is closed, as the caller promises.
        Self(unsafe { Connection::new(c) })
    }

    /// Its connection.
    pub fn connection(&self) -> Connection {
        self.0
    }

    /// Closes it, and frees its memory.
    pub fn close(self) {
        let pool = self.0.pool();
        // SAFETY: the value is the only one for its connection, and gone now. nginx itself frees the pool of a connection
        // when it has closed it.
        unsafe {
            shim::nginx_shim_count_active(-1);
            ngx_close_connection(self.0.as_ptr());
            ngx_destroy_pool(pool);
        }
    }
}

/// Returns whether nginx has a connection left, or one that it may end for another.
fn has_free_connection() -> bool {
    // SAFETY: reads numbers of the active cycle.
    unsafe { (*ngx_cycle).free_connection_n > 0 || (*ngx_cycle).reusable_connections_n > 0 }
}

/// Returns whether a descriptor is among the last sixteenth of those that the process may have: so much nginx keeps free of its
/// connections. The system gives the lowest first, and ends no connection to have one for another.
fn is_needed_by_others(fd: i32) -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes a limit.
    let is_known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0;
    let first = limit.rlim_cur.saturating_sub(limit.rlim_cur / 16);
    is_known && libc::rlim_t::try_from(fd).is_ok_and(|fd| fd >= first)
}

/// Writes who the client is, and to which server it came, behind a line of the error log: `ngx_log_t.handler`.
unsafe extern "C" fn write_context(log: *mut ngx_log_t, buf: *mut u8, len: usize) -> *mut u8 {
    // SAFETY: the data of a log with this handler is the connection of a duplicate, with the texts of both addresses.
    let [client, server] = unsafe {
        let c = (*log).data.cast::<ngx_connection_t>();
        [(*c).addr_text.as_bytes(), (*(*c).listening).addr_text.as_bytes()]
    };
    let (mut end, mut left) = (buf, len);
    for part in [b", client: ".as_slice(), client, b", server: ", server] {
        let size = part.len().min(left);
        // SAFETY: nginx passes a buffer with room for `len` bytes, of which `left` are left.
        unsafe {
            end.copy_from_nonoverlapping(part.as_ptr(), size);
            end = end.add(size);
        }
        left = left.saturating_sub(size);
    }
    end
}
