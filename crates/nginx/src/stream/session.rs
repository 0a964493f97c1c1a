//! A session, as far as a module deals with it.

use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ptr::NonNull;

use nginx_sys::{ngx_int_t, ngx_palloc, ngx_str_t, ngx_stream_complex_value, ngx_stream_session_t, NGX_OK};

use super::{ComplexValue, StreamModule};
use crate::conf::Block;
use crate::{pool, shim, Connection, Level, Log};

/// A session of a module `M`, which is live for `'s`: until the callback returns that it was passed to.
///
/// What lives as long as the session, or longer, can be borrowed for `'s`: the configuration of its server, and its
/// state. No method ends the session.
pub struct Session<'s, M>(NonNull<ngx_stream_session_t>, Lifetime<'s>, PhantomData<fn() -> M>);

/// A lifetime that nothing can shorten or lengthen.
type Lifetime<'s> = PhantomData<fn(&'s ()) -> &'s ()>;

impl<M> Clone for Session<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Session<'_, M> {}

impl<'s, M: StreamModule> Session<'s, M> {
    /// The session at `s`.
    ///
    /// # Safety
    ///
    /// `s` must be live, and stay so for `'s`.
    pub(crate) unsafe fn new(s: *mut ngx_stream_session_t) -> Self {
        // SAFETY: a live session has an address.
        Self(unsafe { NonNull::new_unchecked(s) }, PhantomData, PhantomData)
    }

    pub(crate) fn as_ptr(self) -> *mut ngx_stream_session_t {
        self.0.as_ptr()
    }

    /// The client's connection, which lives longer than the session.
    pub fn connection(self) -> Connection {
        // SAFETY: a live session has a connection, which outlives it.
        unsafe { Connection::new((*self.as_ptr()).connection) }
    }

    /// The module's configuration of the server.
    pub fn conf(self) -> &'s M::Conf<'s> {
        // SAFETY: the configuration lives as long as any session that uses it.
        unsafe { self.lasting_conf() }
    }

    /// The same for those who need it for longer than the session lives.
    ///
    /// # Safety
    ///
    /// The configuration must live for `'c`. nginx keeps one while any connection is open that was made under it.
    pub unsafe fn lasting_conf<'c>(self) -> &'c M::Conf<'c> {
        // SAFETY: in each server the module has a block, made by `create`, at its own index. Nobody changes a block when
        // it is settled. It lives for `'c`, as the caller promises.
        unsafe { &(*(*(*self.as_ptr()).srv_conf.add(M::registration().ctx_index())).cast::<Block<'c, M>>()).conf }
    }

    /// What the module remembers of the session; `None` if that is nothing.
    pub fn state(self) -> Option<&'s M::State<'s>> {
        // SAFETY: a session has a place for each stream module, which is null or what `state_or_default` has made.
        unsafe { (*(*self.as_ptr()).ctx.add(M::registration().ctx_index())).cast::<M::State<'s>>().as_ref() }
    }

    /// What the module remembers of the session, made if need be; `None` if memory is out.
    pub fn state_or_default(self) -> Option<&'s M::State<'s>> {
        const { assert!(pool::can_hold::<M::State<'_>>()) };
        if let Some(state) = self.state() {
            return Some(state);
        }
        // SAFETY: the session and its connection's pool are live. The pool gives as much memory as asked for, which lives
        // as long as the session. The place is this module's alone.
        unsafe {
            let pool = (*(*self.as_ptr()).connection).pool;
            let state = ngx_palloc(pool, mem::size_of::<M::State<'s>>()).cast::<M::State<'s>>();
            NonNull::new(state)?.write(Default::default());
            *(*self.as_ptr()).ctx.add(M::registration().ctx_index()) = state.cast();
        }
        self.state()
    }

    /// How many bytes nginx has sent to the client, as far as its own system has taken them.
    pub fn sent(self) -> u64 {
        // SAFETY: a live session has a connection.
        unsafe { (*(*self.as_ptr()).connection).sent }.unsigned_abs()
    }

    /// How many bytes the client has sent, as far as nginx has read them on behalf of the session.
    pub fn received(self) -> u64 {
        // SAFETY: a live session has a connection. Its buffer is null or valid.
        let (received, buffer) = unsafe { ((*self.as_ptr()).received, (*(*self.as_ptr()).connection).buffer.as_ref()) };
        // nginx does not count what it has read ahead for the preread phase. Where it has only looked at that, the
        // buffer is empty again.
        let ahead = buffer.map_or(0, |buffer| (buffer.last as u64).saturating_sub(buffer.pos as u64));
        received.unsigned_abs().saturating_add(ahead)
    }

    /// The connection to the upstream; `None` if there is none.
    fn upstream_connection(self) -> Option<Connection> {
        // SAFETY: a live session has an upstream, or none. The connection to that is open, or null.
        let c = unsafe { (*self.as_ptr()).upstream.as_ref().map(|u| u.peer.connection).filter(|c| !c.is_null()) };
        // SAFETY: as above.
        c.map(|c| unsafe { Connection::new(c) })
    }

    /// Makes nginx believe that something is still to be written to an upstream that takes nothing more, and read on where TLS has
    /// put that aside. Otherwise, when the client has ended its side, nginx would end the session, or with `proxy_half_close` fail to
    /// end the upstream's side, before it has read what the upstream has sent. [`forget_unwritten`](Self::forget_unwritten) ends that.
    pub(crate) fn keep_upstream(self) {
        if let Some(c) = self.upstream_connection() {
            // SAFETY: writes bits of the connection.
            unsafe { shim::nginx_shim_set_buffered(c.as_ptr(), 1) }
            c.resume_reading();
        }
    }

    /// Makes nginx forget what an upstream takes no more, when the client has taken all from that. Otherwise, with
    /// `proxy_half_close`, nginx would wait for that to be written, and keep the session until `proxy_timeout`.
    pub(crate) fn forget_unwritten(self) {
        let is_over = |c: &Connection| c.has_failed() && c.read().is_eof() && !self.connection().is_buffered();
        if let Some(c) = self.upstream_connection().filter(is_over) {
            // SAFETY: writes bits of the connection. To one that has failed nothing is written any more.
            unsafe { shim::nginx_shim_set_buffered(c.as_ptr(), 0) }
        }
    }

    /// Returns whether a write to the upstream has failed.
    pub(crate) fn has_upstream_failed(self) -> bool {
        self.upstream_connection().is_some_and(Connection::has_failed)
    }

    /// Returns whether a write to the upstream has failed, and there may still be something to read from it, or the client
    /// has yet to take what was read.
    pub(crate) fn is_upstream_interrupted(self) -> bool {
        self.upstream_connection().is_some_and(|c| {
            let is_read = c.read().is_eof() || c.read().has_failed();
            c.has_failed() && (!is_read || self.connection().is_buffered())
        })
    }

    /// The value of a text with variables; `None` if it cannot be evaluated.
    pub fn evaluate(self, value: ComplexValue<'_>) -> Option<&'s [u8]> {
        let mut text = ngx_str_t::empty();
        // SAFETY: `Session` is only made for a live session. The value lives in the configuration. The text that nginx
        // makes of it lives in the session's pool or in the configuration's.
        unsafe {
            if ngx_stream_complex_value(self.as_ptr(), value.0.as_ptr(), &mut text) != NGX_OK as ngx_int_t {
                return None;
            }
            Some(if text.is_empty() { &[] } else { core::slice::from_raw_parts(text.data, text.len) })
        }
    }

    /// Sends a text to the client, as much of it as the socket takes at once; nothing of it if something else is still to
    /// be sent. Returns how many bytes were sent.
    pub fn send(self, mut text: &[u8]) -> usize {
        let (c, mut sent) = (self.connection(), 0_usize);
        while !text.is_empty() && !c.is_buffered() && !c.has_failed() {
            // SAFETY: nginx sets the function when it makes the connection. It only reads the text.
            let result =
                unsafe { (*c.as_ptr()).send.map(|send| send(c.as_ptr(), text.as_ptr().cast_mut(), text.len())) };
            match usize::try_from(result.unwrap_or(0)) {
                Ok(bytes) if bytes > 0 => {
                    sent = sent.saturating_add(bytes);
                    text = text.get(bytes..).unwrap_or_default();
                }
                _ => break,
            }
        }
        sent
    }

    /// Writes a line to the error log, with what nginx adds of the session.
    pub fn log(self, level: Level, message: fmt::Arguments<'_>) {
        self.error_log().write(level, message);
    }

    /// The session's error log.
    pub fn error_log(self) -> Log<'s> {
        // SAFETY: a live session has a connection with a log, which lives as long.
        unsafe { Log::new((*(*self.as_ptr()).connection).log) }
    }
}
