//! Directives: from the words in nginx.conf to a module's configuration.

use core::ffi::{c_char, c_void, CStr};
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
use core::{fmt, iter, mem};

use nginx_sys::{
    ngx_command_t, ngx_conf_t, ngx_http_compile_complex_value, ngx_http_compile_complex_value_t,
    ngx_http_complex_value_t, ngx_http_core_loc_conf_t, ngx_http_handler_pt, ngx_http_request_t, ngx_palloc,
    ngx_parse_time, ngx_pcalloc, ngx_str_t, ngx_uint_t, NGX_CONF_1MORE, NGX_CONF_FLAG, NGX_CONF_NOARGS, NGX_CONF_TAKE1,
    NGX_CONF_TAKE123, NGX_CONF_TAKE1234, NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_MAIN_CONF,
    NGX_HTTP_SRV_CONF,
};
use ngx::core::{NGX_CONF_ERROR, NGX_CONF_OK};

use crate::log::{write as write_log, write_conf_error, Level};
use crate::shared::{Exclusive, Plain};
use crate::zones::{self, Zone};
use crate::{content, pool, upstream, written, HttpModule, Module};

/// A directive.
pub struct Directive<M: Module> {
    /// Its name.
    pub name: &'static CStr,
    /// Where it may stand.
    pub within: Within,
    /// How many arguments it takes; nginx reports any other number itself.
    pub takes: Takes,
    /// Reads its arguments into the configuration of the block it stands in.
    pub set: for<'c> fn(&mut M::Conf<'c>, &Args<'c, M>) -> Result<(), ConfError>,
    /// What the directive needs to have an effect, in its own block or in one within. nginx warns if that is missing,
    /// unless the directive is `off`.
    pub needs: Option<Need<M>>,
}

/// What a directive needs to have an effect.
pub struct Need<M: Module> {
    /// Returns whether it is there, given the settled configuration of a block.
    pub is_there: fn(&M::Conf<'_>) -> bool,
    /// What to say if it is missing.
    pub otherwise: &'static str,
}

/// Where a directive may stand.
#[derive(Clone, Copy)]
pub enum Within {
    /// In http, server and location blocks.
    Any,
    /// In location blocks.
    Location,
}

/// How many arguments a directive takes.
#[derive(Clone, Copy)]
pub enum Takes {
    /// None or one.
    NoneOrOne,
    /// One.
    One,
    /// One to three.
    OneToThree,
    /// One to four.
    OneToFour,
    /// One, `on` or `off`.
    Flag,
    /// One or more.
    OneOrMore,
}

/// nginx has no memory left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// What is wrong with a directive.
pub enum ConfError {
    /// It stands twice in one block.
    Duplicate,
    /// The first argument is invalid. The text says which values are valid.
    Invalid(&'static str),
    /// The argument with this number, from 1, is invalid. The text says why; it may be empty.
    Parameter(usize, &'static str),
    /// nginx has reported the error already.
    Reported,
}

/// The arguments of a directive, in a configuration that lives for `'c`.
pub struct Args<'c, M> {
    cf: NonNull<ngx_conf_t>,
    cycle: PhantomData<&'c ()>,
    module: PhantomData<fn() -> M>,
}

impl<'c, M: Module> Args<'c, M> {
    /// The first argument, as it is written.
    pub fn value(&self) -> &[u8] {
        self.argument(1).unwrap_or_default()
    }

    /// All arguments, as they are written.
    pub fn all(&self) -> impl Iterator<Item = &[u8]> {
        (1..).map_while(|index| self.argument(index))
    }

    /// The configuration being read.
    #[cfg(ngx_feature = "stream")]
    pub(crate) fn conf(&self) -> *mut ngx_conf_t {
        self.cf.as_ptr()
    }

    fn argument(&self, index: usize) -> Option<&[u8]> {
        // SAFETY: nginx passes the words of a directive in `args`, name first; they live as long as the configuration
        // is read.
        unsafe {
            let words = (*self.cf.as_ptr()).args;
            (*words).as_slice::<ngx_str_t>().get(index).map(ngx_str_t::as_bytes)
        }
    }

    /// The first argument as a flag.
    ///
    /// # Errors
    ///
    /// [`ConfError::Invalid`] if it is neither `on` nor `off`, in lower or upper case.
    pub fn flag(&self) -> Result<bool, ConfError> {
        match self.value() {
            value if value.eq_ignore_ascii_case(b"on") => Ok(true),
            value if value.eq_ignore_ascii_case(b"off") => Ok(false),
            _ => Err(ConfError::Invalid("it must be \"on\" or \"off\"")),
        }
    }

    /// The first argument as a level of the error log.
    ///
    /// # Errors
    ///
    /// [`ConfError::Invalid`] if it is none of `info`, `notice`, `warn` and `error`.
    pub fn level(&self) -> Result<Level, ConfError> {
        match self.value() {
            b"info" => Ok(Level::Info),
            b"notice" => Ok(Level::Notice),
            b"warn" => Ok(Level::Warn),
            b"error" => Ok(Level::Error),
            _ => Err(ConfError::Invalid("it must be \"info\", \"notice\", \"warn\" or \"error\"")),
        }
    }

    /// The zone with the first argument as its name.
    ///
    /// # Errors
    ///
    /// [`ConfError::Invalid`] if that is empty or too long ([`zones::NAME`]), [`ConfError::Reported`] if memory is out.
    pub fn zone(&self) -> Result<Zone<'c>, ConfError> {
        let name = self.value();
        if name.is_empty() || name.len() > zones::NAME {
            return Err(ConfError::Invalid("it must be 1 to 120 bytes long"));
        }
        // SAFETY: `cf` is the configuration being read.
        unsafe { Zone::declare::<M>(self.cf.as_ptr(), name) }.ok_or(ConfError::Reported)
    }
}

impl<'c, M: HttpModule> Args<'c, M> {
    /// Has the module answer the requests of the location that the directive stands in ([`HttpModule::content`]).
    pub fn handle_content(&self) {
        // SAFETY: `cf` is the configuration being read, and its context the block's own, with nginx's configuration of
        // it.
        unsafe {
            (*written::core(self.cf.as_ptr())).handler = Some(content::handle::<M>);
        }
    }

    /// The first argument as a text with variables in it; `None` if there are none.
    ///
    /// # Errors
    ///
    /// [`ConfError::Reported`] if nginx cannot make sense of the variables.
    pub fn complex_value(&self) -> Result<Option<ComplexValue<'c>>, ConfError> {
        // SAFETY: `cf` is the configuration being read, in whose pool its words are.
        let value = unsafe { ComplexValue::compile(self.cf.as_ptr(), self.value()) }?;
        Ok(Some(value).filter(ComplexValue::has_variables))
    }

    /// The text behind the first `=` of the argument with this number, from 1. It may have variables in it.
    ///
    /// # Errors
    ///
    /// [`ConfError::Reported`] if nginx cannot make sense of the variables.
    pub fn parameter_value(&self, index: usize) -> Result<ComplexValue<'c>, ConfError> {
        let word = self.argument(index).unwrap_or_default();
        let start = word.iter().position(|&byte| byte == b'=').map_or(word.len(), |end| end.saturating_add(1));
        // SAFETY: `cf` is the configuration being read, in whose pool its words are.
        unsafe { ComplexValue::compile(self.cf.as_ptr(), word.get(start..).unwrap_or_default()) }
    }
}

/// Sets a value that may be set only once in a block.
///
/// # Errors
///
/// [`ConfError::Duplicate`]
pub fn once<T>(place: &mut Option<T>, value: T) -> Result<(), ConfError> {
    match place {
        Some(_) => Err(ConfError::Duplicate),
        None => {
            *place = Some(value);
            Ok(())
        }
    }
}

/// Reads a time in milliseconds, as nginx's own directives do; `None` if the text is invalid.
pub fn parse_time(text: &[u8]) -> Option<u64> {
    let mut line = ngx_str_t { len: text.len(), data: text.as_ptr().cast_mut() };
    // SAFETY: nginx only reads the text.
    u64::try_from(unsafe { ngx_parse_time(&mut line, 0) }).ok()
}

/// A text with variables in it, compiled by nginx. It lives as long as the configuration, which is `'c`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ComplexValue<'c>(pub(crate) NonNull<ngx_http_complex_value_t>, PhantomData<&'c ()>);

impl ComplexValue<'_> {
    /// Has nginx compile a text.
    ///
    /// # Errors
    ///
    /// [`ConfError::Reported`] if nginx cannot make sense of the variables.
    ///
    /// # Safety
    ///
    /// `cf` must be the configuration being read. The text must live as long as that. The result must not be used when
    /// it is gone.
    unsafe fn compile(cf: *mut ngx_conf_t, text: &[u8]) -> Result<Self, ConfError> {
        let mut text = ngx_str_t { len: text.len(), data: text.as_ptr().cast_mut() };
        // SAFETY: `cf` is the configuration being read, and the text lives as long, as the caller promises. So does
        // what its pool gives. The struct is plain data, which nginx zeroes, too, before it uses it.
        unsafe {
            let compiled = ngx_pcalloc((*cf).pool, mem::size_of::<ngx_http_complex_value_t>());
            let compiled = NonNull::new(compiled.cast::<ngx_http_complex_value_t>()).ok_or(ConfError::Reported)?;
            let mut compile: ngx_http_compile_complex_value_t = mem::zeroed();
            compile.cf = cf;
            compile.value = &mut text;
            compile.complex_value = compiled.as_ptr();
            if ngx_http_compile_complex_value(&mut compile) != 0 {
                return Err(ConfError::Reported);
            }
            Ok(Self(compiled, PhantomData))
        }
    }

    /// Returns whether there are variables in it. If not, it is always the same.
    pub fn has_variables(&self) -> bool {
        // SAFETY: the value lives in the configuration's pool.
        !unsafe { (*self.0.as_ptr()).lengths }.is_null()
    }

    /// The text as it was written, variables and all.
    pub fn source(&self) -> &[u8] {
        // SAFETY: the value and its text live in the configuration's pool.
        unsafe { (*self.0.as_ptr()).value.as_bytes() }
    }
}

/// nginx's own configuration of a block, merged; it lives for `'c`.
pub struct CoreConf<'c, M> {
    core: NonNull<ngx_http_core_loc_conf_t>,
    cf: NonNull<ngx_conf_t>,
    cycle: PhantomData<&'c ()>,
    module: PhantomData<fn() -> M>,
}

impl<'c, M: HttpModule> CoreConf<'c, M> {
    /// `client_max_body_size`, in bytes; 0 means no limit.
    pub fn client_max_body_size(&self) -> u64 {
        // SAFETY: made by `settle` below. nginx's configuration of the block lives as long as ours.
        unsafe { (*self.core.as_ptr()).client_max_body_size }.unsigned_abs()
    }

    /// Turns nginx's own check of `client_max_body_size` off in this block.
    pub fn clear_client_max_body_size(&mut self) {
        // SAFETY: made by `settle` below. nginx's configuration of the block lives as long as ours. All blocks are
        // merged by now, so none inherits the value.
        unsafe { (*self.core.as_ptr()).client_max_body_size = 0 };
    }

    /// Whether the responses of this block are made by a handler of its own, as that of `proxy_pass`, and not from files.
    pub fn has_handler(&self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.core.as_ptr()).handler.is_some() }
    }

    /// A zone without a name, which is not shown; `None` if memory is out.
    pub fn hidden_zone(&self) -> Option<Zone<'c>> {
        // SAFETY: made by `settle` below from the configuration being read.
        unsafe { Zone::declare::<M>(self.cf.as_ptr(), &[]) }
    }

    /// Numbers that all processes share, known by this name; `None` if memory is out.
    pub fn exclusive<T: Plain>(&self, name: &str) -> Option<Exclusive<'c, T>> {
        // SAFETY: made by `settle` below from the configuration being read.
        unsafe { Exclusive::declare::<M>(self.cf.as_ptr(), name) }
    }

    /// A text with variables in it, or without; `None` if nginx cannot make sense of it.
    pub fn complex_value(&self, text: &'static str) -> Option<ComplexValue<'c>> {
        // SAFETY: made by `settle` below from the configuration being read; the text is static.
        unsafe { ComplexValue::compile(self.cf.as_ptr(), text.as_bytes()) }.ok()
    }

    /// `lingering_time`, in milliseconds.
    pub fn lingering_time(&self) -> u64 {
        // SAFETY: made by `settle` below. nginx's configuration of the block lives as long as ours.
        unsafe { (*self.core.as_ptr()).lingering_time as u64 }
    }

    /// `lingering_timeout`, in milliseconds.
    pub fn lingering_timeout(&self) -> u64 {
        // SAFETY: made by `settle` below. nginx's configuration of the block lives as long as ours.
        unsafe { (*self.core.as_ptr()).lingering_timeout as u64 }
    }
}

/// The commands that nginx looks directives of an HTTP module up in; the last of `N` ends the table.
pub const fn commands<M: HttpModule, const N: usize>() -> [ngx_command_t; N] {
    let any = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;
    command_table::<M, N>(any, NGX_HTTP_LOC_CONF, NGX_HTTP_LOC_CONF_OFFSET)
}

/// The commands that nginx looks directives up in, as it has them for any block and for the innermost ones; `conf` is
/// where nginx finds the configuration of a block.
// The compiler evaluates this, and reports an index out of bounds as an error.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
pub(crate) const fn command_table<M: Module, const N: usize>(any: u32, inner: u32, conf: usize) -> [ngx_command_t; N] {
    let mut table = [const { ngx_command_t::empty() }; N];
    let mut i = 0;
    while i < M::DIRECTIVES.len() {
        let directive = &M::DIRECTIVES[i];
        let takes = match directive.takes {
            Takes::NoneOrOne => NGX_CONF_NOARGS | NGX_CONF_TAKE1,
            Takes::One => NGX_CONF_TAKE1,
            Takes::OneToThree => NGX_CONF_TAKE123,
            Takes::OneToFour => NGX_CONF_TAKE1234,
            Takes::Flag => NGX_CONF_FLAG,
            Takes::OneOrMore => NGX_CONF_1MORE,
        };
        let within = match directive.within {
            Within::Any => any,
            Within::Location => inner,
        };
        table[i] = ngx_command_t {
            name: ngx_str_t { len: directive.name.count_bytes(), data: directive.name.as_ptr().cast_mut().cast() },
            type_: (within | takes) as ngx_uint_t,
            set: Some(set::<M>),
            conf,
            offset: 0,
            post: ptr::from_ref(directive).cast_mut().cast::<c_void>(),
        };
        i += 1;
    }
    table
}

/// Reads one directive: `ngx_command_t.set`.
unsafe extern "C" fn set<M: Module>(cf: *mut ngx_conf_t, cmd: *mut ngx_command_t, conf: *mut c_void) -> *mut c_char {
    // SAFETY: nginx calls this with a command of the table above, whose `post` is its directive, and with the block's
    // configuration, which `create` made and nothing else uses now.
    let (directive, block_conf, cf) = unsafe {
        let directive = &*(*cmd).post.cast::<Directive<M>>();
        (directive, &mut *conf.cast::<M::Conf<'_>>(), NonNull::new_unchecked(cf))
    };

    let args = Args { cf, cycle: PhantomData, module: PhantomData };
    let name = Escaped(directive.name.to_bytes());
    let report = |message: fmt::Arguments<'_>| {
        // SAFETY: `cf` is the configuration being read.
        unsafe { write_conf_error(cf.as_ptr(), message) };
        NGX_CONF_ERROR
    };
    let is_off = match directive.takes {
        Takes::Flag => matches!(args.flag(), Ok(false)),
        _ => args.value() == b"off",
    };
    match (directive.set)(block_conf, &args) {
        Ok(()) if directive.needs.is_none() || is_off => NGX_CONF_OK,
        // SAFETY: nginx passes the configuration being read, and the block's own, which `create` made.
        Ok(()) => match unsafe { note::<M>(cf.as_ptr(), directive, conf) } {
            true => NGX_CONF_OK,
            false => NGX_CONF_ERROR,
        },
        // nginx puts the directive's name before such a text, and file and line behind it.
        Err(ConfError::Duplicate) => c"is duplicate".as_ptr().cast_mut(),
        Err(ConfError::Reported) => NGX_CONF_ERROR,
        Err(ConfError::Invalid(expected)) => {
            let value = Escaped(args.value());
            report(format_args!("invalid value \"{value}\" in \"{name}\" directive, {expected}"))
        }
        Err(ConfError::Parameter(index, why)) => {
            let parameter = Escaped(args.argument(index).unwrap_or_default());
            let comma = if why.is_empty() { "" } else { ", " };
            report(format_args!("invalid parameter \"{parameter}\" in \"{name}\" directive{comma}{why}"))
        }
    }
}

/// A block: the module's configuration, as nginx knows it, and what is needed to settle all blocks together. In the
/// configuration's pool.
#[repr(C)]
pub(crate) struct Block<'c, M: Module> {
    pub conf: M::Conf<'c>,
    /// nginx's own configuration; null outside HTTP, and for the http block, which is never merged.
    core: *mut ngx_http_core_loc_conf_t,
    /// Who makes the response, where that is asked through [`upstream::handle`].
    handler: ngx_http_handler_pt,
    /// The block around this one.
    around: *mut Block<'c, M>,
    /// The block that was merged before this one.
    before: *mut Block<'c, M>,
}

impl<M: Module> Block<'_, M> {
    /// Notes that this block has been merged, and with what.
    pub fn is_merged_into(&mut self, around: *mut Self) {
        self.around = around.cast();
        self.before = M::registration().reading.last.swap(ptr::from_mut(self).cast(), Ordering::Relaxed).cast();
    }
}

/// What is known of the configuration being read.
pub(crate) struct Reading {
    /// The block that was merged last.
    last: AtomicPtr<c_void>,
    /// The last of the directives that may turn out to have no effect.
    given: AtomicPtr<c_void>,
    /// What the module needs in it.
    needed: AtomicU8,
    /// What it has needed in all configurations read so far.
    ever_needed: AtomicU8,
}

impl Reading {
    pub const fn new() -> Self {
        let (last, given) = (AtomicPtr::new(ptr::null_mut()), AtomicPtr::new(ptr::null_mut()));
        Self { last, given, needed: AtomicU8::new(0), ever_needed: AtomicU8::new(0) }
    }

    /// Begins with a new configuration.
    pub fn begin(&self) {
        self.last.store(ptr::null_mut(), Ordering::Relaxed);
        self.given.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// What the module needs, when all blocks are settled.
    pub fn needed(&self) -> Hooks {
        Hooks(self.needed.load(Ordering::Relaxed))
    }

    /// What the module needs, or has needed before. The chains of filters belong to the process, not to a
    /// configuration. When a reload fails, they stay as it has left them. A worker that is started then has them with
    /// the previous configuration.
    pub fn ever_needed(&self) -> Hooks {
        Hooks(self.ever_needed.load(Ordering::Relaxed))
    }
}

/// Makes the configuration of one block: `ngx_http_module_t.create_loc_conf`.
pub(crate) unsafe extern "C" fn create<M: Module>(cf: *mut ngx_conf_t) -> *mut c_void {
    const { assert!(pool::can_hold::<Block<'_, M>>()) };
    // SAFETY: nginx passes the configuration being read; what its pool gives is aligned, and lives as long as it.
    unsafe {
        let block = ngx_palloc((*cf).pool, mem::size_of::<Block<'_, M>>()).cast::<Block<'_, M>>();
        if !block.is_null() {
            let (core, around, before) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            block.write(Block { conf: Default::default(), core, handler: None, around, before });
        }
        block.cast()
    }
}

/// A directive that has an effect only under circumstances, and where it is written. In the configuration's pool.
struct Given<'c, M: Module> {
    directive: NonNull<Directive<M>>,
    block: *mut Block<'c, M>,
    file: ngx_str_t,
    line: ngx_uint_t,
    next: *mut Given<'c, M>,
}

/// Notes that a directive is written in a block. Returns whether there was memory for that.
///
/// # Safety
///
/// `cf` must be the configuration being read, and `conf` the block's, made by [`create`].
unsafe fn note<M: Module>(cf: *mut ngx_conf_t, directive: &Directive<M>, conf: *mut c_void) -> bool {
    // SAFETY: `cf` is the configuration being read, as the caller promises. nginx knows the file that it reads, whose
    // name lives as long as the configuration.
    unsafe {
        let given = ngx_palloc((*cf).pool, mem::size_of::<Given<M>>()).cast::<Given<M>>();
        if given.is_null() {
            return false;
        }
        let (file, line) = ((*(*cf).conf_file).file.name, (*(*cf).conf_file).line);
        let next = M::registration().reading.given.swap(given.cast(), Ordering::Relaxed).cast();
        given.write(Given { directive: directive.into(), block: conf.cast(), file, line, next });
    }
    true
}

/// Warns of directives without an effect, when all blocks are settled.
///
/// # Safety
///
/// `cf` must be the configuration being read. [`note`] must have been called for it alone. `last` must be its last
/// block.
unsafe fn warn<M: Module>(cf: *mut ngx_conf_t, last: *mut Block<'_, M>) {
    let mut given = M::registration().reading.given.swap(ptr::null_mut(), Ordering::Relaxed).cast::<Given<M>>();
    // SAFETY: all notes are in the configuration's pool, and the last one has no next.
    while let Some(Given { directive, block, file, line, next }) = unsafe { given.as_ref() } {
        given = *next;
        // SAFETY: directives are static.
        let directive = unsafe { directive.as_ref() };
        let Some(Need { is_there, otherwise }) = directive.needs else {
            continue;
        };
        // SAFETY: `last` is the last block, as the caller promises.
        if unsafe { is_there_within(last, *block, is_there) } {
            continue;
        }
        let (name, file) = (Escaped(directive.name.to_bytes()), Escaped(file.as_bytes()));
        // SAFETY: the configuration being read has a log.
        let log = unsafe { (*cf).log };
        let warn = |text: fmt::Arguments<'_>| {
            // SAFETY: that log.
            unsafe { write_log(log, Level::Warn, text) }
        };
        warn(format_args!("\"{name}\" directive has no effect: {otherwise} in {file}:{line}"));
    }
}

/// Whether something is there in a block, or in one within.
///
/// # Safety
///
/// `last` must be the last block of the configuration being read.
unsafe fn is_there_within<'c, M: Module>(
    last: *mut Block<'c, M>,
    block: *const Block<'c, M>,
    is_there: fn(&M::Conf<'_>) -> bool,
) -> bool {
    // SAFETY: all blocks are in the configuration's pool; the first one has none before it.
    let mut blocks = iter::successors(unsafe { last.as_ref() }, |at| unsafe { at.before.as_ref() });
    blocks.any(|at| {
        is_there(&at.conf) && {
            // The outermost one, which was never merged itself, has none around it.
            // SAFETY: all blocks are in the configuration's pool; the outermost one has none around it.
            let mut around = iter::successors(Some(at), |at| unsafe { at.around.as_ref() });
            around.any(|at| ptr::eq(at, block))
        }
    })
}

/// Which of its callbacks a module needs in a block. A callback that no block needs costs nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hooks(u8);

impl Hooks {
    /// None.
    pub const NONE: Self = Self(0);
    /// `rewrite`, `preaccess`, `precontent`, `request_body`, `response_header` and `subrequest`.
    pub const BODY: Self = Self(1);
    /// `rewrite`, `preaccess`, `precontent`, `response_header`, `response_end` and `subrequest`.
    pub const RESPONSE: Self = Self(2);
    /// `log`.
    pub const LOG: Self = Self(4);
    /// `watches_upstream`, `upstream_interrupted` and `upstream_retried`.
    pub const UPSTREAM: Self = Self(8);
    /// `client_data` and `upstream_interrupted`, of a module for raw connections.
    pub const CLIENT_DATA: Self = Self(16);
    /// `end`, of a module for raw connections.
    pub const END: Self = Self(32);
    /// Those for which requests are watched all along their way.
    pub(crate) const REQUEST: Self = Self::BODY.and(Self::RESPONSE);

    /// These and those.
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Returns whether all of `those` are among these.
    pub const fn include(self, those: Self) -> bool {
        self.0 & those.0 == those.0
    }

    /// Returns whether any of `those` is among these.
    pub(crate) const fn include_any(self, those: Self) -> bool {
        self.0 & those.0 != 0
    }
}

/// Merges the configuration of a block with that around it: `ngx_http_module_t.merge_loc_conf`.
pub(crate) unsafe extern "C" fn merge<M: HttpModule>(
    cf: *mut ngx_conf_t,
    prev: *mut c_void,
    conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: nginx passes two configurations that `create` made, of different blocks, and has set the context to the
    // block's own (`ngx_http_merge_servers`, `ngx_http_merge_locations`).
    unsafe {
        let (block, around) = (&mut *conf.cast::<Block<'_, M>>(), prev.cast::<Block<'_, M>>());
        M::merge(&mut block.conf, &(*around).conf, written::of::<M>(cf));
        block.core = written::core(cf);
        block.is_merged_into(around);
    }
    NGX_CONF_OK
}

/// Settles all blocks, when each of them has been merged, and warns of directives without an effect.
///
/// # Errors
///
/// [`OutOfMemory`]
///
/// # Safety
///
/// `cf` must be the configuration being read. This must be called once for it.
pub(crate) unsafe fn settle<M: HttpModule>(cf: *mut ngx_conf_t) -> Result<(), OutOfMemory> {
    let last = M::registration().reading.last.load(Ordering::Relaxed).cast::<Block<'_, M>>();
    // SAFETY: `merge` has made the list, in the pool of the configuration being read; nobody else uses a configuration
    // of ours meanwhile.
    unsafe {
        let enforces =
            iter::successors(last.as_ref(), |block| block.before.as_ref()).any(|block| M::enforces(&block.conf));
        settle_blocks::<M>(cf, |block| {
            let (nginx, cf) = (NonNull::new_unchecked(block.core), NonNull::new_unchecked(cf));
            let nginx = CoreConf { core: nginx, cf, cycle: PhantomData, module: PhantomData };
            M::settle(&mut block.conf, nginx, enforces)
        })?;
        // In every location: a subrequest may begin in any.
        if M::registration().reading.needed().include_any(Hooks::REQUEST.and(Hooks::UPSTREAM)) {
            let mut block = last;
            while let Some(at) = block.as_mut() {
                at.handler = (*at.core).handler;
                if at.handler.is_some() {
                    (*at.core).handler = Some(upstream::handle::<M>);
                }
                block = at.before;
            }
        }
    }
    Ok(())
}

/// Calls `settle` with each block, the last one first, and notes which hooks they need. Warns of directives without an
/// effect.
///
/// # Errors
///
/// Those of `settle`.
///
/// # Safety
///
/// As for [`settle`].
pub(crate) unsafe fn settle_blocks<M: Module>(
    cf: *mut ngx_conf_t,
    mut settle: impl FnMut(&mut Block<'_, M>) -> Result<Hooks, OutOfMemory>,
) -> Result<(), OutOfMemory> {
    let reading = &M::registration().reading;
    let last = reading.last.swap(ptr::null_mut(), Ordering::Relaxed).cast::<Block<'_, M>>();
    let (mut needed, mut block) = (Hooks::NONE, last);
    // SAFETY: the list is in the pool of the configuration being read; nobody else uses a configuration of ours
    // meanwhile.
    while let Some(at) = unsafe { block.as_mut() } {
        needed = needed.and(settle(at)?);
        block = at.before;
    }
    // SAFETY: `cf` is the configuration being read, as the caller promises, and `last` its last block.
    unsafe { warn::<M>(cf, last) };
    reading.needed.store(needed.0, Ordering::Relaxed);
    reading.ever_needed.fetch_or(needed.0, Ordering::Relaxed);
    Ok(())
}

/// Who makes the response to a request that nginx asks [`upstream::handle`] for: whoever was to in its location. A block within
/// that (`if`) has no handler of its own.
///
/// # Safety
///
/// `r` must be live.
pub(crate) unsafe fn handler<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_http_handler_pt {
    // SAFETY: live, says the caller; in each location the module has a block, made by `create`, which outlives the request.
    let block = unsafe { (*(*r).loc_conf.add(M::registration().ctx_index())).cast::<Block<'_, M>>().as_ref() };
    // SAFETY: as above; the outermost one has none around it.
    iter::successors(block, |block| unsafe { block.around.as_ref() }).find_map(|block| block.handler)
}

/// Bytes from a configuration, for a log line: UTF-8 as it is, anything else as `\x..`.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        nginx_sys::detail::display_bytes(f, self.0)
    }
}
