//! Reads and drops what the client of a raw connection still sends when nginx has ended the session, so that the client
//! can send all of it and then read what nginx has answered.
//!
//! nginx's *stream* closes the socket at once, which resets a client that has sent something unread or goes on sending.
//! So the socket is duplicated just before that ([`drain_session`]). When nginx has closed its own descriptor, and TLS has
//! sent its close_notify, the sending side is shut down, and what comes is dropped, until the client ends its side, too.
//!
//! Nobody asks what the bytes mean: over TLS they are not decrypted.

use core::ffi::c_void;
use core::{mem, ptr};

use nginx_sys::{ngx_connection_t, ngx_event_t};

use nginx::stream::{Session, StreamModule};
use nginx::{Connection, Duplicate, Event, Log, NoDuplicate};

use crate::acknowledged::unacknowledged;
use crate::bulk::{recv_into_scratch, recv_record_into_scratch, recv_truncated};
use crate::{Got, Patience};

/// How many bytes are dropped before other connections have their turn.
const STEP: u64 = 4 << 20;

/// A module that drains raw connections ([`drain_session`]), and its decisions about them.
pub trait LingerSession: StreamModule {
    /// What the module remembers of a drain. It may borrow from the configuration, which lives for `'c`.
    type Drain<'c>: Copy;

    /// Called once, when it is certain that the client may still send. Returns whether the drain may go on.
    fn admit(drain: &mut Self::Drain<'_>) -> bool;

    /// How many bytes may be dropped now; 0 if none may be.
    fn may_drop(drain: &mut Self::Drain<'_>) -> u64;

    /// Called with each result of reading.
    fn has_read(drain: &mut Self::Drain<'_>, got: Got);

    /// How long to wait for more.
    fn patience(drain: &mut Self::Drain<'_>) -> Patience;

    /// Called when the drain ends, with whether the client has acknowledged all that nginx has sent.
    fn ended(drain: &mut Self::Drain<'_>, is_acknowledged: bool, log: Log<'_>);
}

/// A drain, as a duplicate's connection has it.
struct Draining<'c, M: LingerSession> {
    drain: M::Drain<'c>,
    socket: Socket,
}

/// A socket that is read.
#[derive(Clone, Copy)]
struct Socket {
    fd: i32,
    /// Whether the kernel decrypts what comes.
    is_decrypted: bool,
    /// Whether the kernel turned out to need a buffer.
    wants_buffer: bool,
    /// Whether the sending side is shut down.
    is_shut: bool,
}

/// The result of reading a socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    /// There may be more.
    More,
    /// There is nothing to read now.
    Wait,
    /// Nothing more will come.
    Over,
}

/// Starts draining the connection of a session that nginx is about to close, if the client may still send. `begin` makes
/// what the module remembers of the drain; `None` if there is to be none.
///
/// What has arrived already is dropped at once. If the client has ended its side, nothing more is needed. Otherwise a slot
/// and a duplicate of the socket are; without either, nginx closes the connection as it would alone.
///
/// Call this in [`StreamModule::end`].
pub fn drain_session<M: LingerSession>(
    s: Session<'_, M>,
    begin: impl for<'c> FnOnce(&'c M::Conf<'c>) -> Option<M::Drain<'c>>,
) {
    let c = s.connection();
    if !c.is_tcp() {
        return;
    }
    // SAFETY: the drain lives no longer than the connection that it is for, and so no longer than the configuration that
    // this was made under. `begin` does not know for how long that is, so it can keep nothing of it elsewhere.
    let Some(mut drain) = begin(unsafe { s.lasting_conf() }) else {
        return;
    };
    let mut socket =
        Socket { fd: c.socket(), is_decrypted: c.is_decrypted_by_kernel(), wants_buffer: false, is_shut: false };
    if has_closed(c) {
        M::has_read(&mut drain, if c.has_failed() || c.read().has_failed() { Got::Failed } else { Got::End });
        return M::ended(&mut drain, socket.is_acknowledged(), s.error_log());
    }
    let came = socket.drop_some::<M>(&mut drain);
    if came != Came::Over && M::admit(&mut drain) {
        match outlive::<M>(c, Draining { drain, socket }) {
            Ok(()) => return,
            Err(NoDuplicate::Error) => M::has_read(&mut drain, Got::Failed),
            Err(NoDuplicate::NoConnection) => M::has_read(&mut drain, Got::Evicted),
        }
    }
    M::ended(&mut drain, socket.is_acknowledged(), s.error_log());
}

/// A number that grows when the client of a session has taken some of what nginx has for it. What nginx itself has sent is
/// not enough: over TLS, it counts a buffer when all of that is written.
pub fn progress<M: StreamModule>(s: Session<'_, M>) -> u64 {
    acknowledged(s.connection().socket()).unwrap_or(0).saturating_add(s.sent())
}

/// How many bytes that were sent through a socket are acknowledged; `None` if the system does not tell.
#[cfg(target_os = "linux")]
fn acknowledged(fd: i32) -> Option<u64> {
    // As in Linux's struct tcp_info, whose `tcpi_bytes_acked` (Linux 4.1) begins at byte 120.
    let mut info = [0_u64; 16];
    let size = mem::size_of_val(&info) as libc::socklen_t;
    let mut written = size;
    // SAFETY: the call writes no more than so many bytes (tcp(7): TCP_INFO), and then how many.
    let result = unsafe {
        libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), ptr::addr_of_mut!(written))
    };
    (result == 0 && written == size).then_some(info[15])
}

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
fn acknowledged(_fd: i32) -> Option<u64> {
    None
}

/// Returns whether nothing more can come from the client, as far as nginx knows. Over TLS an error may be one of the
/// protocol, after which a client may go on sending.
fn has_closed(c: Connection) -> bool {
    c.has_failed() || (c.read().is_eof() && !(c.is_tls() && c.read().has_failed()))
}

/// Has a duplicate of the connection drained when nginx has closed it.
///
/// # Errors
///
/// [`NoDuplicate`]
fn outlive<M: LingerSession>(c: Connection, draining: Draining<'_, M>) -> Result<(), NoDuplicate> {
    // SAFETY: the connection is a client's. The handler takes the read event of a connection with this data.
    let duplicate = unsafe { c.duplicate(draining, Some(event::<M>)) }?;
    let closed = duplicate.connection();
    // SAFETY: reads and writes what was copied to the duplicate just now.
    unsafe { (*data::<M>(closed)).socket.fd = closed.socket() };
    // SAFETY: the connection has a pool. The handler takes a duplicate's connection, which lives until it is closed.
    if !unsafe { c.when_closed(begin::<M>, closed.as_ptr().cast()) } {
        duplicate.close();
        return Err(NoDuplicate::Error);
    }
    if !c.leave_events() {
        // The cleanup ends the duplicate.
        closed.set_closing(true);
    }
    // nginx would wait for the client's end and for room in the socket, and make its event method watch that again.
    c.end_tls_at_once();
    Ok(())
}

/// What the data of a duplicate's connection is.
fn data<'c, M: LingerSession>(c: Connection) -> *mut Draining<'c, M> {
    // SAFETY: reads a pointer of the connection.
    unsafe { (*c.as_ptr()).data.cast() }
}

/// Begins to drain a duplicate, when nginx has closed the client's own connection: a cleanup of that one's pool.
unsafe extern "C" fn begin<M: LingerSession>(c: *mut c_void) {
    // SAFETY: `outlive` has given the cleanup a duplicate's connection.
    let c = unsafe { Connection::new(c.cast::<ngx_connection_t>()) };
    // SAFETY: the data of a duplicate is what `outlive` has made of it. Nobody else uses that.
    let socket = unsafe { &mut (*data::<M>(c)).socket };
    // SAFETY: shuts down the sending side of an open socket. If the client has gone, reading will tell.
    socket.is_shut = unsafe { libc::shutdown(c.socket(), libc::SHUT_WR) } == 0;
    c.set_reusable(true);
    if c.is_closing() {
        // SAFETY: the connection is a duplicate's, and not used afterwards.
        return unsafe { go_on::<M>(c) };
    }
    // If more has come since `drain_session` has read, the event method tells at once.
    // SAFETY: as above.
    unsafe { wait::<M>(c, Came::Wait) }
}

/// Handles the read event of a duplicate, and its timer: `ngx_event_t.handler`.
unsafe extern "C" fn event<M: LingerSession>(event: *mut ngx_event_t) {
    // SAFETY: nginx passes an event of a connection, whose memory outlives this call.
    let event = unsafe { Event::new(event) };
    event.clear_timed_out();
    // SAFETY: as above.
    let c = unsafe { event.connection() };
    if !c.is_reusable() {
        // nginx has yet to close the client's own connection. `begin` needs this one, and sees that it is closing.
        return;
    }
    // SAFETY: the connection is a duplicate's, as only those have this handler, and not used afterwards.
    unsafe { go_on::<M>(c) }
}

/// Drops what has come, and waits for more or ends the drain.
///
/// # Safety
///
/// As for [`wait`].
unsafe fn go_on<M: LingerSession>(c: Connection) {
    // SAFETY: the data of a duplicate is what `outlive` has made of it. Nobody else uses that.
    let Draining { drain, socket } = unsafe { &mut *data::<M>(c) };
    let came = match c.is_closing() {
        true => {
            M::has_read(drain, Got::Evicted);
            Came::Over
        }
        false => socket.drop_some::<M>(drain),
    };
    // SAFETY: the caller promises what this needs.
    unsafe { wait::<M>(c, came) }
}

/// Waits for more, after `came`, or ends the drain.
///
/// # Safety
///
/// `c` must be the connection of a duplicate, which must not be used afterwards.
unsafe fn wait<M: LingerSession>(c: Connection, came: Came) {
    // SAFETY: the data of a duplicate is what `outlive` has made of it. Nobody else uses that.
    let Draining { drain, socket } = unsafe { &mut *data::<M>(c) };
    c.read().set_ready(came == Came::More);
    if let (Patience::Wait(left), true) = (M::patience(drain), came != Came::Over) {
        if came == Came::More {
            c.read().post_next();
        }
        if c.listen() {
            return c.read().start_timer(left);
        }
        M::has_read(drain, Got::Failed);
    }
    // SAFETY: the connection has a log, which lives as long.
    M::ended(drain, socket.is_acknowledged(), unsafe { Log::new((*c.as_ptr()).log) });
    // SAFETY: the connection is a duplicate's, and not used afterwards, as the caller promises.
    unsafe { Duplicate::new(c.as_ptr()) }.close();
}

impl Socket {
    /// Drops what has arrived, or much of it, and tells the module.
    fn drop_some<M: LingerSession>(&mut self, drain: &mut M::Drain<'_>) -> Came {
        let mut left = STEP;
        while left > 0 {
            let most = M::may_drop(drain).min(left);
            if most == 0 {
                return Came::Over;
            }
            match self.receive(most) {
                Ok(0) => {
                    M::has_read(drain, Got::End);
                    return Came::Over;
                }
                Ok(bytes) => {
                    M::has_read(drain, Got::Bytes(bytes));
                    left = left.saturating_sub(bytes);
                }
                Err(libc::EAGAIN) => return Came::Wait,
                Err(_) => {
                    M::has_read(drain, Got::Failed);
                    return Came::Over;
                }
            }
        }
        Came::More
    }

    /// Reads and drops up to `most` bytes, at least 1. Returns how many; 0 at the end.
    ///
    /// # Errors
    ///
    /// The system's error number.
    fn receive(&mut self, most: u64) -> Result<u64, i32> {
        if self.is_decrypted {
            // Without a buffer it takes that for a failure of TLS, and ends the connection.
            return recv_record_into_scratch(self.fd, most);
        }
        if !self.wants_buffer {
            match recv_truncated(self.fd, most) {
                // The socket is not TCP.
                Err(libc::EFAULT | libc::EINVAL | libc::EOPNOTSUPP) => self.wants_buffer = true,
                result => return result,
            }
        }
        recv_into_scratch(self.fd, most)
    }

    /// Returns whether the client has acknowledged everything that was sent. TCP's end of the sending side counts as a byte
    /// behind that.
    fn is_acknowledged(&self) -> bool {
        unacknowledged(self.fd).is_some_and(|bytes| bytes <= self.is_shut.into())
    }
}
