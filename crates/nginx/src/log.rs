//! nginx's error log.

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use nginx_sys::{
    ngx_conf_log_error, ngx_conf_t, ngx_log_t, ngx_uint_t, NGX_LOG_EMERG, NGX_LOG_ERR, NGX_LOG_INFO, NGX_LOG_NOTICE,
    NGX_LOG_WARN,
};
use ngx::log::{log_error, write_fmt, LOG_BUFFER_SIZE};

/// A level of the error log, as in the `error_log` directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `error`
    Error,
    /// `warn`
    Warn,
    /// `notice`
    Notice,
    /// `info`
    Info,
}

impl Level {
    /// The next milder level. That of `info` is `info`.
    pub const fn milder(self) -> Self {
        match self {
            Self::Error => Self::Warn,
            Self::Warn => Self::Notice,
            Self::Notice | Self::Info => Self::Info,
        }
    }

    const fn as_ngx(self) -> ngx_uint_t {
        let level = match self {
            Self::Error => NGX_LOG_ERR,
            Self::Warn => NGX_LOG_WARN,
            Self::Notice => NGX_LOG_NOTICE,
            Self::Info => NGX_LOG_INFO,
        };
        level as ngx_uint_t
    }
}

/// An error log, which is valid for `'a`.
#[derive(Clone, Copy)]
pub struct Log<'a>(NonNull<ngx_log_t>, PhantomData<&'a ngx_log_t>);

impl Log<'_> {
    /// The log at `log`.
    ///
    /// # Safety
    ///
    /// `log` must be valid for the lifetime of the value.
    pub unsafe fn new(log: *mut ngx_log_t) -> Self {
        // SAFETY: a valid log has an address.
        Self(unsafe { NonNull::new_unchecked(log) }, PhantomData)
    }

    /// Writes a line, with what nginx adds of the log's connection.
    pub fn write(self, level: Level, message: fmt::Arguments<'_>) {
        // SAFETY: the log is valid, as the caller of `new` promised.
        unsafe { write(self.0.as_ptr(), level, message) }
    }
}

/// Returns whether `log` takes lines of this level.
///
/// # Safety
///
/// `log` must be a valid log.
pub(crate) unsafe fn takes(log: *const ngx_log_t, level: Level) -> bool {
    // SAFETY: the log is valid, as the caller promises.
    level.as_ngx() <= unsafe { (*log).log_level }
}

/// Writes a line to `log`, if `log` takes lines of this level.
///
/// # Safety
///
/// `log` must be a valid log.
#[cold]
#[inline(never)]
pub(crate) unsafe fn write(log: *mut ngx_log_t, level: Level, message: fmt::Arguments<'_>) {
    // SAFETY: the log is valid, as the caller promises.
    if !unsafe { takes(log, level) } {
        return;
    }
    let mut buffer = [const { MaybeUninit::<u8>::uninit() }; LOG_BUFFER_SIZE];
    let text = write_fmt(&mut buffer, message);
    // SAFETY: the log is valid, as the caller promises. nginx copies the text.
    unsafe { log_error(level.as_ngx(), log, 0, text) };
}

/// Reports an error in the configuration, with file and line as nginx does.
///
/// # Safety
///
/// `cf` must be the configuration being read.
pub(crate) unsafe fn write_conf_error(cf: *mut ngx_conf_t, message: fmt::Arguments<'_>) {
    let mut buffer = [const { MaybeUninit::<u8>::uninit() }; LOG_BUFFER_SIZE];
    let text = write_fmt(&mut buffer, message);
    // SAFETY: `cf` is the configuration being read, as the caller promises. "%*s" takes a length and a pointer, and
    // nginx copies the text.
    unsafe { ngx_conf_log_error(NGX_LOG_EMERG as ngx_uint_t, cf, 0, c"%*s".as_ptr(), text.len(), text.as_ptr()) };
}
