//! How the arguments of directives are read, and inherited.
//!
//! An error says what a value must be, as a part of a message that names directive and value.

use crate::{size, InvalidSize, Limit};

/// Splits an argument into the name of a parameter and its value, which is empty without a `=`.
pub fn split(argument: &[u8]) -> (&[u8], &[u8]) {
    let end = argument.iter().position(|&byte| byte == b'=').unwrap_or(argument.len());
    let (name, value) = argument.split_at(end);
    (name, value.strip_prefix(b"=").unwrap_or(value))
}

/// Sets a parameter, which may be given only once.
///
/// # Errors
///
/// That of `value`, or that there is one already.
pub fn once<T>(place: &mut Option<T>, value: Result<T, &'static str>) -> Result<(), &'static str> {
    match place {
        Some(_) => Err("it is duplicate"),
        None => {
            *place = Some(value?);
            Ok(())
        }
    }
}

/// A time that nginx has read, in milliseconds.
///
/// # Errors
///
/// It is none, or 0.
pub fn time(time: Option<u64>) -> Result<u64, &'static str> {
    time.filter(|&time| time > 0).ok_or("it must be a time of at least 1ms")
}

/// A size, in bytes.
///
/// # Errors
///
/// It is none, or too large.
pub fn bytes(value: &[u8]) -> Result<u64, &'static str> {
    size::parse(value).map_err(|error| match error {
        InvalidSize::Malformed => "it must be a size",
        InvalidSize::TooLarge => "it must be less than 2^63 bytes",
    })
}

/// A limit, where `off` could stand in its place.
///
/// # Errors
///
/// It is none, or too large.
pub fn limit(value: &[u8]) -> Result<Limit, &'static str> {
    Limit::parse(value).map_err(|error| match error {
        InvalidSize::Malformed => "it must be \"off\" or a size",
        InvalidSize::TooLarge => "it must be less than 2^63 bytes",
    })
}

/// A size of at least 1 byte, or `off`: no bound, even if the block around has one.
///
/// # Errors
///
/// It is neither.
pub fn bytes_or_off(value: &[u8]) -> Result<Option<u64>, &'static str> {
    match value {
        b"off" => Ok(None),
        value => match bytes(value)? {
            0 => Err("it must be at least 1, or \"off\""),
            bytes => Ok(Some(bytes)),
        },
    }
}

/// A number from 1 to 4294967295, or `off`: no bound, even if the block around has one.
///
/// # Errors
///
/// It is neither.
pub fn number_or_off(value: &[u8]) -> Result<Option<u32>, &'static str> {
    if value == b"off" {
        return Ok(None);
    }
    core::str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|&number| number > 0)
        .ok_or("it must be a number from 1 to 4294967295, or \"off\"")
        .map(Some)
}

/// The name of a zone, or `off`.
///
/// # Errors
///
/// It is neither.
pub fn zone_or_off(value: &[u8]) -> Result<Option<&str>, &'static str> {
    match core::str::from_utf8(value) {
        Ok("off") => Ok(None),
        Ok(name) if name.contains('$') => Err("it must not contain variables"),
        Ok(name) if name.contains('\0') => Err("it must not contain NUL"),
        Ok(name) if name.starts_with("zone=") => Err("it must be a name without \"zone=\""),
        Ok(name) if has_size(name) => Err("it must be a name without a size"),
        Ok(name) => Ok(Some(name)),
        Err(_) => Err("it must be UTF-8"),
    }
}

/// Returns whether a name is followed by a size, as in the `zone=name:size` of nginx's own directives.
fn has_size(name: &str) -> bool {
    name.rsplit_once(':').is_some_and(|(_, text)| size::parse(text.as_bytes()) != Err(InvalidSize::Malformed))
}

/// The parameters in force in a block that has `own`, inside a block in which `outer` is in force; `Some(None)` is `off`.
/// `both` combines them, parameter by parameter. Inside a block with `off`, a block that turns them on starts from the
/// defaults.
pub fn inherit<T>(own: Option<Option<T>>, outer: Option<Option<T>>, both: impl FnOnce(T, T) -> T) -> Option<Option<T>> {
    match (own, outer) {
        (Some(Some(own)), Some(Some(outer))) => Some(Some(both(own, outer))),
        (own, outer) => own.or(outer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_a_name_and_a_value() {
        assert_eq!(split(b"idle=1s"), (&b"idle"[..], &b"1s"[..]));
        assert_eq!(split(b"key=a=b"), (&b"key"[..], &b"a=b"[..]));
        assert_eq!(split(b"off"), (&b"off"[..], &b""[..]));
    }

    #[test]
    fn a_bound_is_a_number_or_off() {
        assert_eq!(number_or_off(b"off"), Ok(None));
        assert_eq!(number_or_off(b"10"), Ok(Some(10)));
        assert!([&b"0"[..], b"-1", b"+1", b"", b"1k", b"4294967296"].iter().all(|text| number_or_off(text).is_err()));
        assert_eq!(bytes_or_off(b"1k"), Ok(Some(1024)));
        assert!(bytes_or_off(b"0").is_err());
    }

    #[test]
    fn a_zone_has_a_name_and_nothing_else() {
        assert_eq!(zone_or_off(b"off"), Ok(None));
        assert_eq!(zone_or_off(b"a:b"), Ok(Some("a:b")));
        assert!([&b"a:1m"[..], b"zone=a", b"$a", b"a\0", b"\xff"].iter().all(|text| zone_or_off(text).is_err()));
    }

    #[test]
    fn off_is_inherited_and_ends_inheritance() {
        let max = |own: u32, outer: u32| own.max(outer);
        assert_eq!(inherit(None, Some(Some(1)), max), Some(Some(1)));
        assert_eq!(inherit(Some(Some(1)), Some(Some(2)), max), Some(Some(2)));
        assert_eq!(inherit(Some(None), Some(Some(2)), max), Some(None));
        assert_eq!(inherit(Some(Some(1)), Some(None), max), Some(Some(1)));
    }
}
