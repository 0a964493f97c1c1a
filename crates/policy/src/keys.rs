//! Counts the drains of each key, in a table that all workers share.
//!
//! A key is known by a 64-bit hash, which selects an index in the table. The [`WINDOW`] entries from there on are the
//! key's window. Each process that holds drains of the key uses one of them. If the window of a key is full, a drain is
//! refused. So the table may refuse too many drains, but never too few. Windows overlap, and hashes are as good as
//! random: while no more than half of the table is in use, a full window is next to impossible.
//!
//! Entries of dead processes are freed when they are in the way. Only one process may use the table at a time.

/// How many entries the table has.
pub const ENTRIES: usize = 1 << 16;

/// How many entries a key can use, and so over how many processes its drains can be spread.
pub const WINDOW: usize = 128;

/// At how many indexes a window can start.
const STARTS: u64 = (ENTRIES - WINDOW + 1) as u64;

/// An entry: the hash of its key; then the process id in the upper half, and the number of drains that the process
/// holds in the lower half. An entry with no drains is free.
pub type Entry = [u64; 2];

/// The table. All zeros means that all entries are free.
pub type Table = [Entry; ENTRIES];

fn held(entry: &Entry) -> u32 {
    let [_, holder] = entry;
    (holder & u64::from(u32::MAX)) as u32
}

fn process(entry: &Entry) -> u32 {
    let [_, holder] = entry;
    (holder >> 32) as u32
}

fn set(entry: &mut Entry, key: u64, process: u32, held: u32) {
    *entry = [key, u64::from(process) << 32 | u64::from(held)];
}

/// Makes the process `own` hold one more drain of a key, if all processes together then hold no more than `most`.
/// `is_alive` returns whether a process lives. Returns the index of the entry, for [`give_back`]; `None` if there would
/// be more than `most`, or if the window is full.
pub fn take(table: &mut Table, key: u64, own: u32, most: u32, mut is_alive: impl FnMut(u32) -> bool) -> Option<usize> {
    let start = usize::try_from(key.checked_rem(STARTS)?).ok()?;
    let window = table.get_mut(start..)?.get_mut(..WINDOW)?;
    let place = find(window, key, own, most).or_else(|| {
        // Asking whether a process lives takes longer than counting, so it comes second.
        for entry in window.iter_mut() {
            if held(entry) > 0 && process(entry) != own && !is_alive(process(entry)) {
                *entry = [0, 0];
            }
        }
        find(window, key, own, most)
    })?;
    let entry = window.get_mut(place)?;
    set(entry, key, own, held(entry).saturating_add(1));
    start.checked_add(place)
}

/// The index, in a window, of the entry that can hold one more drain of a key; `None` if there are `most` already, or
/// no entry is free.
fn find(window: &[Entry], key: u64, own: u32, most: u32) -> Option<usize> {
    let of_key = |entry: &&Entry| entry[0] == key;
    let all = window.iter().filter(of_key).fold(0, |all: u32, entry| all.saturating_add(held(entry)));
    if all >= most {
        return None;
    }
    let own = window.iter().position(|entry| entry[0] == key && process(entry) == own && held(entry) > 0);
    own.or_else(|| window.iter().position(|entry| held(entry) == 0))
}

/// Gives back one drain that the process `own` holds in the entry with this index. Does nothing if the entry is another
/// process's by now.
pub fn give_back(table: &mut Table, place: usize, own: u32) {
    if let Some(entry) = table.get_mut(place).filter(|entry| process(entry) == own) {
        let [key, _] = *entry;
        set(entry, key, own, held(entry).saturating_sub(1));
    }
}

/// Frees the entries of all processes for which `is_gone` returns true.
pub fn forget(table: &mut Table, mut is_gone: impl FnMut(u32) -> bool) {
    for entry in table {
        if held(entry) > 0 && is_gone(process(entry)) {
            *entry = [0, 0];
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::boxed::Box;
    use std::vec::Vec;

    use super::*;

    fn table() -> Box<Table> {
        let entries: Vec<Entry> = std::vec![[0, 0]; ENTRIES];
        entries.into_boxed_slice().try_into().unwrap()
    }

    fn lives(_: u32) -> bool {
        true
    }

    /// Numbers as good as random (splitmix64).
    fn hash(n: u64) -> u64 {
        let n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    #[test]
    fn no_key_holds_more_than_it_may_over_all_processes() {
        let mut table = table();
        let first = take(&mut table, 7, 1, 2, lives).unwrap();
        let second = take(&mut table, 7, 2, 2, lives).unwrap();
        assert_eq!(take(&mut table, 7, 1, 2, lives), None);
        assert_eq!(take(&mut table, 7, 3, 2, lives), None);
        assert!(take(&mut table, 8, 3, 2, lives).is_some());

        give_back(&mut table, first, 1);
        assert!(take(&mut table, 7, 3, 2, lives).is_some());
        assert_eq!(take(&mut table, 7, 1, 2, lives), None);
        give_back(&mut table, second, 2);
        assert!(take(&mut table, 7, 1, 2, lives).is_some());
    }

    #[test]
    fn a_process_uses_one_entry_for_all_that_it_holds_of_a_key() {
        let mut table = table();
        let places: Vec<_> = (0..1000).map(|_| take(&mut table, 7, 1, 1000, lives).unwrap()).collect();
        assert!(places.iter().all(|place| *place == places[0]));
        assert_eq!(take(&mut table, 7, 1, 1000, lives), None);
        for place in places {
            give_back(&mut table, place, 1);
        }
        assert!(table.iter().all(|entry| held(entry) == 0));
    }

    #[test]
    fn a_key_with_a_full_window_is_refused_and_others_are_not() {
        let mut table = table();
        for process in 1..=WINDOW as u32 {
            assert!(take(&mut table, 7, process, u32::MAX, lives).is_some());
        }
        assert_eq!(take(&mut table, 7, 1000, u32::MAX, lives), None);
        assert!(take(&mut table, 7, 1, u32::MAX, lives).is_some());
        assert!(take(&mut table, hash(1), 1000, 1, lives).is_some());
    }

    #[test]
    fn the_dead_hold_nothing() {
        let mut table = table();
        let first = take(&mut table, 7, 1, 2, lives).unwrap();
        take(&mut table, 7, 1, 2, lives).unwrap();
        assert_eq!(take(&mut table, 7, 2, 2, lives), None);
        let own = take(&mut table, 7, 2, 2, |process| process != 1).unwrap();
        assert_eq!(own, first);

        // The entry is another process's by now.
        give_back(&mut table, first, 1);
        assert!(take(&mut table, 7, 2, 2, lives).is_some());
        assert_eq!(take(&mut table, 7, 2, 2, lives), None);
    }

    #[test]
    fn a_process_that_begins_has_nothing_of_one_with_its_number() {
        let mut table = table();
        take(&mut table, 7, 1, 1, lives).unwrap();
        take(&mut table, 8, 2, 1, lives).unwrap();
        forget(&mut table, |process| process == 1);
        assert!(take(&mut table, 7, 1, 1, lives).is_some());
        assert_eq!(take(&mut table, 8, 1, 1, lives), None);
    }

    #[test]
    fn places_at_both_ends_are_in_the_table() {
        let mut table = table();
        assert_eq!(take(&mut table, 0, 1, 1, lives), Some(0));
        assert_eq!(take(&mut table, STARTS, 1, 1, lives), Some(1));
        assert_eq!(take(&mut table, STARTS - 1, 1, 1, lives), Some(ENTRIES - WINDOW));
    }

    /// Checks the figures in docs/drain.md.
    #[test]
    #[cfg_attr(miri, ignore = "takes too long")]
    fn a_table_half_in_use_refuses_nobody_too_much() {
        let refused = |used: usize| {
            let mut table = table();
            let mut places: Vec<_> = (0..used as u64).filter_map(|n| take(&mut table, hash(n), 1, 1, lives)).collect();
            let mut refused = 0;
            for n in 1_000_000..1_100_000 {
                let leaves = usize::try_from(hash(n ^ 0x5555) % places.len() as u64).unwrap();
                give_back(&mut table, places[leaves], 1);
                match take(&mut table, hash(n), 1, 1, lives) {
                    Some(place) => places[leaves] = place,
                    None => {
                        refused += 1;
                        places.swap_remove(leaves);
                    }
                }
            }
            refused
        };
        assert_eq!(refused(ENTRIES / 2), 0);
        let three_quarters = refused(ENTRIES / 4 * 3);
        assert!(three_quarters < 20, "{three_quarters} of 100,000");
    }
}
