//! Whether the upstream of a location is asked without the body of a request, as by `proxy_pass_request_body off`.

use core::ffi::CStr;
use core::mem;

use nginx_sys::{
    ngx_conf_set_msec_slot, ngx_http_request_t, ngx_http_upstream_conf_t, ngx_module_t, NGX_HTTP_LOC_CONF_OFFSET,
    NGX_HTTP_MODULE,
};

use crate::{modules, shim, HttpModule, Request};

/// A directive of each of nginx's modules that have an upstream. Its value is in nginx's own configuration of that.
const DIRECTIVES: [&CStr; 6] = [
    c"proxy_connect_timeout",
    c"fastcgi_connect_timeout",
    c"scgi_connect_timeout",
    c"uwsgi_connect_timeout",
    c"grpc_connect_timeout",
    c"memcached_connect_timeout",
];

impl<M: HttpModule> Request<'_, M> {
    /// Returns whether the location's upstream gets no body: because of `proxy_pass_request_body off`, or the same of FastCGI, SCGI or
    /// uwsgi, or with memcached. Not known where the address of the upstream has variables, nor of two upstreams in one location; nor in
    /// an `if` or a `limit_except` with a handler of its own, which may have the upstream of the location around it, and not use it.
    pub fn is_body_unwanted(self) -> bool {
        // SAFETY: `Request` is only made for a live request.
        if unsafe { shim::nginx_shim_nameless_handler(self.as_ptr()) != 0 } {
            return false;
        }
        // SAFETY: the module is one of the active configuration, and the request is live.
        let mut upstreams = modules::all().filter_map(|module| unsafe { upstream_of(self.as_ptr(), module) });
        matches!((upstreams.next(), upstreams.next()), (Some(only), None) if only.pass_request_body == 0)
    }
}

/// The configuration of the upstream that a module passes the requests of a location to; `None` if it has none there, or is none of
/// those modules.
///
/// # Safety
///
/// `r` must be a live request, `module` a module of the active configuration.
unsafe fn upstream_of<'a>(
    r: *mut ngx_http_request_t,
    module: *mut ngx_module_t,
) -> Option<&'a ngx_http_upstream_conf_t> {
    // SAFETY: reads three members of the module.
    let (kind, mut command, index) = unsafe { ((*module).type_, (*module).commands, (*module).ctx_index) };
    if kind != NGX_HTTP_MODULE as usize {
        return None;
    }
    // SAFETY: null, or a list of directives, which ends in one without a name.
    while let Some(directive) = unsafe { command.as_ref() }.filter(|directive| directive.name.len > 0) {
        // SAFETY: the name of a directive ends in a NUL.
        let name = unsafe { CStr::from_ptr(directive.name.data.cast()) };
        let is_time = directive.set.is_some_and(|set| set as usize == ngx_conf_set_msec_slot as *const () as usize);
        if is_time && directive.conf == NGX_HTTP_LOC_CONF_OFFSET && DIRECTIVES.contains(&name) {
            let before = mem::offset_of!(ngx_http_upstream_conf_t, connect_timeout);
            // SAFETY: the request has a configuration for each module. The time is at this place in that, within that of an upstream.
            let upstream = unsafe { (*(*r).loc_conf.add(index)).byte_add(directive.offset).byte_sub(before) };
            // SAFETY: as above.
            let upstream = unsafe { &*upstream.cast::<ngx_http_upstream_conf_t>() };
            return (!upstream.upstream.is_null()).then_some(upstream);
        }
        // SAFETY: this was not the end of the list.
        command = unsafe { command.add(1) };
    }
    None
}
