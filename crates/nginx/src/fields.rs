//! nginx's lists of header fields.
//!
//! A list consists of parts. The first is in the list itself, and may be empty; nginx takes any other to have a field. New
//! fields are added to the last part, where that has room.

use core::{mem, ptr};

use nginx_sys::{ngx_list_part_t, ngx_list_t, ngx_palloc, ngx_table_elt_t};

/// Removes the fields with these names from a list. The others stay where they are in memory: nginx has pointers to
/// them. Returns whether there was memory for that.
///
/// # Safety
///
/// `list` must be a valid list of fields.
pub(crate) unsafe fn remove(list: *mut ngx_list_t, unwanted: &[&[u8]]) -> bool {
    let mut before: *mut ngx_list_part_t = ptr::null_mut();
    // SAFETY: `list` is valid, as the caller promises, and begins with a part.
    let mut part = unsafe { ptr::addr_of_mut!((*list).part) };
    let mut i = 0;
    // SAFETY: `part` is a part of the list, or null behind the last one.
    while let Some(&ngx_list_part_t { elts, nelts, next }) = unsafe { part.as_ref() } {
        if i >= nelts {
            (before, part, i) = (part, next, 0);
            continue;
        }
        let field = elts.cast::<ngx_table_elt_t>().wrapping_add(i);
        // SAFETY: the part has more than `i` fields.
        let name = unsafe { (*field).key.as_bytes() };
        if !unwanted.iter().any(|unwanted| unwanted.eq_ignore_ascii_case(name)) {
            i = i.saturating_add(1);
            continue;
        }
        if i > 0 {
            // SAFETY: `list` is valid, as the caller promises. `part` is a part of it, with more than `i` fields.
            if !unsafe { split(list, part, i) } {
                return false;
            }
            continue;
        }
        // SAFETY: as above; `before` is the part ahead of `part`, or null.
        part = unsafe { remove_first(list, before, part) };
    }
    true
}

/// Removes the first field of a part of a list, and the part if that was its only field. Returns the part that comes in its
/// place; null if none does.
///
/// # Safety
///
/// `list` must be a valid list of fields, `part` a part of it that has a field, and `before` the part ahead of that, or null.
unsafe fn remove_first(
    list: *mut ngx_list_t,
    before: *mut ngx_list_part_t,
    part: *mut ngx_list_part_t,
) -> *mut ngx_list_part_t {
    // SAFETY: list and part are valid, as the caller promises.
    let (last, nalloc, ngx_list_part_t { elts, nelts, next }) = unsafe { ((*list).last, (*list).nalloc, *part) };
    if nelts > 1 {
        let elts = elts.cast::<ngx_table_elt_t>().wrapping_add(1).cast();
        // SAFETY: as above.
        unsafe { part.write(ngx_list_part_t { elts, nelts: nelts.saturating_sub(1), next }) };
        if last == part {
            // SAFETY: as above. The part has room for one field less, as it begins one later.
            unsafe { add_to(list, part, nalloc.saturating_sub(1)) };
        }
        return part;
    }
    // SAFETY: `before` is valid or null, as the caller promises.
    if let Some(previous) = unsafe { before.as_mut() } {
        previous.next = next;
        if last == part {
            // SAFETY: as above. That part is taken to have no room. nginx's modules take one that is empty to have some.
            unsafe { add_to(list, before, (*before).nelts.max(1)) };
        }
        return next;
    }
    // SAFETY: nginx ends the list with null, and `next` is a part of it otherwise.
    let Some(&second) = (unsafe { next.as_ref() }) else {
        // SAFETY: as above.
        unsafe { (*part).nelts = 0 };
        return part;
    };
    // SAFETY: as above.
    unsafe { part.write(second) };
    if last == next {
        // SAFETY: as above. It is the same part, in another place.
        unsafe { add_to(list, part, nalloc) };
    }
    part
}

/// Ends a part of a list before the field of this number. What is behind that field becomes a part of its own, which is
/// full. Returns whether there was memory for that.
///
/// # Safety
///
/// `list` must be a valid list of fields, `part` a part of it that has the field.
unsafe fn split(list: *mut ngx_list_t, part: *mut ngx_list_part_t, field: usize) -> bool {
    // SAFETY: list and part are valid, as the caller promises.
    let (last, ngx_list_part_t { elts, nelts, next }) = unsafe { ((*list).last, *part) };
    let left = nelts.saturating_sub(field).saturating_sub(1);
    if left > 0 {
        // SAFETY: `list` is valid, as the caller promises, and so is its pool.
        let rest = unsafe { ngx_palloc((*list).pool, mem::size_of::<ngx_list_part_t>()) }.cast::<ngx_list_part_t>();
        if rest.is_null() {
            return false;
        }
        let behind = elts.cast::<ngx_table_elt_t>().wrapping_add(field).wrapping_add(1);
        // SAFETY: `rest` has room for a part.
        unsafe { rest.write(ngx_list_part_t { elts: behind.cast(), nelts: left, next }) };
        // SAFETY: `part` is valid, as the caller promises.
        unsafe { (*part).next = rest };
        if last == part {
            // SAFETY: as above. The new part is full.
            unsafe { add_to(list, rest, left) };
        }
    }
    // SAFETY: `part` is valid, as the caller promises.
    unsafe { (*part).nelts = field };
    true
}

/// Has new fields added to this part of a list, which has room for `nalloc` fields in all. A part that is full is followed by a
/// new one, with room for as many.
///
/// # Safety
///
/// `list` must be a valid list of fields, and `part` its last part.
unsafe fn add_to(list: *mut ngx_list_t, part: *mut ngx_list_part_t, nalloc: usize) {
    // SAFETY: `list` is valid, as the caller promises.
    unsafe {
        (*list).last = part;
        (*list).nalloc = nalloc;
    }
}
