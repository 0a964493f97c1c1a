//! The configuration of one http, server or location block.

#![forbid(unsafe_code)]

use policy::{Budget, Limit, Mode, Undeclared};

use crate::budget::{self, DrainConf, Lingering};
use crate::module::CoreConf;
use crate::slots::Slots;
use nginx::{ComplexValue, Hooks, Level, OutOfMemory, Status, Written, Zone};

/// How the counters are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text exposition format, version 0.0.4.
    Prometheus,
    /// JSON, for scripts.
    Json,
}

/// The rule that bodies are held against in a location.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rule<'c> {
    /// Whose it is.
    pub by: By,
    /// Where the limit comes from.
    pub source: Source<'c>,
    /// The limit where the variable has an empty value: `client_max_body_size`, as it holds without the module.
    pub fallback: Limit,
    /// When a declared length is judged.
    pub when: When,
    /// Whether a body may come without a declared length.
    pub undeclared: Undeclared,
    /// Whether verdicts are carried out.
    pub mode: Mode,
    /// The status of a refusal.
    pub status: RefusalStatus<'c>,
    /// The level of the line that reports a body over the limit.
    pub log_level: Level,
}

/// Whose a rule is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A `limit_body`'s: variables, zones and the log tell of it.
    LimitBody,
    /// A `client_max_body_size`'s alone. It is carried out here as nginx would, because nginx's own check is off.
    Nginx,
}

/// Where a limit comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source<'c> {
    /// The same for every request.
    Fixed(Limit),
    /// The value of a text with variables, for each request anew.
    Variable(ComplexValue<'c>),
}

/// Where the status of a refusal comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RefusalStatus<'c> {
    /// The same for every request.
    Fixed(Status),
    /// The value of a text with variables, for each refusal anew.
    Variable(ComplexValue<'c>),
}

/// When a declared length is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before nginx checks access: no more is done for a request that will be refused.
    BeforeAccess,
    /// After that, so that the limit may depend on who the client is.
    AfterAccess,
}

/// What a `limit_body` says.
#[derive(Clone, Copy)]
pub struct Limited<'c> {
    /// Where the limit comes from.
    pub source: Source<'c>,
    /// When a declared length is judged.
    pub when: When,
    /// What becomes of a body that declares none.
    pub undeclared: Undeclared,
}

/// What the directives in one block say; `None` where it is silent.
#[derive(Default)]
pub struct Conf<'c> {
    /// `limit_body`, or a `client_max_body_size` further in; `Some(None)` is `off`.
    pub limit: Option<Option<Limited<'c>>>,
    /// `limit_body_status`
    pub status: Option<RefusalStatus<'c>>,
    /// `limit_body_log_level`
    pub log_level: Option<Level>,
    /// `limit_body_dry_run`
    pub mode: Option<Mode>,
    /// `limit_body_drain`; `Some(None)` is `off`.
    pub drain: Option<Option<DrainConf<'c>>>,
    /// `limit_body_zone`; `Some(None)` is `off`.
    pub zone: Option<Option<Zone<'c>>>,
    /// `limit_body_upstream_response`
    pub upstream_response: Option<bool>,
    /// `limit_body_metrics`
    pub metrics: Option<Format>,
    /// What an administrator has written of nginx's own lingering.
    lingering: Lingering,
    /// What comes of them; set by [`settle`](Self::settle).
    rule: Option<Rule<'c>>,
    /// The same.
    terms: Option<Terms<'c>>,
    /// The same.
    plain: Option<Terms<'c>>,
    /// The same.
    reads_upstream_response: bool,
    /// Whether a handler of its own makes the responses here, as that of `proxy_pass`.
    has_handler: bool,
}

/// What holds for the drains of a location.
#[derive(Clone, Copy)]
pub struct Terms<'c> {
    /// What each may cost.
    pub budget: Budget,
    /// How many there may be at once.
    pub slots: Slots<'c>,
    /// Where they are counted when they have ended; `None` where they are not.
    pub zone: Option<Zone<'c>>,
    /// Whether variables and the log tell of them.
    pub is_reported: bool,
}

impl<'c> Conf<'c> {
    /// The rule that holds here; `None` where nginx judges by itself.
    pub fn rule(&self) -> Option<&Rule<'c>> {
        self.rule.as_ref()
    }

    /// What holds for drains here; `None` where they are left to nginx.
    pub fn terms(&self) -> Option<Terms<'c>> {
        self.terms
    }

    /// What holds for the drain of a body that is dropped here by us, where drains are left to nginx: what nginx would do.
    pub fn plain_terms(&self) -> Option<Terms<'c>> {
        self.plain
    }

    /// Where uploads are counted; `None` where they are not.
    pub fn zone(&self) -> Option<Zone<'c>> {
        self.zone.flatten()
    }

    /// Inherits from the block around this one. `limit_body` and `client_max_body_size` are inherited as if they were one
    /// directive: the innermost of them is the limit, with all else that the `limit_body` around it says.
    pub fn merge(&mut self, prev: &Self, written: Written) {
        self.limit = match (self.limit, written.client_max_body_size, prev.limit) {
            (None, Some(bytes), Some(Some(around))) => {
                Some(Some(Limited { source: Source::Fixed(Limit::new(bytes)), ..around }))
            }
            (limit, _, around) => limit.or(around),
        };
        self.status = self.status.or(prev.status);
        self.log_level = self.log_level.or(prev.log_level);
        self.mode = self.mode.or(prev.mode);
        self.drain = budget::inherit(self.drain, prev.drain);
        self.zone = self.zone.or(prev.zone);
        self.upstream_response = self.upstream_response.or(prev.upstream_response);
        self.lingering = Lingering { timeout: written.lingering_timeout, time: written.lingering_time };
    }

    /// Whether a `limit_body` is in force here, if only in a dry run.
    pub fn limits(&self) -> bool {
        self.limit.flatten().is_some()
    }

    /// Whether there is something to count here.
    pub fn counts(&self) -> bool {
        self.limits() || self.terms.is_some() || self.reads_upstream_response
    }

    /// Whether the response of an upstream is read where that closes before it has the whole request.
    pub fn reads_upstream_response(&self) -> bool {
        self.reads_upstream_response
    }

    /// Whether requests may be passed to an upstream here.
    pub fn may_pass(&self) -> bool {
        self.has_handler
    }

    /// Whether bodies are refused here by a `limit_body`.
    pub fn enforces(&self) -> bool {
        self.limits() && self.mode() == Mode::Enforce
    }

    fn mode(&self) -> Mode {
        self.mode.unwrap_or(Mode::Enforce)
    }

    /// Computes what holds here, and takes the place of nginx's own check if any block [`enforces`](Self::enforces). Returns
    /// what is needed for that.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]
    pub fn settle(&mut self, mut core: CoreConf<'c>, enforced: bool) -> Result<Hooks, OutOfMemory> {
        self.rule = self.settle_rule(&core, enforced);
        // A dry run changes nothing that a client sees.
        if enforced && (self.enforces() || !self.limits()) {
            core.clear_client_max_body_size();
        }
        self.terms = self.settle_terms(&core)?;
        let (idle, time) = (core.lingering_timeout(), core.lingering_time());
        let budget = Budget::plain(idle, time);
        self.plain = Some(Terms { budget, slots: Slots::default(), zone: None, is_reported: false });

        let rule = match self.rule {
            Some(Rule { when: When::AfterAccess, .. }) => Hooks::BODY.and(Hooks::PRECONTENT),
            Some(_) => Hooks::BODY,
            None => Hooks::NONE,
        };
        self.has_handler = core.has_handler();
        self.reads_upstream_response = self.upstream_response.unwrap_or(self.enforces() || self.terms.is_some());
        let upstream = if self.reads_upstream_response { Hooks::RESPONSE.and(Hooks::UPSTREAM) } else { Hooks::NONE };
        let response = if self.terms.is_some() { Hooks::RESPONSE } else { Hooks::NONE };
        let log = if self.zone().is_some() { Hooks::LOG } else { Hooks::NONE };
        Ok(rule.and(response).and(upstream).and(log))
    }

    fn settle_rule(&self, core: &CoreConf<'c>, enforced: bool) -> Option<Rule<'c>> {
        let client_max_body_size = Limit::new(core.client_max_body_size());
        let Some(Limited { source, when, undeclared }) = self.limit.flatten() else {
            return enforced.then_some(Rule {
                by: By::Nginx,
                source: Source::Fixed(client_max_body_size),
                fallback: client_max_body_size,
                when: When::BeforeAccess,
                undeclared: Undeclared::Judged,
                mode: Mode::Enforce,
                status: RefusalStatus::Fixed(Status::CONTENT_TOO_LARGE),
                log_level: Level::Error,
            });
        };
        let log_level = self.log_level.unwrap_or(Level::Error);
        Some(Rule {
            by: By::LimitBody,
            source,
            fallback: client_max_body_size,
            when,
            undeclared,
            mode: self.mode(),
            status: self.status.unwrap_or(RefusalStatus::Fixed(Status::CONTENT_TOO_LARGE)),
            log_level: match self.mode() {
                Mode::Enforce => log_level,
                Mode::DryRun => log_level.milder(),
            },
        })
    }

    /// Drains are looked after where a limit is enforced, and wherever else `limit_body_drain` says so.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]
    fn settle_terms(&self, core: &CoreConf<'c>) -> Result<Option<Terms<'c>>, OutOfMemory> {
        let Some(drain) = self.drain.unwrap_or(self.enforces().then(DrainConf::default)) else {
            return Ok(None);
        };
        Ok(Some(Terms {
            budget: drain.budget(core.lingering_time(), &self.lingering),
            // Drains without a bound are not what was asked for.
            slots: drain.slots(core, self.zone()).ok_or(OutOfMemory)?,
            zone: self.zone(),
            is_reported: true,
        }))
    }
}
