//! Uploads over HTTP/3: the streams of a connection upload each for itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use h3::client::{RequestStream, SendRequest};
use h3_quinn::{OpenStreams, RecvStream, SendStream};
use http::Request;

use crate::job::Job;
use crate::streams;
use crate::tally::Tally;

type Requests = SendRequest<OpenStreams, Bytes>;

static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// Uploads until there is nothing left to upload.
pub async fn run(job: Arc<Job>, tally: Arc<Tally>, number: usize) {
    let connect = |job: Arc<Job>, _| async move { connect(&job).await };
    streams::run(job, tally, number, connect, uploads).await;
}

/// The uploads of one stream after the other; whether there is nothing left to upload, otherwise one has failed, and the
/// connection may have ended.
async fn uploads(job: Arc<Job>, tally: Arc<Tally>, mut connection: Requests) -> bool {
    while tally.begin() {
        match upload(&job, &mut connection).await {
            Ok(()) => tally.answered(),
            Err(what) => {
                tally.failed(&what);
                tokio::time::sleep(Duration::from_millis(1)).await;
                return tally.is_limited();
            }
        }
    }
    true
}

async fn connect(job: &Job) -> Result<Requests, String> {
    let connection = job.connect_quic().await.map_err(|error| format!("connecting: {error}"))?;
    // nginx takes a stream that ends with a frame of an unknown type for one that was cut off.
    let mut builder = h3::client::builder();
    builder.send_grease(false);
    let (mut driver, requests) =
        builder.build(h3_quinn::Connection::new(connection)).await.map_err(|error| format!("connecting: {error}"))?;
    tokio::spawn(async move { driver.wait_idle().await });
    Ok(requests)
}

/// One upload. Good is an answer with the right status, read to its end by a client that could send all of its body.
async fn upload(job: &Job, connection: &mut Requests) -> Result<(), String> {
    let mut request = Request::post(format!("https://localhost{}", job.path));
    if job.is_declared {
        request = request.header("content-length", job.body);
    }
    let request = request.body(()).map_err(|error| error.to_string())?;
    let stream = connection.send_request(request).await.map_err(|error| error.to_string())?;
    let (sending, receiving) = stream.split();
    let (sent, received) = tokio::join!(send(job, sending), receive(job, receiving));
    received?;
    sent.map_err(|error| format!("answered, but sending failed: {error}"))
}

async fn send(job: &Job, mut stream: RequestStream<SendStream<Bytes>, Bytes>) -> Result<(), String> {
    let mut left = job.body;
    while left > 0 {
        let size = left.min(ZEROS.len() as u64);
        left -= size;
        stream.send_data(Bytes::from_static(&ZEROS[..size as usize])).await.map_err(|error| error.to_string())?;
    }
    stream.finish().await.map_err(|error| error.to_string())
}

async fn receive(job: &Job, mut stream: RequestStream<RecvStream, Bytes>) -> Result<(), String> {
    let response = stream.recv_response().await.map_err(|error| format!("no answer: {error}"))?;
    while let Some(mut piece) = stream.recv_data().await.map_err(|error| format!("answer cut short: {error}"))? {
        piece.advance(piece.remaining());
    }
    let status = response.status().as_u16();
    if status != job.status {
        return Err(format!("status {status}"));
    }
    Ok(())
}
