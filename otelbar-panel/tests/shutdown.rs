//! A service that is told to stop loses no span. Each test runs a service as a process of its own, which is this
//! program again with `OTELBAR_TEST_SERVICE` set, and ends it by a signal right after a request.
#![cfg(all(unix, feature = "axum", feature = "signals"))]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use axum::{Router, routing::get};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use otelbar_panel::OpenTelemetryPanel;
use otelbar_testkit::{Collector, Fault};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::prelude::*;

/// Long enough for a loaded machine; nothing waits so long when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

const SERVICE: &str = "OTELBAR_TEST_SERVICE";

struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Running {
    fn start(kind: &str, endpoint: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["the_service_itself", "--exact", "--ignored", "--nocapture"])
            .env(SERVICE, kind)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            // What is not sent at the end is not sent at all.
            .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the service ended before it served");
            if let Some((_, address)) = line.trim().split_once("serves on ") {
                break address.parse().unwrap();
            }
        };
        Running { child, output, address }
    }

    fn request(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    fn ended(mut self) -> ExitStatus {
        // It may not block on a full pipe.
        std::io::copy(&mut self.output, &mut std::io::sink()).unwrap();
        self.child.wait().unwrap()
    }
}

fn names(collector: &Collector) -> Vec<String> {
    collector.spans().into_iter().map(|span| span.name().to_owned()).collect()
}

#[test]
fn a_graceful_shutdown_with_the_guard_loses_no_span() {
    let collector = Collector::start().unwrap();
    let service = Running::start("graceful", &collector.endpoint());
    assert!(service.request("/").starts_with("HTTP/1.1 200"));
    service.signal(Signal::SIGTERM);
    assert!(service.ended().success());
    assert_eq!(names(&collector), ["GET /"]);
}

#[test]
fn a_guard_that_handles_signals_exports_before_the_signal_ends_the_process() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let collector = Collector::start().unwrap();
        let service = Running::start("signals", &collector.endpoint());
        assert!(service.request("/").starts_with("HTTP/1.1 200"));
        service.signal(signal);
        assert_eq!(service.ended().signal(), Some(signal as i32), "as without the guard");
        assert_eq!(names(&collector), ["GET /"]);
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let collector = Collector::start().unwrap();
    collector.respond_always(Fault::Hang);
    let service = Running::start("signals", &collector.endpoint());
    assert!(service.request("/").starts_with("HTTP/1.1 200"));
    service.signal(Signal::SIGTERM);
    collector.wait_for_connections(1, PATIENCE).unwrap();
    service.signal(Signal::SIGTERM);
    assert_eq!(service.ended().signal(), Some(Signal::SIGTERM as i32), "an hour earlier than its deadline");
}

#[test]
fn signals_have_their_default_action_once_the_guard_is_gone() {
    let collector = Collector::start().unwrap();
    let service = Running::start("dropped", &collector.endpoint());
    service.signal(Signal::SIGTERM);
    assert_eq!(service.ended().signal(), Some(Signal::SIGTERM as i32));
}

#[tokio::test]
#[ignore = "is run by the other tests of this file, as a process of its own"]
async fn the_service_itself() {
    let kind = std::env::var(SERVICE).expect("the kind of service");
    let toolbar = OpenTelemetryPanel::from_env().unwrap();
    let guard = toolbar.shutdown_guard().within(Duration::from_secs(3600));
    tracing_subscriber::registry().with(toolbar.tracing_layer()).init();
    let mut terminated = (kind == "graceful").then(|| signal(SignalKind::terminate()).unwrap());
    let guard = match kind.as_str() {
        "graceful" => Some(guard),
        "signals" => Some(guard.on_signals().unwrap()),
        "dropped" => {
            drop(guard.on_signals().unwrap());
            None
        }
        other => panic!("there is no service {other}"),
    };
    let app = Router::new().route("/", get(async || "Hello")).layer(toolbar.layer());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("serves on {}", listener.local_addr().unwrap());
    let stop = async move {
        match &mut terminated {
            Some(terminated) => _ = terminated.recv().await,
            None => std::future::pending().await,
        }
    };
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stop)
        .await
        .unwrap();
    drop(guard);
}
