//! A deadline for a request: a timer that the module may set, and what happens when it expires.

use nginx_sys::ngx_event_t;

use crate::{state, Event, HttpModule, Request, Status};

/// How a request ends at its deadline.
pub enum Expired {
    /// With this status. The module has ended what was still being done for the request: reading its body, and sending it to an
    /// upstream ([`Request::leave_upstream`]).
    Answer(Status),
    /// As at `client_body_timeout`: nginx ends it whoever uses it, and without an answer.
    Close,
}

impl<M: HttpModule> Request<'_, M> {
    /// Has [`HttpModule::deadline`] called in `left` milliseconds, unless the request has ended by then. There is one
    /// deadline for a request: a new one takes the place of the old. Returns whether there was memory for the timer. The
    /// request must be a main request with a state.
    pub fn set_deadline(self, left: u64) -> bool {
        // SAFETY: `Request` is only made for a live request.
        let Some(kept) = (unsafe { state::find::<M>(self.as_ptr()) }) else {
            return false;
        };
        // SAFETY: as above.
        let timer = unsafe { state::timer(kept) }.or_else(|| {
            let timer = Event::timer(self.raw(), Some(expire::<M>))?;
            // SAFETY: as above. The timer has been made in the request's pool.
            unsafe { state::set_timer(kept, timer) };
            Some(timer)
        });
        timer.is_some_and(|timer| {
            timer.start_timer(left);
            true
        })
    }

    /// Returns whether the request is certain to end when it has been answered at a deadline, while its body was being read. It would
    /// not if somebody who uses it is only told when the body has come: a module that has a phase wait for it (ModSecurity, Lua's
    /// `lua_need_request_body`), or a script that waits for a subrequest, too. Who else uses a request for an upstream, as
    /// `mirror` does, ends by itself.
    pub fn is_answerable(self) -> bool {
        let raw = self.raw();
        raw.users() == 1 || (raw.is_in_content_phase() && self.upstream().is_some())
    }
}

/// Handles the timer: `ngx_event_t.handler`.
unsafe extern "C" fn expire<M: HttpModule>(timer: *mut ngx_event_t) {
    // SAFETY: the timer is stopped before its request is freed. Its data is that request's connection.
    let c = unsafe { Event::new(timer).connection() };
    // SAFETY: the data of that connection is the request, or a subrequest of it, as long as the request is live.
    let r = unsafe { c.main_request::<M>() };
    match M::deadline(r) {
        None => (),
        // SAFETY: the user is the one for whom the body was being read. No copy of `r` is used afterwards.
        Some(Expired::Answer(status)) => unsafe { r.raw().answer(status) },
        // SAFETY: as above.
        Some(Expired::Close) => unsafe { r.raw().time_out() },
    }
}
