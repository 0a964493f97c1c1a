//! Where bytes go that nobody looks at, or not for long.

use core::cell::UnsafeCell;

/// How much there is room for, in bytes.
pub(crate) const SIZE: usize = 64 << 10;

struct Scratch(UnsafeCell<[u8; SIZE]>);

// SAFETY: only the one thread of a worker gets at it.
unsafe impl Sync for Scratch {}

static SCRATCH: Scratch = Scratch(UnsafeCell::new([0; SIZE]));

/// The first of [`SIZE`] bytes. Whoever else reads or drops a body writes there too.
pub(crate) fn start() -> *mut u8 {
    SCRATCH.0.get().cast()
}
