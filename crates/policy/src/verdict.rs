//! A limit, the length it is held against, and what comes of it.

use crate::size::{self, InvalidSize};

/// The largest body that is let through, in bytes, 0 to [`size::MAX`]; 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u64);

impl Limit {
    /// A limit of so many bytes; 0 means no limit.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Reads a limit as [`size::parse`] does.
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

    /// How long a body that has passed may yet turn out to be, in bytes: a declared length does not change.
    pub const fn most(self, passed: Length) -> u64 {
        match passed {
            Length::Seen(_) if self.0 != 0 => self.0,
            _ => u64::MAX,
        }
    }

    /// Judges a body: one that is as long as the limit passes, one that is a byte longer does not.
    pub const fn judge(self, length: Length, mode: Mode) -> Verdict {
        if self.0 == 0 || length.bytes() <= self.0 {
            return Verdict::Passed;
        }
        match mode {
            Mode::Enforce => Verdict::Rejected,
            Mode::DryRun => Verdict::RejectedDryRun,
        }
    }
}

/// How long a body is, as far as that is known, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// The client said so in advance: Content-Length (RFC 9110, section 8.6).
    Declared(u64),
    /// It said nothing in advance; so much has come, or has been announced by the header of a chunk.
    Seen(u64),
}

impl Length {
    /// The length in bytes.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Declared(bytes) | Self::Seen(bytes) => bytes,
        }
    }

    /// When a body of such a length is judged.
    pub const fn at(self) -> At {
        match self {
            Self::Declared(_) => At::Header,
            Self::Seen(_) => At::Body,
        }
    }
}

/// When a body was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// By its declared length, before any of it was read.
    Header,
    /// In mid-stream, by what had come.
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

/// Whether verdicts are carried out (`limit_body_dry_run`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A body over the limit is refused.
    Enforce,
    /// A body over the limit is reported and let through.
    DryRun,
}

/// What a limit says of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the limit, as far as is known.
    Passed,
    /// Over the limit: to be refused.
    Rejected,
    /// Over the limit, in a dry run: to be let through.
    RejectedDryRun,
}

impl Verdict {
    /// The value of `$limit_body_status`, spelled as `$limit_req_status` is.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Rejected => "REJECTED",
            Self::RejectedDryRun => "REJECTED_DRY_RUN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_as_long_as_the_limit_passes_and_one_more_byte_does_not() {
        let limit = Limit::new(10);
        for length in [Length::Declared, Length::Seen] {
            assert_eq!(limit.judge(length(9), Mode::Enforce), Verdict::Passed);
            assert_eq!(limit.judge(length(10), Mode::Enforce), Verdict::Passed);
            assert_eq!(limit.judge(length(11), Mode::Enforce), Verdict::Rejected);
            assert_eq!(limit.judge(length(11), Mode::DryRun), Verdict::RejectedDryRun);
            assert_eq!(limit.judge(length(10), Mode::DryRun), Verdict::Passed);
        }
    }

    #[test]
    fn zero_is_no_limit() {
        assert_eq!(Limit::new(0).judge(Length::Declared(u64::MAX), Mode::Enforce), Verdict::Passed);
    }

    #[test]
    fn the_largest_limit_still_judges() {
        let limit = Limit::new(size::MAX);
        assert_eq!(limit.judge(Length::Declared(size::MAX), Mode::Enforce), Verdict::Passed);
        assert_eq!(limit.judge(Length::Seen(size::MAX + 1), Mode::Enforce), Verdict::Rejected);
    }

    #[test]
    fn what_has_passed_may_grow_to_the_limit_unless_its_length_was_declared() {
        assert_eq!(Limit::new(10).most(Length::Seen(3)), 10);
        assert_eq!(Limit::new(0).most(Length::Seen(3)), u64::MAX);
        assert_eq!(Limit::new(10).most(Length::Declared(3)), u64::MAX);
    }

    #[test]
    fn a_limit_is_written_as_a_size() {
        assert_eq!(Limit::parse(b"1k"), Ok(Limit::new(1024)));
        assert_eq!(Limit::parse(b"1kb"), Err(InvalidSize::Malformed));
    }

    #[test]
    fn a_length_knows_when_it_is_judged() {
        assert_eq!(Length::Declared(1).at(), At::Header);
        assert_eq!(Length::Seen(1).at(), At::Body);
    }
}
