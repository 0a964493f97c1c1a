//! Memory that all processes share.
//!
//! Each value is in one of nginx's shared memory zones, which nginx knows by their names. A reload keeps a zone that
//! the new configuration also has, for old and new workers alike. nginx frees other zones when the last worker that
//! uses them ends.

use core::cell::UnsafeCell;
use core::ffi::{c_void, CStr};
use core::marker::PhantomData;
use core::mem;
use core::ops::Deref;
use core::ptr::{self, NonNull};

use nginx_sys::{
    ngx_conf_t, ngx_cycle, ngx_int_t, ngx_module_t, ngx_pagesize, ngx_pnalloc, ngx_shared_memory_add, ngx_shm_zone_t,
    ngx_shmtx_lock, ngx_shmtx_t, ngx_shmtx_unlock, ngx_slab_calloc, ngx_slab_pool_t, ngx_str_t, NGX_ERROR, NGX_OK,
};

use crate::{modules, Module};

/// A type that may be in shared memory.
///
/// # Safety
///
/// All zeros must be a valid value. A value must hold no address, and must need no more alignment than a cache line
/// has.
pub(crate) unsafe trait Shareable: Sync {
    /// What is in the memory. Its names are `module:kind:name`. The colons keep nginx's own zones away: a name in their
    /// `zone=name:size` has no colon. Another layout wants another kind, because one nginx may have loaded modules of
    /// different versions.
    const KIND: &'static str;
}

/// A value in shared memory. It lives as long as the configuration that declares it, which is `'c`.
pub(crate) struct Shared<'c, T>(NonNull<ngx_shm_zone_t>, PhantomData<&'c T>);

impl<T> Clone for Shared<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<'_, T> {}

impl<T> PartialEq for Shared<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Shared<'_, T> {}

impl<T: Shareable> Shared<'_, T> {
    /// The value with this name, which need not have been mentioned before. `None` if memory is out, which nginx has
    /// then logged.
    ///
    /// # Safety
    ///
    /// `cf` must be the configuration being read. The result must not be used when that configuration is gone.
    pub unsafe fn declare<M: Module>(cf: *mut ngx_conf_t, name: &[u8]) -> Option<Self> {
        let parts = [M::NAME.as_bytes(), b":", T::KIND.as_bytes(), b":", name];
        let length = parts.iter().fold(0, |length: usize, part| length.saturating_add(part.len()));
        // nginx's own administration is in the memory, too.
        let size = mem::size_of::<T>();
        let size = size.saturating_add(size / 64).saturating_add(page_size().saturating_mul(8));
        // SAFETY: `cf` is the configuration being read, as the caller promises. The memory from its pool is as long as
        // asked for, and lives as long as the zone. nginx returns the zone to be filled in.
        unsafe {
            let text = NonNull::new(ngx_pnalloc((*cf).pool, length).cast::<u8>())?.as_ptr();
            let mut end = text;
            for part in parts {
                end.copy_from_nonoverlapping(part.as_ptr(), part.len());
                end = end.add(part.len());
            }

            let mut name = ngx_str_t { len: length, data: text };
            let zone = NonNull::new(ngx_shared_memory_add(cf, &mut name, size, tag::<M>()))?;
            (*zone.as_ptr()).init = Some(init::<T>);
            Some(Self(zone, PhantomData))
        }
    }

    /// All values of this kind that the module `of` has in the active configuration, in its order. A module may look at
    /// another one's, which has been built with it.
    pub fn all(of: &str) -> impl Iterator<Item = Self> + '_ {
        // SAFETY: the active cycle has a list of zones, which lives as long as the cycle.
        let (mut part, mut next) = unsafe { (ptr::addr_of!((*ngx_cycle).shared_memory.part), 0) };
        core::iter::from_fn(move || {
            while !part.is_null() {
                // SAFETY: `part` is a part of that list, with `nelts` zones.
                unsafe {
                    while next < (*part).nelts {
                        let zone = NonNull::new_unchecked((*part).elts.cast::<ngx_shm_zone_t>().add(next));
                        next = next.saturating_add(1);
                        if is_of_kind(zone, of, T::KIND) && zone.as_ref().shm.size >= mem::size_of::<T>() {
                            return Some(Self(zone, PhantomData));
                        }
                    }
                    (part, next) = ((*part).next, 0);
                }
            }
            None
        })
    }

    /// The value's name.
    pub fn name(&self) -> &[u8] {
        full_name(self.0).splitn(3, |&byte| byte == b':').nth(2).unwrap_or_default()
    }

    /// The value; `None` until the configuration has been read.
    pub fn get(&self) -> Option<&T> {
        // SAFETY: the zone lives as long as the configuration. Its data is null, or what `init` has set.
        unsafe { self.0.as_ref().data.cast::<T>().as_ref() }
    }

    /// Locks the value, after waiting for any other process that has it locked. Returns `None` until the configuration
    /// has been read. This process must not have it locked already. If a process dies that has it locked, nginx's
    /// master unlocks it (`ngx_unlock_mutexes`).
    pub fn lock(&self) -> Option<Locked<'_, T>> {
        let value = self.get()?;
        // SAFETY: the memory begins with nginx's administration (`ngx_init_zone_pool`), which has a mutex.
        unsafe {
            let mutex = ptr::addr_of_mut!((*self.0.as_ref().shm.addr.cast::<ngx_slab_pool_t>()).mutex);
            ngx_shmtx_lock(mutex);
            Some(Locked { value, mutex })
        }
    }
}

/// A value that no other process can lock meanwhile.
pub(crate) struct Locked<'a, T> {
    value: &'a T,
    mutex: *mut ngx_shmtx_t,
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> Drop for Locked<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this process has it locked.
        unsafe { ngx_shmtx_unlock(self.mutex) }
    }
}

fn page_size() -> usize {
    // SAFETY: nginx sets `ngx_pagesize` when it starts.
    unsafe { ngx_pagesize }
}

/// The address by which nginx tells the module's memory from that of others.
fn tag<M: Module>() -> *mut c_void {
    M::registration().module().cast_mut().cast()
}

fn full_name<'a>(zone: NonNull<ngx_shm_zone_t>) -> &'a [u8] {
    // SAFETY: the zone and its name live as long as the configuration.
    unsafe { zone.as_ref().shm.name.as_bytes() }
}

/// Returns whether a zone has a value of this kind, of this module. Its name does not tell alone: an upstream's zone may
/// have any.
fn is_of_kind(zone: NonNull<ngx_shm_zone_t>, module: &str, kind: &str) -> bool {
    let mut parts = full_name(zone).splitn(3, |&byte| byte == b':');
    parts.next() == Some(module.as_bytes()) && parts.next() == Some(kind.as_bytes()) && is_tagged(zone, module)
}

/// Returns whether a zone was made by the module whose name in nginx is `ngx_http_…_module`, or another such name, with
/// `module` in it.
fn is_tagged(zone: NonNull<ngx_shm_zone_t>, module: &str) -> bool {
    // SAFETY: the zone lives as long as the configuration.
    let tag = unsafe { zone.as_ref().tag };
    let is_maker = |address: *mut ngx_module_t, name: &CStr| {
        let name = name.to_bytes().strip_suffix(b"_module");
        address.cast() == tag && name.is_some_and(|name| name.ends_with(module.as_bytes()))
    };
    modules::find(is_maker).is_some()
}

/// Takes over a value from the previous configuration, or makes one: `ngx_shm_zone_t.init`.
unsafe extern "C" fn init<T: Shareable>(zone: *mut ngx_shm_zone_t, before: *mut c_void) -> ngx_int_t {
    // SAFETY: nginx passes a zone with mapped memory, in which it has made a pool (`ngx_init_zone_pool`). It also
    // passes the data that the same memory had before a reload. The pool's memory is zeroed, and aligned to its size,
    // or to a page.
    unsafe {
        let make = || ngx_slab_calloc((*zone).shm.addr.cast::<ngx_slab_pool_t>(), mem::size_of::<T>());
        (*zone).data = if before.is_null() { make() } else { before };
        if (*zone).data.is_null() {
            return NGX_ERROR as ngx_int_t;
        }
    }
    NGX_OK as ngx_int_t
}

/// A type that consists of numbers only: any bytes, all zeros included, are a valid value.
///
/// # Safety
///
/// Any bytes must be a valid value of the type.
pub unsafe trait Plain: Sized {}

// SAFETY: any bytes are a valid `u64`.
unsafe impl Plain for u64 {}

// SAFETY: the array holds nothing but values of `T`, for which any bytes are valid.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Numbers that all processes share, used by one process at a time. They live as long as the configuration, which is
/// `'c`.
pub struct Exclusive<'c, T: Plain>(Shared<'c, Inside<T>>);

struct Inside<T>(UnsafeCell<T>);

// SAFETY: the value is only used under the lock.
unsafe impl<T> Sync for Inside<T> {}

// SAFETY: all zeros are a valid `T`, which holds only numbers (`Plain`).
unsafe impl<T: Plain> Shareable for Inside<T> {
    const KIND: &'static str = "table";
}

impl<T: Plain> Clone for Exclusive<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Plain> Copy for Exclusive<'_, T> {}

impl<T: Plain> PartialEq for Exclusive<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Plain> Eq for Exclusive<'_, T> {}

impl<T: Plain> Exclusive<'_, T> {
    /// The numbers with this name, zeros at first. `None` if memory is out.
    ///
    /// # Safety
    ///
    /// Those of [`Shared::declare`].
    pub(crate) unsafe fn declare<M: Module>(cf: *mut ngx_conf_t, name: &str) -> Option<Self> {
        // SAFETY: `cf` is the configuration being read, and the result is not used when that is gone, as the caller
        // promises.
        unsafe { Shared::declare::<M>(cf, name.as_bytes()) }.map(Self)
    }

    /// Calls `look` with the numbers, which nobody else can use meanwhile. Returns the result; `None` until the
    /// configuration has been read. A call within `look` would wait for itself.
    pub fn with<R>(self, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let inside = self.0.lock()?;
        // SAFETY: the numbers are locked, so nobody else uses them.
        Some(look(unsafe { &mut *inside.0.get() }))
    }
}
