//! The configuration of modules for raw connections.

use core::ffi::{c_char, c_void};
use core::marker::PhantomData;
use core::mem;
use core::ptr::NonNull;

use nginx_sys::{
    ngx_command_t, ngx_conf_t, ngx_pcalloc, ngx_str_t, ngx_stream_compile_complex_value,
    ngx_stream_compile_complex_value_t, ngx_stream_complex_value_t, NGX_STREAM_MAIN_CONF, NGX_STREAM_SRV_CONF,
    NGX_STREAM_SRV_CONF_OFFSET,
};
use ngx::core::NGX_CONF_OK;

use super::StreamModule;
use crate::conf::{command_table, settle_blocks, Block};
use crate::{Args, ConfError, OutOfMemory, Zone};

/// The commands that nginx looks directives of a module up in; the last of `N` ends the table.
pub const fn commands<M: StreamModule, const N: usize>() -> [ngx_command_t; N] {
    let any = NGX_STREAM_MAIN_CONF | NGX_STREAM_SRV_CONF;
    command_table::<M, N>(any, NGX_STREAM_SRV_CONF, NGX_STREAM_SRV_CONF_OFFSET)
}

/// Merges the configuration of a server with that of the stream block: `ngx_stream_module_t.merge_srv_conf`.
pub(crate) unsafe extern "C" fn merge<M: StreamModule>(
    _cf: *mut ngx_conf_t,
    prev: *mut c_void,
    conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: nginx passes two configurations that `create` made, of different blocks.
    unsafe {
        let (block, around) = (&mut *conf.cast::<Block<'_, M>>(), prev.cast::<Block<'_, M>>());
        M::merge(&mut block.conf, &(*around).conf);
        block.is_merged_into(around);
    }
    NGX_CONF_OK
}

/// Settles all servers, when each of them has been merged.
///
/// # Errors
///
/// [`OutOfMemory`]
///
/// # Safety
///
/// `cf` must be the configuration being read. This must be called once for it.
pub(crate) unsafe fn settle<M: StreamModule>(cf: *mut ngx_conf_t) -> Result<(), OutOfMemory> {
    // SAFETY: `cf` is the configuration being read, as the caller promises.
    unsafe {
        let cf = NonNull::new_unchecked(cf);
        settle_blocks::<M>(cf.as_ptr(), |block| {
            M::settle(&mut block.conf, Settling { cf, cycle: PhantomData, module: PhantomData })
        })
    }
}

/// The configuration being settled, which will live for `'c`.
pub struct Settling<'c, M> {
    cf: NonNull<ngx_conf_t>,
    cycle: PhantomData<&'c ()>,
    module: PhantomData<fn() -> M>,
}

impl<'c, M: StreamModule> Settling<'c, M> {
    /// A zone without a name, which is not shown; `None` if memory is out.
    pub fn hidden_zone(&self) -> Option<Zone<'c>> {
        // SAFETY: made by `settle` above from the configuration being read.
        unsafe { Zone::declare::<M>(self.cf.as_ptr(), &[]) }
    }
}

/// A text with variables of sessions in it, or without, compiled by nginx. It lives as long as the configuration, which
/// is `'c`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ComplexValue<'c>(pub(crate) NonNull<ngx_stream_complex_value_t>, PhantomData<&'c ()>);

impl ComplexValue<'_> {
    /// Returns whether there are variables in the text.
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

impl<'c, M: StreamModule> Args<'c, M> {
    /// The first argument as a text, with variables in it or without.
    ///
    /// # Errors
    ///
    /// [`ConfError::Reported`] if nginx cannot make sense of the variables.
    pub fn session_value(&self) -> Result<ComplexValue<'c>, ConfError> {
        let cf = self.conf();
        let mut text = ngx_str_t { len: self.value().len(), data: self.value().as_ptr().cast_mut() };
        // SAFETY: `cf` is the configuration being read, in whose pool its words are, and which lives as long as what
        // the pool gives. The struct is plain data, which nginx zeroes, too, before it uses it.
        unsafe {
            let compiled = ngx_pcalloc((*cf).pool, mem::size_of::<ngx_stream_complex_value_t>());
            let compiled = NonNull::new(compiled.cast::<ngx_stream_complex_value_t>()).ok_or(ConfError::Reported)?;
            let mut compile: ngx_stream_compile_complex_value_t = mem::zeroed();
            compile.cf = cf;
            compile.value = &mut text;
            compile.complex_value = compiled.as_ptr();
            if ngx_stream_compile_complex_value(&mut compile) != 0 {
                return Err(ConfError::Reported);
            }
            Ok(ComplexValue(compiled, PhantomData))
        }
    }
}
