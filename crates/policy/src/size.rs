//! Sizes in nginx's notation: a number of bytes, or of kibibytes, mebibytes or gibibytes with the suffix `k`, `m` or
//! `g`.

use core::fmt;

/// The largest size, in bytes: 2^63-1, the largest file offset (`off_t`) of nginx.
pub const MAX: u64 = i64::MAX as u64;

/// Why a text is not a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidSize {
    /// The text is not digits, optionally followed by one of `k`, `m` and `g`, in either case.
    Malformed,
    /// The size is more than [`MAX`] bytes.
    TooLarge,
}

impl fmt::Display for InvalidSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it must be a number of bytes, or end in \"k\", \"m\" or \"g\"",
            Self::TooLarge => "it must be less than 2^63 bytes",
        })
    }
}

/// Parses a size, as nginx does for `client_max_body_size` (`ngx_parse_offset()`).
///
/// The result is in bytes, 0 to [`MAX`]. The suffixes `k`, `m` and `g` stand for 2^10, 2^20 and 2^30.
///
/// # Errors
///
/// [`InvalidSize::Malformed`] for any other text, such as the empty one, or one with a sign or a space;
/// [`InvalidSize::TooLarge`] for more than [`MAX`] bytes.
pub fn parse(text: &[u8]) -> Result<u64, InvalidSize> {
    let (digits, unit): (&[u8], u64) = match text {
        [digits @ .., b'k' | b'K'] => (digits, 1 << 10),
        [digits @ .., b'm' | b'M'] => (digits, 1 << 20),
        [digits @ .., b'g' | b'G'] => (digits, 1 << 30),
        digits => (digits, 1),
    };

    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidSize::Malformed);
    }

    digits
        .iter()
        .try_fold(0_u64, |n, digit| n.checked_mul(10)?.checked_add(u64::from(digit & 0x0f)))
        .and_then(|n| n.checked_mul(unit))
        .filter(|&n| n <= MAX)
        .ok_or(InvalidSize::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_are_bytes() {
        assert_eq!(parse(b"0"), Ok(0));
        assert_eq!(parse(b"1"), Ok(1));
        assert_eq!(parse(b"0010"), Ok(10));
        assert_eq!(parse(b"1048577"), Ok(1_048_577));
    }

    #[test]
    fn units_are_powers_of_two_in_either_case() {
        for (text, bytes) in [("1k", 1024), ("2K", 2048), ("3m", 3 << 20), ("3M", 3 << 20), ("4g", 4 << 30)] {
            assert_eq!(parse(text.as_bytes()), Ok(bytes), "{text}");
        }
        assert_eq!(parse(b"0g"), Ok(0));
    }

    #[test]
    fn the_largest_size_is_that_of_a_file_offset() {
        assert_eq!(parse(b"9223372036854775807"), Ok(MAX));
        assert_eq!(parse(b"9007199254740991k"), Ok(MAX - 1023));
        assert_eq!(parse(b"8589934591g"), Ok(8_589_934_591 << 30));
    }

    #[test]
    fn more_than_the_largest_size_is_an_error_and_does_not_wrap() {
        for text in [
            "9223372036854775808",
            "18446744073709551616",
            "18446744073709551617",
            "9007199254740992k",
            "8796093022208m",
            "8589934592g",
            "17179869184g",
            "99999999999999999999999999999999",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(InvalidSize::TooLarge), "{text}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in ["", "k", "m", "g", "-1", "+1", " 1", "1 ", "1kk", "1mb", "1.5m", "0x10", "ten", "1t", "k1", "1\0"]
        {
            assert_eq!(parse(text.as_bytes()), Err(InvalidSize::Malformed), "{text:?}");
        }
    }
}
