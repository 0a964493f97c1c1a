//! Zones: counts that all workers share, under names.
//!
//! A zone has counters, which only go up, and a gauge: how much all processes together have taken and not given back.
//! Each process has its own row for that. The rows of dead processes do not count, so what a crashed process had taken
//! is not lost.

use core::str;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use nginx_sys::{ngx_conf_t, NGX_MAX_PROCESSES};

use crate::shared::{Shareable, Shared};
use crate::{process, Module};

const PROCESSES: usize = NGX_MAX_PROCESSES as usize;

/// How long a zone's name may be, in bytes.
pub const NAME: usize = 120;

/// The largest number of counters.
const COUNTERS: usize = 128;

/// What processes share of a zone.
#[repr(C)]
struct Board {
    counters: [AtomicU64; COUNTERS],
    /// How many rows may be in use. The rows behind them have never been used.
    used: AtomicU32,
    rows: [Row; PROCESSES],
}

/// What a process has taken. It changes under the lock only.
#[repr(C)]
struct Row {
    /// The id of the process; 0 if there has been none.
    process: AtomicU32,
    taken: AtomicU32,
}

// SAFETY: the fields are atomics, for which all zeros are valid, and hold no address.
unsafe impl Shareable for Board {
    const KIND: &'static str = "zone";
}

/// A zone. It lives as long as the configuration, which is `'c`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Zone<'c>(Shared<'c, Board>);

impl Board {
    /// The row of this process.
    fn own_row(&self) -> Option<&Row> {
        let (slot, process) = (process::slot()?, process::id());
        let row = self.rows.get(slot)?;
        if row.process.load(Relaxed) != process {
            // The row's previous process is dead.
            row.taken.store(0, Relaxed);
            row.process.store(process, Relaxed);
            self.used.fetch_max(u32::try_from(slot).ok()?.saturating_add(1), Relaxed);
        }
        Some(row)
    }

    /// How much all processes together have taken, the dead ones included or not.
    fn taken(&self, with_the_dead: bool) -> u32 {
        let used = self.used.load(Relaxed) as usize;
        let rows = self.rows.iter().take(used).map(|row| (row.process.load(Relaxed), row.taken.load(Relaxed)));
        rows.filter(|&(process, taken)| taken > 0 && (with_the_dead || process::is_alive(process)))
            .fold(0, |all, (_, taken)| all.saturating_add(taken))
    }
}

impl Zone<'_> {
    /// The zone with this name, which need not have been mentioned before. `None` if memory is out, which nginx has
    /// then logged. With an empty name the zone is hidden.
    ///
    /// # Safety
    ///
    /// Those of [`Shared::declare`].
    pub(crate) unsafe fn declare<M: Module>(cf: *mut ngx_conf_t, name: &[u8]) -> Option<Self> {
        const { assert!(M::COUNTERS <= COUNTERS) };
        // SAFETY: `cf` is the configuration being read, and the result is not used when that is gone, as the caller
        // promises.
        unsafe { Shared::declare::<M>(cf, name) }.map(Self)
    }

    /// The zone's name.
    pub fn name(&self) -> &[u8] {
        self.0.name()
    }

    /// Adds to one of the zone's counters, which goes up to [`u64::MAX`] and stays there.
    pub fn add(self, counter: usize, number: u64) {
        if let Some(counter) = self.0.get().and_then(|board| board.counters.get(counter)) {
            let _ = counter.fetch_update(Relaxed, Relaxed, |count| Some(count.saturating_add(number)));
        }
    }

    /// Takes one, if all processes together have then taken no more than `most`. Returns whether it was taken. The
    /// process must give it back ([`give_back`](Self::give_back)).
    pub fn take(self, most: u32) -> bool {
        let Some(board) = self.0.lock() else {
            return false;
        };
        // To ask whether processes live takes longer than to count, so all are counted first.
        let fits = || most == u32::MAX || [true, false].iter().any(|dead| board.taken(*dead) < most);
        match board.own_row() {
            Some(row) if fits() => {
                row.taken.store(row.taken.load(Relaxed).saturating_add(1), Relaxed);
                true
            }
            _ => false,
        }
    }

    /// Gives back one that this process has taken.
    pub fn give_back(self) {
        if let Some(board) = self.0.lock() {
            if let Some(row) = board.own_row() {
                row.taken.store(row.taken.load(Relaxed).saturating_sub(1), Relaxed);
            }
        }
    }
}

/// The counts of a zone at one moment.
pub struct Counts<'a> {
    /// The zone's name.
    pub name: &'a str,
    /// The zone's counters.
    pub counters: &'a [AtomicU64],
    /// How much all living processes together have taken.
    pub taken: u32,
}

/// Calls `visit` for all zones with a name that the module `of` ([`Module::NAME`]) has, in the order of the configuration,
/// until it fails. `counters` is how many counters they have.
///
/// # Errors
///
/// Those of `visit`.
pub fn visit<E>(of: &str, counters: usize, mut visit: impl FnMut(Counts<'_>) -> Result<(), E>) -> Result<(), E> {
    for zone in Shared::<Board>::all(of) {
        let name = str::from_utf8(zone.name()).ok().filter(|name| !name.is_empty());
        if let (Some(board), Some(name)) = (zone.get(), name) {
            let counters = board.counters.get(..counters).unwrap_or_default();
            visit(Counts { name, counters, taken: board.taken(false) })?;
        }
    }
    Ok(())
}
