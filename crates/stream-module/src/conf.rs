//! The configuration of the stream block, or of one server.

#![forbid(unsafe_code)]

use policy::{arguments, Budget, Limit, Mode, Parameters};

use crate::module::Settling;
use nginx::stream::ComplexValue;
use nginx::{Hooks, Level, OutOfMemory, Zone};

/// The directives of one block. Until it is merged, a field is `None` if the block does not have the directive.
#[derive(Default)]
pub struct Conf<'c> {
    /// `limit_session`; `Some(None)` is `off`.
    pub limit: Option<Option<Source<'c>>>,
    /// `limit_session_message`
    pub message: Option<ComplexValue<'c>>,
    /// `limit_session_log_level`
    pub log_level: Option<Level>,
    /// `limit_session_dry_run`
    pub mode: Option<Mode>,
    /// `limit_session_drain`; `Some(None)` is `off`.
    pub drain: Option<Option<DrainConf>>,
    /// `limit_session_zone`; `Some(None)` is `off`.
    pub zone: Option<Option<Zone<'c>>>,
    /// The terms of drains; `None` where nginx closes connections at once. Set by [`settle`](Self::settle).
    terms: Option<Terms<'c>>,
}

/// Where a limit comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source<'c> {
    /// One limit for all sessions.
    Fixed(Limit),
    /// A text with variables, which is evaluated for each session.
    Variable(ComplexValue<'c>),
}

/// The parameters of a `limit_session_drain`; `None` for one that is not given. Each is inherited by itself.
#[derive(Clone, Copy, Default)]
pub struct DrainConf {
    /// Those of the budget.
    pub budget: Parameters,
    /// `conns`, at least 1; `Some(None)` is `off`: no bound.
    pub conns: Option<Option<u32>>,
}

/// The terms of the drains of a server.
#[derive(Clone, Copy)]
pub struct Terms<'c> {
    /// What each drain may cost.
    pub budget: Budget,
    /// How many drains there may be at once; `None` means no bound.
    pub conns: Option<u32>,
    /// The zone that counts the drains going on; `None` if there is neither a `limit_session_zone` nor `conns`.
    pub zone: Option<Zone<'c>>,
}

impl DrainConf {
    fn or(self, outer: Self) -> Self {
        Self { budget: self.budget.or(outer.budget), conns: self.conns.or(outer.conns) }
    }
}

impl<'c> Conf<'c> {
    /// Inherits from `prev`, the block around this one.
    pub fn merge(&mut self, prev: &Self) {
        self.limit = self.limit.or(prev.limit);
        self.message = self.message.or(prev.message);
        self.log_level = self.log_level.or(prev.log_level);
        self.mode = self.mode.or(prev.mode);
        self.drain = arguments::inherit(self.drain, prev.drain, DrainConf::or);
        self.zone = self.zone.or(prev.zone);
    }

    /// Computes what is in force here, when all blocks are merged. Returns the hooks that the server needs.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]
    pub fn settle(&mut self, settling: &Settling<'c>) -> Result<Hooks, OutOfMemory> {
        self.terms = self.settle_terms(settling)?;
        Ok(if self.limits() || self.terms.is_some() { Hooks::CLIENT_DATA.and(Hooks::END) } else { Hooks::NONE })
    }

    /// The terms of drains; `None` with `limit_session_drain off`, or where there is no `limit_session_drain` and no
    /// limit is enforced: a dry run changes nothing that a client sees.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]
    fn settle_terms(&self, settling: &Settling<'c>) -> Result<Option<Terms<'c>>, OutOfMemory> {
        let enforces = self.limits() && self.mode() == Mode::Enforce;
        let Some(drain) = self.drain.unwrap_or(enforces.then(DrainConf::default)) else {
            return Ok(None);
        };
        let conns = drain.conns.flatten();
        let zone = match (self.zone(), conns) {
            // An error, because without a zone drains would have no bound.
            (None, Some(_)) => Some(settling.hidden_zone().ok_or(OutOfMemory)?),
            (zone, _) => zone,
        };
        Ok(Some(Terms { budget: drain.budget.budget(Budget::DEFAULT.grace), conns, zone }))
    }

    /// Where the limit comes from; `None` where there is none.
    pub fn source(&self) -> Option<Source<'c>> {
        self.limit.flatten()
    }

    /// Returns whether a limit is in force here, enforced or in a dry run.
    pub fn limits(&self) -> bool {
        self.source().is_some()
    }

    /// Returns whether there is anything here for a zone to count.
    pub fn counts(&self) -> bool {
        self.limits() || self.terms.is_some()
    }

    /// Whether the limit is enforced here.
    pub fn mode(&self) -> Mode {
        self.mode.unwrap_or(Mode::Enforce)
    }

    /// The level of the line that reports a refusal.
    pub fn log_level(&self) -> Level {
        let log_level = self.log_level.unwrap_or(Level::Error);
        match self.mode() {
            Mode::Enforce => log_level,
            Mode::DryRun => log_level.milder(),
        }
    }

    /// The terms of drains; `None` where nginx closes connections at once.
    pub fn terms(&self) -> Option<&Terms<'c>> {
        self.terms.as_ref()
    }

    /// The zone that counts sessions; `None` if they are not counted.
    pub fn zone(&self) -> Option<Zone<'c>> {
        self.zone.flatten()
    }
}
