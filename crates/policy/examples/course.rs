//! Computes the course of drains by the module's own rules. With it, `make capacity` simulates how many connections
//! nginx nodes hold, and how much they read.
//!
//! Each line of the input is an upload that is refused. Times are in milliseconds, sizes in bytes:
//!
//! ```text
//! IDLE GRACE TIME RATE BYTES http1|stream NOW SIZE [AT COUNT]... [AT close]
//! ```
//!
//! The first fields are the budget (BYTES is "any" if it has no bound), the time of the answer, and the size of the
//! body. Then the client sends COUNT bytes AT milliseconds after the answer, any number of times. After that it is
//! silent, or closes the connection. Each line of the output is the course of one drain:
//!
//! ```text
//! OUTCOME PIECES BYTES ENDED CLOSED
//! ```
//!
//! PIECES is how often bytes were read, BYTES how many were drained, ENDED when the drain ended, and CLOSED when the
//! connection did.

use policy::{Budget, Drain, Outcome};
use std::io::{self, BufRead, BufWriter, Write};

/// nginx does not move a timer by less than this many milliseconds (`NGX_TIMER_LAZY_DELAY`).
const LAZY: u64 = 300;

/// nginx's default for `lingering_timeout`, in milliseconds: how long a client may take to close once its body has been
/// read.
const LINGERING_TIMEOUT: u64 = 5000;

type Words<'a> = std::str::SplitAsciiWhitespace<'a>;

/// What a client does.
enum Event {
    Sends(u64),
    Closes,
}

/// A request whose body is drained, as src/drain.rs and nginx do it.
struct Course {
    budget: Budget,
    /// Whether it is a stream of HTTP/2 or HTTP/3.
    is_stream: bool,
    size: u64,
    drain: Drain,
    pieces: u64,
    ended: u64,
    /// When nginx's timer expires; `None` once the connection is closed.
    due: Option<u64>,
}

impl Course {
    /// Waits for more.
    fn wait(&mut self, now: u64) {
        let left = match self.drain.patience(&self.budget, now) {
            Ok(left) => left,
            Err(outcome) => return self.end(outcome, now),
        };
        let due = now.saturating_add(left);
        if self.due.is_none_or(|was| was.abs_diff(due) >= LAZY) {
            self.due = Some(due);
        }
    }

    fn came(&mut self, event: Event, now: u64) {
        let Event::Sends(count) = event else {
            return self.end(Outcome::Closed, now);
        };
        let may = match self.drain.may_read(&self.budget, now) {
            Ok(may) => may,
            Err(outcome) => return self.end(outcome, now),
        };
        // All bytes of a stream that have arrived are dropped, and then counted.
        self.drain.add(if self.is_stream { count } else { count.min(may) }, now);
        self.pieces = self.pieces.saturating_add(1);
        if self.bytes() >= self.size {
            return self.end(Outcome::Complete, now);
        }
        self.wait(now);
    }

    /// The timer has expired. One that was not moved may be early: then the module waits again.
    fn expire(&mut self, now: u64) {
        self.due = None;
        if self.drain.outcome().is_none() {
            self.wait(now);
        }
    }

    /// Ends the drain, and the connection with it. But over HTTP/1.x, when all of the body has been read, nginx lingers
    /// until the client closes: for at most `lingering_timeout`, and for at most `lingering_time`, which is the grace.
    fn end(&mut self, outcome: Outcome, now: u64) {
        if self.drain.settle(outcome, now) {
            self.ended = now;
        }
        let lingers = outcome == Outcome::Complete && !self.is_stream;
        self.due = lingers.then(|| now.saturating_add(self.budget.grace.min(LINGERING_TIMEOUT)));
    }

    fn bytes(&self) -> u64 {
        self.drain.ledger().unwrap_or_default().bytes()
    }
}

/// Computes the course of one drain: from a line of the input, a line of the output.
///
/// # Errors
///
/// The text of what is wrong with the line.
fn course(upload: &str) -> Result<String, String> {
    let mut words = upload.split_ascii_whitespace();
    let budget = Budget {
        idle: number(&mut words)?,
        grace: number(&mut words)?,
        time: number(&mut words)?,
        rate: number(&mut words)?,
        bytes: match word(&mut words)? {
            "any" => None,
            bytes => Some(parsed(bytes)?),
        },
    };
    let is_stream = word(&mut words)? == "stream";
    let began = number(&mut words)?;
    let size = number(&mut words)?;
    let mut drain = Drain::begin(began);
    drain.answer(began);
    let mut course = Course { budget, is_stream, size, drain, pieces: 0, ended: began, due: None };
    course.wait(began);
    let (mut next, mut closed) = (next_event(&mut words, began)?, began);
    while let Some(due) = course.due {
        closed = match next {
            Some((at, event)) if at <= due => {
                course.came(event, at);
                next = next_event(&mut words, began)?;
                at
            }
            _ => {
                course.expire(due);
                due
            }
        };
    }
    let outcome = course.drain.outcome().map_or("", Outcome::as_str);
    Ok(format!("{outcome} {} {} {} {closed}", course.pieces, course.bytes(), course.ended))
}

/// What the client does next, and when; `None` if it does nothing any more.
fn next_event(words: &mut Words<'_>, began: u64) -> Result<Option<(u64, Event)>, String> {
    let Some(after) = words.next() else {
        return Ok(None);
    };
    let what = match word(words)? {
        "close" => Event::Closes,
        count => Event::Sends(parsed(count)?),
    };
    Ok(Some((began.saturating_add(parsed(after)?), what)))
}

fn word<'a>(words: &mut Words<'a>) -> Result<&'a str, String> {
    words.next().ok_or_else(|| "a word is missing".to_string())
}

fn number(words: &mut Words<'_>) -> Result<u64, String> {
    parsed(word(words)?)
}

fn parsed(word: &str) -> Result<u64, String> {
    word.parse().map_err(|error| format!("{word}: {error}"))
}

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for upload in io::stdin().lock().lines() {
        let course = course(&upload?).map_err(io::Error::other)?;
        writeln!(out, "{course}")?;
    }
    out.flush()
}
