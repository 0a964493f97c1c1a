//! Variables of sessions.

use nginx_sys::{
    ngx_conf_t, ngx_int_t, ngx_str_t, ngx_stream_add_variable, ngx_stream_session_t, ngx_stream_variable_value_t,
    ngx_uint_t, NGX_ERROR, NGX_OK, NGX_STREAM_VAR_NOCACHEABLE,
};

use super::{Session, StreamModule};
use crate::variable::fill;
use crate::Value;

/// A variable that shows something of a module's state.
pub struct Variable<M: StreamModule> {
    /// The variable's name, without the dollar sign.
    pub name: &'static str,
    /// The variable's value. It is empty for a session without a state.
    pub get: for<'s> fn(Session<'s, M>, &'s M::State<'s>) -> Value,
}

/// Adds the module's variables.
///
/// # Safety
///
/// `cf` must be the configuration being read.
pub(crate) unsafe fn register<M: StreamModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    for (index, variable) in M::VARIABLES.iter().enumerate() {
        let mut name = ngx_str_t { len: variable.name.len(), data: variable.name.as_ptr().cast_mut() };
        // SAFETY: `cf` is the configuration being read, as the caller promises. nginx copies the name, and returns the
        // variable to be filled in.
        unsafe {
            let added = ngx_stream_add_variable(cf, &mut name, NGX_STREAM_VAR_NOCACHEABLE as ngx_uint_t);
            if added.is_null() {
                return NGX_ERROR as ngx_int_t;
            }
            (*added).get_handler = Some(get::<M>);
            (*added).data = index;
        }
    }
    NGX_OK as ngx_int_t
}

/// Computes the value of a variable: `ngx_stream_variable_t.get_handler`.
unsafe extern "C" fn get<M: StreamModule>(
    s: *mut ngx_stream_session_t,
    v: *mut ngx_stream_variable_value_t,
    data: usize,
) -> ngx_int_t {
    // SAFETY: nginx passes a live session.
    let session = unsafe { Session::<M>::new(s) };
    let value = match (M::VARIABLES.get(data), session.state()) {
        (Some(variable), Some(state)) => (variable.get)(session, state),
        _ => Value::Empty,
    };
    // SAFETY: nginx passes a value to be filled in, which lives no longer than the connection's pool.
    unsafe { fill((*(*s).connection).pool, v, value) }
}
