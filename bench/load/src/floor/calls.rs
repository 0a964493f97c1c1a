//! The system calls of a refusal.

use std::io::{self, IoSlice};
use std::mem;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use libc::{c_int, epoll_event, socklen_t};

/// How many connections may wait to be accepted: as in the configuration of nginx.
const BACKLOG: c_int = 16384;

pub struct Epoll(OwnedFd);

/// Room for as many events as nginx takes at a time: its `epoll_events`.
pub struct Events([epoll_event; 512]);

impl Events {
    pub fn new() -> Self {
        Self([epoll_event { events: 0, u64: 0 }; 512])
    }
}

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: the call takes no memory.
        let fd = done(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the file descriptor is new, and nobody else's.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Tells as long as there is somebody to be accepted.
    pub fn add_listener(&self, listener: &TcpListener) -> io::Result<()> {
        self.control(listener.as_raw_fd(), libc::EPOLLIN)
    }

    /// Tells whenever something comes.
    pub fn add(&self, socket: &OwnedFd) -> io::Result<()> {
        self.control(socket.as_raw_fd(), libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLET)
    }

    fn control(&self, fd: RawFd, events: c_int) -> io::Result<()> {
        let mut event = epoll_event { events: events as u32, u64: fd as u64 };
        // SAFETY: the call reads one event.
        done(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) })?;
        Ok(())
    }

    /// The events that there are. If there are none, it waits for one, if it may.
    pub fn wait<'e>(&self, events: &'e mut Events, may_wait: bool) -> io::Result<&'e [epoll_event]> {
        let (room, timeout) = (&mut events.0, if may_wait { -1 } else { 0 });
        // SAFETY: the call writes no more events than there is room for.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), room.as_mut_ptr(), room.len() as c_int, timeout) };
        match done(count) {
            Ok(count) => Ok(&room[..count as usize]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(&[]),
            Err(error) => Err(error),
        }
    }
}

/// Whose event it is, and whether that client has sent its FIN.
pub fn unpack(event: &epoll_event) -> (RawFd, bool) {
    (event.u64 as RawFd, event.events & libc::EPOLLRDHUP as u32 != 0)
}

/// Listens with a longer backlog than that of the standard library.
pub fn lengthen_backlog(listener: &TcpListener) -> io::Result<()> {
    // SAFETY: the call takes no memory.
    done(unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) })?;
    Ok(())
}

/// `None` if nobody is there any more.
pub fn accept(listener: &TcpListener) -> io::Result<Option<OwnedFd>> {
    // SAFETY: an address may be all zeros.
    let mut address: libc::sockaddr_storage = unsafe { mem::zeroed() };
    let mut size = size_of_val(&address) as socklen_t;
    let to = ptr::from_mut(&mut address).cast();
    // SAFETY: the call writes an address of no more than `size` bytes, and its size.
    match done(unsafe { libc::accept4(listener.as_raw_fd(), to, &mut size, libc::SOCK_NONBLOCK) }) {
        // SAFETY: the file descriptor is new, and nobody else's.
        Ok(fd) => Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) })),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ECONNABORTED)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns how many bytes were read; 0 is the end.
pub fn recv(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the call writes no more bytes than there is room for.
    let size = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    usize::try_from(size).map_err(|_| io::Error::last_os_error())
}

/// Has the kernel drop up to `most` bytes that have come. Returns how many; 0 is the end.
pub fn drop(socket: &OwnedFd, most: u64) -> io::Result<u64> {
    // SAFETY: with MSG_TRUNC a TCP socket drops what it reads, and writes nothing (tcp(7)).
    let size = unsafe { libc::recv(socket.as_raw_fd(), ptr::null_mut(), most as usize, libc::MSG_TRUNC) };
    u64::try_from(size).map_err(|_| io::Error::last_os_error())
}

/// Returns how many bytes were written.
pub fn writev(socket: &OwnedFd, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: an `IoSlice` is an `iovec`, and the call reads as many bytes as each says.
    let size = unsafe { libc::writev(socket.as_raw_fd(), pieces.as_ptr().cast(), pieces.len() as c_int) };
    usize::try_from(size).map_err(|_| io::Error::last_os_error())
}

/// How many bytes of what was sent are not acknowledged yet (SIOCOUTQ of tcp(7), which is TIOCOUTQ).
pub fn unacknowledged(socket: &OwnedFd) -> io::Result<c_int> {
    let mut bytes: c_int = 0;
    // SAFETY: the call writes an int.
    done(unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, ptr::from_mut(&mut bytes)) })?;
    Ok(bytes)
}

/// Has the kernel tell only when as many bytes have come, or the end (SO_RCVLOWAT of socket(7)).
pub fn wake_up_for(socket: &OwnedFd, bytes: u64) -> io::Result<()> {
    let bytes = bytes as c_int;
    let size = size_of_val(&bytes) as socklen_t;
    let value = ptr::from_ref(&bytes).cast();
    // SAFETY: the call reads an int.
    done(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVLOWAT, value, size) })?;
    Ok(())
}

/// Sends a FIN.
pub fn end_sending(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: the call takes no memory.
    done(unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_WR) })?;
    Ok(())
}

/// What a call has returned, or why it has failed.
fn done(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
