//! A request on its way to an upstream, seen from where it is written to the connection.
//!
//! An upstream may answer, and close, before it has read the whole request. nginx's next write fails then, and nginx has
//! done with that upstream, although what came before the reset can still be read. Here the module is asked first
//! ([`HttpModule::upstream_interrupted`]): if it says so nothing more is written, and nginx reads the response as ever.
//!
//! That is up to a guard ([`guard`]), which there are two places to set. Most upstreams are known when the configuration is
//! read: nginx initializes the peer of each request to such a one ([`init_peer`]), when its own filter is set and nothing is
//! written yet. To others, found when a variable is evaluated, there is no such way; their requests pass the content handler
//! of a location ([`handle`]), which returns before a connection over TCP is there to be written to.

use core::cell::Cell;
use core::ffi::c_void;
use core::{mem, ptr, slice};

use nginx_sys::{
    ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_handler_pt, ngx_http_request_t, ngx_http_upstream_init_peer_pt,
    ngx_http_upstream_main_conf_t, ngx_http_upstream_module, ngx_http_upstream_srv_conf_t, ngx_http_upstream_t,
    ngx_int_t, ngx_palloc, ngx_pcalloc, NGX_ERROR, NGX_HTTP_INTERNAL_SERVER_ERROR, NGX_HTTP_SPECIAL_RESPONSE, NGX_OK,
};

use crate::guard::guard;
use crate::{conf, shim, HttpModule, OutOfMemory, Request};

impl<'r, M: HttpModule> Request<'r, M> {
    /// Which upstream the request has, by a number; `None` if it has none. Two at the same time never have the same.
    pub fn upstream(self) -> Option<usize> {
        self.live_upstream().map(|u| ptr::from_ref(u) as usize)
    }

    /// Returns whether the request has an upstream to which nothing has been sent yet. nginx first finds out its address, and
    /// connects to it.
    pub fn is_upstream_connecting(self) -> bool {
        // SAFETY: reads a bit of a live upstream.
        self.live_upstream().is_some_and(|u| unsafe { shim::nginx_shim_upstream_request_sent(u) == 0 })
    }

    /// Returns whether the upstream has still to take what nginx has read of the body.
    pub fn is_upstream_blocked(self) -> bool {
        // SAFETY: reads a bit of a live upstream.
        self.live_upstream().is_some_and(|u| unsafe { shim::nginx_shim_upstream_blocked(u) != 0 })
    }

    /// Closes the connection to the request's upstream, if it has one: nothing more is sent to it, and no response is
    /// expected. Does nothing when the request is ending: nginx then does so itself.
    pub fn leave_upstream(self) {
        if self.raw().users() == 0 {
            return;
        }
        if let Some(handler) = self.upstream_handler() {
            // nginx gives up a user then, as it does when a request gets another upstream (`ngx_http_upstream_create`).
            self.raw().add_user();
            // SAFETY: this is nginx's own handler of the end of the request. The request does not end, because another user is
            // still counted.
            unsafe { handler(self.as_ptr().cast()) };
        }
    }

    /// The same when nginx has given up the request, and begins its `post_action`, while the upstream is asked: it forgets the
    /// user that it counts for that.
    pub fn give_up_upstream(self) {
        // SAFETY: reads a bit of a live request.
        if unsafe { shim::nginx_shim_filter_finalize(self.as_ptr()) != 0 } {
            // A filter has replaced the upstream's response (412, 416). nginx comes back to the upstream, and ends it.
            return;
        }
        if !self.is_body_discarded() && self.raw().connection().has_failed() {
            // The client ended its side, and was silent then: with nobody else to give up, nginx took the upstream's user.
            return self.leave_upstream();
        }
        // nginx took the user that it counts for discarding the body.
        if let Some(handler) = self.upstream_handler().filter(|_| self.raw().users() > 1) {
            // SAFETY: as above; nginx gives up the upstream's user, and the `post_action` is another one.
            unsafe { handler(self.as_ptr().cast()) };
        }
    }

    /// The upstream of the request; `None` if it has none. Do not keep this across a call of nginx's.
    fn live_upstream(self) -> Option<&'r ngx_http_upstream_t> {
        // SAFETY: `Request` is only made for a live request, and so is its upstream, if it has one.
        unsafe { (*self.as_ptr()).upstream.as_ref() }
    }

    /// What nginx calls when the request ends while its upstream is being asked; `None` if none is.
    fn upstream_handler(self) -> Option<unsafe extern "C" fn(*mut c_void)> {
        // SAFETY: null, or a member of a cleanup in the request's pool.
        self.live_upstream().and_then(|u| unsafe { u.cleanup.as_ref() }).copied().flatten()
    }

    /// Whether nginx has read the header of its upstream's response, of the last one if there were several.
    pub fn has_upstream_header(self) -> bool {
        // SAFETY: the state is null before a peer is chosen, or lives as long.
        self.live_upstream()
            .and_then(|u| unsafe { u.state.as_ref() })
            .is_some_and(|state| state.header_time != usize::MAX)
    }

    /// Whether the client gets only a header, and nginx reads the response of its upstream to the end all the same, and goes on passing
    /// the body to it: for its cache, or for a file.
    pub fn is_response_stored(self) -> bool {
        // SAFETY: the upstream is live, and read only.
        let stores =
            |u: &ngx_http_upstream_t| unsafe { shim::nginx_shim_upstream_stores(ptr::from_ref(u).cast_mut()) != 0 };
        self.is_header_only() && self.upstream_handler().is_some() && self.live_upstream().is_some_and(stores)
    }

    /// Whether an upstream has done what it was asked for: nginx has read the header of a response with a status of less than 300, from
    /// the one that was asked last.
    pub fn has_upstream_succeeded(self) -> bool {
        // SAFETY: the state is null before a peer is chosen, or lives as long.
        let status = self.live_upstream().and_then(|u| unsafe { u.state.as_ref() }).map_or(0, |state| state.status);
        // Behind an upstream that was asked before, nginx keeps a state that is all 0 until it has chosen the next peer.
        self.has_upstream_header() && (1..NGX_HTTP_SPECIAL_RESPONSE as usize).contains(&status)
    }
}

/// The main configuration of the module: how nginx initializes the peers of each upstream that it knows, in the order of their
/// addresses. In the configuration's pool.
struct Peers {
    list: Cell<&'static [Peer]>,
}

/// An upstream, and how nginx initializes its peers.
struct Peer(usize, ngx_http_upstream_init_peer_pt);

/// Makes it: `ngx_http_module_t.create_main_conf`.
pub(crate) unsafe extern "C" fn create_main_conf(cf: *mut ngx_conf_t) -> *mut c_void {
    // SAFETY: nginx passes the configuration being read; what its pool gives is aligned, and lives as long as it.
    unsafe {
        let peers = ngx_palloc((*cf).pool, mem::size_of::<Peers>()).cast::<Peers>();
        if !peers.is_null() {
            peers.write(Peers { list: Cell::new(&[]) });
        }
        peers.cast()
    }
}

/// Has each upstream that nginx knows ask us when it initializes a peer.
///
/// # Errors
///
/// [`OutOfMemory`]
///
/// # Safety
///
/// `cf` must be the configuration being read, in postconfiguration. To be called once for it.
pub(crate) unsafe fn register<M: HttpModule>(cf: *mut ngx_conf_t) -> Result<(), OutOfMemory> {
    // SAFETY: up to the caller: the context is that of the http block, in which both modules have made their main
    // configuration; nginx has initialized all upstreams by now.
    let (peers, upstreams) = unsafe {
        let main_conf = (*(*cf).ctx.cast::<ngx_http_conf_ctx_t>()).main_conf;
        let upstream = *main_conf.add((*ptr::addr_of!(ngx_http_upstream_module)).ctx_index);
        let upstreams = ptr::addr_of!((*upstream.cast::<ngx_http_upstream_main_conf_t>()).upstreams);
        let peers = &*(*main_conf.add(M::registration().ctx_index())).cast::<Peers>();
        (peers, (*upstreams).as_slice::<*mut ngx_http_upstream_srv_conf_t>())
    };
    let size = mem::size_of::<Peer>().saturating_mul(upstreams.len().max(1));
    // SAFETY: as above. Zeros are values of what is in it.
    let list = unsafe { ngx_pcalloc((*cf).pool, size) }.cast::<Peer>();
    if list.is_null() {
        return Err(OutOfMemory);
    }
    // SAFETY: there is room for so many, which nobody else knows of yet.
    let list = unsafe { slice::from_raw_parts_mut(list, upstreams.len()) };
    for (place, &us) in list.iter_mut().zip(upstreams) {
        // SAFETY: nginx's upstreams live as long as the configuration.
        let init = unsafe { (*us).peer.init.replace(init_peer::<M>) };
        *place = Peer(us as usize, init);
    }
    list.sort_unstable_by_key(|peer| peer.0);
    peers.list.set(list);
    Ok(())
}

/// Initializes the peer of a request: `ngx_http_upstream_peer_t.init`. nginx has set its output filter before.
unsafe extern "C" fn init_peer<M: HttpModule>(
    r: *mut ngx_http_request_t,
    us: *mut ngx_http_upstream_srv_conf_t,
) -> ngx_int_t {
    // SAFETY: nginx passes a live request; `register` has made the list that is in its configuration.
    let list = unsafe { (*(*(*r).main_conf.add(M::registration().ctx_index())).cast::<Peers>()).list.get() };
    let found = list.binary_search_by_key(&(us as usize), |peer| peer.0).ok().and_then(|index| list.get(index));
    let Some(init) = found.and_then(|peer| peer.1) else {
        return NGX_ERROR as ngx_int_t;
    };
    // SAFETY: nginx's own function takes what this one got.
    let result = unsafe { init(r, us) };
    if result == NGX_OK as ngx_int_t {
        // SAFETY: nginx goes on with the request.
        unsafe { guard::<M>(r) };
    }
    result
}

/// Answers a request, as nginx does in its location: `ngx_http_core_loc_conf_t.handler`.
pub(crate) unsafe extern "C" fn handle<M: HttpModule>(r: *mut ngx_http_request_t) -> ngx_int_t {
    // SAFETY: nginx passes a live request.
    let handler: ngx_http_handler_pt = unsafe { conf::handler::<M>(r) };
    let Some(handler) = handler else {
        return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
    };
    // SAFETY: nginx passes a live request.
    let request = unsafe { Request::<M>::new(r) };
    if !request.is_main() {
        M::subrequest(request);
    }
    // SAFETY: nginx's own handler takes what this one got.
    let result = unsafe { handler(r) };
    // SAFETY: the request is live until nginx is told the result.
    unsafe { guard::<M>(r) };
    result
}
