//! The fields of a request's header: nginx's list of them, and its pointers to those that it knows.
//!
//! The list consists of parts. The first is in the list itself. Any other has a field, and so has the first where there are
//! others: nginx's modules rely on that. New fields are added to the last part, where that has room.
//!
//! A subrequest has a copy of its request's list. The copy has its own idea of how much room there is, but adds to the last part
//! of the original, which may be the first. nginx looks only whether a part has as many fields as there is room for: once it
//! has more, there is no end to what is added. So the first part must not have less memory later, and its list count on no more
//! room, nor may it have more fields.

use core::{iter, mem, ptr};

use nginx_sys::{
    ngx_http_header_t, ngx_http_headers_in, ngx_http_request_t, ngx_list_part_t, ngx_list_t, ngx_palloc,
    ngx_table_elt_t,
};

use crate::shim;

/// For how many fields the first part of nginx's list has room.
const ROOM: usize = 20;

/// Removes the fields with these names. The others are moved to other memory; what was theirs stays as it is, for copies of the
/// list. Say whether there may be copies that fields are still added to. Returns whether there was memory for that; nothing
/// is changed if not.
///
/// # Safety
///
/// `r` must be a live request.
pub(crate) unsafe fn remove(r: *mut ngx_http_request_t, unwanted: &[&[u8]], may_have_copies: bool) -> bool {
    // SAFETY: `r` is live, as the caller promises, and so are its list and the fields in that.
    let list = unsafe { ptr::addr_of_mut!((*r).headers_in.headers) };
    let is_wanted = |field: &*mut ngx_table_elt_t| {
        // SAFETY: as above.
        let name = unsafe { (**field).key.as_bytes() };
        !unwanted.iter().any(|unwanted| unwanted.eq_ignore_ascii_case(name))
    };
    // SAFETY: as above.
    let fields = move || unsafe { fields(list) };
    let (all, kept) = (fields().count(), fields().filter(is_wanted).count());
    if kept == all {
        return true;
    }
    // SAFETY: as above.
    let (pool, head) = unsafe { ((*list).pool, ptr::addr_of_mut!((*list).part)) };
    // SAFETY: as above.
    let (is_one, nalloc, before) = unsafe { ((*list).last == head, (*list).nalloc, (*head).nelts) };
    // How many fields the first part has, for how many its list counts on room there, and for how many there is memory.
    let (first, room, memory) = if !may_have_copies {
        // Copies that are made later count on this room, also when there are more parts and fewer fields again.
        (kept.min(ROOM), ROOM, ROOM)
    } else if is_one {
        let room = nalloc.max(1);
        (kept.min(room), room, room.max(ROOM))
    } else {
        // A script may have taken fields out of the first of several parts, where a copy still counts on more room than there
        // are fields. So the request itself adds nothing there: it goes on in the next part, if there is a field for that.
        let (first, memory) = (kept.saturating_sub(1).clamp(kept.min(1), before.max(1)), before.max(ROOM));
        (first, memory, memory)
    };
    let more = kept.saturating_sub(first);
    let size = memory.saturating_add(more).saturating_mul(mem::size_of::<ngx_table_elt_t>());
    // SAFETY: a list has a pool.
    let (elts, next) = unsafe { (ngx_palloc(pool, size), ngx_palloc(pool, mem::size_of::<ngx_list_part_t>())) };
    let (elts, next) = (elts.cast::<ngx_table_elt_t>(), next.cast::<ngx_list_part_t>());
    if elts.is_null() || next.is_null() {
        return false;
    }
    let behind = elts.wrapping_add(memory);
    let place = |i: usize| if i < first { elts.wrapping_add(i) } else { behind.wrapping_add(i.saturating_sub(first)) };
    let moves = || fields().filter(is_wanted).enumerate().map(|(i, field)| (field, place(i)));
    for (from, to) in moves() {
        // SAFETY: `from` is a field, of which nginx has not set all, and `to` one of the places that there is memory for.
        unsafe { ptr::copy_nonoverlapping(from, to, 1) };
    }
    // SAFETY: `r` is live, as the caller promises.
    unsafe { move_pointers(r, moves) };
    // SAFETY: `next` is memory for a part, and `list` is live, as above.
    unsafe {
        next.write(ngx_list_part_t { elts: behind.cast(), nelts: more, next: ptr::null_mut() });
        let (last, following, nalloc) = if more > 0 { (next, next, more) } else { (head, ptr::null_mut(), room) };
        head.write(ngx_list_part_t { elts: elts.cast(), nelts: first, next: following });
        (*list).last = last;
        (*list).nalloc = nalloc;
    }
    true
}

/// The fields of a list.
///
/// # Safety
///
/// `list` must be a valid list of fields, which is not changed while the fields are looked for.
unsafe fn fields(list: *const ngx_list_t) -> impl Iterator<Item = *mut ngx_table_elt_t> {
    // SAFETY: `list` is valid, as the caller promises, and begins with a part.
    let first = unsafe { ptr::addr_of!((*list).part).as_ref() };
    let next = |part: &&ngx_list_part_t| {
        // SAFETY: as above. nginx ends a list with null.
        unsafe { part.next.as_ref() }
    };
    iter::successors(first, next).flat_map(|part| {
        let elts = part.elts.cast::<ngx_table_elt_t>();
        (0..part.nelts).map(move |i| elts.wrapping_add(i))
    })
}

/// Changes nginx's pointers to fields that are moved: from where, to where, in their order in the list. nginx links fields of one
/// name in that order, or has an array of pointers. So each link and each array takes one look at the list.
///
/// # Safety
///
/// `r` must be a live request, and the fields must have been copied.
unsafe fn move_pointers<I>(r: *mut ngx_http_request_t, moves: impl Fn() -> I)
where
    I: Iterator<Item = (*mut ngx_table_elt_t, *mut ngx_table_elt_t)>,
{
    // nginx has a table of the fields that it knows. It ends with one that has no name.
    let mut known = ptr::addr_of!(ngx_http_headers_in).cast::<ngx_http_header_t>();
    // SAFETY: as said.
    while let Some(header) = unsafe { known.as_ref() }.filter(|header| header.name.len > 0) {
        // SAFETY: `r` is live, as the caller promises. It has a pointer there, or an array, which begins with another pointer.
        let mut pointer =
            unsafe { ptr::addr_of_mut!((*r).headers_in).byte_add(header.offset).cast::<*mut ngx_table_elt_t>() };
        let mut moves = moves();
        // SAFETY: as above, or it is the link of a field that has been copied, or null; nginx sets the links of what it knows.
        while let Some(field) = unsafe { pointer.as_mut() }.filter(|field| !field.is_null()) {
            let Some((_, to)) = moves.find(|(from, _)| from == field) else {
                break;
            };
            *field = to;
            // SAFETY: this is a field.
            pointer = unsafe { shim::nginx_shim_next_field(to) };
        }
        known = known.wrapping_add(1);
    }
    // SAFETY: `r` is live, as the caller promises, and has these arrays, or has not.
    for array in unsafe { [shim::nginx_shim_cookies(r), shim::nginx_shim_forwarded(r)] } {
        // SAFETY: as above.
        let Some(array) = (unsafe { array.as_ref() }) else {
            continue;
        };
        let (pointers, mut moves) = (array.elts.cast::<*mut ngx_table_elt_t>(), moves());
        // SAFETY: an array has so many elements; these are pointers to fields.
        for field in (0..array.nelts).filter_map(|i| unsafe { pointers.wrapping_add(i).as_mut() }) {
            if let Some((_, to)) = moves.find(|(from, _)| from == field) {
                *field = to;
            }
        }
    }
    // SAFETY: writes a bit of a live request.
    unsafe { shim::nginx_shim_relink_fields(r) };
}
