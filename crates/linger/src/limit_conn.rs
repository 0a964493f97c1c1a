//! What `ngx_http_limit_conn_module` counts of a request is in its hands until the request ends: it hangs on cleanups of the
//! request's pool. Here that is given back earlier.

use core::ffi::{c_void, CStr};
use core::ptr;

use nginx_sys::{ngx_cycle, ngx_list_part_t, ngx_module_t, ngx_pool_large_t, ngx_pool_t, ngx_shm_zone_t};

use nginx::{shim, HttpModule, Request};

/// Has `limit_conn` count a request no longer.
///
/// Its cleanups are known by what they begin with: the zone that they count in, which is one of that module's, and nobody
/// else's.
pub fn leave<M: HttpModule>(r: Request<'_, M>) {
    // SAFETY: a live request has a main request.
    if unsafe { shim::nginx_shim_limit_conn_status((*r.as_ptr()).main) } == 0 {
        // Nothing is counted.
        return;
    }
    let Some(module) = module() else {
        return;
    };
    // SAFETY: a live request has a pool.
    let pool = unsafe { (*r.as_ptr()).pool };
    // SAFETY: the list of a pool's cleanups begins in the pool.
    let mut next = unsafe { ptr::addr_of_mut!((*pool).cleanup) };
    loop {
        // SAFETY: the place of a link in the list, which ends in NULL.
        let Some(cleanup) = (unsafe { (*next).as_mut() }) else {
            return;
        };
        match cleanup.handler {
            // SAFETY: the pool is the request's own, and the module nginx's.
            Some(handler) if unsafe { counts_in_zone(pool, cleanup.data, module) } => {
                let data = cleanup.data;
                // SAFETY: the place of the link that led here.
                unsafe { *next = cleanup.next };
                // SAFETY: as nginx calls it at the end of the request; it is off the list, so nginx does not.
                unsafe { handler(data) };
            }
            _ => next = ptr::addr_of_mut!(cleanup.next),
        }
    }
}

/// That module; `None` if nginx has been built without it.
fn module() -> Option<*mut ngx_module_t> {
    const NAME: &CStr = c"ngx_http_limit_conn_module";
    // SAFETY: nginx sets it before it reads a configuration, and has a list of modules in it.
    let mut place = unsafe { (*ngx_cycle).modules };
    loop {
        // SAFETY: the list ends in NULL.
        let module = unsafe { *place };
        if module.is_null() {
            return None;
        }
        // SAFETY: a module has a name, which ends in a NUL.
        if unsafe { CStr::from_ptr((*module).name) } == NAME {
            return Some(module);
        }
        // SAFETY: this was not the end of the list.
        place = unsafe { place.add(1) };
    }
}

/// Whether what a cleanup has as its data begins with the address of a zone of a module.
///
/// # Safety
///
/// `pool` must be a live pool.
unsafe fn counts_in_zone(pool: *mut ngx_pool_t, data: *mut c_void, module: *mut ngx_module_t) -> bool {
    // SAFETY: live, says the caller.
    if !unsafe { is_of_pool(pool, data.cast()) } {
        return false;
    }
    // SAFETY: the pool has handed out at least the size of a pointer there, for whatever, which nginx has put on no boundary.
    let zone = unsafe { data.cast::<*mut ngx_shm_zone_t>().read_unaligned() };
    is_zone(module, zone)
}

/// Whether a pool has handed out the memory that begins there, and at least the size of a pointer of it.
///
/// # Safety
///
/// `pool` must be a live pool.
unsafe fn is_of_pool(pool: *mut ngx_pool_t, data: *mut u8) -> bool {
    let mut block = pool;
    while !block.is_null() {
        // SAFETY: a block of a live pool.
        let (last, next) = unsafe { ((*block).d.last, (*block).d.next) };
        if data > block.cast() && data < last {
            return (last as usize).saturating_sub(data as usize) >= size_of::<*mut c_void>();
        }
        block = next;
    }
    // SAFETY: live, says the caller.
    let mut large: *mut ngx_pool_large_t = unsafe { (*pool).large };
    while !large.is_null() {
        // SAFETY: a link of the list of a live pool, which ends in NULL.
        let (alloc, next) = unsafe { ((*large).alloc, (*large).next) };
        if alloc.cast() == data {
            return !data.is_null();
        }
        large = next;
    }
    false
}

/// Whether there is a shared memory zone of a module at an address.
fn is_zone(module: *mut ngx_module_t, address: *mut ngx_shm_zone_t) -> bool {
    // SAFETY: the list of zones is part of nginx's cycle, which is there while requests are.
    let mut part: *mut ngx_list_part_t = unsafe { ptr::addr_of_mut!((*ngx_cycle).shared_memory.part).cast() };
    while !part.is_null() {
        // SAFETY: a part of that list, which ends in NULL.
        let (zones, count, next) = unsafe { ((*part).elts.cast::<ngx_shm_zone_t>(), (*part).nelts, (*part).next) };
        for i in 0..count {
            if address == zones.wrapping_add(i) {
                // SAFETY: the address of one of the list's elements.
                return unsafe { (*address).tag } == module.cast();
            }
        }
        part = next;
    }
    false
}
