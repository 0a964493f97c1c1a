//! What the module remembers of a request: one state for the client's request, shared by its subrequests.

#![forbid(unsafe_code)]

use core::cell::Cell;

use policy::{At, Limit, Verdict};

use crate::conf::{Conf, Rule};
use crate::drain::Drain;
use crate::nginx::{Held, Request, Status};
use crate::LimitBody;

/// See the fields. All of it is for `&State`: nginx calls back while a state is borrowed.
#[derive(Default)]
pub struct State {
    /// What holds in the location that the upload was sent to, whatever error pages follow; `None` where nobody asks.
    pub sent_to: Cell<Option<Held<Conf>>>,
    /// Whether the request has come so far that it is judged before its answer is made.
    pub is_due: Cell<bool>,
    /// What holds in the location that the request was judged in; `None` before.
    pub judged: Cell<Option<Held<Conf>>>,
    /// The limit in effect, which is computed once; `None` before, and if there is no telling (a variable's value is no size).
    pub limit: Cell<Option<Limit>>,
    /// When the body was judged; `None` before.
    pub at: Cell<Option<At>>,
    /// The verdict of a `limit_body`; `None` before there is one, as long as nothing has come of a body of undeclared length.
    pub verdict: Cell<Option<Verdict>>,
    /// The status of the refusal; `None` if there is none. A refusal is final, whatever else becomes of the request.
    pub refusal: Cell<Option<Status>>,
    /// A refusal that takes the place of another answer, and how often the request could be redirected then; `None` again as
    /// soon as it is being made.
    pub replaced: Cell<Option<(Status, usize)>>,
    /// How long the body may turn out to be, in bytes, before it is looked at again: [`u64::MAX`] once nothing can change
    /// the verdict; `None` if it is to be looked at in any case.
    pub unwatched: Cell<Option<u64>>,
    /// The length that was declared for the body, in bytes; `None` before it is judged, and if there was none.
    pub declared: Cell<Option<u64>>,
    /// What happens to a body that is not wanted.
    pub drain: Drain,
    /// How much of the body nginx had read, in bytes, when it was to lose count; `None` as long as nginx knows.
    pub received: Cell<Option<u64>>,
}

impl State {
    /// The rule that the request was judged by; `None` before.
    pub fn rule(&self) -> Option<Rule> {
        self.judged.get().and_then(|conf| conf.get().rule().copied())
    }

    /// The limit that the verdict goes by; `None` without one.
    pub fn judged_by(&self) -> Option<Limit> {
        self.verdict.get().and(self.limit.get())
    }

    /// When the body was judged; `None` without a verdict.
    pub fn judged_at(&self) -> Option<At> {
        self.verdict.get().and(self.at.get())
    }

    /// Whether the request has been refused.
    pub fn is_refused(&self) -> bool {
        self.refusal.get().is_some()
    }
}

/// The location that an upload was sent to, whatever error pages have followed.
pub fn sent_to(r: &Request) -> Held<Conf> {
    let noted = r.state::<LimitBody>().and_then(|state| state.sent_to.get());
    noted.unwrap_or_else(|| r.hold_conf::<LimitBody>())
}

/// Remembers how much of the body has been read, before nginx loses count.
pub fn keep_received(r: &Request) {
    if let Some(state) = r.state::<LimitBody>() {
        if state.received.get().is_none() {
            state.received.set(Some(r.body_received()));
        }
    }
}
