//! Bounds on the number of drains at once: in a zone (`conns`), and for a key (`per_key`).

#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use policy::keys::{self, Table};

use crate::module::{CoreConf, Request};
use nginx::{is_alive, process_id, ComplexValue, Exclusive, Zone};

/// The bounds on the number of drains at once in a location. By default there are none.
#[derive(Clone, Copy, Default)]
pub struct Slots<'c> {
    /// The zone that counts the drains going on; `None` if there is neither a `limit_body_zone` nor `conns`.
    zone: Option<Zone<'c>>,
    /// The largest number of drains at once, at least 1; `None` means no bound.
    conns: Option<u32>,
    /// The bound for each key; `None` means no bound.
    per_key: Option<PerKey<'c>>,
}

/// The bound on the number of drains of one key.
#[derive(Clone, Copy)]
struct PerKey<'c> {
    /// The largest number of drains at once, at least 1.
    most: u32,
    key: ComplexValue<'c>,
    table: Exclusive<'c, Table>,
}

/// The slot of a drain, which must be given back when the drain ends.
#[derive(Clone, Copy, Default)]
pub struct Slot<'c> {
    zone: Option<Zone<'c>>,
    /// The table of keys, and the index of the entry that counts this drain; `None` if its key is not counted.
    key: Option<(Exclusive<'c, Table>, usize)>,
}

impl<'c> Slots<'c> {
    /// The bounds of a location that counts drains in `zone`; `None` if memory is out. `conns` and `per_key` are at
    /// least 1; `None` means no bound. The default of `key` is `$binary_remote_addr`.
    pub fn new(
        core: &CoreConf<'c>,
        zone: Option<Zone<'c>>,
        conns: Option<u32>,
        per_key: Option<u32>,
        key: Option<ComplexValue<'c>>,
    ) -> Option<Self> {
        let zone = match (zone, conns) {
            (None, Some(_)) => Some(core.hidden_zone()?),
            (zone, _) => zone,
        };
        let per_key = match per_key {
            Some(most) => {
                // Makes the hasher before nginx forks its workers, so that all of them hash alike.
                hasher();
                let key = key.or_else(|| core.complex_value("$binary_remote_addr"))?;
                Some(PerKey { most, key, table: core.exclusive::<Table>("keys")? })
            }
            None => None,
        };
        Some(Self { zone, conns, per_key })
    }

    /// Takes a slot for a drain; `None` if a bound is reached, or the key cannot be evaluated. The key is evaluated
    /// now; an empty one is not counted.
    pub fn take(&self, r: Request<'_>) -> Option<Slot<'c>> {
        let zone = self.zone;
        if !zone.is_none_or(|zone| zone.take(self.conns.unwrap_or(u32::MAX))) {
            return None;
        }
        let Some(PerKey { most, key, table }) = self.per_key else {
            return Some(Slot { zone, key: None });
        };
        let place = match r.evaluate(key) {
            Some([]) => return Some(Slot { zone, key: None }),
            Some(value) => {
                let name = zone.as_ref().map_or(&[][..], Zone::name);
                take(table, hasher().hash_one((name, key.source(), value)), most)
            }
            None => None,
        };
        if place.is_none() {
            Slot { zone, key: None }.give_back();
        }
        place.map(|place| Slot { zone, key: Some((table, place)) })
    }
}

impl Slot<'_> {
    /// Gives the slot back. Call this once for each slot.
    pub fn give_back(self) {
        if let Some(zone) = self.zone {
            zone.give_back();
        }
        if let Some((table, place)) = self.key {
            table.with(|table| keys::give_back(table, place, process_id()));
        }
    }
}

fn hasher() -> &'static RandomState {
    static HASHER: OnceLock<RandomState> = OnceLock::new();
    HASHER.get_or_init(RandomState::new)
}

fn take(table: Exclusive<'_, Table>, key: u64, most: u32) -> Option<usize> {
    /// Whether this process has used the table before. The master never does, so this is false when a worker starts.
    static HAS_BEGUN: AtomicBool = AtomicBool::new(false);
    let own = process_id();
    table.with(|table| {
        if !HAS_BEGUN.swap(true, Ordering::Relaxed) {
            // Entries with this process's own id are those of a dead process that had the same id.
            let mut alive = HashMap::from([(own, false)]);
            keys::forget(table, |process| !*alive.entry(process).or_insert_with(|| is_alive(process)));
        }
        keys::take(table, key, own, most, is_alive)
    })?
}
