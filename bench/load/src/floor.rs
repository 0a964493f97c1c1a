//! What a refusal over HTTP/1.1 in cleartext takes of the kernel alone: `load floor` makes the system calls of nginx with
//! the module, in their order, and does next to nothing between them.
//!
//! They are what strace shows of nginx 1.28.3 with the module, in the benchmark. For a refusal of a small body:
//!
//! 1. `epoll_wait`, `accept4`, `epoll_ctl` (edge-triggered); with many clients, one `epoll_wait` is enough for a refusal;
//! 2. `recv` of up to 1 KiB: the head, and the beginning of the body;
//! 3. `write` of a line to the error log, `recv` of the rest of the body, `writev` of the answer, in three pieces;
//! 4. `shutdown` (`SHUT_WR`), `recv` when the client closes, `close`.
//!
//! The rest of a body of more than 4 KiB is read after the answer, in turns with other connections' events: `recv` (no
//! buffer, `MSG_TRUNC`) has the kernel drop up to 4 MiB, and `setsockopt` (`SO_RCVLOWAT`) makes it wait for 512 KiB between
//! two of them. `ioctl` (`SIOCOUTQ`) asks once whether the client has the answer.
//!
//! These calls of nginx are left out, as a refusal can do without them:
//!
//! - `ioctl` (`FIONREAD`) after each `recv` that has filled its buffer, and `gettid` for the line in the log;
//! - the `setsockopt` that undoes the other one at the end of a long body;
//! - for each chunk of a chunked body, a `recv` of up to 4 KiB to find its end, an `ioctl` (`FIONREAD`), and a `recv` of
//!   the rest of the chunk. Here such a body is dropped like any other one, until the client closes.
//!
//! This serves no one but `load upload`: a head has to arrive in one piece, no timer ends a connection, and the client has
//! to be the first to close after a body of undeclared length.

mod calls;

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::mem;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use calls::{Epoll, Events};

/// How much of a request nginx reads at first, in bytes: its `client_header_buffer_size`.
const HEAD: usize = 1024;
/// How much nginx reads at a time while it waits for a client to close, in bytes.
const LINGERING: usize = 4096;
/// How much of a body is read before the answer, in bytes: `LOOK` of the module's `crates/linger/src/http1.rs`.
const LITTLE: u64 = LINGERING as u64;
/// The sizes of the pieces of nginx's answer, in bytes: its header, the page, the end of the page.
const PIECES: [usize; 3] = [165, 130, 53];
/// The size of nginx's line in the error log, in bytes. It is 190 to 200, as ports and numbers have more digits or fewer.
const LINE: usize = 196;

/// How many bytes are dropped before other connections have their turn, how many are to come at a time, and after how many
/// they are waited for: `STEP`, `BATCH` and `LIVELY` of the module's `crates/linger/src/http1.rs`.
const STEP: u64 = 4 << 20;
const BATCH: u64 = 512 << 10;
const LIVELY: u64 = 64 << 10;

#[derive(clap::Args)]
pub struct Arguments {
    /// Where to listen
    #[arg(long)]
    address: SocketAddr,
    /// Where to write a line for each refusal
    #[arg(long)]
    log: PathBuf,
}

/// Refuses whatever is uploaded, until a signal ends it.
///
/// # Errors
///
/// What the system has against listening, the log, or one more connection.
pub fn serve(arguments: &Arguments) -> io::Result<Infallible> {
    let listener = TcpListener::bind(arguments.address)?;
    listener.set_nonblocking(true)?;
    calls::lengthen_backlog(&listener)?;
    let listening = listener.as_raw_fd();
    let (epoll, mut events) = (Epoll::new()?, Events::new());
    epoll.add_listener(&listener)?;
    let mut refusal = Refusal::new(File::options().create(true).append(true).open(&arguments.log)?);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    // Those that go on after other connections' events: in this turn, and in the next one.
    let (mut turns, mut next_turns) = (Vec::new(), Vec::new());

    loop {
        mem::swap(&mut turns, &mut next_turns);
        for event in epoll.wait(&mut events, turns.is_empty())? {
            let (fd, is_end_near) = calls::unpack(event);
            if fd == listening {
                let Some(socket) = calls::accept(&listener)? else { continue };
                epoll.add(&socket)?;
                let place = socket.as_raw_fd() as usize;
                if connections.len() <= place {
                    connections.resize_with(place + 1, || None);
                }
                connections[place] = Some(Connection::new(socket));
            } else if let Some(connection) = &mut connections[fd as usize] {
                connection.is_end_near |= is_end_near;
                if !connection.has_turn {
                    go_on(&mut connections[fd as usize], &mut refusal, &mut next_turns);
                }
            }
        }
        for fd in turns.drain(..) {
            go_on(&mut connections[fd as usize], &mut refusal, &mut next_turns);
        }
    }
}

/// Goes on with a connection, until it waits, has to wait for its turn, or is closed.
fn go_on(place: &mut Option<Connection>, refusal: &mut Refusal, next_turns: &mut Vec<RawFd>) {
    let Some(connection) = place else { return };
    let next = connection.go_on(refusal);
    connection.has_turn = matches!(next, Ok(Next::Turn));
    match next {
        Ok(Next::Turn) => next_turns.push(connection.socket.as_raw_fd()),
        Ok(Next::Wait) => (),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => (),
        // The load reports what it misses.
        Ok(Next::Close) | Err(_) => *place = None,
    }
}

/// The same for all who are refused.
struct Refusal {
    log: File,
    line: Vec<u8>,
    pieces: [Vec<u8>; 3],
    buffer: [u8; LINGERING],
}

impl Refusal {
    fn new(log: File) -> Self {
        let mut line = vec![b'.'; LINE - 1];
        line.push(b'\n');
        let [head, page, end] = PIECES;
        let start = format!(
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: {}\r\nConnection: close\r\nPadding: ",
            page + end
        );
        let head = format!("{start:.<size$}\r\n\r\n", size = head - 4).into_bytes();
        Self { log, line, pieces: [head, vec![b'.'; page], vec![b'.'; end]], buffer: [0; LINGERING] }
    }
}

struct Connection {
    socket: OwnedFd,
    stage: Stage,
    /// How many bytes the kernel waits for, once that is more than one.
    waits_for: Option<u64>,
    /// Whether it has been asked if the client has the answer.
    is_asked: bool,
    /// Whether the client has sent its FIN.
    is_end_near: bool,
    /// Whether it goes on after other connections' events.
    has_turn: bool,
}

enum Stage {
    Head,
    /// How much of the body is still to come, in bytes; [`u64::MAX`] if that is not known.
    Body(u64),
    /// The client is to close.
    Lingering,
}

/// What is next for a connection.
enum Next {
    Wait,
    Turn,
    Close,
}

impl Connection {
    fn new(socket: OwnedFd) -> Self {
        let stage = Stage::Head;
        Self { socket, stage, waits_for: None, is_asked: false, is_end_near: false, has_turn: false }
    }

    fn go_on(&mut self, refusal: &mut Refusal) -> io::Result<Next> {
        match self.stage {
            Stage::Head => self.refuse(refusal),
            Stage::Body(rest) => self.drain(rest, refusal),
            Stage::Lingering => self.linger(refusal),
        }
    }

    fn refuse(&mut self, refusal: &mut Refusal) -> io::Result<Next> {
        let size = calls::recv(&self.socket, &mut refusal.buffer[..HEAD])?;
        let Some((is_declared, rest)) = look(&refusal.buffer[..size]) else { return Ok(Next::Close) };
        let mut rest = if is_declared { rest } else { u64::MAX };
        refusal.log.write_all(&refusal.line)?;
        if (1..=LITTLE).contains(&rest) {
            rest -= calls::recv(&self.socket, &mut refusal.buffer[..rest as usize]).unwrap_or(0) as u64;
        }
        if calls::writev(&self.socket, &refusal.pieces.each_ref().map(|piece| IoSlice::new(piece)))?
            != PIECES.iter().sum::<usize>()
        {
            return Ok(Next::Close);
        }
        if rest == 0 {
            calls::end_sending(&self.socket)?;
            self.stage = Stage::Lingering;
            return Ok(Next::Wait);
        }
        self.stage = Stage::Body(rest);
        Ok(Next::Turn)
    }

    fn drain(&mut self, mut rest: u64, refusal: &mut Refusal) -> io::Result<Next> {
        while rest > 0 {
            let most = rest.min(STEP);
            let size = calls::drop(&self.socket, most)?;
            if size == 0 {
                break;
            }
            if rest != u64::MAX {
                rest -= size;
            }
            self.stage = Stage::Body(rest);
            if size < most && !self.is_end_near {
                self.wait_for(rest.min(BATCH), size)?;
                self.ask()?;
                return Ok(Next::Wait);
            }
            if size == most && rest > 0 {
                return Ok(Next::Turn);
            }
        }
        self.ask()?;
        calls::end_sending(&self.socket)?;
        self.stage = Stage::Lingering;
        self.linger(refusal)
    }

    /// Makes the kernel wait for as many bytes, if many have come at once, or if no more than that will come.
    fn wait_for(&mut self, bytes: u64, last: u64) -> io::Result<()> {
        let is_less = self.waits_for.is_some_and(|waits_for| bytes < waits_for);
        if is_less || self.waits_for.is_none() && last >= LIVELY {
            calls::wake_up_for(&self.socket, bytes)?;
            self.waits_for = Some(bytes);
        }
        Ok(())
    }

    /// Asks whether the client has the answer, for what it costs: on loopback the client has it.
    fn ask(&mut self) -> io::Result<()> {
        if !mem::replace(&mut self.is_asked, true) {
            calls::unacknowledged(&self.socket)?;
        }
        Ok(())
    }

    fn linger(&mut self, refusal: &mut Refusal) -> io::Result<Next> {
        while calls::recv(&self.socket, &mut refusal.buffer)? > 0 {}
        Ok(Next::Close)
    }
}

/// Looks for the end of a head, and for what it declares. Returns whether that is a length, and how much of the body is
/// still to come; `None` if the head does not end.
fn look(request: &[u8]) -> Option<(bool, u64)> {
    let find = |what: &[u8]| request.windows(what.len()).position(|bytes| bytes == what).map(|at| at + what.len());
    let head = find(b"\r\n\r\n")?;
    let Some(digits) = find(b"Content-Length: ").and_then(|at| request.get(at..head)) else { return Some((false, 0)) };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0_u64, |length, digit| length.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    Some((true, length.saturating_sub((request.len() - head) as u64)))
}
