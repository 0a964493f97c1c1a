//! The parameters of `limit_body_drain` in one block, and the budget that results.

#![forbid(unsafe_code)]

use policy::{Budget, Parameters};

use crate::module::CoreConf;
use crate::slots::Slots;
use nginx::{ComplexValue, Zone};

/// The parameters of a `limit_body_drain`; `None` for a parameter that is not given. Each parameter is inherited by
/// itself.
#[derive(Clone, Copy, Default)]
pub struct DrainConf<'c> {
    /// Those of the budget.
    pub budget: Parameters,
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
            budget: self.budget.or(outer.budget),
            conns: self.conns.or(outer.conns),
            per_key: self.per_key.or(outer.per_key),
            key: self.key.or(outer.key),
        }
    }

    /// The budget of a drain. `grace` is the `lingering_time` in force, written or not, in milliseconds. A written
    /// `lingering_timeout` is the default of `idle`. A written `lingering_time` that is greater than `time` is used for
    /// `time`, so that a drain may last as long as nginx would linger.
    pub fn budget(self, grace: u64, written: &Lingering) -> Budget {
        let idle = self.budget.idle.or(written.timeout);
        let budget = Parameters { idle, ..self.budget }.budget(grace);
        Budget { time: budget.time.max(written.time.unwrap_or(0)), ..budget }
    }

    /// The bounds on the number of drains at once, in a location that counts them in `zone`; `None` if memory is out.
    pub fn slots(self, core: &CoreConf<'c>, zone: Option<Zone<'c>>) -> Option<Slots<'c>> {
        Slots::new(core, zone, self.conns.flatten(), self.per_key.flatten(), self.key)
    }
}
