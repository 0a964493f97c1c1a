//! Counts that all workers share, under names: zones.
//!
//! One segment of shared memory holds all zones. It is laid out as
//!
//! * a [`Head`], with the process that each row belongs to;
//! * a block for each zone: its name and its counters, which only go up;
//! * a row for each process that nginx can have: a gauge for each zone, of what this process has taken and not given
//!   back. Nobody counts the rows of the dead, so what a process that crashed had taken is not lost.
//!
//! Blocks and rows begin on cache lines of their own. A reload finds zones by their names, so they keep their counts
//! whatever becomes of others; where there is no room for new ones it makes a larger segment, and copies. What the old
//! workers count after that is lost, and only then.

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use core::{mem, slice, str};
use std::io;

use nginx_sys::{
    ngx_conf_t, ngx_cycle, ngx_int_t, ngx_pagesize, ngx_palloc, ngx_pid, ngx_process_slot, ngx_shared_memory_add,
    ngx_shm_zone_t, ngx_slab_calloc, ngx_slab_pool_t, ngx_str_t, NGX_ERROR, NGX_MAX_PROCESSES, NGX_OK,
};

use super::{Descriptor, HttpModule};

const PROCESSES: usize = NGX_MAX_PROCESSES as usize;
const LINE: usize = 64;

/// How many zones there is room for at least: as many gauges as a cache line takes.
const FEW: usize = 16;

/// The segment's name among those of all modules. In `zone=name:size` of nginx's own directives there is none with a colon.
const SEGMENT: &str = "limit_body:zones";

/// How long a zone's name may be, in bytes.
pub const NAME: usize = 120;

/// What the segment begins with.
#[repr(C, align(64))]
struct Head {
    /// How many zones there is room for.
    capacity: usize,
    /// How many have a block.
    used: AtomicU32,
    /// How many rows may be in use; those behind never were.
    rows: AtomicU32,
    /// The process of each row, 0 if there was none yet.
    pids: [AtomicU32; PROCESSES],
}

/// What a block begins with; the counters follow.
#[repr(C, align(64))]
struct Name {
    length: usize,
    bytes: [u8; NAME],
}

/// A zone of the configuration; in its pool.
struct Entry {
    name: NonNull<[u8]>,
    /// Where its block is, and the number of that; `None` until the configuration has been read.
    place: Option<(Memory, usize)>,
    next: *mut Entry,
}

/// The zones of a configuration; in its pool, and known to nginx as the data of its shared memory.
struct Registry {
    /// How many there is to be room for.
    capacity: usize,
    memory: Option<Memory>,
    first: *mut Entry,
}

/// A zone. It lives as long as the configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Zone(NonNull<Entry>);

/// The zones of the configuration being read.
static mut DECLARED: *mut Entry = ptr::null_mut();

/// Begins with a new configuration.
pub(super) fn begin() {
    // SAFETY: called while the configuration is read, on the one thread.
    unsafe { DECLARED = ptr::null_mut() };
}

/// The zone of this name, which need not have been mentioned before; `None` if memory is out. The empty name is that of
/// a zone that nobody sees.
///
/// # Safety
///
/// `cf` must be the configuration being read, `name` must live as long as that, and have no more than [`NAME`] bytes.
pub(super) unsafe fn declare(cf: *mut ngx_conf_t, name: NonNull<[u8]>) -> Option<Zone> {
    // SAFETY: up to the caller. Entries and their names live in the configuration's pool, which aligns what it gives.
    unsafe {
        if let Some(entry) = entries(DECLARED).find(|entry| entry.as_ref().name.as_ref() == name.as_ref()) {
            return Some(Zone(entry));
        }
        let entry = NonNull::new(ngx_palloc((*cf).pool, mem::size_of::<Entry>()).cast::<Entry>())?;
        entry.write(Entry { name, place: None, next: ptr::null_mut() });
        match entries(DECLARED).last() {
            Some(mut last) => last.as_mut().next = entry.as_ptr(),
            None => DECLARED = entry.as_ptr(),
        }
        Some(Zone(entry))
    }
}

/// A list of entries.
///
/// # Safety
///
/// All of them must live for as long as they are looked at.
unsafe fn entries(first: *mut Entry) -> impl Iterator<Item = NonNull<Entry>> {
    let mut next = first;
    core::iter::from_fn(move || {
        let entry = NonNull::new(next)?;
        // SAFETY: up to the caller.
        next = unsafe { entry.as_ref().next };
        Some(entry)
    })
}

/// Asks for the memory, if there are zones, when the configuration has been read.
///
/// # Safety
///
/// `cf` must be the configuration being read.
pub(super) unsafe fn add<M: HttpModule>(cf: *mut ngx_conf_t) -> ngx_int_t {
    // SAFETY: `cf` is valid, says the caller; nginx keeps the name, which is static, and returns a zone to be filled in.
    unsafe {
        if DECLARED.is_null() {
            return NGX_OK as ngx_int_t;
        }
        // Room for those that are there already and for the new ones, so that they need not move.
        let before = registry::<M>().and_then(|registry| registry.as_ref().memory);
        let is_there = |name: NonNull<[u8]>| before.is_some_and(|memory| memory.find::<M>(name.as_ref()).is_some());
        let new = entries(DECLARED).filter(|entry| !is_there(entry.as_ref().name)).count();
        let wanted = new.saturating_add(before.map_or(0, |memory| memory.used()));
        let room = before.map(|memory| memory.head().capacity).filter(|room| *room >= wanted);
        let capacity = room.unwrap_or_else(|| wanted.next_power_of_two().max(FEW));

        let registry = ngx_palloc((*cf).pool, mem::size_of::<Registry>()).cast::<Registry>();
        if registry.is_null() {
            return NGX_ERROR as ngx_int_t;
        }
        registry.write(Registry { capacity, memory: None, first: DECLARED });

        // nginx keeps its own administration in the memory too.
        let size = Memory::size::<M>(capacity);
        let size = size.saturating_add(size / 64).saturating_add(ngx_pagesize.saturating_mul(8));
        let mut name = ngx_str_t { len: SEGMENT.len(), data: SEGMENT.as_ptr().cast_mut() };
        let zone = ngx_shared_memory_add(cf, &mut name, size, tag::<M>());
        if zone.is_null() {
            return NGX_ERROR as ngx_int_t;
        }
        (*zone).init = Some(init::<M>);
        (*zone).data = registry.cast();
    }
    NGX_OK as ngx_int_t
}

/// Takes the memory over from the configuration before, or begins with it: `ngx_shm_zone_t.init`.
unsafe extern "C" fn init<M: HttpModule>(zone: *mut ngx_shm_zone_t, before: *mut c_void) -> ngx_int_t {
    // SAFETY: nginx passes a zone with mapped memory, in which it has made a pool (`ngx_init_zone_pool`), and what was the
    // data of the same memory before a reload; what the pool gives is zeroed. While it reloads, `ngx_cycle` is still the
    // cycle before.
    unsafe {
        let registry = (*zone).data.cast::<Registry>();
        let kept = NonNull::new(before.cast::<Registry>()).and_then(|before| before.as_ref().memory);
        let outgrown = match kept {
            Some(_) => None,
            None => self::registry::<M>().and_then(|registry| registry.as_ref().memory),
        };
        let made = || Memory::make::<M>((*zone).shm.addr.cast::<ngx_slab_pool_t>(), (*registry).capacity);
        let Some(memory) = kept.or_else(made) else {
            return NGX_ERROR as ngx_int_t;
        };
        (*registry).memory = Some(memory);

        for mut entry in entries((*registry).first) {
            let entry = entry.as_mut();
            let name = entry.name.as_ref();
            let Some(block) = memory.find::<M>(name).or_else(|| memory.append::<M>(name)) else {
                return NGX_ERROR as ngx_int_t;
            };
            entry.place = Some((memory, block));
            if let Some((old, place)) = outgrown.and_then(|old| Some((old, old.find::<M>(name)?))) {
                for (new, old) in memory.counters::<M>(block).iter().zip(old.counters::<M>(place)) {
                    new.store(old.load(Relaxed), Relaxed);
                }
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

/// The zones of the configuration in force, if it has any.
fn registry<M: HttpModule>() -> Option<NonNull<Registry>> {
    // SAFETY: the cycle that the process works with has a list of zones, each of which is set up. They live as long as the
    // process: nginx unmaps them in the master only, when it has others.
    unsafe {
        let mut part = ptr::addr_of_mut!((*ngx_cycle).shared_memory.part);
        while !part.is_null() {
            let zones = (*part).elts.cast::<ngx_shm_zone_t>();
            for i in 0..(*part).nelts {
                let zone = zones.add(i);
                if (*zone).tag == tag::<M>() {
                    return NonNull::new((*zone).data.cast());
                }
            }
            part = (*part).next;
        }
        None
    }
}

/// The segment, from [`Head`] on. It is mapped for as long as the process lives.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Memory(NonNull<Head>);

impl Memory {
    fn block_size<M: HttpModule>() -> usize {
        let counters = M::COUNTERS.saturating_mul(mem::size_of::<AtomicU64>());
        mem::size_of::<Name>().saturating_add(counters.next_multiple_of(LINE))
    }

    fn row_size(capacity: usize) -> usize {
        capacity.saturating_mul(mem::size_of::<AtomicU32>()).next_multiple_of(LINE)
    }

    fn size<M: HttpModule>(capacity: usize) -> usize {
        let blocks = capacity.saturating_mul(Self::block_size::<M>());
        let rows = PROCESSES.saturating_mul(Self::row_size(capacity));
        mem::size_of::<Head>().saturating_add(blocks).saturating_add(rows)
    }

    /// Makes room for so many zones; `None` if there is less.
    ///
    /// # Safety
    ///
    /// `pool` must be one that nginx has made in shared memory.
    unsafe fn make<M: HttpModule>(pool: *mut ngx_slab_pool_t, capacity: usize) -> Option<Self> {
        // SAFETY: up to the caller. More than a page begins where a page does, and zeros are an empty head.
        unsafe {
            let head = NonNull::new(ngx_slab_calloc(pool, Self::size::<M>(capacity)).cast::<Head>())?;
            (*head.as_ptr()).capacity = capacity;
            Some(Self(head))
        }
    }

    fn head(&self) -> &Head {
        // SAFETY: mapped, and shared as atomics and a number that does not change.
        unsafe { self.0.as_ref() }
    }

    fn used(&self) -> usize {
        self.head().used.load(Relaxed) as usize
    }

    fn block<M: HttpModule>(&self, number: usize) -> NonNull<Name> {
        let offset = mem::size_of::<Head>().saturating_add(number.saturating_mul(Self::block_size::<M>()));
        // SAFETY: there is room for `capacity` blocks behind the head; numbers come from `find` and `append`.
        unsafe { self.0.byte_add(offset).cast() }
    }

    fn counters<M: HttpModule>(&self, number: usize) -> &[AtomicU64] {
        // SAFETY: they follow the name, and are shared as atomics only.
        unsafe { slice::from_raw_parts(self.block::<M>(number).add(1).cast().as_ptr(), M::COUNTERS) }
    }

    fn find<M: HttpModule>(&self, name: &[u8]) -> Option<usize> {
        (0..self.used()).find(|number| {
            // SAFETY: blocks in use have a name, which does not change any more.
            let other = unsafe { self.block::<M>(*number).as_ref() };
            other.bytes.get(..other.length) == Some(name)
        })
    }

    /// Begins with a block for a zone: its number, unless there is no room.
    ///
    /// # Safety
    ///
    /// To be called by the one process that reads the configuration, before others know of the block.
    unsafe fn append<M: HttpModule>(&self, name: &[u8]) -> Option<usize> {
        let number = self.used();
        if number >= self.head().capacity {
            return None;
        }
        // SAFETY: up to the caller; there is room.
        let block = unsafe { self.block::<M>(number).as_mut() };
        block.bytes.get_mut(..name.len())?.copy_from_slice(name);
        block.length = name.len();
        self.head().used.fetch_add(1, Relaxed);
        Some(number)
    }

    fn gauge<M: HttpModule>(&self, row: usize, number: usize) -> &AtomicU32 {
        let size = Self::row_size(self.head().capacity);
        // SAFETY: the rows follow the blocks; there is one for each process, and in it a gauge for each block.
        unsafe {
            let rows = self.block::<M>(self.head().capacity).cast::<AtomicU32>();
            rows.byte_add(row.saturating_mul(size)).add(number).as_ref()
        }
    }

    /// The number of this process's row.
    fn own_row<M: HttpModule>(&self) -> Option<usize> {
        // SAFETY: nginx sets them before a process begins to work.
        let (row, pid) = unsafe { (ngx_process_slot, ngx_pid) };
        let (row, pid) = (usize::try_from(row).ok()?, u32::try_from(pid).ok()?);
        let owner = self.head().pids.get(row)?;
        if owner.load(Relaxed) != pid {
            // Whoever had it is dead.
            (0..self.head().capacity).for_each(|number| self.gauge::<M>(row, number).store(0, Relaxed));
            owner.store(pid, Relaxed);
            self.head().rows.fetch_max(u32::try_from(row).ok()?.saturating_add(1), Relaxed);
        }
        Some(row)
    }

    /// How much of a zone all processes together have taken; those that have died count or not.
    fn taken<M: HttpModule>(&self, number: usize, with_the_dead: bool) -> u32 {
        let rows = self.head().rows.load(Relaxed) as usize;
        let pids = self.head().pids.iter().take(rows).enumerate();
        pids.map(|(row, pid)| {
            let taken = self.gauge::<M>(row, number).load(Relaxed);
            let counts = taken > 0 && (with_the_dead || is_alive(pid.load(Relaxed)));
            if counts {
                taken
            } else {
                0
            }
        })
        .fold(0, u32::saturating_add)
    }
}

fn is_alive(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else {
        return false;
    };
    // SAFETY: signal 0 is never sent.
    let answer = unsafe { libc::kill(pid, 0) };
    answer == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

impl Zone {
    fn place(self) -> Option<(Memory, usize)> {
        // SAFETY: the entry lives as long as the configuration, and is not changed once that is read.
        unsafe { self.0.as_ref().place }
    }

    /// Adds to one of the zone's counters, which goes up to [`u64::MAX`] and stays there.
    pub fn add<M: HttpModule>(self, counter: usize, number: u64) {
        if let Some((memory, block)) = self.place() {
            if let Some(counter) = memory.counters::<M>(block).get(counter) {
                let _ = counter.fetch_update(Relaxed, Relaxed, |count| Some(count.saturating_add(number)));
            }
        }
    }

    /// Takes one, if no more than `most` are taken then by all processes together; to be given back.
    pub fn take<M: HttpModule>(self, most: u32) -> bool {
        let Some((memory, block, row)) =
            self.place().and_then(|(memory, block)| Some((memory, block, memory.own_row::<M>()?)))
        else {
            return true;
        };
        let own = memory.gauge::<M>(row, block);
        own.fetch_add(1, Relaxed);
        let fits = most == u32::MAX || [true, false].iter().any(|dead| memory.taken::<M>(block, *dead) <= most);
        if !fits {
            own.fetch_sub(1, Relaxed);
        }
        fits
    }

    /// Gives back what this process has taken.
    pub fn give_back<M: HttpModule>(self) {
        if let Some((memory, block)) = self.place() {
            if let Some(row) = memory.own_row::<M>() {
                let _ = memory.gauge::<M>(row, block).fetch_update(Relaxed, Relaxed, |taken| taken.checked_sub(1));
            }
        }
    }
}

/// What a zone's counts are at a moment.
pub struct Counts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its counters.
    pub counters: &'a [AtomicU64],
    /// How much all processes together have taken of it.
    pub taken: u32,
}

/// Shows all zones that have a name to `visit`, in the order that the configuration has them, until that fails.
///
/// # Errors
///
/// Those of `visit`.
pub fn visit<M: HttpModule, E>(mut visit: impl FnMut(Counts<'_>) -> Result<(), E>) -> Result<(), E> {
    let Some(registry) = registry::<M>() else {
        return Ok(());
    };
    // SAFETY: the registry, its entries and their names live as long as the configuration.
    unsafe {
        for entry in entries(registry.as_ref().first) {
            let (entry, name) = (entry.as_ref(), str::from_utf8(entry.as_ref().name.as_ref()));
            if let (Some((memory, block)), Some(name)) = (entry.place, name.ok().filter(|name| !name.is_empty())) {
                let taken = memory.taken::<M>(block, false);
                visit(Counts { name, counters: memory.counters::<M>(block), taken })?;
            }
        }
    }
    Ok(())
}
