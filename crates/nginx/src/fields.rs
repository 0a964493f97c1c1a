//! nginx's lists of header fields.
//!
//! A list consists of parts. The first is in the list itself, and may be empty; nginx takes any other to have a field. New
//! fields are added to the last part, where that has room.
//!
//! A subrequest has a copy of its request's list. The copy has its own idea of how much room there is, but adds to a part of the
//! original, be it the first. So the parts stay as they are, and a list without some of its fields gets parts of its own. Only
//! the first cannot be another one: where there may be copies, it becomes empty, and has room for what they add.

use core::ffi::c_void;
use core::{iter, mem, ptr, slice};

use nginx_sys::{ngx_list_part_t, ngx_list_t, ngx_palloc, ngx_pool_t, ngx_table_elt_t};

/// For how many fields each part has room that nginx makes for a request, at least.
const ROOM: usize = 20;

/// Removes the fields with these names from a list. The others stay where they are in memory: nginx has pointers to
/// them. Say whether the list `may_have_copies` that fields are still added to. Returns whether there was memory for that; the
/// list is unchanged if not.
///
/// # Safety
///
/// `list` must be a valid list of fields, which nobody else uses meanwhile.
pub(crate) unsafe fn remove(list: *mut ngx_list_t, unwanted: &[&[u8]], may_have_copies: bool) -> bool {
    let is_unwanted =
        |field: &ngx_table_elt_t| unwanted.iter().any(|name| name.eq_ignore_ascii_case(field.key.as_bytes()));
    // SAFETY: `list` is valid, and not used otherwise, as the caller promises.
    let fields = || unsafe { fields(list) };
    if !fields().flatten().any(|field| is_unwanted(field)) {
        return true;
    }
    // SAFETY: as above.
    let (pool, room) = unsafe { ((*list).pool, (*list).nalloc.max(ROOM)) };
    let mut kept = Parts { pool, first: ptr::null_mut(), last: ptr::null_mut() };
    if may_have_copies && !kept.add_empty(room) {
        return false;
    }
    for run in fields().flat_map(|fields| fields.split_mut(is_unwanted)) {
        if !run.is_empty() && !kept.add(run.as_mut_ptr().cast(), run.len()) {
            return false;
        }
    }
    if kept.first.is_null() && !kept.add_empty(room) {
        return false;
    }
    // SAFETY: as above; there is a first part now, and a last one.
    unsafe {
        let head = ptr::addr_of_mut!((*list).part);
        head.write(*kept.first);
        (*list).last = if kept.last == kept.first { head } else { kept.last };
        // The last part is full, unless it is the empty one. nginx puts another behind it, with room for as many.
        (*list).nalloc = if (*kept.last).nelts == 0 { room } else { (*kept.last).nelts };
    }
    true
}

/// The fields of a list, part by part.
///
/// # Safety
///
/// `list` must be a valid list of fields, which nobody else uses meanwhile.
unsafe fn fields<'l>(list: *mut ngx_list_t) -> impl Iterator<Item = &'l mut [ngx_table_elt_t]> {
    // SAFETY: `list` is valid, as the caller promises, and begins with a part.
    let first = unsafe { ptr::addr_of!((*list).part).as_ref() };
    let next = |part: &&ngx_list_part_t| {
        // SAFETY: as above. nginx ends a list with null.
        unsafe { part.next.as_ref() }
    };
    iter::successors(first, next).map(|part| {
        // SAFETY: as above. A part has so many fields, which are in no other part.
        unsafe { slice::from_raw_parts_mut(part.elts.cast(), part.nelts) }
    })
}

/// Parts that are being put together, in a pool.
struct Parts {
    pool: *mut ngx_pool_t,
    /// Null while there is no part.
    first: *mut ngx_list_part_t,
    last: *mut ngx_list_part_t,
}

impl Parts {
    /// Adds a part. Returns whether there was memory for it.
    fn add(&mut self, elts: *mut c_void, nelts: usize) -> bool {
        // SAFETY: the pool is that of a list, which is valid.
        let part = unsafe { ngx_palloc(self.pool, mem::size_of::<ngx_list_part_t>()) }.cast::<ngx_list_part_t>();
        if part.is_null() {
            return false;
        }
        // SAFETY: there is memory for a part, aligned as the pool aligns it.
        unsafe { part.write(ngx_list_part_t { elts, nelts, next: ptr::null_mut() }) };
        // SAFETY: null, or a part that was added before.
        match unsafe { self.last.as_mut() } {
            Some(last) => last.next = part,
            None => self.first = part,
        }
        self.last = part;
        true
    }

    /// Adds a part without a field, which has room for so many. Returns whether there was memory for it.
    fn add_empty(&mut self, room: usize) -> bool {
        // SAFETY: as for `add`.
        let elts = unsafe { ngx_palloc(self.pool, room.saturating_mul(mem::size_of::<ngx_table_elt_t>())) };
        !elts.is_null() && self.add(elts, 0)
    }
}
