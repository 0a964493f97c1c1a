//! nginx's memory pools.

use core::mem;

use nginx_sys::NGX_ALIGNMENT;

/// Returns whether a pool can hold a value of this type. A pool frees memory without dropping anything, and aligns to
/// [`NGX_ALIGNMENT`].
pub(crate) const fn can_hold<T>() -> bool {
    !mem::needs_drop::<T>() && mem::align_of::<T>() <= NGX_ALIGNMENT
}
