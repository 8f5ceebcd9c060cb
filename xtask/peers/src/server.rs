//! The server that is measured: an axum service with a page of 2 KB, on one core with all that works for it.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{io, process, thread};

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::Error;
use crate::machine::{self, Side};
use crate::middleware::Middleware;
use crate::recording::{Destination, Recording};
use crate::work;

pub(crate) const ROLE: &str = "server";
/// The bytes of the page.
const PAGE: usize = 2048;

/// What the server tells of itself, once all that was recorded is where it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The processor's time that all its threads have had.
    pub(crate) cpu: Duration,
    /// Requests that its handler has had.
    pub(crate) requests: u64,
    /// Spans that went [nowhere](Destination::Nowhere).
    pub(crate) spans: u64,
}

impl Reading {
    fn line(self) -> String {
        format!("{} {} {}", self.cpu.as_nanos(), self.requests, self.spans)
    }
}

impl FromStr for Reading {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self, Error> {
        let numbers: Vec<u64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [cpu, requests, spans] = numbers[..] else {
            return Err(format!("`{line}` is not what a server tells").into());
        };
        Ok(Reading { cpu: Duration::from_nanos(cpu), requests, spans })
    }
}

/// Writes its port, and a [`Reading`] for each line that it reads. The handler makes so many spans below the request's.
pub(crate) fn serve(middleware: Middleware, children: u64, destination: Destination) -> Result<(), Error> {
    machine::pin(Side::Measured)?;
    let recording = Arc::new(Recording::start(middleware.recorder(), destination)?);
    let requests = Arc::new(AtomicU64::new(0));
    let router = Router::new().route("/items/{id}", handler(&recording, &requests, children));
    let router = middleware.around(router, &recording);
    tell(Arc::clone(&recording), requests);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?.port());
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        // The toolbar wants the caller's address, which costs what it costs.
        if recording.toolbar().is_some() {
            axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?;
        } else {
            axum::serve(listener, router).await?;
        }
        Ok(())
    })
}

fn handler(
    recording: &Arc<Recording>,
    requests: &Arc<AtomicU64>,
    children: u64,
) -> axum::routing::MethodRouter {
    let around = "<!doctype html><html><body></body></html>";
    let text = "x".repeat(PAGE - around.len());
    let page: &'static str = around.replace("<body>", &format!("<body>{text}")).leak();
    let (recording, requests) = (Arc::clone(recording), Arc::clone(requests));
    get(async move |Path(id): Path<u64>| {
        black_box(id);
        requests.fetch_add(1, Ordering::Relaxed);
        work::spans(&recording, children);
        Html(page)
    })
}

/// Answers on standard output, and ends the process when nobody can ask any more.
fn tell(recording: Arc<Recording>, requests: Arc<AtomicU64>) {
    thread::spawn(move || {
        for _ in io::stdin().lines().map_while(Result::ok) {
            if let Err(error) = recording.settle() {
                eprintln!("error: {error}");
                break;
            }
            let reading = Reading {
                cpu: machine::cpu_time(),
                requests: requests.load(Ordering::Relaxed),
                spans: recording.counted(),
            };
            println!("{}", reading.line());
        }
        process::exit(1);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_read_as_it_is_written() {
        let reading = Reading { cpu: Duration::from_nanos(1_234_567_890), requests: 70_000, spans: 140_000 };
        assert_eq!(reading.line().parse::<Reading>().unwrap(), reading);
        assert!("1 2".parse::<Reading>().is_err());
        assert!("1 2 x".parse::<Reading>().is_err());
    }
}
