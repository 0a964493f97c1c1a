//! The response of an upstream that closed its connection before it had read the whole request.
//!
//! Nothing more can be written to such an upstream, but what it has sent can still be read. [`UpstreamResponse`]
//! decides whether to read it, and records the result.

/// Whether the response of such an upstream was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamResult {
    /// The whole response was read and passed on, or a redirect because of it took its place.
    Saved,
    /// There was no response, or it was cut off.
    Lost,
}

impl UpstreamResult {
    /// All results, in the order of their counters.
    pub const ALL: [Self; 2] = [Self::Saved, Self::Lost];

    /// The value of `$limit_body_upstream_response`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Lost => "lost",
        }
    }
}

/// The state of the response of a request's upstream.
///
/// ```text
///            interrupt                  settle
///     Whole -----------> Reading ------------------> Settled
///       ^  \                |                           ^
///       |   \---------> Missing ------------------------/
///       |                   |
///       \-------------------/
///               retry
/// ```
///
/// After a result the request may be redirected to another upstream (`X-Accel-Redirect`). If that one closes early, too, it is
/// interrupted again, and has a result of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamResponse {
    /// The upstream has taken all that was written so far, or there is no upstream.
    #[default]
    Whole,
    /// The upstream has closed, and its response is being read.
    Reading,
    /// The upstream has closed, and there was nothing to read.
    Missing,
    /// The result is known.
    Settled(UpstreamResult),
}

impl UpstreamResponse {
    /// Called when the upstream takes no more of the request. Returns whether to read its response, as nginx would if
    /// it had nothing to write. Unread bytes (`has_unread`) may be a response. A response that nginx has begun to pass
    /// on (`has_begun`) cannot be replaced any more, so it is read to its end, whatever that is.
    pub fn interrupt(&mut self, has_begun: bool, has_unread: bool) -> bool {
        let reads = reads_on(has_begun, has_unread);
        *self = if reads { Self::Reading } else { Self::Missing };
        reads
    }

    /// Called when the request is sent again, to another upstream or to the same.
    pub fn retry(&mut self) {
        if !matches!(self, Self::Settled(_)) {
            *self = Self::Whole;
        }
    }

    /// Called when the request ends, or all of an answer has been made. `is_its_own` is whether that answer is the
    /// upstream's response. Returns the result; `None` if the upstream has not closed early, or the result was known
    /// before.
    pub fn settle(&mut self, is_its_own: bool) -> Option<UpstreamResult> {
        let result = match self {
            Self::Whole | Self::Settled(_) => return None,
            Self::Reading if is_its_own => UpstreamResult::Saved,
            Self::Reading | Self::Missing => UpstreamResult::Lost,
        };
        *self = Self::Settled(result);
        Some(result)
    }

    /// Returns whether the upstream takes no more of the request, and it is not known yet what becomes of its response.
    pub const fn is_interrupted(self) -> bool {
        matches!(self, Self::Reading | Self::Missing)
    }

    /// Returns whether the response is being read although the upstream takes no more of the request.
    pub const fn is_reading(self) -> bool {
        matches!(self, Self::Reading)
    }

    /// The result; `None` before it is known, and if the upstream has not closed early.
    pub const fn result(self) -> Option<UpstreamResult> {
        match self {
            Self::Settled(result) => Some(result),
            _ => None,
        }
    }
}

/// Returns whether to read the response of an upstream to which nothing more can be written; see
/// [`UpstreamResponse::interrupt`].
pub fn reads_on(has_begun: bool, has_unread: bool) -> bool {
    has_begun || has_unread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_are_a_reason_to_read_before_a_response_has_begun() {
        for has_unread in [true, false] {
            let mut response = UpstreamResponse::default();
            assert_eq!(response.interrupt(false, has_unread), has_unread);
            assert_eq!(response.is_reading(), has_unread);
        }
    }

    #[test]
    fn a_response_that_has_begun_is_read_to_its_end() {
        for has_unread in [true, false] {
            let mut response = UpstreamResponse::default();
            assert!(response.interrupt(true, has_unread));
            assert!(response.is_reading());
        }
    }

    #[test]
    fn a_response_is_saved_if_the_answer_is_what_the_upstream_has_sent() {
        for (has_unread, is_its_own, result) in [
            (true, true, UpstreamResult::Saved),
            (true, false, UpstreamResult::Lost),
            (false, true, UpstreamResult::Lost),
            (false, false, UpstreamResult::Lost),
        ] {
            let mut response = UpstreamResponse::default();
            response.interrupt(false, has_unread);
            assert_eq!(response.result(), None);
            assert_eq!(response.settle(is_its_own), Some(result));
            assert_eq!(response.result(), Some(result));
        }
    }

    #[test]
    fn a_result_is_told_once_and_stays() {
        let mut response = UpstreamResponse::default();
        response.interrupt(false, true);
        assert_eq!(response.settle(true), Some(UpstreamResult::Saved));
        assert_eq!(response.settle(false), None);
        response.retry();
        assert_eq!(response.result(), Some(UpstreamResult::Saved));
    }

    #[test]
    fn an_upstream_that_has_taken_all_has_no_result() {
        let mut response = UpstreamResponse::default();
        assert_eq!(response.settle(true), None);
        assert_eq!(response.result(), None);
    }

    #[test]
    fn a_retry_forgets_what_was_missing() {
        let mut response = UpstreamResponse::default();
        response.interrupt(false, false);
        response.retry();
        assert_eq!(response, UpstreamResponse::Whole);
        assert_eq!(response.settle(true), None);
    }
}
