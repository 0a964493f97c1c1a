//! Variables, which show a module's state in `log_format`, `map` and `add_header`.

use core::fmt::{self, Write};
use core::ptr;

use nginx_sys::{
    ngx_conf_t, ngx_http_add_variable, ngx_http_request_t, ngx_http_variable_value_t, ngx_int_t, ngx_pnalloc,
    ngx_pool_t, ngx_str_t, ngx_uint_t, ngx_variable_value_t, NGX_ERROR, NGX_HTTP_VAR_NOCACHEABLE, NGX_OK,
};

use crate::{shim, HttpModule, Request};

/// A variable that shows something of a module's state.
pub struct Variable<M: HttpModule> {
    /// The variable's name, without the dollar sign.
    pub name: &'static str,
    /// The variable's value. It is empty for a request without a state.
    pub get: for<'r> fn(Request<'r, M>, &'r M::State<'r>) -> Value,
}

/// The value of a variable.
pub enum Value {
    /// No value: the empty text, and `-` in an access log.
    Empty,
    /// A fixed text.
    Text(&'static str),
    /// A number.
    Number(u64),
    /// A time in milliseconds, shown in seconds as `$request_time` is.
    Milliseconds(u64),
}

/// A time in milliseconds, written in seconds as `$request_time` is.
pub struct Seconds(pub u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// Adds the module's variables.
///
/// # Safety
///
/// `cf` must be the configuration being read.
pub(crate) unsafe fn register<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    for (index, variable) in M::VARIABLES.iter().enumerate() {
        let mut name = ngx_str_t { len: variable.name.len(), data: variable.name.as_ptr().cast_mut() };
        // SAFETY: `cf` is the configuration being read, as the caller promises. nginx copies the name, and returns the
        // variable to be filled in.
        unsafe {
            let added = ngx_http_add_variable(cf, &mut name, NGX_HTTP_VAR_NOCACHEABLE as ngx_uint_t);
            if added.is_null() {
                return NGX_ERROR as ngx_int_t;
            }
            (*added).get_handler = Some(get::<M>);
            (*added).data = index;
        }
    }
    NGX_OK as ngx_int_t
}

/// Computes the value of a variable: `ngx_http_variable_t.get_handler`.
unsafe extern "C" fn get<M: HttpModule>(
    r: *mut ngx_http_request_t,
    v: *mut ngx_http_variable_value_t,
    data: usize,
) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    let request = unsafe { Request::<M>::new(r) };
    let value = match (M::VARIABLES.get(data), request.state()) {
        (Some(variable), Some(state)) => (variable.get)(request, state),
        _ => Value::Empty,
    };
    // SAFETY: nginx passes a value to be filled in. The request's pool lives as long as the value.
    unsafe { fill((*r).pool, v, value) }
}

/// Fills in the value of a variable: what every `get_handler` does.
///
/// # Safety
///
/// The value at `v` must be nginx's to be filled in, and the pool live as long as it.
pub(crate) unsafe fn fill(pool: *mut ngx_pool_t, v: *mut ngx_variable_value_t, value: Value) -> ngx_int_t {
    let mut digits = Digits::default();
    // `Digits` has room for any number, so this cannot fail.
    let _ = match value {
        Value::Number(number) => write!(digits, "{number}"),
        Value::Milliseconds(time) => write!(digits, "{}", Seconds(time)),
        Value::Empty | Value::Text(_) => Ok(()),
    };
    let (text, len) = match value {
        Value::Empty => (ptr::null_mut(), 0),
        Value::Text(text) => (text.as_ptr().cast_mut(), text.len()),
        Value::Number(_) | Value::Milliseconds(_) => {
            // SAFETY: the pool lives as long as the value, as the caller promises, and gives memory with room for the digits.
            let copy = unsafe { ngx_pnalloc(pool, digits.len).cast::<u8>() };
            if copy.is_null() {
                return NGX_ERROR as ngx_int_t;
            }
            // SAFETY: `digits.len` bytes are filled. The copy has as much room, and is elsewhere.
            unsafe { copy.copy_from_nonoverlapping(digits.bytes.as_ptr(), digits.len) };
            (copy, digits.len)
        }
    };

    // SAFETY: the value is to be filled in, as the caller promises. The text is static, or lives in the pool.
    unsafe { (*v).data = text };
    // SAFETY: writes bits of that value, which is to be filled in.
    unsafe {
        shim::nginx_shim_set_value_len(v, len);
        shim::nginx_shim_set_value_valid(v, 1);
        shim::nginx_shim_set_value_no_cacheable(v, 0);
        shim::nginx_shim_set_value_not_found(v, text.is_null().into());
    }
    NGX_OK as ngx_int_t
}

/// Room for the decimal digits of any `u64`, with a point among them.
#[derive(Default)]
struct Digits {
    bytes: [u8; 21],
    len: usize,
}

impl Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.saturating_add(text.len());
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
