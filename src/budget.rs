//! What `limit_body_drain` says in one block, and what that comes to.

#![forbid(unsafe_code)]

use policy::Budget;

use crate::module::CoreConf;
use crate::slots::Slots;
use nginx::{ComplexValue, Zone};

/// The parameters of a `limit_body_drain`; `None` for one that is not given. They are inherited one by one.
#[derive(Clone, Copy, Default)]
pub struct DrainConf<'c> {
    /// `idle`, in milliseconds, at least 1.
    pub idle: Option<u64>,
    /// `time`, in milliseconds, at least 1.
    pub time: Option<u64>,
    /// `rate`, in bytes per second; 0 means that anything will do.
    pub rate: Option<u64>,
    /// `bytes`, at least 1; `Some(None)` is `off`.
    pub bytes: Option<Option<u64>>,
    /// `conns`, at least 1; `Some(None)` is `off`.
    pub conns: Option<Option<u32>>,
    /// `per_key`, at least 1; `Some(None)` is `off`.
    pub per_key: Option<Option<u32>>,
    /// `key`
    pub key: Option<ComplexValue<'c>>,
}

/// What an administrator has written of nginx's own lingering in a block or around it; `None` where that is its default.
#[derive(Clone, Copy, Default)]
pub struct Lingering {
    /// `lingering_timeout`, in milliseconds.
    pub timeout: Option<u64>,
    /// `lingering_time`, in milliseconds.
    pub time: Option<u64>,
}

impl<'c> DrainConf<'c> {
    /// What holds in this block, inside one with `outer`.
    pub fn or(self, outer: Self) -> Self {
        Self {
            idle: self.idle.or(outer.idle),
            time: self.time.or(outer.time),
            rate: self.rate.or(outer.rate),
            bytes: self.bytes.or(outer.bytes),
            conns: self.conns.or(outer.conns),
            per_key: self.per_key.or(outer.per_key),
            key: self.key.or(outer.key),
        }
    }

    /// The budget of a drain. What is written of nginx's own lingering is no less than what is not written here, and a drain may
    /// last as long as nginx may linger; `grace` is what that is, written or not, in milliseconds.
    pub fn budget(self, grace: u64, written: &Lingering) -> Budget {
        let default = Budget::DEFAULT;
        Budget {
            idle: self.idle.or(written.timeout).unwrap_or(default.idle),
            grace,
            time: self.time.unwrap_or(default.time).max(written.time.unwrap_or(0)),
            rate: self.rate.unwrap_or(default.rate),
            bytes: self.bytes.unwrap_or(default.bytes),
        }
    }

    /// How many drains there may be at once in a location that counts them in `zone`; `None` if memory is out.
    pub fn slots(self, core: &CoreConf<'c>, zone: Option<Zone<'c>>) -> Option<Slots<'c>> {
        Slots::new(core, zone, self.conns.flatten(), self.per_key.flatten(), self.key)
    }
}

/// What holds for drains in a block that says `own`, inside one where `outer` holds. `Some(None)` is `off`: a block that turns
/// drains on inside of that begins with the defaults.
pub fn inherit<'c>(
    own: Option<Option<DrainConf<'c>>>,
    outer: Option<Option<DrainConf<'c>>>,
) -> Option<Option<DrainConf<'c>>> {
    match (own, outer) {
        (Some(Some(own)), Some(Some(outer))) => Some(Some(own.or(outer))),
        (own, outer) => own.or(outer),
    }
}
