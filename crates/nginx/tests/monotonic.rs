//! A clock of 32 bits that is extended.

#[path = "../src/monotonic.rs"]
mod monotonic;

use monotonic::Monotonic;

#[test]
fn goes_on_where_the_clock_begins_anew() {
    let clock = Monotonic::new();
    assert_eq!(clock.read(u32::MAX - 1), 0xffff_fffe);
    assert_eq!(clock.read(u32::MAX), 0xffff_ffff);
    assert_eq!(clock.read(0), 0x1_0000_0000);
    assert_eq!(clock.read(0), 0x1_0000_0000);
    assert_eq!(clock.read(500), 0x1_0000_01f4);
    assert_eq!(clock.read(499), 0x2_0000_01f3);
}
