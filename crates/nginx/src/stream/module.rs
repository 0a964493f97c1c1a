//! A module for raw connections as nginx sees it: its descriptor, and the callbacks that nginx makes.

use core::ptr;

use nginx_sys::{
    ngx_conf_t, ngx_int_t, ngx_stream_conf_ctx_t, ngx_stream_core_main_conf_t, ngx_stream_core_module,
    ngx_stream_handler_pt, ngx_stream_module_t, ngx_stream_phase_t, ngx_stream_phases_NGX_STREAM_LOG_PHASE,
    ngx_stream_session_t, NGX_ERROR, NGX_OK,
};

use super::{conf, variable, Data, Session, Settling, Variable};
use crate::conf::create;
use crate::module::push;
use crate::{chains, modules, Hooks, Module, OutOfMemory};

/// An nginx module for raw connections: its variables and its callbacks. A module implements only what it needs.
///
/// [`stream_module!`](crate::stream_module) makes one known to nginx.
pub trait StreamModule: Module {
    /// What is remembered of one session, which may borrow what lives as long as the session.
    type State<'s>: Default;

    /// Its variables.
    const VARIABLES: &'static [Variable<Self>] = &[];

    /// Lets the configuration of a server inherit from `prev`, that of the stream block.
    fn merge<'c>(_conf: &mut Self::Conf<'c>, _prev: &Self::Conf<'c>) {}

    /// Settles the configuration of a server, when all of them have been merged. Returns which of the callbacks below
    /// the server needs.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]
    fn settle<'c>(_conf: &mut Self::Conf<'c>, _settling: Settling<'c, Self>) -> Result<Hooks, OutOfMemory> {
        Ok(Hooks::NONE)
    }

    /// Called when data that the client has sent over TCP are about to be passed to an upstream, and nginx has counted
    /// them ([`Session::received`]).
    fn client_data(_s: Session<'_, Self>) -> Data {
        Data::Pass
    }

    /// Called when the upstream takes nothing more of what the client sends, but may have sent something that nginx has not
    /// read yet, or the client not taken; and then for each piece that the client sends until it has taken that. Returns
    /// whether the piece of so many bytes is dropped, and nginx goes on; if not, nginx ends the session. The first piece has
    /// been through [`client_data`](Self::client_data), the others have not.
    fn upstream_interrupted(_s: Session<'_, Self>, _bytes: u64) -> bool {
        false
    }

    /// Called when a session ends, just before its access log is written and its connection is closed.
    fn end(_s: Session<'_, Self>) {}
}

/// The `ngx_stream_module_t` of a module.
pub const fn context<M: StreamModule>() -> ngx_stream_module_t {
    ngx_stream_module_t {
        preconfiguration: Some(begin::<M>),
        postconfiguration: Some(register_handlers::<M>),
        create_main_conf: None,
        init_main_conf: None,
        create_srv_conf: Some(create::<M>),
        merge_srv_conf: Some(conf::merge::<M>),
    }
}

/// Begins with a new configuration: `ngx_stream_module_t.preconfiguration`.
unsafe extern "C" fn begin<M: StreamModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    M::registration().begin();
    // SAFETY: nginx passes the configuration being read.
    unsafe {
        if !chains::begin::<M>(cf) {
            return NGX_ERROR as ngx_int_t;
        }
        variable::register::<M>(cf)
    }
}

/// Registers the handler of the log phase: `ngx_stream_module_t.postconfiguration`.
unsafe extern "C" fn register_handlers<M: StreamModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: nginx passes the configuration being read, all servers of which are merged.
    let is_settled = unsafe { modules::are_known(cf, M::registration().module()) && conf::settle::<M>(cf).is_ok() };
    // SAFETY: as above, in postconfiguration.
    let add = || unsafe { add_handler(cf, ngx_stream_phases_NGX_STREAM_LOG_PHASE as usize, Some(end::<M>)) };
    match is_settled && (!M::registration().reading.needed().include(Hooks::END) || add()) {
        true => NGX_OK as ngx_int_t,
        false => NGX_ERROR as ngx_int_t,
    }
}

/// Adds a handler to a phase. Returns whether there was memory for it.
///
/// # Safety
///
/// `cf` must be the configuration being read, in postconfiguration.
unsafe fn add_handler(cf: *mut ngx_conf_t, phase: usize, handler: ngx_stream_handler_pt) -> bool {
    // SAFETY: the context is that of the stream block, as the caller promises. The core module has made its main
    // configuration before, and has initialized an array of such handlers for each phase.
    unsafe {
        let ctx = (*cf).ctx.cast::<ngx_stream_conf_ctx_t>();
        let core = *(*ctx).main_conf.add((*ptr::addr_of!(ngx_stream_core_module)).ctx_index);
        let phases = ptr::addr_of_mut!((*core.cast::<ngx_stream_core_main_conf_t>()).phases);
        let phase = phases.cast::<ngx_stream_phase_t>().add(phase);
        push(ptr::addr_of_mut!((*phase).handlers), handler)
    }
}

unsafe extern "C" fn end<M: StreamModule>(s: *mut ngx_stream_session_t) -> ngx_int_t {
    // SAFETY: nginx passes a live session.
    M::end(unsafe { Session::new(s) });
    NGX_OK as ngx_int_t
}

/// Makes a [`StreamModule`] known to nginx as `$name`, placed before the modules named in `before`, and its filter as
/// `$filter`, placed last.
///
/// Of two modules the one placed earlier is called earlier in the log phase.
#[macro_export]
macro_rules! stream_module {
    ($module:ty as $name:ident before [$($before:ident),+] with filter $filter:ident) => {
        #[allow(unsafe_code)]
        mod exported {
            use super::*;
            use $crate::stream::export;
            use $crate::{Module, Registered, Registration};

            static mut COMMANDS: [export::ngx_command_t; <$module as Module>::DIRECTIVES.len() + 1] =
                export::commands::<$module, { <$module as Module>::DIRECTIVES.len() + 1 }>();
            static mut CONTEXT: export::ngx_stream_module_t = export::context::<$module>();
            static mut FILTER_CONTEXT: export::ngx_stream_module_t = export::filter_context::<$module>();

            /// What nginx knows of the module.
            #[allow(non_upper_case_globals)]
            #[cfg_attr(not(feature = "export-modules"), no_mangle)]
            pub static mut $name: export::ngx_module_t = export::ngx_module_t {
                ctx: ::core::ptr::addr_of_mut!(CONTEXT).cast(),
                commands: ::core::ptr::addr_of_mut!(COMMANDS).cast(),
                type_: export::NGX_STREAM_MODULE as export::ngx_uint_t,
                init_module: Some(export::in_force::<$module>),
                init_process: Some(export::served::<$module>),
                ..export::ngx_module_t::default()
            };

            /// What nginx knows of the module's filter.
            #[allow(non_upper_case_globals)]
            #[cfg_attr(not(feature = "export-modules"), no_mangle)]
            pub static mut $filter: export::ngx_module_t = export::ngx_module_t {
                ctx: ::core::ptr::addr_of_mut!(FILTER_CONTEXT).cast(),
                type_: export::NGX_STREAM_MODULE as export::ngx_uint_t,
                ..export::ngx_module_t::default()
            };

            static REGISTRATION: Registration = {
                // SAFETY: this is the static that nginx registers.
                unsafe {
                    Registration::new(::core::ptr::addr_of!($name), ::core::ptr::addr_of!($name), export::chains)
                }
            };

            // SAFETY: the static above is the module's alone.
            unsafe impl Registered for $module {
                fn registration() -> &'static Registration {
                    &REGISTRATION
                }
            }

            $crate::module_tables!([$name, $filter], [stringify!($name) $(, stringify!($before))+]);
        }
    };
}
