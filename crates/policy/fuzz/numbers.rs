//! Makes numbers and budgets of the bytes that libFuzzer gives.

#![allow(dead_code)] // each target uses a part of it

use policy::{Allowance, Budget};

/// The bytes that are left. The first byte of each number gives its length, 0 to 8 bytes, and whether it is counted up
/// from 0, up from `i64::MAX`, or down from `u64::MAX`.
pub struct Numbers<'a>(pub &'a [u8]);

impl Numbers<'_> {
    /// The next number; 0 if there are no more bytes.
    pub fn next(&mut self) -> u64 {
        let Some((&form, rest)) = self.0.split_first() else {
            return 0;
        };
        let (bytes, rest) = rest.split_at(rest.len().min(usize::from(form & 0xf).min(8)));
        self.0 = rest;
        let number = bytes.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        match form & 0x30 {
            0x10 => u64::MAX - number,
            0x20 => (i64::MAX as u64).wrapping_add(number),
            _ => number,
        }
    }

    /// Returns whether there are no more bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An allowance that a configuration can have.
    pub fn allowance(&mut self) -> Allowance {
        let time = self.next().max(1);
        let max = Some(self.next()).filter(|more| more % 2 == 0).map(|more| time.saturating_add(more));
        Allowance { time, rate: self.next(), max }
    }

    /// A budget that a configuration can have.
    pub fn budget(&mut self) -> Budget {
        let time = self.next().max(1);
        Budget {
            idle: self.next().max(1),
            grace: self.next(),
            time,
            rate: self.next(),
            bytes: Some(self.next()).filter(|bytes| bytes % 2 == 0),
        }
    }
}
