//! Slow and endless answers, and a walk over all faults.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use otelbar_testkit::{Collector, Ending, Fault, Reply, Stage};

use crate::client::{PATIENCE, call, framed, message, post};
use crate::zipkin;

const PAUSE: Duration = Duration::from_millis(1);

#[test]
fn a_slow_answer_comes_byte_by_byte() {
    let collector = Collector::start().unwrap();
    collector.respond_with([Fault::Slow(PAUSE)]);
    let mut client = TcpStream::connect(collector.address()).unwrap();
    let body = message(&["one"]);
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-protobuf\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    client.write_all(&[head.as_bytes(), &body].concat()).unwrap();
    let started = Instant::now();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    let took = started.elapsed();
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("\r\n\r\n\n\0"), "{text}");
    let pauses = u32::try_from(answer.len()).unwrap() - 1;
    assert!(took >= pauses * PAUSE, "{} bytes took {took:?}", answer.len());
    assert_eq!((collector.requests()[0].reply, collector.spans().len()), (Reply::Status(200), 1));
}

/// A client that loses patience was not told that its spans are accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_slow_answer_that_is_given_up_accepts_nothing() {
    let collector = Collector::start().unwrap();
    collector.respond_with([Fault::Slow(PAUSE), Fault::Slow(PATIENCE), Fault::Slow(PATIENCE)]);
    let answer = call(&collector, None, framed(&message(&["one"]), false)).await.unwrap();
    assert_eq!((&answer.headers()["grpc-status"], collector.spans().len()), (&"0".parse().unwrap(), 1));

    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = |path: &str, content_type: &str, body: Vec<u8>| {
        Request::post(format!("{}{path}", collector.endpoint()))
            .header(header::CONTENT_TYPE, content_type)
            .body(Full::from(body))
            .unwrap()
    };
    let grpc = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let over_http = request("/v1/traces", "application/x-protobuf", message(&["two"]));
    let over_grpc = request(grpc, "application/grpc", framed(&message(&["three"]), false));
    for (at, request) in [over_http, over_grpc].into_iter().enumerate() {
        let sent = tokio::spawn(client.request(request));
        collector.wait_for_requests(|requests| requests.len() == at + 2, PATIENCE).unwrap();
        sent.abort();
        let of_this = move |requests: &[otelbar_testkit::ReceivedRequest]| requests[at + 1].reply;
        collector.wait_for_requests(|requests| of_this(requests) == Reply::Abandoned, PATIENCE).unwrap();
    }
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test]
async fn nonsense_comes_in_any_length() {
    let collector = Collector::start().unwrap();
    const SIZE: usize = 3 << 20;
    collector.respond_with([Fault::Body(SIZE), Fault::Body(SIZE), Fault::Body(0)]);
    let answer = post(&collector.traces_endpoint(), message(&["one"])).await.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_LENGTH], SIZE.to_string());
    assert!(answer.body().len() == SIZE && answer.body().iter().all(|byte| *byte == b'~'));
    let answer = call(&collector, None, framed(&message(&["two"]), false)).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "0");
    assert_eq!(answer.into_body(), framed(&[b'~'; SIZE], false));
    let empty = post(&collector.traces_endpoint(), message(&["three"])).await.unwrap();
    assert_eq!((empty.body().len(), collector.spans().len()), (0, 3));
}

#[test]
fn each_fault_has_a_name_of_its_own() {
    let all = Fault::all();
    let names: HashSet<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), all.len());
    for name in [
        "answers 503",
        "answers 503 with Retry-After: soon",
        "answers gRPC status 14 with RetryInfo of 10ms",
        "answers gRPC status 14 without a body",
        "hangs after accepting it",
        "resets the connection after a part of the answer's body",
    ] {
        assert!(names.contains(name), "{name} is not in {names:#?}");
    }
}

/// Over HTTP, gRPC and as Zipkin's: the spans are kept when the client was told, and no fault is left over.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_books_are_right_after_each_fault() {
    for fault in Fault::all() {
        for transport in ["http", "grpc", "zipkin"] {
            let collector = Arc::new(Collector::start().unwrap());
            collector.respond_with([fault.clone()]);
            let sent = tokio::spawn(send(Arc::clone(&collector), transport));
            let hangs = match fault {
                Fault::At(Stage::Accept, Ending::Hang) => {
                    collector.wait_for_connections(1, PATIENCE).unwrap();
                    true
                }
                Fault::At(_, Ending::Hang) => {
                    collector.wait_for_requests(|requests| requests.len() == 1, PATIENCE).unwrap();
                    true
                }
                _ => false,
            };
            collector.release();
            let answered = sent.await.unwrap();

            let kept = collector.spans().len() + collector.zipkin_spans().len();
            let accepted = collector
                .requests()
                .iter()
                .filter(|request| matches!(request.reply, Reply::Grpc(0) | Reply::Status(200 | 202)))
                .count();
            let rejects = fault == Fault::partial_success(1, "told to reject one") && transport != "zipkin";
            match fault {
                Fault::At(stage, _) => {
                    let told = stage >= Stage::ResponseHead && transport != "grpc";
                    assert_eq!((answered, accepted), (hangs, usize::from(hangs)), "{fault} over {transport}");
                    assert_eq!(kept, usize::from(hangs || told), "{fault} over {transport}");
                }
                _ => assert_eq!(kept, accepted - usize::from(rejects), "{fault} over {transport}"),
            }
            assert!(send(Arc::clone(&collector), transport).await, "{fault} over {transport} is left over");
        }
    }
}

/// Whether there was an answer, to its end.
async fn send(collector: Arc<Collector>, transport: &str) -> bool {
    match transport {
        "http" => post(&collector.traces_endpoint(), message(&["one"])).await.is_ok(),
        "grpc" => call(&collector, None, framed(&message(&["one"]), false)).await.is_ok(),
        _ => zipkin::send(zipkin::post(&collector), zipkin::json(&["one"])).await.is_ok(),
    }
}
