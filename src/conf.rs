//! The configuration of one http, server or location block.

#![forbid(unsafe_code)]

use policy::{arguments, Allowance, Budget, Limit, Mode, Undeclared};

use crate::budget::{DrainConf, Lingering};
use crate::module::CoreConf;
use crate::slots::Slots;
use nginx::{ComplexValue, Hooks, Level, OutOfMemory, Status, Written, Zone};

/// The format in which counters are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text exposition format, version 0.0.4.
    Prometheus,
    /// JSON, for scripts.
    Json,
}

/// The rule by which a location judges bodies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rule<'c> {
    /// The directive that the rule comes from.
    pub by: By,
    /// Where the limit comes from.
    pub source: Source<'c>,
    /// The limit if the value of the variable is empty: the `client_max_body_size` that is in force without the module.
    pub fallback: Limit,
    /// When a declared length is judged.
    pub when: When,
    /// What becomes of a body of undeclared length.
    pub undeclared: Undeclared,
    /// Where else than in Content-Length a client may announce the length of the body; `None` if nowhere.
    pub length: Option<ComplexValue<'c>>,
    /// Whether refusals are carried out.
    pub mode: Mode,
    /// The status of a refusal.
    pub status: RefusalStatus<'c>,
    /// The level of the error log line for a body over the limit, or for one that `declared` refuses. In a dry run it
    /// is already one level milder.
    pub log_level: Level,
}

impl Rule<'_> {
    /// The longest body, in bytes, that passes whatever else the client has sent; 0 if that is not known beforehand.
    fn longest(&self) -> u64 {
        match self.source {
            Source::Fixed(limit)
                if self.by == By::LimitBody && self.when == When::BeforeAccess && self.length.is_none() =>
            {
                limit.longest()
            }
            _ => 0,
        }
    }
}

/// The directive that a rule comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A `limit_body`. Variables, zones and the log report its judgements.
    LimitBody,
    /// A `client_max_body_size` alone. The module enforces it as nginx would, because nginx's own check is off.
    Nginx,
}

/// Where a limit comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source<'c> {
    /// One limit for all requests.
    Fixed(Limit),
    /// A text with variables, which is evaluated for each request.
    Variable(ComplexValue<'c>),
}

/// Where the status of a refusal comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RefusalStatus<'c> {
    /// One status for all refusals.
    Fixed(Status),
    /// A text with variables, which is evaluated for each refusal.
    Variable(ComplexValue<'c>),
}

/// When a declared length is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before nginx checks access, so that no more is done for a request that will be refused.
    BeforeAccess,
    /// When access has been granted, so that the limit may depend on who the client is.
    AfterAccess,
}

/// The arguments of a `limit_body`.
#[derive(Clone, Copy)]
pub struct Limited<'c> {
    /// Where the limit comes from.
    pub source: Source<'c>,
    /// When a declared length is judged.
    pub when: When,
    /// What becomes of a body of undeclared length.
    pub undeclared: Undeclared,
    /// Where else than in Content-Length a client may announce the length of the body; `None` if nowhere.
    pub length: Option<ComplexValue<'c>>,
}

/// The directives of one block. Until it is merged, a field is `None` if the block does not have the directive.
#[derive(Default)]
pub struct Conf<'c> {
    /// `limit_body`, with the size of a `client_max_body_size` further in, if there is one; `Some(None)` is `off`.
    pub limit: Option<Option<Limited<'c>>>,
    /// `limit_body_status`
    pub status: Option<RefusalStatus<'c>>,
    /// `limit_body_log_level`
    pub log_level: Option<Level>,
    /// `limit_body_dry_run`
    pub mode: Option<Mode>,
    /// `limit_body_timeout`; `Some(None)` is `off`.
    pub timeout: Option<Option<Allowance>>,
    /// `limit_body_drain`; `Some(None)` is `off`.
    pub drain: Option<Option<DrainConf<'c>>>,
    /// `limit_body_zone`; `Some(None)` is `off`.
    pub zone: Option<Option<Zone<'c>>>,
    /// `limit_body_upstream_response`
    pub upstream_response: Option<bool>,
    /// `limit_body_metrics`
    pub metrics: Option<Format>,
    /// nginx's own lingering directives, as written in the block or around it.
    lingering: Lingering,
    /// The rule in force; `None` where nginx judges by itself. Set by [`settle`](Self::settle), as the fields below.
    rule: Option<Rule<'c>>,
    /// See [`accepts`](Self::accepts).
    longest: u64,
    /// The terms of drains; `None` where drains are left to nginx.
    terms: Option<Terms<'c>>,
    /// The terms of drains that do no more than nginx's own lingering.
    plain: Option<Terms<'c>>,
    /// Whether the response of an upstream that closes early is read.
    reads_upstream_response: bool,
    /// Whether a content handler, such as that of `proxy_pass`, makes the responses here.
    has_handler: bool,
}

/// The terms of the drains of a location.
#[derive(Clone, Copy)]
pub struct Terms<'c> {
    /// What each drain may cost.
    pub budget: Budget,
    /// How many drains there may be at once.
    pub slots: Slots<'c>,
    /// The zone that counts drains when they have ended; `None` if they are not counted.
    pub zone: Option<Zone<'c>>,
    /// Whether variables and the log report drains.
    pub is_reported: bool,
}

impl<'c> Conf<'c> {
    /// The rule in force here; `None` where nginx judges by itself.
    pub fn rule(&self) -> Option<&Rule<'c>> {
        self.rule.as_ref()
    }

    /// Returns whether a body with this declared length passes here, and nothing but that length can matter: not its time, not
    /// who has sent it. False if the length is 0.
    #[inline]
    pub fn accepts(&self, length: u64) -> bool {
        length.wrapping_sub(1) < self.longest
    }

    /// The terms of drains here; `None` where drains are left to nginx.
    pub fn terms(&self) -> Option<&Terms<'c>> {
        self.terms.as_ref()
    }

    /// The terms of the drain of a body that the module drops where drains are left to nginx: those of nginx's own
    /// lingering. `None` until the block is settled.
    pub fn plain_terms(&self) -> Option<&Terms<'c>> {
        self.plain.as_ref()
    }

    /// The zone that counts uploads; `None` if they are not counted.
    pub fn zone(&self) -> Option<Zone<'c>> {
        self.zone.flatten()
    }

    /// Inherits from `prev`, the block around this one. `limit_body` and `client_max_body_size` are inherited as if
    /// they were one directive: the innermost one sets the limit. If that is a `client_max_body_size`, all other
    /// arguments of the `limit_body` around it stay in force.
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
        self.timeout = self.timeout.or(prev.timeout);
        self.drain = arguments::inherit(self.drain, prev.drain, DrainConf::or);
        self.zone = self.zone.or(prev.zone);
        self.upstream_response = self.upstream_response.or(prev.upstream_response);
        // In an `if` nginx keeps the content handler of the location around it, and in a location it keeps none.
        self.metrics = self.metrics.or(prev.metrics);
        self.lingering = Lingering { timeout: written.lingering_timeout, time: written.lingering_time };
    }

    /// Returns whether a `limit_body` is in force here, enforced or in a dry run.
    pub fn limits(&self) -> bool {
        self.limit.flatten().is_some()
    }

    /// How long a body may take here; `None` where nothing limits that.
    pub fn allowance(&self) -> Option<&Allowance> {
        self.timeout.as_ref()?.as_ref()
    }

    /// Returns whether bodies are limited here, in size or in time, if only in a dry run.
    pub fn restricts(&self) -> bool {
        self.limits() || self.allowance().is_some()
    }

    /// Returns whether there is anything here for a zone to count: uploads, drains, or upstreams that close early.
    pub fn counts(&self) -> bool {
        self.restricts() || self.terms.is_some() || self.reads_upstream_response
    }

    /// Returns whether the response of an upstream is read if the upstream closes before it has the whole request.
    pub fn reads_upstream_response(&self) -> bool {
        self.reads_upstream_response
    }

    /// Returns whether requests may be passed to an upstream here: the location has a content handler.
    pub fn may_pass(&self) -> bool {
        self.has_handler
    }

    /// Returns whether a `limit_body` is enforced here.
    pub fn enforces(&self) -> bool {
        self.limits() && self.mode() == Mode::Enforce
    }

    /// Whether verdicts are carried out here.
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

    /// Returns whether bodies are refused here.
    fn refuses(&self) -> bool {
        self.restricts() && self.mode() == Mode::Enforce
    }

    /// Computes what is in force in this block, when all blocks are merged. `enforced` is whether any block
    /// [`enforces`](Self::enforces) a limit. If so, nginx's own check is turned off here, except in a dry run. Returns
    /// the hooks that the block needs.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]
    pub fn settle(&mut self, mut core: CoreConf<'c>, enforced: bool) -> Result<Hooks, OutOfMemory> {
        self.rule = self.settle_rule(&core, enforced);
        self.longest = match (self.rule, self.allowance()) {
            (Some(rule), None) => rule.longest(),
            _ => 0,
        };
        // A dry run changes nothing that a client sees, so nginx's own check stays on.
        if enforced && (self.enforces() || !self.limits()) {
            core.clear_client_max_body_size();
        }
        self.terms = self.settle_terms(&core)?;
        let (idle, time) = (core.lingering_timeout(), core.lingering_time());
        let budget = Budget::plain(idle, time);
        self.plain = Some(Terms { budget, slots: Slots::default(), zone: None, is_reported: false });

        let body = if self.rule.is_some() || self.allowance().is_some() { Hooks::BODY } else { Hooks::NONE };
        self.has_handler = core.has_handler();
        self.reads_upstream_response = self.upstream_response.unwrap_or(self.refuses() || self.terms.is_some());
        let upstream = if self.reads_upstream_response { Hooks::RESPONSE.and(Hooks::UPSTREAM) } else { Hooks::NONE };
        let response = if self.terms.is_some() { Hooks::RESPONSE } else { Hooks::NONE };
        let log = if self.zone().is_some() { Hooks::LOG } else { Hooks::NONE };
        Ok(body.and(response).and(upstream).and(log))
    }

    fn settle_rule(&self, core: &CoreConf<'c>, enforced: bool) -> Option<Rule<'c>> {
        let client_max_body_size = Limit::new(core.client_max_body_size());
        let Some(Limited { source, when, undeclared, length }) = self.limit.flatten() else {
            return enforced.then_some(Rule {
                by: By::Nginx,
                source: Source::Fixed(client_max_body_size),
                fallback: client_max_body_size,
                when: When::BeforeAccess,
                undeclared: Undeclared::Judged,
                length: None,
                mode: Mode::Enforce,
                status: RefusalStatus::Fixed(Status::CONTENT_TOO_LARGE),
                log_level: Level::Error,
            });
        };
        Some(Rule {
            by: By::LimitBody,
            source,
            fallback: client_max_body_size,
            when,
            undeclared,
            length,
            mode: self.mode(),
            status: self.status.unwrap_or(RefusalStatus::Fixed(Status::CONTENT_TOO_LARGE)),
            log_level: self.log_level(),
        })
    }

    /// The terms of drains; `None` where drains are left to nginx: with `limit_body_drain off`, or where there is no
    /// `limit_body_drain` and bodies are not refused.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`]
    fn settle_terms(&self, core: &CoreConf<'c>) -> Result<Option<Terms<'c>>, OutOfMemory> {
        let Some(drain) = self.drain.unwrap_or(self.refuses().then(DrainConf::default)) else {
            return Ok(None);
        };
        Ok(Some(Terms {
            budget: drain.budget(core.lingering_time(), &self.lingering),
            // An error, because without slots drains would have no bound, although the configuration may ask for one.
            slots: drain.slots(core, self.zone()).ok_or(OutOfMemory)?,
            zone: self.zone(),
            is_reported: true,
        }))
    }
}
