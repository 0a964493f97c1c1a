//! The frames of an HTTP/2 connection to an upstream, as far as it takes to see where a response ends (RFC 9113, section 4.1).

/// A frame's header: its length in 3 bytes, type, flags, and its stream in 4.
const HEADER: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The frames that an upstream has sent so far. There is one response at a time, so the number of its stream does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Frames {
    header: [u8; HEADER],
    /// How many bytes of the header are known.
    known: usize,
    /// How many bytes of the frame are still to come after its header.
    left: usize,
    /// Whether the response ends with this frame, or with the block of fields that it begins.
    is_last: bool,
    seen: u64,
    end: Option<u64>,
    is_reset: bool,
}

impl Frames {
    /// How many bytes have come.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// How many of these bytes there were up to the end of the response; `None` while that has not come.
    pub(crate) fn end(&self) -> Option<u64> {
        self.end
    }

    /// Whether a stream has been reset after the end of the response.
    pub(crate) fn is_reset(&self) -> bool {
        self.is_reset
    }

    /// Takes in the next bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let missing = HEADER.saturating_sub(self.known);
            let (piece, behind) = rest.split_at(rest.len().min(if missing > 0 { missing } else { self.left }));
            rest = behind;
            self.seen = self.seen.saturating_add(piece.len() as u64);
            if missing > 0 {
                for (place, byte) in self.header.iter_mut().skip(self.known).zip(piece) {
                    *place = *byte;
                }
                self.known = self.known.saturating_add(piece.len());
                if self.known < HEADER {
                    return;
                }
                self.begin();
            } else {
                self.left = self.left.saturating_sub(piece.len());
            }
            if self.left > 0 {
                if rest.is_empty() {
                    return;
                }
                continue;
            }
            self.finish();
        }
    }

    /// The header of a frame has come.
    fn begin(&mut self) {
        let [a, b, c, kind, flags, ..] = self.header;
        self.left = u32::from_be_bytes([0, a, b, c]) as usize;
        if matches!(kind, DATA | HEADERS) {
            self.is_last = flags & END_STREAM != 0;
        }
        self.is_reset |= kind == RST_STREAM && self.end.is_some();
    }

    /// All of a frame has come.
    fn finish(&mut self) {
        self.known = 0;
        let [_, _, _, kind, flags, ..] = self.header;
        let ends_fields = matches!(kind, HEADERS | CONTINUATION) && flags & END_HEADERS != 0;
        if self.is_last && (kind == DATA || ends_fields) {
            self.end.get_or_insert(self.seen);
        }
    }
}
