//! Whether the upstream of a location is asked without the body of a request, as by `proxy_pass_request_body off`.

use core::ffi::CStr;
use core::mem;

use nginx_sys::{
    ngx_conf_set_flag_slot, ngx_http_request_t, ngx_http_upstream_conf_t, ngx_module_t, NGX_HTTP_LOC_CONF_OFFSET,
    NGX_HTTP_MODULE,
};

use crate::{find_module, shim, HttpModule, Request};

/// Those of nginx's own modules.
const DIRECTIVES: [&CStr; 4] =
    [c"proxy_pass_request_body", c"fastcgi_pass_request_body", c"scgi_pass_request_body", c"uwsgi_pass_request_body"];

impl<M: HttpModule> Request<'_, M> {
    /// Returns whether a directive says that the location's upstream gets no body: `proxy_pass_request_body off`, or the same of
    /// FastCGI, SCGI or uwsgi. Not known where the address of the upstream has variables; nor in an `if` or a `limit_except`, which
    /// has the upstream of the location around it beside its own.
    pub fn is_body_unwanted(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        let is_nameless = unsafe { shim::nginx_shim_nameless(self.as_ptr()) != 0 };
        // SAFETY: the module is one of the active configuration, and the request is live.
        !is_nameless && find_module(|module, _| unsafe { is_off(self.as_ptr(), module) }).is_some()
    }
}

/// Returns whether a module passes the requests of a location to an upstream, and has such a directive, and that is `off` there. The
/// directive says itself where its value is: in nginx's own configuration of an upstream.
///
/// # Safety
///
/// `r` must be a live request, `module` a module of the active configuration.
unsafe fn is_off(r: *mut ngx_http_request_t, module: *mut ngx_module_t) -> bool {
    // SAFETY: reads three members of the module.
    let (kind, mut command, index) = unsafe { ((*module).type_, (*module).commands, (*module).ctx_index) };
    if kind != NGX_HTTP_MODULE as usize {
        return false;
    }
    // SAFETY: null, or a list of directives, which ends in one without a name.
    while let Some(directive) = unsafe { command.as_ref() }.filter(|directive| directive.name.len > 0) {
        // SAFETY: the name of a directive ends in a NUL.
        let name = unsafe { CStr::from_ptr(directive.name.data.cast()) };
        let is_flag = directive.set.is_some_and(|set| set as usize == ngx_conf_set_flag_slot as *const () as usize);
        let is_of_location = directive.conf == NGX_HTTP_LOC_CONF_OFFSET;
        if is_flag && is_of_location && DIRECTIVES.contains(&name) {
            let before = mem::offset_of!(ngx_http_upstream_conf_t, pass_request_body);
            // SAFETY: the request has a configuration for each module. The flag is at this place in that, within that of an upstream.
            let upstream = unsafe { (*(*r).loc_conf.add(index)).byte_add(directive.offset).byte_sub(before) };
            // SAFETY: as above.
            let upstream = unsafe { &*upstream.cast::<ngx_http_upstream_conf_t>() };
            return !upstream.upstream.is_null() && upstream.pass_request_body == 0;
        }
        // SAFETY: this was not the end of the list.
        command = unsafe { command.add(1) };
    }
    false
}
