//! Uploads over HTTP/2, with and without TLS: the streams of a connection upload each for itself.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::Request;

use crate::job::Job;
use crate::streams;
use crate::tally::Tally;

static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// Uploads until there is nothing left to upload.
pub async fn run(job: Arc<Job>, tally: Arc<Tally>, number: usize) {
    let connect = |job: Arc<Job>, turn| async move { connect(&job, turn).await };
    streams::run(job, tally, number, connect, uploads).await;
}

/// The uploads of one stream after the other; whether there is nothing left to upload, otherwise the connection has ended.
async fn uploads(job: Arc<Job>, tally: Arc<Tally>, connection: SendRequest<Bytes>) -> bool {
    while tally.begin() {
        let Ok(ready) = connection.clone().ready().await else {
            tally.failed("the connection has ended");
            return tally.is_limited();
        };
        match upload(&job, ready).await {
            Ok(_) => tally.answered(),
            Err(what) => {
                tally.failed(&what);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
    true
}

/// Begins the uploads of a connection, reads the answers, and never ends them.
pub async fn hold(job: Arc<Job>, tally: &Tally, number: usize) {
    let connection = match connect(&job, number).await {
        Ok(connection) => connection,
        Err(what) => return tally.failed(&what),
    };
    for _ in 0..job.streams(number) {
        let Ok(ready) = connection.clone().ready().await else {
            tally.failed("the connection has ended");
            continue;
        };
        match upload(&job, ready).await {
            Ok(stream) => {
                tally.answered();
                // Until the process ends.
                std::mem::forget(stream);
            }
            Err(what) => tally.failed(&what),
        }
    }
    std::mem::forget(connection);
}

async fn connect(job: &Job, turn: usize) -> Result<SendRequest<Bytes>, String> {
    let stream = job.connect(turn).await.map_err(|error| format!("connecting: {}", error.kind()))?;
    let handshake = |error: h2::Error| format!("connecting: {error}");
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 20).initial_connection_window_size(1 << 24).max_send_buffer_size(4 << 20);
    if job.is_tls() {
        let stream = job.secure(stream).await.map_err(|error| format!("connecting: {}", error.kind()))?;
        let (requests, connection) = builder.handshake(stream).await.map_err(handshake)?;
        tokio::spawn(connection);
        Ok(requests)
    } else {
        let (requests, connection) = builder.handshake(stream).await.map_err(handshake)?;
        tokio::spawn(connection);
        Ok(requests)
    }
}

/// One upload. Good is an answer with the right status, read to its end by a client that could send all of its body, or what
/// it wanted to send of that; with it comes the stream.
async fn upload(job: &Job, mut connection: SendRequest<Bytes>) -> Result<SendStream<Bytes>, String> {
    let scheme = if job.is_tls() { "https" } else { "http" };
    let mut request = Request::post(format!("{scheme}://{}{}", job.address, job.path));
    if job.is_declared {
        request = request.header("content-length", job.body);
    }
    let request = request.body(()).map_err(|error| error.to_string())?;

    let (response, stream) = connection.send_request(request, false).map_err(|error| error.to_string())?;
    let receive = async {
        let response = response.await.map_err(|error| format!("no answer: {error}"))?;
        let status = response.status().as_u16();
        read(response.into_body()).await?;
        if status != job.status {
            return Err(format!("status {status}"));
        }
        Ok(())
    };
    let (sent, received) = tokio::join!(send(job, stream), receive);
    received?;
    sent.map_err(|error| format!("answered, but sending failed: {error}"))
}

async fn send(job: &Job, mut stream: SendStream<Bytes>) -> Result<SendStream<Bytes>, String> {
    let mut left = job.send.unwrap_or(job.body);
    let is_to_end = job.send.is_none();
    // What is small is put into the connection's buffer without asking.
    while left > 16384 {
        stream.reserve_capacity(left.min(ZEROS.len() as u64) as usize);
        let Some(capacity) = poll_fn(|context| stream.poll_capacity(context)).await else {
            let reason = poll_fn(|context| stream.poll_reset(context)).await;
            return Err(reason.map_or_else(|error| error.to_string(), |reason| format!("stream reset, {reason:?}")));
        };
        let size = capacity.map_err(|error| error.to_string())?.min(left as usize).min(ZEROS.len());
        left -= size as u64;
        stream
            .send_data(Bytes::from_static(&ZEROS[..size]), is_to_end && left == 0)
            .map_err(|error| error.to_string())?;
        if left == 0 {
            return Ok(stream);
        }
    }
    stream.send_data(Bytes::from_static(&ZEROS[..left as usize]), is_to_end).map_err(|error| error.to_string())?;
    Ok(stream)
}

async fn read(mut body: RecvStream) -> Result<(), String> {
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(|error| format!("answer cut short: {error}"))?;
        let _ = body.flow_control().release_capacity(piece.len());
    }
    Ok(())
}
