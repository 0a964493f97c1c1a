//! Uploads over HTTP/1.1, with and without TLS.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::job::Job;
use crate::tally::Tally;

/// Uploads until there is nothing left to upload.
pub async fn run(job: Arc<Job>, tally: Arc<Tally>, number: usize) {
    let mut kept = None;
    let mut turn = number;
    while tally.begin() {
        if kept.is_none() {
            turn = turn.wrapping_add(job.connections);
        }
        match upload(&job, kept.take(), turn).await {
            Ok((stream, keeps)) => {
                tally.answered();
                kept = (job.keepalive && keeps).then_some(stream);
            }
            Err(what) => {
                tally.failed(&what);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

/// Begins an upload, reads the answer, and never ends.
pub async fn hold(job: Arc<Job>, tally: &Tally, number: usize) {
    match upload(&job, None, number).await {
        Ok((stream, _)) => {
            tally.answered();
            // Until the process ends.
            std::mem::forget(stream);
        }
        Err(what) => tally.failed(&what),
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
type AnyStream = Box<dyn Stream>;

/// One upload. Good is an answer with the right status, read to its end by a client that could send all of its body; with it
/// comes whether the connection can take one more request.
async fn upload(job: &Job, kept: Option<AnyStream>, turn: usize) -> Result<(AnyStream, bool), String> {
    let mut stream = match kept {
        Some(stream) => stream,
        None => connect(job, turn).await.map_err(|error| format!("connecting: {}", error.kind()))?,
    };
    let to_send = job.send.map_or(job.wire.len(), |body| job.wire.head + body);
    let mut exchange = Exchange { job, to_send, sent: 0, failure: None, unread: Unread::default() };
    let keeps = poll_fn(|context| exchange.poll(Pin::new(&mut stream), context)).await?;
    Ok((stream, keeps))
}

async fn connect(job: &Job, turn: usize) -> io::Result<AnyStream> {
    let stream = job.connect(turn).await?;
    Ok(if job.is_tls() { Box::new(job.secure(stream).await?) } else { Box::new(stream) })
}

/// Sends and reads at the same time.
struct Exchange<'a> {
    job: &'a Job,
    to_send: u64,
    sent: u64,
    /// What became of sending.
    failure: Option<io::ErrorKind>,
    unread: Unread,
}

impl Exchange<'_> {
    fn poll(&mut self, mut stream: Pin<&mut AnyStream>, context: &mut Context<'_>) -> Poll<Result<bool, String>> {
        let mut is_read_up = false;
        loop {
            let mut is_stuck = true;
            if self.sent < self.to_send && self.failure.is_none() {
                let piece = self.job.wire.at(self.sent);
                let piece = &piece[..piece.len().min((self.to_send - self.sent) as usize)];
                match stream.as_mut().poll_write(context, piece) {
                    Poll::Ready(Ok(count)) => {
                        self.sent += count as u64;
                        is_stuck = false;
                    }
                    Poll::Ready(Err(error)) => self.failure = Some(error.kind()),
                    Poll::Pending => {}
                }
            } else if self.failure.is_none() {
                if let Poll::Ready(Err(error)) = stream.as_mut().poll_flush(context) {
                    self.failure = Some(error.kind());
                }
            }
            if !is_read_up {
                match self.unread.poll(stream.as_mut(), context) {
                    Poll::Ready(Ok(true)) => is_stuck = false,
                    Poll::Ready(Ok(false)) => is_read_up = true,
                    Poll::Ready(Err(error)) => {
                        self.failure = self.failure.or(Some(error.kind()));
                        is_read_up = true;
                    }
                    Poll::Pending => {}
                }
            }

            let is_sent = self.sent >= self.to_send || self.failure.is_some();
            // What else is there (TLS: close_notify) is read as well: to close on it would be a reset.
            if is_sent && is_stuck && (self.unread.is_whole || is_read_up) {
                return Poll::Ready(self.settle());
            }
            if is_stuck {
                return Poll::Pending;
            }
        }
    }

    fn settle(&self) -> Result<bool, String> {
        let unread = &self.unread;
        match (unread.head, self.failure) {
            (None, Some(kind)) => Err(format!("no answer: {kind}")),
            (None, None) => Err("no answer: closed".to_owned()),
            (Some(_), _) if !unread.is_whole => Err("answer cut short".to_owned()),
            (Some(head), _) if head.status != self.job.status => Err(format!("status {}", head.status)),
            (Some(_), Some(kind)) if self.sent < self.to_send => Err(format!("answered, but sending failed: {kind}")),
            (Some(head), _) => Ok(head.keeps && !unread.is_closed),
        }
    }
}

/// What has come.
#[derive(Default)]
struct Unread {
    bytes: Vec<u8>,
    head: Option<Head>,
    is_whole: bool,
    is_closed: bool,
}

#[derive(Clone, Copy)]
struct Head {
    status: u16,
    length: usize,
    body: Body,
    keeps: bool,
}

#[derive(Clone, Copy)]
enum Body {
    Of(usize),
    Chunked,
    UntilClosed,
}

impl Unread {
    /// Reads a piece; whether there was one, or the end.
    fn poll(&mut self, stream: Pin<&mut AnyStream>, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut piece = [0; 4096];
        let mut buffer = ReadBuf::new(&mut piece);
        match stream.poll_read(context, &mut buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {}
        }
        if buffer.filled().is_empty() {
            self.is_closed = true;
            self.is_whole |= matches!(self.head, Some(Head { body: Body::UntilClosed, .. }));
            return Poll::Ready(Ok(false));
        }
        self.bytes.extend_from_slice(buffer.filled());
        if self.head.is_none() {
            self.head = Head::parse(&self.bytes).map_err(io::Error::other)?;
        }
        self.is_whole = self.head.is_some_and(|head| match head.body {
            Body::Of(size) => self.bytes.len() >= head.length + size,
            Body::Chunked => self.bytes.ends_with(b"\r\n0\r\n\r\n"),
            Body::UntilClosed => false,
        });
        Poll::Ready(Ok(true))
    }
}

impl Head {
    /// `None` if it has not all come.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, httparse::Error> {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
        let value = |name: &str| {
            let field = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
            field.and_then(|field| std::str::from_utf8(field.value).ok())
        };
        let status = response.code.unwrap_or(0);
        let body =
            match (status, value("Content-Length").and_then(|size| size.parse().ok()), value("Transfer-Encoding")) {
                (204, _, _) => Body::Of(0),
                (_, Some(size), _) => Body::Of(size),
                (_, _, Some(_)) => Body::Chunked,
                _ => Body::UntilClosed,
            };
        let keeps =
            response.version == Some(1) && !value("Connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        Ok(Some(Self { status, length, body, keeps }))
    }
}
