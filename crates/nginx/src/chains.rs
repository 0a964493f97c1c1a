//! The module's places in nginx's chains of filters.
//!
//! The chains belong to the process, and not to a configuration: whenever nginx reads one, its modules make the chains anew,
//! from the end on. If the configuration then fails, the previous one stays in force, but a worker that is started later finds
//! the chains as they were left: without the filters that came after the failure, or with those of a module that is not there
//! any more. So a module puts back what was there before, when the memory of a configuration is freed that did not come into
//! force, and when a worker starts. The latter helps also where the module was not in the configuration that failed.

use core::cell::Cell;
use core::ffi::c_void;

use nginx_sys::{ngx_conf_t, ngx_cycle_t, ngx_int_t, ngx_pool_cleanup_add, NGX_OK};

use crate::Module;

/// A place in the chain of filters of the type `F`.
pub(crate) struct Place<F> {
    /// The filter behind the module's own. There is always one, so that none has to be looked for when a filter is called.
    next: Cell<F>,
    /// What was there before the configuration that is being read; `None` if none is.
    before: Cell<Option<Links<F>>>,
    /// Whether the module's filter is in the chain of that configuration.
    has_entered: Cell<bool>,
    /// What is there with the configuration in force; `None` before there is one.
    in_force: Cell<Option<Links<F>>>,
}

/// The first filter of a chain, and the one behind the module's own.
#[derive(Clone, Copy)]
struct Links<F> {
    first: Option<F>,
    next: F,
}

/// What becomes of a configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// nginx begins to read it.
    Begun,
    /// It comes into force.
    InForce,
    /// Its memory is freed: it has failed, or is not in force any more.
    Freed,
    /// A process starts to serve clients with it.
    Served,
}

impl<F: Copy + PartialEq> Place<F> {
    /// No place yet; `next` is called as if it was behind the module's filter.
    pub const fn none(next: F) -> Self {
        let (before, has_entered, in_force) = (Cell::new(None), Cell::new(false), Cell::new(None));
        Self { next: Cell::new(next), before, has_entered, in_force }
    }

    /// The filter behind the module's own.
    #[inline]
    pub fn next(&self) -> F {
        self.next.get()
    }

    /// Puts the module's filter at the head of the chain, as every filter does.
    ///
    /// # Safety
    ///
    /// `first` must be nginx's pointer to the first filter of this chain, which nobody else uses meanwhile.
    pub unsafe fn enter(&self, first: *mut Option<F>, filter: F) {
        // SAFETY: nginx's pointer, as the caller promises.
        unsafe {
            if let Some(next) = *first {
                self.next.set(next);
                self.has_entered.set(true);
                *first = Some(filter);
            }
        }
    }

    /// Remembers the chain, or puts it back.
    ///
    /// # Safety
    ///
    /// As for [`enter`](Self::enter).
    pub unsafe fn follow(&self, first: *mut Option<F>, step: Step) {
        // SAFETY: nginx's pointer, as the caller promises.
        let now = Links { first: unsafe { *first }, next: self.next.get() };
        let back = match step {
            Step::Begun => {
                self.before.set(Some(now));
                self.has_entered.set(false);
                None
            }
            Step::InForce => {
                self.before.set(None);
                self.in_force.set(Some(now));
                None
            }
            Step::Freed => {
                let before = self.before.take();
                let has_moved = self.has_entered.get() && before.is_some_and(|before| before.next != now.next);
                if has_moved && self.in_force.get().is_some() {
                    // Filters that were behind the module's own may be ahead of it now. With what was behind it before, the
                    // chain would be a circle; as it is, it is whole.
                    self.in_force.set(Some(now));
                    None
                } else {
                    before
                }
            }
            Step::Served => self.in_force.get(),
        };
        if let Some(links) = back {
            self.next.set(links.next);
            // SAFETY: as above.
            unsafe { *first = links.first };
        }
    }
}

/// Notes that a configuration is being read. Returns whether there was memory for that.
///
/// # Safety
///
/// `cf` must be the configuration being read.
pub(crate) unsafe fn begin<M: Module>(cf: *mut ngx_conf_t) -> bool {
    // SAFETY: `cf` is the configuration being read, as the caller promises. A cleanup that nginx adds is ours to fill in.
    // nginx runs it before it unloads the module, because that was loaded earlier.
    let is_added = unsafe {
        let cleanup = ngx_pool_cleanup_add((*cf).pool, 0);
        cleanup.as_mut().map(|cleanup| cleanup.handler = Some(freed::<M>)).is_some()
    };
    if is_added {
        M::registration().follow(Step::Begun);
    }
    is_added
}

unsafe extern "C" fn freed<M: Module>(_data: *mut c_void) {
    M::registration().follow(Step::Freed);
}

/// Called when a configuration comes into force: `ngx_module_t.init_module`.
pub extern "C" fn in_force<M: Module>(_cycle: *mut ngx_cycle_t) -> ngx_int_t {
    M::registration().follow(Step::InForce);
    NGX_OK as ngx_int_t
}

/// Called when a process starts: `ngx_module_t.init_process`.
pub extern "C" fn served<M: Module>(_cycle: *mut ngx_cycle_t) -> ngx_int_t {
    M::registration().follow(Step::Served);
    NGX_OK as ngx_int_t
}
