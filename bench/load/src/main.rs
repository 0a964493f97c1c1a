//! Uploads for the bench. `load upload` sends them over many connections and counts the answers that are what they should
//! be; `load hold` opens uploads and leaves them unfinished; `load floor` refuses them, with the kernel's work and hardly any
//! of its own; `load plot` and `load plot-held` draw what was measured.

mod floor;
mod held;
mod http1;
mod http2;
mod http3;
mod job;
mod plot;
mod processor;
mod streams;
mod tally;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use serde_json::json;

use job::Job;
use tally::Tally;

#[derive(Parser)]
#[command(about = "Sends uploads, reads what comes back, and draws what was measured")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Upload over and over, and print how often the answer was right, how often not, and what that took, as JSON
    Upload {
        #[command(flatten)]
        job: job::Arguments,
        /// How many seconds to count, once every connection has had an answer
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
        /// How many uploads to send, and to count all of them; else as many as fit
        #[arg(long)]
        uploads: Option<u64>,
        /// Whose CPU time to take: of this process and all its descendants
        #[arg(long)]
        cpu_of: u32,
    },
    /// Begin an upload on each connection, read the answers, print how many were right, and hold all until stdin ends
    Hold {
        #[command(flatten)]
        job: job::Arguments,
        /// How many bytes of the body to send
        #[arg(long)]
        send: u64,
    },
    /// Refuse uploads over HTTP/1.1 in cleartext, with the system calls of nginx and hardly anything else
    Floor(floor::Arguments),
    /// Draw the figures of docs/benchmarks.json
    Plot { figures: std::path::PathBuf, directory: std::path::PathBuf },
    /// Draw the figures of docs/slow-uploads.json
    PlotHeld { figures: std::path::PathBuf, picture: std::path::PathBuf },
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Arguments::parse().command {
        Command::Plot { figures, directory } => plot::draw(&figures, &directory),
        Command::PlotHeld { figures, picture } => held::draw(&figures, &picture),
        Command::Floor(arguments) => match floor::serve(&arguments)? {},
        Command::Upload { job, seconds, uploads, cpu_of } => {
            let tally = Arc::new(Tally::new(uploads));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let result = runtime.block_on(upload(Arc::new(Job::new(&job, None)?), tally, seconds, cpu_of));
            println!("{}", result?);
            // Whatever is still under way does not matter any more.
            std::process::exit(0)
        }
        Command::Hold { job, send } => {
            let job = Arc::new(Job::new(&job, Some(send))?);
            if job.is_http3() {
                return Err("uploads over HTTP/3 cannot be held".into());
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let tally = runtime.block_on(hold(job))?;
            println!("{}", json!({ "held": tally.good(), "errors": tally.errors() }));
            std::io::stdin().read_to_end(&mut Vec::new())?;
            std::process::exit(0)
        }
    }
}

/// How long to wait for the first answers, and for a given number of uploads.
const PATIENCE: Duration = Duration::from_secs(120);

async fn upload(
    job: Arc<Job>,
    tally: Arc<Tally>,
    seconds: f64,
    cpu_of: u32,
) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let mut before = tally.look(cpu_of)?;
    let tasks: Vec<_> = (0..job.tasks()).map(|number| tokio::spawn(run(job.clone(), tally.clone(), number))).collect();

    if tally.is_limited() {
        let all = async {
            for task in tasks {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tally.failed("no answer in two minutes");
        }
    } else {
        let began = before.at;
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let is_warm = tally.good() + tally.failures() >= job.connections as u64;
            if is_warm && began.elapsed() >= Duration::from_millis(300) || began.elapsed() > PATIENCE {
                break;
            }
        }
        before = tally.look(cpu_of)?;
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }
    let after = tally.look(cpu_of)?;

    Ok(json!({
        "uploads": after.good - before.good,
        "errors": tally.errors(),
        "seconds": after.at.duration_since(before.at).as_secs_f64(),
        "cpu_seconds": after.cpu_seconds - before.cpu_seconds,
    }))
}

async fn run(job: Arc<Job>, tally: Arc<Tally>, number: usize) {
    if job.is_http2() {
        http2::run(job, tally, number).await;
    } else if job.is_http3() {
        http3::run(job, tally, number).await;
    } else {
        http1::run(job, tally, number).await;
    }
}

async fn hold(job: Arc<Job>) -> Result<Arc<Tally>, Box<dyn std::error::Error>> {
    let tally = Arc::new(Tally::new(None));
    // Not all at once: the server's backlog is to hold them.
    let turns = Arc::new(tokio::sync::Semaphore::new(100));
    let mut tasks = Vec::new();
    for number in 0..job.tasks() {
        let (job, tally, turns) = (job.clone(), tally.clone(), turns.clone());
        tasks.push(tokio::spawn(async move {
            let _turn = turns.acquire().await;
            if job.is_http2() {
                http2::hold(job, &tally, number).await;
            } else {
                http1::hold(job, &tally, number).await;
            }
        }));
    }
    for task in tasks {
        tokio::time::timeout(PATIENCE, task).await??;
    }
    Ok(tally)
}
