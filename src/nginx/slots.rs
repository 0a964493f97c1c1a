//! A number that all workers share: how many slots they have taken.
//!
//! Each process counts its own, in a place of its own in shared memory, so that what a process that crashed had taken is
//! not lost: nobody counts the dead. The memory is there if the configuration asks for it ([`Hooks::SLOTS`]), and outlives
//! a reload.
//!
//! [`Hooks::SLOTS`]: super::Hooks::SLOTS

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use std::io;

use nginx_sys::{
    ngx_conf_t, ngx_cycle, ngx_int_t, ngx_pagesize, ngx_pid, ngx_process_slot, ngx_shared_memory_add, ngx_shm_zone_t,
    ngx_slab_calloc, ngx_slab_pool_t, ngx_str_t, NGX_ERROR, NGX_MAX_PROCESSES, NGX_OK,
};

use super::{Descriptor, HttpModule};

/// What one process has taken. Each has a cache line of its own.
#[repr(align(64))]
struct Place {
    /// The process, 0 if there was none yet.
    pid: AtomicU32,
    /// How many slots it has taken.
    taken: AtomicU32,
}

/// One place for each process that nginx can have.
type Places = [Place; NGX_MAX_PROCESSES as usize];

const NAME: &str = "limit_body";

/// Asks for the memory, while the configuration is read.
///
/// # Safety
///
/// `cf` must be the configuration being read.
pub(super) unsafe fn add<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    let mut name = ngx_str_t { len: NAME.len(), data: NAME.as_ptr().cast_mut() };
    // SAFETY: `cf` is valid, says the caller; nginx keeps the name, which is static, and returns a zone to be filled in.
    unsafe {
        // nginx keeps its own administration in the memory too, some pages.
        let size = core::mem::size_of::<Places>().saturating_add(ngx_pagesize.saturating_mul(8));
        let zone = ngx_shared_memory_add(cf, &mut name, size, tag::<M>());
        if zone.is_null() {
            return NGX_ERROR as ngx_int_t;
        }
        (*zone).init = Some(init);
    }
    NGX_OK as ngx_int_t
}

/// Takes the memory over from the configuration before, or begins with it: `ngx_shm_zone_t.init`.
unsafe extern "C" fn init(zone: *mut ngx_shm_zone_t, before: *mut c_void) -> ngx_int_t {
    // SAFETY: nginx passes a zone with mapped memory, in which it has made a pool (`ngx_init_zone_pool`), and the data of
    // the same zone before a reload; what the pool gives is zeroed, and zeros are empty places.
    unsafe {
        (*zone).data = before;
        if before.is_null() {
            let pool = (*zone).shm.addr.cast::<ngx_slab_pool_t>();
            (*zone).data = ngx_slab_calloc(pool, core::mem::size_of::<Places>());
            if (*zone).data.is_null() {
                return NGX_ERROR as ngx_int_t;
            }
        }
    }
    NGX_OK as ngx_int_t
}

/// By what nginx tells the module's memory from others'.
fn tag<M: HttpModule>() -> *mut c_void {
    let Descriptor(module) = M::descriptor();
    module.cast_mut().cast()
}

/// The places, if the configuration in force asks for them.
fn places<M: HttpModule>() -> Option<&'static Places> {
    // SAFETY: the cycle that the process works with has a list of zones, each of which is set up. They live as long as the
    // process: nginx unmaps them in the master only.
    unsafe {
        let mut part = ptr::addr_of_mut!((*ngx_cycle).shared_memory.part);
        while !part.is_null() {
            let zones = (*part).elts.cast::<ngx_shm_zone_t>();
            for i in 0..(*part).nelts {
                let zone = zones.add(i);
                if (*zone).tag == tag::<M>() {
                    return (*zone).data.cast::<Places>().as_ref();
                }
            }
            part = (*part).next;
        }
        None
    }
}

/// The place of this process.
fn own(places: &Places) -> Option<&Place> {
    // SAFETY: nginx sets them before a process begins to work.
    let (slot, pid) = unsafe { (ngx_process_slot, ngx_pid) };
    let place = places.get(usize::try_from(slot).ok()?)?;
    let pid = u32::try_from(pid).ok()?;
    if place.pid.load(Ordering::Relaxed) != pid {
        // Whoever had it is dead.
        place.taken.store(0, Ordering::Relaxed);
        place.pid.store(pid, Ordering::Relaxed);
    }
    Some(place)
}

/// Takes a slot, if no more than `most` are taken then by all processes together.
pub fn take<M: HttpModule>(most: u32) -> bool {
    let Some((places, own)) = places::<M>().and_then(|places| Some((places, own(places)?))) else {
        return true;
    };
    own.taken.fetch_add(1, Ordering::Relaxed);

    if most == u32::MAX {
        return true;
    }
    let sum = |of: fn(&Place) -> u32| places.iter().map(of).fold(0, u32::saturating_add);
    let fits = sum(|place| place.taken.load(Ordering::Relaxed)) <= most || sum(Place::taken_by_living) <= most;
    if !fits {
        own.taken.fetch_sub(1, Ordering::Relaxed);
    }
    fits
}

/// Gives a slot back that this process has taken.
pub fn give_back<M: HttpModule>() {
    if let Some(own) = places::<M>().and_then(own) {
        // A reload may have begun to count when the slot was taken already.
        let _ = own.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| taken.checked_sub(1));
    }
}

impl Place {
    /// How many slots the process has taken, if it lives.
    fn taken_by_living(&self) -> u32 {
        let taken = self.taken.load(Ordering::Relaxed);
        let Ok(pid) = i32::try_from(self.pid.load(Ordering::Relaxed)) else {
            return taken;
        };
        if taken == 0 {
            return 0;
        }
        // SAFETY: signal 0 is never sent.
        let answer = unsafe { libc::kill(pid, 0) };
        if answer != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) {
            self.taken.store(0, Ordering::Relaxed);
            return 0;
        }
        taken
    }
}
