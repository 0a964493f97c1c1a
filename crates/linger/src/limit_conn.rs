//! Ends the counting of a request by `ngx_http_limit_conn_module` early. That module counts a request until it ends, by
//! means of cleanups of the request's pool.

use core::ffi::c_void;
use core::ptr;

use nginx_sys::{ngx_cycle, ngx_list_part_t, ngx_module_t, ngx_pool_large_t, ngx_pool_t, ngx_shm_zone_t};

use nginx::{find_module, shim, HttpModule, Request};

/// Makes `limit_conn` stop counting a request.
///
/// A cleanup belongs to `limit_conn` if its data begins with the address of one of that module's zones.
pub fn leave<M: HttpModule>(r: Request<'_, M>) {
    // SAFETY: `Request` is only made for a live request, which has a main request.
    if unsafe { shim::nginx_shim_limit_conn_status((*r.as_ptr()).main) } == 0 {
        // `limit_conn` does not count this request.
        return;
    }
    // nginx may be built without it.
    let Some(module) = find_module(|_, name| name == c"ngx_http_limit_conn_module") else {
        return;
    };
    // SAFETY: `Request` is only made for a live request, which has a pool.
    let pool = unsafe { (*r.as_ptr()).pool };
    // SAFETY: only the address of a member of the live pool is taken.
    let mut next = unsafe { ptr::addr_of_mut!((*pool).cleanup) };
    loop {
        // SAFETY: `next` points to a link of the pool's list of cleanups, which ends in NULL.
        let Some(cleanup) = (unsafe { (*next).as_mut() }) else {
            return;
        };
        match cleanup.handler {
            // SAFETY: the pool is that of the live request.
            Some(handler) if unsafe { counts_in_zone(pool, cleanup.data, module) } => {
                let data = cleanup.data;
                // SAFETY: `next` points to the link that led to this cleanup.
                unsafe { *next = cleanup.next };
                // SAFETY: nginx would call the handler so at the end of the request. The cleanup is off the list, so
                // nginx does not call it again.
                unsafe { handler(data) };
            }
            _ => next = ptr::addr_of_mut!(cleanup.next),
        }
    }
}

/// Returns whether the data of a cleanup begins with the address of a zone of `module`.
///
/// # Safety
///
/// `pool` must be a live pool.
unsafe fn counts_in_zone(pool: *mut ngx_pool_t, data: *mut c_void, module: *mut ngx_module_t) -> bool {
    // SAFETY: `pool` is live, as the caller promises.
    if !unsafe { is_of_pool(pool, data.cast()) } {
        return false;
    }
    // SAFETY: the pool has handed out at least the size of a pointer at `data`. The read needs no alignment.
    let zone = unsafe { data.cast::<*mut ngx_shm_zone_t>().read_unaligned() };
    is_zone(module, zone)
}

/// Returns whether a pool has handed out memory at `data`, at least the size of a pointer.
///
/// # Safety
///
/// `pool` must be a live pool.
unsafe fn is_of_pool(pool: *mut ngx_pool_t, data: *mut u8) -> bool {
    let mut block = pool;
    while !block.is_null() {
        // SAFETY: `block` is a block of a live pool.
        let (last, next) = unsafe { ((*block).d.last, (*block).d.next) };
        if data > block.cast() && data < last {
            return (last as usize).saturating_sub(data as usize) >= size_of::<*mut c_void>();
        }
        block = next;
    }
    // SAFETY: `pool` is live, as the caller promises.
    let mut large: *mut ngx_pool_large_t = unsafe { (*pool).large };
    while !large.is_null() {
        // SAFETY: `large` is a link of a live pool's list, which ends in NULL.
        let (alloc, next) = unsafe { ((*large).alloc, (*large).next) };
        if alloc.cast() == data {
            return !data.is_null();
        }
        large = next;
    }
    false
}

/// Returns whether `address` is that of a shared memory zone of `module`.
fn is_zone(module: *mut ngx_module_t, address: *mut ngx_shm_zone_t) -> bool {
    // SAFETY: the list of zones is part of nginx's cycle, which exists as long as there are requests.
    let mut part: *mut ngx_list_part_t = unsafe { ptr::addr_of_mut!((*ngx_cycle).shared_memory.part).cast() };
    while !part.is_null() {
        // SAFETY: `part` is a part of that list, which ends in NULL.
        let (zones, count, next) = unsafe { ((*part).elts.cast::<ngx_shm_zone_t>(), (*part).nelts, (*part).next) };
        for i in 0..count {
            if address == zones.wrapping_add(i) {
                // SAFETY: `address` is that of one of the list's elements.
                return unsafe { (*address).tag } == module.cast();
            }
        }
        part = next;
    }
    false
}
