//! Scripts of Lua's module, which may read a body while they do something else, even behind an answer.

use core::ffi::c_void;

use nginx::{find_module, HttpModule, Request};
use nginx_sys::ngx_module_t;

use crate::raw;

/// Calls the handlers in a list of cleanups that have this data.
macro_rules! call {
    ($list:expr, $data:expr) => {
        let mut next = $list;
        // SAFETY: a list of a live request, which ends in NULL.
        while let Some(cleanup) = unsafe { next.as_mut() } {
            next = cleanup.next;
            if let Some(handler) = cleanup.handler.take_if(|_| cleanup.data == $data) {
                // SAFETY: nginx would call the handler so when the request ends, and does not any more.
                unsafe { handler($data) };
            }
        }
    };
}

/// Returns whether there may be scripts.
pub fn may_be() -> bool {
    lua().is_some()
}

fn lua() -> Option<*mut ngx_module_t> {
    find_module(|_, name| name == c"ngx_http_lua_module")
}

/// Ends the script whose reading of the body is given up, as `ngx.exit` does, and nginx at the end of a request. Another of its
/// threads would go on behind the answer. Does nothing if the script is what is being executed, and learns of it from nginx, or
/// if it waits for subrequests, too: nginx counts one more user for each.
pub fn end<M: HttpModule>(r: Request<'_, M>) {
    let Some(module) = lua().filter(|_| raw(r).users() == 1 && r.upstream().is_none()) else {
        return;
    };
    // SAFETY: `Request` is only made for a live request, which has a context for each module of its kind.
    let script: *mut c_void = unsafe { *(*r.as_ptr()).ctx.add((*module).ctx_index) };
    if script.is_null() {
        return;
    }
    // SAFETY: `Request` is only made for a live request. These lists live as long.
    let (pool, request) = unsafe { ((*(*r.as_ptr()).pool).cleanup, (*(*r.as_ptr()).main).cleanup) };
    // From lua-nginx-module 0.10.25 on it is the one, before the other.
    call!(pool, script);
    call!(request, script);
}
