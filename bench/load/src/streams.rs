//! Connections with streams, of HTTP/2 and HTTP/3, one after the other.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::job::Job;
use crate::tally::Tally;

/// Uploads until there is nothing left to upload. `connect` opens a connection; `uploads` are those of one of its streams, and
/// tell whether there is nothing left.
pub async fn run<C, Connecting, Uploading>(
    job: Arc<Job>,
    tally: Arc<Tally>,
    number: usize,
    connect: impl Fn(Arc<Job>, usize) -> Connecting,
    uploads: fn(Arc<Job>, Arc<Tally>, C) -> Uploading,
) where
    C: Clone,
    Connecting: Future<Output = Result<C, String>>,
    Uploading: Future<Output = bool> + Send + 'static,
{
    let mut turn = number;
    loop {
        match connect(job.clone(), turn).await {
            Ok(connection) => {
                let streams: Vec<_> = (0..job.streams(number))
                    .map(|_| tokio::spawn(uploads(job.clone(), tally.clone(), connection.clone())))
                    .collect();
                let mut is_over = false;
                for stream in streams {
                    is_over |= stream.await.unwrap_or(true);
                }
                if is_over {
                    return;
                }
            }
            Err(what) => {
                tally.failed(&what);
                if tally.is_limited() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        turn = turn.wrapping_add(job.tasks());
    }
}
