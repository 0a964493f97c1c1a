//! What the last regular expression that matched has captured: `$1` and so on.
//!
//! nginx keeps that of the location, which its directives use later, in the place of whatever a `map` with regular expressions
//! captures when its variable is evaluated.

use core::ffi::c_int;
use core::{mem, ptr};

use nginx_sys::ngx_palloc;

use crate::raw::RawRequest;
use crate::shim;

/// A copy of what was captured.
pub(crate) struct Captures {
    /// With room for what any expression captures; null if nothing was captured.
    place: *mut c_int,
    count: usize,
    data: *mut u8,
}

impl Captures {
    /// Copies what was captured; `None` if memory is out.
    pub(crate) fn of(r: RawRequest) -> Option<Self> {
        // SAFETY: reads a number of a live request.
        let count = unsafe { shim::nginx_shim_ncaptures(r.as_ptr()) };
        // SAFETY: reads pointers of a live request.
        let (from, data) =
            unsafe { (shim::nginx_shim_captures(r.as_ptr()), shim::nginx_shim_captures_data(r.as_ptr())) };
        // Without groups an expression counts as one that has captured something, but there need be no place for that.
        if from.is_null() || count == 0 {
            return Some(Self { place: ptr::null_mut(), count, data });
        }
        // SAFETY: reads a number of the configuration, which outlives the request.
        let room = unsafe { shim::nginx_shim_most_captures(r.as_ptr()) };
        // SAFETY: a request has a pool.
        let place = unsafe { ngx_palloc(r.pool(), room.saturating_mul(mem::size_of::<c_int>())) }.cast::<c_int>();
        if place.is_null() {
            return None;
        }
        // SAFETY: so many are captured, and there is room for what any expression captures.
        unsafe { ptr::copy_nonoverlapping(from, place, count.min(room)) };
        Some(Self { place, count, data })
    }

    /// Has nginx use the copy from now on, whatever was captured since.
    pub(crate) fn put_back(self, r: RawRequest) {
        // SAFETY: reads a pointer of a live request.
        let place = if self.place.is_null() { unsafe { shim::nginx_shim_captures(r.as_ptr()) } } else { self.place };
        // SAFETY: the copy is in the request's pool, and has room for what any expression captures.
        unsafe { shim::nginx_shim_set_captures(r.as_ptr(), place, self.count, self.data) };
    }
}
