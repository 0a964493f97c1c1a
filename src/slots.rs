//! How many drains go on at once: in a zone (`conns`), and for a key (`per_key`).

#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use policy::keys::{self, Table};

use crate::module::{CoreConf, Request};
use nginx::{is_alive, process_id, ComplexValue, Exclusive, Zone};

/// What bounds the number of drains in a location; by default nothing.
#[derive(Clone, Copy, Default)]
pub struct Slots<'c> {
    /// Where they are counted; `None` where nobody wants to know.
    zone: Option<Zone<'c>>,
    /// How many there may be.
    conns: Option<u32>,
    /// How many there may be of one key.
    per_key: Option<PerKey<'c>>,
}

/// What bounds the number of drains of one key.
#[derive(Clone, Copy)]
struct PerKey<'c> {
    most: u32,
    key: ComplexValue<'c>,
    table: Exclusive<'c, Table>,
}

/// What a drain has taken, and is to give back when it ends.
#[derive(Clone, Copy, Default)]
pub struct Slot<'c> {
    zone: Option<Zone<'c>>,
    /// The table, and the place in it.
    key: Option<(Exclusive<'c, Table>, usize)>,
}

impl<'c> Slots<'c> {
    /// Those of a location, with its zone; `None` if memory is out. `key` is `$binary_remote_addr` where none is given.
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
                // All processes are made from this one, and hash alike.
                hasher();
                let key = key.or_else(|| core.complex_value("$binary_remote_addr"))?;
                Some(PerKey { most, key, table: core.exclusive::<Table>("keys")? })
            }
            None => None,
        };
        Some(Self { zone, conns, per_key })
    }

    /// Takes what a drain needs; `None` if there are as many as there may be. The key is that of this moment.
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
    /// Gives it back, once.
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
    /// Whether this process has been here. A master never is, so each of its workers begins with this.
    static HAS_BEGUN: AtomicBool = AtomicBool::new(false);
    let own = process_id();
    table.with(|table| {
        if !HAS_BEGUN.swap(true, Ordering::Relaxed) {
            let mut alive = HashMap::from([(own, false)]);
            keys::forget(table, |process| !*alive.entry(process).or_insert_with(|| is_alive(process)));
        }
        keys::take(table, key, own, most, is_alive)
    })?
}
