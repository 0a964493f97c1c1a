//! The parameters of `limit_body_drain` in one block, and the budget that results.

#![forbid(unsafe_code)]

use policy::Budget;

use crate::module::CoreConf;
use crate::slots::Slots;
use nginx::{ComplexValue, Zone};

/// The parameters of a `limit_body_drain`; `None` for a parameter that is not given. Each parameter is inherited by
/// itself.
#[derive(Clone, Copy, Default)]
pub struct DrainConf<'c> {
    /// `idle`, in milliseconds, at least 1.
    pub idle: Option<u64>,
    /// `time`, in milliseconds, at least 1.
    pub time: Option<u64>,
    /// `rate`, in bytes per second; 0 means no minimum.
    pub rate: Option<u64>,
    /// `bytes`, at least 1; `Some(None)` is `off`: no bound.
    pub bytes: Option<Option<u64>>,
    /// `conns`, at least 1; `Some(None)` is `off`: no bound.
    pub conns: Option<Option<u32>>,
    /// `per_key`, at least 1; `Some(None)` is `off`: no bound.
    pub per_key: Option<Option<u32>>,
    /// `key`, which may contain variables.
    pub key: Option<ComplexValue<'c>>,
}

/// The directives of nginx's own lingering, as written in a block or around it; `None` for one that is not written.
#[derive(Clone, Copy, Default)]
pub struct Lingering {
    /// `lingering_timeout`, in milliseconds.
    pub timeout: Option<u64>,
    /// `lingering_time`, in milliseconds.
    pub time: Option<u64>,
}

impl<'c> DrainConf<'c> {
    /// The parameters in force in this block, inside a block with `outer`.
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

    /// The budget of a drain. `grace` is the `lingering_time` in force, written or not, in milliseconds. A written
    /// `lingering_timeout` is the default of `idle`. A written `lingering_time` that is greater than `time` is used for
    /// `time`, so that a drain may last as long as nginx would linger.
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

    /// The bounds on the number of drains at once, in a location that counts them in `zone`; `None` if memory is out.
    pub fn slots(self, core: &CoreConf<'c>, zone: Option<Zone<'c>>) -> Option<Slots<'c>> {
        Slots::new(core, zone, self.conns.flatten(), self.per_key.flatten(), self.key)
    }
}

/// The `limit_body_drain` in force in a block that has `own`, inside a block in which `outer` is in force; `Some(None)`
/// is `off`. Inside a block with `off`, a block that turns drains on starts from the defaults.
pub fn inherit<'c>(
    own: Option<Option<DrainConf<'c>>>,
    outer: Option<Option<DrainConf<'c>>>,
) -> Option<Option<DrainConf<'c>>> {
    match (own, outer) {
        (Some(Some(own)), Some(Some(outer))) => Some(Some(own.or(outer))),
        (own, outer) => own.or(outer),
    }
}
