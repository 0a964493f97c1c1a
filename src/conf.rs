//! The configuration of one http, server or location block.

#![forbid(unsafe_code)]

use policy::{Budget, Limit, Mode};

use crate::metrics::Format;
use crate::nginx::{ComplexValue, CoreConf, Hooks, Level, Status, Zone};

/// The rule that bodies are held against in a location.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Where the limit comes from.
    pub source: Source,
    /// The limit where the variable has an empty value: `client_max_body_size`, as it holds without the module.
    pub fallback: Limit,
    /// When a declared length is judged.
    pub when: When,
    /// Whether verdicts are carried out.
    pub mode: Mode,
    /// The status of a refusal.
    pub status: Status,
    /// The level of the line that reports a body over the limit.
    pub log_level: Level,
}

/// Where a limit comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The same for every request.
    Fixed(Limit),
    /// The value of a text with variables, for each request anew.
    Variable(ComplexValue),
}

/// When a declared length is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before nginx checks access: no more is done for a request that will be refused.
    BeforeAccess,
    /// After that, so that the limit may depend on who the client is.
    AfterAccess,
}

/// What the directives in one block say; `None` where it is silent.
#[derive(Default)]
pub struct Conf {
    /// `limit_body`; `Some(None)` is `off`.
    pub limit: Option<Option<(Source, When)>>,
    /// `limit_body_status`
    pub status: Option<Status>,
    /// `limit_body_log_level`
    pub log_level: Option<Level>,
    /// `limit_body_dry_run`
    pub mode: Option<Mode>,
    /// `limit_body_drain`; `Some(None)` is `off`.
    pub drain: Option<Option<Budget>>,
    /// `limit_body_zone`; `Some(None)` is `off`.
    pub zone: Option<Option<Zone>>,
    /// `limit_body_metrics`
    pub metrics: Option<Format>,
    /// What comes of them; set by [`merge`](Self::merge).
    rule: Option<Rule>,
    /// The same.
    terms: Option<Terms>,
}

/// What holds for the drains of a location.
#[derive(Clone, Copy)]
pub struct Terms {
    /// What each may cost.
    pub budget: Budget,
    /// Where they are counted while they go on; `None` where any number may.
    pub slots: Option<Zone>,
}

impl Conf {
    /// The rule that holds here; `None` where `limit_body` is off, and `client_max_body_size` alone holds.
    pub fn rule(&self) -> Option<&Rule> {
        self.rule.as_ref()
    }

    /// What holds for drains here; `None` where they are left to nginx.
    pub fn terms(&self) -> Option<Terms> {
        self.terms
    }

    /// Where uploads are counted; `None` where they are not.
    pub fn zone(&self) -> Option<Zone> {
        self.zone.flatten()
    }

    /// Inherits from the block around this one, and takes the place of `client_max_body_size` and `lingering_timeout`. Says
    /// what is needed for that.
    pub fn merge(&mut self, prev: &Self, mut core: CoreConf) -> Hooks {
        self.limit = self.limit.or(prev.limit);
        self.status = self.status.or(prev.status);
        self.log_level = self.log_level.or(prev.log_level);
        self.mode = self.mode.or(prev.mode);
        self.drain = self.drain.or(prev.drain);
        self.zone = self.zone.or(prev.zone);

        let log = if self.zone().is_some() { Hooks::LOG } else { Hooks::NONE };
        self.settle_rule(&mut core).and(self.settle_terms(&mut core)).and(log)
    }

    fn settle_rule(&mut self, core: &mut CoreConf) -> Hooks {
        let Some((source, when)) = self.limit.unwrap_or(None) else {
            return Hooks::NONE;
        };
        let mode = self.mode.unwrap_or(Mode::Enforce);
        let log_level = self.log_level.unwrap_or(Level::Error);
        self.rule = Some(Rule {
            source,
            fallback: Limit::new(core.client_max_body_size()),
            when,
            mode,
            status: self.status.unwrap_or(Status::CONTENT_TOO_LARGE),
            log_level: match mode {
                Mode::Enforce => log_level,
                Mode::DryRun => log_level.milder(),
            },
        });

        // nginx would judge first, and by a limit that ours may be meant to raise. A dry run changes nothing of what
        // clients get, so there nginx's limit stays.
        if mode == Mode::Enforce {
            core.set_client_max_body_size(0);
        }
        match when {
            When::BeforeAccess => Hooks::BODY,
            When::AfterAccess => Hooks::BODY.and(Hooks::PRECONTENT),
        }
    }

    /// Drains are looked after where a limit holds, and wherever else `limit_body_drain` says so.
    fn settle_terms(&mut self, core: &mut CoreConf) -> Hooks {
        let Some(budget) = self.drain.unwrap_or(self.rule.map(|_| Budget::DEFAULT)) else {
            return Hooks::NONE;
        };
        self.terms = Some(Terms {
            budget: Budget { grace: core.lingering_time(), ..budget },
            slots: self.zone().or_else(|| budget.conns.and_then(|_| core.hidden_zone())),
        });
        core.set_lingering_timeout(budget.idle);
        Hooks::RESPONSE
    }
}
