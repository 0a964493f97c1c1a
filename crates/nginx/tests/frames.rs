//! Where a response over HTTP/2 ends, for random frames.

#![allow(clippy::arithmetic_side_effects)]

#[path = "../src/guard/frames.rs"]
mod frames;

use frames::Frames;
use proptest::collection::vec;
use proptest::prelude::*;

/// A frame: its type, flags, and the length of its payload. Often one that may end a response.
fn frame() -> impl Strategy<Value = (u8, u8, u16)> {
    let kind = prop_oneof![Just(0), Just(1), Just(3), Just(9), any::<u8>()];
    let flags = prop_oneof![Just(0), Just(1), Just(4), Just(5), any::<u8>()];
    (kind, flags, prop_oneof![Just(0), 0..20_u16, 0..600_u16])
}

/// A response ends where its frames say so, in whatever pieces they come.
fn check(sent: &[(u8, u8, u16)], pieces: &[u16]) {
    let (mut bytes, mut is_last, mut end, mut is_reset) = (Vec::new(), false, None, false);
    for (kind, flags, length) in sent {
        bytes.extend([0]);
        bytes.extend(length.to_be_bytes());
        bytes.extend([*kind, *flags, 0, 0, 0, 1]);
        // Flags and a type that are none if they are taken for a header.
        bytes.extend(core::iter::repeat_n(0x09, usize::from(*length)));
        let (is_data, begins, goes_on) = (*kind == 0, *kind == 1, *kind == 9);
        if is_data || begins {
            is_last = flags & 1 != 0;
        }
        is_reset |= *kind == 3 && end.is_some();
        if is_last && end.is_none() && (is_data || (begins || goes_on) && flags & 4 != 0) {
            end = Some(bytes.len() as u64);
        }
    }

    let (mut frames, mut rest) = (Frames::default(), &bytes[..]);
    for piece in pieces {
        let (piece, behind) = rest.split_at(rest.len().min(usize::from(*piece)));
        rest = behind;
        frames.take(piece);
        let seen = (bytes.len() - rest.len()) as u64;
        assert_eq!((frames.seen(), frames.end()), (seen, end.filter(|end| *end <= seen)));
    }
    frames.take(rest);
    assert_eq!((frames.seen(), frames.end(), frames.is_reset()), (bytes.len() as u64, end, is_reset));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_response_ends_where_its_frames_say(sent in vec(frame(), 0..8), pieces in vec(1..40_u16, 0..80)) {
        check(&sent, &pieces);
    }
}
