//! The response of an upstream that closed its connection before it had read the whole request.
//!
//! Nothing more can be written to such an upstream, but what it has sent can still be read. [`UpstreamResponse`] decides
//! whether to read it, and what became of it.

/// What became of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamResult {
    /// All of it was read, and passed on.
    Saved,
    /// There was none, or it was not whole.
    Lost,
}

impl UpstreamResult {
    /// All of them, in the order of their counters.
    pub const ALL: [Self; 2] = [Self::Saved, Self::Lost];

    /// The value of `$limit_body_upstream_response`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Lost => "lost",
        }
    }
}

/// How far the response of a request's upstream has got.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamResponse {
    /// The upstream has taken all that was written so far, or there is none.
    #[default]
    Whole,
    /// It has closed, and what it has sent is being read.
    Reading,
    /// It has closed, and there was nothing to read.
    Missing,
    /// The request has been answered.
    Settled(UpstreamResult),
}

impl UpstreamResponse {
    /// The upstream takes no more of the request. Returns whether to read what it has sent, as nginx would if it had nothing
    /// to write. Bytes that can be read (`has_unread`) may be a response. A response of which the header `has_begun` to be passed on cannot be replaced any more, so that is read to
    /// its end, good or bad.
    pub fn interrupt(&mut self, has_begun: bool, has_unread: bool) -> bool {
        let reads = reads_on(has_begun, has_unread);
        *self = if reads { Self::Reading } else { Self::Missing };
        reads
    }

    /// The request is sent to another upstream, or once more to the same.
    pub fn retry(&mut self) {
        if !matches!(self, Self::Settled(_)) {
            *self = Self::Whole;
        }
    }

    /// The request ends, or all of an answer to it has been made, which `is_its_own` if it is what the upstream has sent.
    /// Returns the result if there is one that was not known before.
    pub fn settle(&mut self, is_its_own: bool) -> Option<UpstreamResult> {
        let result = match self {
            Self::Whole | Self::Settled(_) => return None,
            Self::Reading if is_its_own => UpstreamResult::Saved,
            Self::Reading | Self::Missing => UpstreamResult::Lost,
        };
        *self = Self::Settled(result);
        Some(result)
    }

    /// Whether what the upstream has sent is being read, although it takes nothing any more.
    pub const fn is_reading(self) -> bool {
        matches!(self, Self::Reading)
    }

    /// What became of the response; `None` before that is known, and if the upstream has not closed early.
    pub const fn result(self) -> Option<UpstreamResult> {
        match self {
            Self::Settled(result) => Some(result),
            _ => None,
        }
    }
}

/// Whether to read on from an upstream to which nothing can be written any more; see [`UpstreamResponse::interrupt`].
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
