//! The module as nginx sees it: its descriptor, and the callbacks that nginx makes.

use core::cell::Cell;
use core::ptr;

use nginx_sys::{
    ngx_array_push, ngx_array_t, ngx_chain_t, ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_core_main_conf_t,
    ngx_http_core_module, ngx_http_finalize_request, ngx_http_handler_pt, ngx_http_module_t,
    ngx_http_phases_NGX_HTTP_LOG_PHASE, ngx_http_phases_NGX_HTTP_PREACCESS_PHASE,
    ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE, ngx_http_request_t, ngx_http_top_body_filter,
    ngx_http_top_header_filter, ngx_http_top_request_body_filter, ngx_int_t, ngx_module_t, NGX_DECLINED, NGX_DONE,
    NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_OK,
};

use crate::chains::{self, Place, Step};
use crate::{
    conf, content_length, filter, modules, upstream, variable, Content, CoreConf, Directive, Expired, Hooks, Input,
    Interrupted, OutOfMemory, Output, Request, Status, Variable, Written,
};

/// What nginx knows of a module; made by [`http_module!`](crate::http_module).
///
/// # Safety
///
/// [`registration`](Self::registration) must always return the same value. No other module may have that value.
pub unsafe trait Registered {
    /// What nginx knows of the module.
    fn registration() -> &'static Registration;
}

/// A module of nginx, whatever it is for: its directives and its zones.
pub trait Module: Registered + Sized + 'static {
    /// The configuration of one block. It is kept for as long as any request uses it, which is `'c`, and may have zones
    /// and texts that live as long.
    type Conf<'c>: Default;

    /// Its directives.
    const DIRECTIVES: &'static [Directive<Self>];
    /// What the names of its shared memory begin with. No other module may have the same name.
    const NAME: &'static str = "";
    /// How many counters each of its zones has.
    const COUNTERS: usize = 0;
}

/// An nginx HTTP module: its variables and its callbacks. A module implements only what it needs.
///
/// [`http_module!`](crate::http_module) makes one known to nginx.
pub trait HttpModule: Module {
    /// What is remembered of one request, which may borrow what lives as long as the request.
    type State<'r>: Default;

    /// Its variables.
    const VARIABLES: &'static [Variable<Self>] = &[];

    /// Lets `conf` inherit from `prev`, the block around it. Called for every server and location, outer ones first.
    fn merge<'c>(_conf: &mut Self::Conf<'c>, _prev: &Self::Conf<'c>, _written: Written) {}

    /// Whether nginx's own check of `client_max_body_size` has to be off for the sake of this block. Called when all
    /// blocks have been merged.
    fn enforces(_conf: &Self::Conf<'_>) -> bool {
        false
    }

    /// Settles the configuration of a block. `enforced` is whether any block [`enforces`](Self::enforces). Returns
    /// which of the callbacks below the block needs.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]
    fn settle<'c>(
        _conf: &mut Self::Conf<'c>,
        _core: CoreConf<'c, Self>,
        _enforced: bool,
    ) -> Result<Hooks, OutOfMemory> {
        Ok(Hooks::NONE)
    }

    /// Called before nginx looks for the location of a request, and when a location has been found, in either case
    /// before the directives of the rewrite module run; again for subrequests and internal redirects.
    fn rewrite(_r: Request<'_, Self>) {}

    /// Called when the location of a request is settled, behind `limit_req` and before `limit_conn`, access and the
    /// body; again for subrequests and internal redirects.
    fn preaccess(_r: Request<'_, Self>) -> Phase {
        Phase::Declined
    }

    /// Called when access has been granted, before the body is read; again for subrequests and internal redirects.
    fn precontent(_r: Request<'_, Self>) -> Phase {
        Phase::Declined
    }

    /// Whether [`request_body`](Self::request_body) is to be called for a piece of this body.
    fn watches_request_body(_r: Request<'_, Self>) -> bool {
        false
    }

    /// Called for each piece of a watched body that nginx reads and keeps, when nginx has counted it.
    fn request_body(_r: Request<'_, Self>, _input: &mut Input<'_>) -> Piece {
        Piece::Pass
    }

    /// Called when a piece of a body could not be kept, watched or not.
    fn request_body_lost(_r: Request<'_, Self>) {}

    /// Whether the callbacks for the response of a request are to be called, which are the four below.
    fn watches_response(_r: Request<'_, Self>) -> bool {
        true
    }

    /// Called for a main request when a response is about to be made, and nothing of it has been sent. A returned
    /// status replaces the response. Code that goes on to make the replaced response gets that status from the filters.
    fn response_header(_r: Request<'_, Self>) -> Option<Status> {
        None
    }

    /// The status that [`response_header`](Self::response_header) has returned, as long as it is not the response yet.
    fn replaced_response(_r: Request<'_, Self>) -> Option<Status> {
        None
    }

    /// Called for a main request when the header of a response has been made.
    fn response_begin(_r: Request<'_, Self>) {}

    /// Called for a main request when nginx has made the last of a response, but perhaps not sent it yet.
    fn response_end(_r: Request<'_, Self>) {}

    /// Called for a subrequest when its response is about to be made by what its location says, as `proxy_pass`. A clone of
    /// another request begins here, as `slice` and `proxy_cache_background_update` make them.
    fn subrequest(_r: Request<'_, Self>) {}

    /// Whether [`upstream_interrupted`](Self::upstream_interrupted) is to be called for the upstream that a request with a body
    /// has.
    fn watches_upstream(_r: Request<'_, Self>) -> bool {
        false
    }

    /// Called when nothing more of a request can be written to its upstream. Returns whether to read what that has sent all the
    /// same; else nginx has done with it.
    fn upstream_interrupted(_r: Request<'_, Self>, _interrupted: Interrupted) -> bool {
        false
    }

    /// Called when a request is sent to an upstream once more after that.
    fn upstream_retried(_r: Request<'_, Self>) {}

    /// Called when the deadline has come that [`Request::set_deadline`] has set. Returns how the request ends, if it does.
    fn deadline(_r: Request<'_, Self>) -> Option<Expired> {
        None
    }

    /// Called when a request ends for which [`Request::notify_end`] was called, just before the access log is written.
    fn end(_r: Request<'_, Self>) {}

    /// Called when nginx writes its access logs; for subrequests only where these are logged too.
    fn log(_r: Request<'_, Self>) {}

    /// Called for a request in a location with a directive that called [`Args::handle_content`]. Writes the body of the
    /// answer, which must not be empty, and returns its kind; `None` if memory is out.
    ///
    /// [`Args::handle_content`]: super::Args::handle_content
    fn content(_r: Request<'_, Self>, _output: &mut Output) -> Option<Content> {
        None
    }
}

/// What a phase handler tells nginx.
pub enum Phase {
    /// Go on with the next handler.
    Declined,
    /// Finalize the request with this status: nginx answers with it, or with the `error_page` for it.
    Finalize(Status),
}

/// What becomes of a piece of a body.
pub enum Piece {
    /// The piece goes on to the next filter.
    Pass,
    /// The piece has been taken out of its buffers: nothing goes on.
    Taken,
    /// As [`Taken`](Self::Taken), and nothing more is to be done with the body.
    Over,
    /// The request ends with this status. nginx reads no further.
    Refuse(Status),
}

/// What nginx knows of a module, and what is known of the module between nginx's calls.
pub struct Registration {
    module: *const ngx_module_t,
    written: *const ngx_module_t,
    /// See [`ctx_index`](Self::ctx_index).
    ctx_index: Cell<usize>,
    /// The configuration being read.
    pub(crate) reading: conf::Reading,
    /// The module's places in the chains of filters.
    pub(crate) places: Places,
    /// Follows what becomes of a configuration in those of the chains that the module may be in.
    chains: fn(&Places, Step),
}

// SAFETY: only nginx's one thread uses it; what it points to is static.
unsafe impl Sync for Registration {}

/// A module's places in the chains of filters.
pub struct Places {
    pub(crate) request_body: Place<BodyFilter>,
    pub(crate) header: Place<HeaderFilter>,
    pub(crate) body: Place<BodyFilter>,
    /// Of a module for raw connections.
    #[cfg(ngx_feature = "stream")]
    pub(crate) stream: Place<StreamFilter>,
}

type HeaderFilter = unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t;
type BodyFilter = unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_chain_t) -> ngx_int_t;
#[cfg(ngx_feature = "stream")]
type StreamFilter =
    unsafe extern "C" fn(*mut nginx_sys::ngx_stream_session_t, *mut ngx_chain_t, nginx_sys::ngx_uint_t) -> ngx_int_t;

impl Places {
    /// Before the filters are registered.
    const fn none() -> Self {
        Self {
            request_body: Place::none(no_body_filter),
            header: Place::none(no_header_filter),
            body: Place::none(no_body_filter),
            #[cfg(ngx_feature = "stream")]
            stream: Place::none(no_stream_filter),
        }
    }
}

/// Follows what becomes of a configuration in nginx's chains for HTTP.
pub fn chains(places: &Places, step: Step) {
    // SAFETY: nginx's own pointers, on its one thread.
    unsafe {
        places.request_body.follow(ptr::addr_of_mut!(ngx_http_top_request_body_filter), step);
        places.header.follow(ptr::addr_of_mut!(ngx_http_top_header_filter), step);
        places.body.follow(ptr::addr_of_mut!(ngx_http_top_body_filter), step);
    }
}

unsafe extern "C" fn no_header_filter(_r: *mut ngx_http_request_t) -> ngx_int_t {
    NGX_ERROR as ngx_int_t
}

unsafe extern "C" fn no_body_filter(_r: *mut ngx_http_request_t, _chain: *mut ngx_chain_t) -> ngx_int_t {
    NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t
}

#[cfg(ngx_feature = "stream")]
unsafe extern "C" fn no_stream_filter(
    _s: *mut nginx_sys::ngx_stream_session_t,
    _chain: *mut ngx_chain_t,
    _from_upstream: nginx_sys::ngx_uint_t,
) -> ngx_int_t {
    NGX_ERROR as ngx_int_t
}

impl Registration {
    /// The registration of `module`, with `written`, the module that sees what is written of nginx's own directives, and
    /// `chains`, which follows a configuration in the chains of filters that the module may be in.
    ///
    /// # Safety
    ///
    /// Both must point to the statics that nginx registers.
    pub const unsafe fn new(
        module: *const ngx_module_t,
        written: *const ngx_module_t,
        chains: fn(&Places, Step),
    ) -> Self {
        let (ctx_index, reading, places) = (Cell::new(0), conf::Reading::new(), Places::none());
        Self { module, written, ctx_index, reading, places, chains }
    }

    /// Follows what becomes of a configuration.
    pub(crate) fn follow(&self, step: Step) {
        (self.chains)(&self.places, step);
    }

    /// The address that tells the module from others.
    pub(crate) fn module(&self) -> *const ngx_module_t {
        self.module
    }

    /// Begins with a new configuration.
    pub(crate) fn begin(&self) {
        // SAFETY: points to a static; nginx sets the index before it calls the module, and then leaves it alone.
        self.ctx_index.set(unsafe { (*self.module).ctx_index });
        self.reading.begin();
    }

    /// The module's place in every array that has one for each HTTP module, or stream module. It is needed for everything
    /// that is looked up, so it is kept where it takes one load.
    pub(crate) fn ctx_index(&self) -> usize {
        self.ctx_index.get()
    }

    /// The same place for the module that sees what is written.
    pub(crate) fn written_ctx_index(&self) -> usize {
        // SAFETY: points to a static; nginx sets the index before it calls the module, and then leaves it alone.
        unsafe { (*self.written).ctx_index }
    }
}

/// The `ngx_http_module_t` of a module.
pub const fn context<M: HttpModule>() -> ngx_http_module_t {
    ngx_http_module_t {
        preconfiguration: Some(begin::<M>),
        postconfiguration: Some(register_handlers::<M>),
        create_main_conf: Some(upstream::create_main_conf),
        init_main_conf: None,
        create_srv_conf: None,
        merge_srv_conf: None,
        create_loc_conf: Some(conf::create::<M>),
        merge_loc_conf: Some(conf::merge::<M>),
    }
}

/// Begins with a new configuration: `ngx_http_module_t.preconfiguration`.
unsafe extern "C" fn begin<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    M::registration().begin();
    // SAFETY: nginx passes the configuration being read.
    unsafe {
        if !chains::begin::<M>(cf) {
            return NGX_ERROR as ngx_int_t;
        }
        variable::register::<M>(cf)
    }
}

/// Registers phase handlers and body filter: `ngx_http_module_t.postconfiguration`.
unsafe extern "C" fn register_handlers<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: nginx passes the configuration being read, all blocks of which are merged.
    if unsafe { !modules::are_known(cf, M::registration().module()) || conf::settle::<M>(cf).is_err() } {
        return NGX_ERROR as ngx_int_t;
    }
    let reading = &M::registration().reading;
    let needed = reading.needed();
    let handlers: [(_, _, ngx_http_handler_pt); 3] = [
        (Hooks::LOG, ngx_http_phases_NGX_HTTP_LOG_PHASE, Some(log::<M>)),
        (Hooks::REQUEST, ngx_http_phases_NGX_HTTP_PREACCESS_PHASE, Some(preaccess::<M>)),
        (Hooks::REQUEST, ngx_http_phases_NGX_HTTP_PRECONTENT_PHASE, Some(precontent::<M>)),
    ];
    for (_, phase, handler) in handlers.into_iter().filter(|(hooks, ..)| needed.include_any(*hooks)) {
        // SAFETY: nginx passes the configuration being read, in postconfiguration.
        if !unsafe { add_handler(cf, phase as usize, handler) } {
            return NGX_ERROR as ngx_int_t;
        }
    }
    // SAFETY: as above.
    if needed.include(Hooks::UPSTREAM) && unsafe { upstream::register::<M>(cf) }.is_err() {
        return NGX_ERROR as ngx_int_t;
    }
    // SAFETY: as above.
    if needed.include_any(Hooks::REQUEST) && unsafe { content_length::tell_subrequests_apart(cf) }.is_err() {
        return NGX_ERROR as ngx_int_t;
    }
    if reading.ever_needed().include_any(Hooks::REQUEST) {
        filter::register::<M>();
    }
    NGX_OK as ngx_int_t
}

/// Adds a handler to a phase. Returns whether there was memory for it.
///
/// # Safety
///
/// `cf` must be the configuration being read, in postconfiguration.
pub(crate) unsafe fn add_handler(cf: *mut ngx_conf_t, phase: usize, handler: ngx_http_handler_pt) -> bool {
    // SAFETY: `cf` is the configuration being read, as the caller promises.
    let phases = unsafe { ptr::addr_of_mut!((*core_main_conf(cf)).phases) };

    // SAFETY: the core module has initialized an array of such handlers for each phase.
    unsafe {
        let phase = phases.cast::<nginx_sys::ngx_http_phase_t>().add(phase);
        push(ptr::addr_of_mut!((*phase).handlers), handler)
    }
}

/// The core module's main configuration.
///
/// # Safety
///
/// `cf` must be the configuration being read, with the context of the http block or of one in it.
pub(crate) unsafe fn core_main_conf(cf: *mut ngx_conf_t) -> *mut ngx_http_core_main_conf_t {
    // SAFETY: the context is that of a block of http, as the caller promises.
    let main_conf = unsafe { (*(*cf).ctx.cast::<ngx_http_conf_ctx_t>()).main_conf };
    // SAFETY: nginx has made the core module's main configuration before that of any other module.
    unsafe { (*main_conf.add((*ptr::addr_of!(ngx_http_core_module)).ctx_index)).cast() }
}

/// Adds an element to an array. Returns whether there was memory for it.
///
/// # Safety
///
/// The array must be initialized, for elements of this type.
pub(crate) unsafe fn push<T>(array: *mut ngx_array_t, element: T) -> bool {
    // SAFETY: the array is initialized, as the caller promises.
    let place = unsafe { ngx_array_push(array) }.cast::<T>();
    if place.is_null() {
        return false;
    }
    // SAFETY: a pushed place has room for an element, and is ours to fill.
    unsafe { place.write(element) };
    true
}

unsafe extern "C" fn preaccess<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    unsafe { finish(r, M::preaccess(Request::new(r))) }
}

unsafe extern "C" fn precontent<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    unsafe { finish(r, M::precontent(Request::new(r))) }
}

/// Does what a phase handler has returned. The call may end the request.
///
/// # Safety
///
/// `r` must be live.
unsafe fn finish(r: *mut ngx_http_request_t, phase: Phase) -> ngx_int_t {
    match phase {
        Phase::Declined => NGX_DECLINED as ngx_int_t,
        Phase::Finalize(status) => {
            // SAFETY: `r` is live, as the caller promises, and is not used here afterwards.
            unsafe { ngx_http_finalize_request(r, status.as_ngx()) };
            NGX_DONE as ngx_int_t
        }
    }
}

unsafe extern "C" fn log<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    M::log(unsafe { Request::new(r) });
    NGX_OK as ngx_int_t
}

/// Makes an [`HttpModule`] known to nginx as `$name`, placed before the modules named in `before`; with it, as
/// `$written`, the module that sees what is written of nginx's own directives, placed before nginx's core module; and
/// its filters of responses as `$filter`, placed last.
///
/// Of two modules the one placed earlier is called later in a phase, and nearer to nginx in the filter chains.
#[macro_export]
macro_rules! http_module {
    ($module:ty as $name:ident before [$($before:ident),+] with configuration $written:ident and filters $filter:ident) => {
        #[allow(unsafe_code)]
        mod exported {
            use super::*;
            use $crate::{export, Module, Registered, Registration};

            static mut COMMANDS: [export::ngx_command_t; <$module as Module>::DIRECTIVES.len() + 1] =
                export::commands::<$module, { <$module as Module>::DIRECTIVES.len() + 1 }>();
            static mut CONTEXT: export::ngx_http_module_t = export::context::<$module>();
            static mut WRITTEN_CONTEXT: export::ngx_http_module_t = export::written_context::<$module>();
            static mut FILTER_CONTEXT: export::ngx_http_module_t = export::filter_context::<$module>();

            /// What nginx knows of the module.
            #[allow(non_upper_case_globals)]
            #[cfg_attr(not(feature = "export-modules"), no_mangle)]
            pub static mut $name: export::ngx_module_t = export::ngx_module_t {
                ctx: ::core::ptr::addr_of_mut!(CONTEXT).cast(),
                commands: ::core::ptr::addr_of_mut!(COMMANDS).cast(),
                type_: export::NGX_HTTP_MODULE as export::ngx_uint_t,
                init_module: Some(export::in_force::<$module>),
                init_process: Some(export::served::<$module>),
                ..export::ngx_module_t::default()
            };

            /// What nginx knows of the module that sees what is written.
            #[allow(non_upper_case_globals)]
            #[cfg_attr(not(feature = "export-modules"), no_mangle)]
            pub static mut $written: export::ngx_module_t = export::ngx_module_t {
                ctx: ::core::ptr::addr_of_mut!(WRITTEN_CONTEXT).cast(),
                type_: export::NGX_HTTP_MODULE as export::ngx_uint_t,
                ..export::ngx_module_t::default()
            };

            /// What nginx knows of the module's filters.
            #[allow(non_upper_case_globals)]
            #[cfg_attr(not(feature = "export-modules"), no_mangle)]
            pub static mut $filter: export::ngx_module_t = export::ngx_module_t {
                ctx: ::core::ptr::addr_of_mut!(FILTER_CONTEXT).cast(),
                type_: export::NGX_HTTP_MODULE as export::ngx_uint_t,
                ..export::ngx_module_t::default()
            };

            static REGISTRATION: Registration = {
                // SAFETY: these are the statics that nginx registers.
                unsafe {
                    Registration::new(::core::ptr::addr_of!($name), ::core::ptr::addr_of!($written), export::chains)
                }
            };

            // SAFETY: the static above is the module's alone.
            unsafe impl Registered for $module {
                fn registration() -> &'static Registration {
                    &REGISTRATION
                }
            }

            $crate::module_tables!([$written, $name, $filter], [
                stringify!($written), "ngx_http_core_module", stringify!($name) $(, stringify!($before))+
            ]);
        }
    };
}

/// Exports what nginx's own build writes for a dynamic module: its `$module`s, in their order, and `$order`, a list of names,
/// by which nginx puts each module before all that stand behind it there.
#[doc(hidden)]
#[macro_export]
macro_rules! module_tables {
    ([$($module:ident),+], [$($order:expr),+]) => {
        #[cfg(feature = "export-modules")]
        mod tables {
            use ::core::ffi::c_char;

            const fn c_str(name: &'static str) -> *const c_char {
                name.as_ptr().cast()
            }

            #[no_mangle]
            #[allow(non_upper_case_globals)]
            static mut ngx_modules: [*const $crate::export::ngx_module_t; 1 $(+ { stringify!($module); 1 })+] =
                [$(::core::ptr::addr_of!(super::$module),)+ ::core::ptr::null()];

            #[no_mangle]
            #[allow(non_upper_case_globals)]
            static mut ngx_module_names: [*const c_char; 1 $(+ { stringify!($module); 1 })+] =
                [$(c_str(concat!(stringify!($module), "\0")),)+ ::core::ptr::null()];

            #[no_mangle]
            #[allow(non_upper_case_globals)]
            static mut ngx_module_order: [*const c_char; 1 $(+ { stringify!($order); 1 })+] =
                [$(c_str(concat!($order, "\0")),)+ ::core::ptr::null()];
        }
    };
}
