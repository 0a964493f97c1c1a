//! Uploads with reqwest: upload-reqwest h1|h2|h2c; see uploads.py for what it reads and prints.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{stream, Stream};
use reqwest::{Body, Client, Error};
use serde_json::{json, Value};

const PIECE: u64 = 65536;

/// A body that is made while it is sent, and may pause in the middle.
fn zeros(length: u64, pause: f64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold((length, pause), move |(left, mut pause)| async move {
        if left == 0 {
            return None;
        }
        if pause > 0.0 && left <= length / 2 {
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
            pause = 0.0;
        }
        let size = left.min(PIECE);
        Some((Ok(Bytes::from_static(&[0; PIECE as usize]).slice(..size as usize)), (left - size, pause)))
    })
}

async fn upload(version: &str, url: &str, length: u64, declared: bool, pause: f64, timeout: f64) -> Result<Value, Error> {
    let client = Client::builder().danger_accept_invalid_certs(true).timeout(Duration::from_secs_f64(timeout));
    let client = match version {
        "h1" => client.http1_only(),
        "h2c" => client.http2_prior_knowledge(),
        _ => client,
    };
    let mut request = client.build()?.post(url).body(Body::wrap_stream(zeros(length, pause)));
    if declared {
        request = request.header("content-length", length);
    }
    let answer = request.send().await?;
    Ok(json!({ "status": answer.status().as_u16(), "body": answer.text().await? }))
}

fn told(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", told(cause)),
        None => error.to_string(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let version = std::env::args().nth(1).expect("a version");
    println!("{}", json!({ "version": env!("REQWEST_VERSION") }));
    for line in io::stdin().lines() {
        let line = line.expect("a line");
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<f64>().expect("a number");
        let answer = upload(&version, words[0], number(1) as u64, words[2] == "declared", number(3), number(4)).await;
        println!("{}", answer.unwrap_or_else(|error| json!({ "error": told(&error) })));
    }
}
