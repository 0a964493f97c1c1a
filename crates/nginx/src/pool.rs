//! nginx's memory pools.

use core::mem;

use nginx_sys::NGX_ALIGNMENT;

/// Whether a value may live in a pool, which frees memory without dropping anything and aligns to [`NGX_ALIGNMENT`].
pub(crate) const fn can_hold<T>() -> bool {
    !mem::needs_drop::<T>() && mem::align_of::<T>() <= NGX_ALIGNMENT
}
