//! Limits, lengths, and the judgements that result from comparing them.

use crate::size::{self, InvalidSize};

/// The largest size of a body, in bytes, 0 to [`size::MAX`]; 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u64);

impl Limit {
    /// A limit in bytes, at most [`size::MAX`]: more counts as that. 0 means no limit.
    pub const fn new(bytes: u64) -> Self {
        if bytes > size::MAX {
            return Self(size::MAX);
        }
        Self(bytes)
    }

    /// Parses a limit, as [`size::parse`] does.
    ///
    /// # Errors
    ///
    /// Those of [`size::parse`].
    pub fn parse(text: &[u8]) -> Result<Self, InvalidSize> {
        size::parse(text).map(Self)
    }

    /// The limit in bytes; 0 means no limit.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The longest body that the limit allows, in bytes.
    pub const fn longest(self) -> u64 {
        match self.0 {
            0 => size::MAX,
            limit => limit,
        }
    }

    /// Returns whether a body may have this length. A body exactly as long as the limit is allowed; one more byte is
    /// not.
    pub const fn allows(self, length: Length) -> bool {
        self.0 == 0 || length.bytes() <= self.0
    }
}

/// The length of a body, as far as it is known, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// The length that the client declared in Content-Length (RFC 9110, section 8.6).
    Declared(u64),
    /// The client declared no length. This many bytes have arrived, or have been announced by the header of a chunk.
    Seen(u64),
    /// The client declared no length, and nothing of the body has been read yet.
    Unknown,
    /// The client announced this length elsewhere than in Content-Length (`length` of `limit_body`), and declared less or
    /// none. It is only the client's word: the body is still judged as it arrives.
    Announced(u64),
}

impl Length {
    /// The length in bytes; 0 if it is unknown.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Declared(bytes) | Self::Seen(bytes) | Self::Announced(bytes) => bytes,
            Self::Unknown => 0,
        }
    }

    /// The longer of what is known of a body and what the client announced of it elsewhere; `None` if neither says
    /// anything. The announcement counts if it is a number of bytes in digits and more than 0; one beyond [`size::MAX`]
    /// counts as that.
    pub fn or_announced(known: Option<Self>, announcement: &[u8]) -> Option<Self> {
        let bytes = match size::parse(announcement) {
            Ok(bytes) => bytes,
            Err(InvalidSize::TooLarge) => size::MAX,
            Err(InvalidSize::Malformed) => 0,
        };
        let is_number = announcement.iter().all(u8::is_ascii_digit);
        if is_number && bytes > known.map_or(0, Self::bytes) {
            Some(Self::Announced(bytes))
        } else {
            known
        }
    }
}

/// What a body was judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The header of the request, before any of the body was read.
    Header,
    /// The part of the body that had arrived.
    Body,
}

impl At {
    /// The value of `$limit_body_at`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Body => "body",
        }
    }
}

/// Whether refusals are carried out (`limit_body_dry_run`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Refusals are carried out.
    Enforce,
    /// Refusals are reported, and the body is let through.
    DryRun,
}

impl Mode {
    /// What is added to a line in the log.
    pub const fn note(self) -> &'static str {
        match self {
            Self::Enforce => "",
            Self::DryRun => ", dry run",
        }
    }
}

/// What becomes of a body of undeclared length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    /// The body is judged as it arrives.
    Judged,
    /// The body is refused with 411 (RFC 9110, section 15.5.12).
    Refused,
}

/// What is decided about a body, as users see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The body is within the limit, as far as is known.
    Passed,
    /// The body is to be refused.
    Rejected,
    /// The body would be refused without the dry run, which lets it through.
    RejectedDryRun,
    /// It took too long to come.
    TimedOut,
    /// As [`TimedOut`](Self::TimedOut), but a dry run lets it through.
    TimedOutDryRun,
}

impl Verdict {
    /// The value of `$limit_body_status`, spelled as `$limit_req_status` is.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Rejected => "REJECTED",
            Self::RejectedDryRun => "REJECTED_DRY_RUN",
            Self::TimedOut => "TIMED_OUT",
            Self::TimedOutDryRun => "TIMED_OUT_DRY_RUN",
        }
    }
}

/// Why a body is let through or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing of the body has been read yet, and perhaps nobody ever reads it: there is no verdict.
    Nothing,
    /// The body is within the limit, as far as is known.
    Within,
    /// The body is longer than the limit.
    TooLarge,
    /// No length is declared where one is required.
    Undeclared,
    /// The limit is a variable whose value is not a size.
    Invalid,
}

/// The result of judging a body: a verdict and the reason for it. The limit is computed once. A body of undeclared
/// length is judged [`again`](Self::again) as it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    limit: Option<Limit>,
    length: Length,
    reason: Reason,
    mode: Mode,
}

impl Judgement {
    /// Judges a body by a limit; `None` means that the limit's value is not a size.
    pub fn new(limit: Option<Limit>, length: Length, undeclared: Undeclared, mode: Mode) -> Self {
        let reason = match (limit, length) {
            (None, _) => Reason::Invalid,
            (_, Length::Seen(_) | Length::Unknown) if undeclared == Undeclared::Refused => Reason::Undeclared,
            (_, Length::Unknown) => Reason::Nothing,
            (Some(limit), _) if limit.allows(length) => Reason::Within,
            _ => Reason::TooLarge,
        };
        Self { limit, length, reason, mode }
    }

    /// The judgement of a body that is known to be within a limit.
    pub const fn within(limit: Limit, length: Length, mode: Mode) -> Self {
        Self { limit: Some(limit), length, reason: Reason::Within, mode }
    }

    /// Judges the body again, by the same limit, when more of it has arrived; `None` if this judgement is final.
    pub fn again(self, length: Length, mode: Mode) -> Option<Self> {
        let is_open = match self.length {
            Length::Declared(_) => false,
            _ => matches!(self.reason, Reason::Nothing | Reason::Within),
        };
        is_open.then(|| Self::new(self.limit, length, Undeclared::Judged, mode))
    }

    /// Returns whether another judgement, of the same body, has the same verdict for the same reason.
    pub fn is_as(&self, other: &Self) -> bool {
        (self.limit, self.reason, self.mode) == (other.limit, other.reason, other.mode)
    }

    /// The limit; `None` if its value is not a size.
    pub const fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// The length that was judged.
    pub const fn length(&self) -> Length {
        self.length
    }

    /// The reason for the verdict.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether a refusal is carried out.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// What the body was judged by. A missing length shows in the header.
    pub const fn at(&self) -> At {
        match (self.reason, self.length) {
            (Reason::Undeclared, _) | (_, Length::Declared(_) | Length::Announced(_)) => At::Header,
            (_, Length::Seen(_) | Length::Unknown) => At::Body,
        }
    }

    /// The verdict; `None` while nothing of the body has been read.
    pub const fn verdict(&self) -> Option<Verdict> {
        match (self.reason, self.mode) {
            (Reason::Nothing, _) => None,
            (Reason::Within, _) => Some(Verdict::Passed),
            (Reason::TooLarge | Reason::Undeclared | Reason::Invalid, Mode::Enforce) => Some(Verdict::Rejected),
            (Reason::TooLarge | Reason::Undeclared | Reason::Invalid, Mode::DryRun) => Some(Verdict::RejectedDryRun),
        }
    }

    /// Returns whether the body is refused: false in a dry run.
    pub fn is_refusal(&self) -> bool {
        self.verdict() == Some(Verdict::Rejected)
    }

    /// How many bytes of the body must have been seen for it to be judged again, or for its refusal to be repeated to
    /// whatever code reads on; 0 if that is at the next piece, [`u64::MAX`] if it is never.
    pub const fn repeated_at(&self) -> u64 {
        match (self.reason, self.mode) {
            (Reason::Nothing, _) => 0,
            // A declared length does not change.
            (Reason::Within, _) => match (self.limit, self.length) {
                (Some(Limit(limit)), Length::Seen(_) | Length::Announced(_)) if limit > 0 => limit.saturating_add(1),
                _ => u64::MAX,
            },
            (_, Mode::Enforce) => 0,
            (_, Mode::DryRun) => u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(limit: u64, length: Length) -> Judgement {
        Judgement::new(Some(Limit::new(limit)), length, Undeclared::Judged, Mode::Enforce)
    }

    #[test]
    fn a_body_as_long_as_the_limit_passes_and_one_more_byte_does_not() {
        for length in [Length::Declared, Length::Seen] {
            for (bytes, reason, verdict) in [
                (9, Reason::Within, Verdict::Passed),
                (10, Reason::Within, Verdict::Passed),
                (11, Reason::TooLarge, Verdict::Rejected),
            ] {
                let judgement = judge(10, length(bytes));
                assert_eq!((judgement.reason(), judgement.verdict()), (reason, Some(verdict)));
                assert_eq!(judgement.is_refusal(), bytes == 11);
            }
        }
    }

    #[test]
    fn a_dry_run_refuses_nothing() {
        let limit = Some(Limit::new(10));
        let dry = |limit, length, undeclared| Judgement::new(limit, length, undeclared, Mode::DryRun);
        for judgement in [
            dry(limit, Length::Declared(11), Undeclared::Judged),
            dry(limit, Length::Unknown, Undeclared::Refused),
            dry(None, Length::Declared(1), Undeclared::Judged),
        ] {
            assert_eq!(judgement.verdict(), Some(Verdict::RejectedDryRun));
            assert!(!judgement.is_refusal());
            assert_eq!(judgement.repeated_at(), u64::MAX);
        }
        assert_eq!(dry(limit, Length::Seen(10), Undeclared::Judged).verdict(), Some(Verdict::Passed));
    }

    #[test]
    fn zero_is_no_limit() {
        assert_eq!(judge(0, Length::Declared(u64::MAX)).verdict(), Some(Verdict::Passed));
    }

    #[test]
    fn the_largest_limit_still_judges() {
        assert_eq!(judge(size::MAX, Length::Declared(size::MAX)).verdict(), Some(Verdict::Passed));
        assert_eq!(judge(size::MAX, Length::Seen(size::MAX + 1)).verdict(), Some(Verdict::Rejected));
        assert_eq!(Limit::new(u64::MAX).bytes(), size::MAX);
    }

    #[test]
    fn nothing_is_decided_before_anything_has_come() {
        let open = judge(10, Length::Unknown);
        assert_eq!((open.reason(), open.verdict(), open.at()), (Reason::Nothing, None, At::Body));
        assert_eq!(open.repeated_at(), 0);
        let empty = open.again(Length::Seen(0), Mode::Enforce).unwrap();
        assert_eq!(empty.verdict(), Some(Verdict::Passed));
        let judgement = empty.again(Length::Seen(11), Mode::Enforce).unwrap();
        assert_eq!((judgement.reason(), judgement.length()), (Reason::TooLarge, Length::Seen(11)));
    }

    #[test]
    fn what_has_passed_is_looked_at_again_beyond_the_limit_unless_its_length_was_declared() {
        assert_eq!(judge(10, Length::Seen(3)).repeated_at(), 11);
        assert_eq!(judge(0, Length::Seen(3)).repeated_at(), u64::MAX);
        assert_eq!(judge(10, Length::Declared(3)).repeated_at(), u64::MAX);
        assert_eq!(judge(10, Length::Declared(3)).again(Length::Seen(11), Mode::Enforce), None);
    }

    #[test]
    fn a_refusal_is_final_and_repeated() {
        let refusal = judge(10, Length::Seen(11));
        assert_eq!(refusal.again(Length::Seen(12), Mode::DryRun), None);
        assert_eq!(refusal.repeated_at(), 0);
    }

    #[test]
    fn a_missing_length_is_seen_from_the_header() {
        for length in [Length::Unknown, Length::Seen(3)] {
            let judgement = Judgement::new(Some(Limit::new(10)), length, Undeclared::Refused, Mode::Enforce);
            assert_eq!((judgement.reason(), judgement.at()), (Reason::Undeclared, At::Header));
            assert!(judgement.is_refusal());
        }
        let declared = Judgement::new(Some(Limit::new(10)), Length::Declared(3), Undeclared::Refused, Mode::Enforce);
        assert_eq!(declared.reason(), Reason::Within);
    }

    #[test]
    fn an_announced_length_counts_beside_the_declared_one() {
        let or = Length::or_announced;
        let (declared, announced) = (Some(Length::Declared(10)), |bytes| Some(Length::Announced(bytes)));
        assert_eq!((or(declared, b"9"), or(declared, b"10"), or(declared, b"11")), (declared, declared, announced(11)));
        assert_eq!((or(None, b"1"), or(None, b"0")), (announced(1), None));
        assert_eq!(or(Some(Length::Unknown), b"1"), announced(1));
        assert_eq!(
            (or(Some(Length::Seen(7)), b"7"), or(Some(Length::Seen(7)), b"8")),
            (Some(Length::Seen(7)), announced(8))
        );
        for text in [&b""[..], b"11k", b"0x11", b"-11", b"+11", b" 11", b"11 ", b"11, 11", b"11.0", b"\xff"] {
            assert_eq!(or(declared, text), declared, "{}", text.escape_ascii());
        }
        for text in ["9223372036854775807", "9223372036854775808", "18446744073709551617", "99999999999999999999999999"]
        {
            assert_eq!(or(declared, text.as_bytes()), announced(size::MAX), "{text}");
        }
    }

    #[test]
    fn an_announced_length_refuses_but_never_settles_that_a_body_is_within_the_limit() {
        let refusal = judge(10, Length::Announced(11));
        assert_eq!(
            (refusal.reason(), refusal.at(), refusal.length()),
            (Reason::TooLarge, At::Header, Length::Announced(11))
        );
        assert_eq!((refusal.repeated_at(), refusal.again(Length::Seen(1), Mode::Enforce)), (0, None));

        let passed = judge(10, Length::Announced(10));
        assert_eq!((passed.reason(), passed.at(), passed.repeated_at()), (Reason::Within, At::Header, 11));
        let more = passed.again(Length::Seen(11), Mode::Enforce).unwrap();
        assert_eq!((more.reason(), more.at()), (Reason::TooLarge, At::Body));

        let declared = Judgement::new(Some(Limit::new(10)), Length::Announced(10), Undeclared::Refused, Mode::Enforce);
        assert_eq!(declared.reason(), Reason::Within);
    }

    #[test]
    fn a_limit_that_is_no_size_refuses_everything() {
        for length in [Length::Unknown, Length::Seen(0), Length::Declared(1)] {
            let judgement = Judgement::new(None, length, Undeclared::Refused, Mode::Enforce);
            assert_eq!((judgement.reason(), judgement.limit()), (Reason::Invalid, None));
            assert!(judgement.is_refusal());
        }
    }

    #[test]
    fn a_limit_is_written_as_a_size() {
        assert_eq!(Limit::parse(b"1k"), Ok(Limit::new(1024)));
        assert_eq!(Limit::parse(b"1kb"), Err(InvalidSize::Malformed));
    }
}
