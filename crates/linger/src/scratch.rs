//! A buffer for bytes that are dropped, at once or after a short look.

use core::cell::UnsafeCell;

/// The size of the buffer, in bytes.
pub(crate) const SIZE: usize = 64 << 10;

struct Scratch(UnsafeCell<[u8; SIZE]>);

// SAFETY: only a worker's one thread uses the buffer.
unsafe impl Sync for Scratch {}

static SCRATCH: Scratch = Scratch(UnsafeCell::new([0; SIZE]));

/// The start of the buffer, which is [`SIZE`] bytes long. Everybody who reads or drops a body writes to it.
pub(crate) fn start() -> *mut u8 {
    SCRATCH.0.get().cast()
}
